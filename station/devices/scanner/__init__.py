"""Scanners: one that types like a keyboard (`wedge`) and one on a serial port (`reader`); both send the same codes."""
