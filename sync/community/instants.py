"""Instants of the past and of wrong clocks, shown in a community's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

MAX_AT_MS = 253_402_127_999_999
"""The end of 9999-12-29 in UTC: two days before the calendar's end, so that every zone can show it."""


def local_time(at_ms: int, zone: ZoneInfo) -> datetime:
    """Return the UTC milliseconds `at_ms` as the time in `zone`; the nearest that can be shown when it is beyond.

    A drift can be anything, so a corrected instant may lie outside 1970 … `MAX_AT_MS`.
    """
    shown_ms = min(max(at_ms, 0), MAX_AT_MS)
    return datetime.fromtimestamp(shown_ms / 1000, UTC).astimezone(zone)
