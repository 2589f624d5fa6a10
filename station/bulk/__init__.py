"""Issuing many passes from a spreadsheet: read, look through, issue, report; nobody twice."""
