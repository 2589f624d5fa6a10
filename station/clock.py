"""The station's one source of time."""

import time
from datetime import UTC, datetime, tzinfo
from typing import Protocol


class Clock(Protocol):
    """What the station needs to know of time; tests and the scenario player bring their own."""

    def now_ms(self) -> int:
        """Return the device's wall time as UTC milliseconds."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never run backwards, to tell how long ago something was."""
        ...


class SystemClock:
    """The device's own clock."""

    def now_ms(self) -> int:
        """Return the device's wall time as UTC milliseconds."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Return the system's monotonic seconds, the same that device threads stamp their measurements with."""
        return time.monotonic()


def local_time(at_ms: int, zone: tzinfo) -> datetime:
    """Return the wall time in `zone` of an instant in UTC milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
