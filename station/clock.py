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


class SleepWatch:
    """Tells how long the machine slept: meanwhile the wall time went on, and the monotonic one stood still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead_ms = self._ahead()

    def slept_ms(self) -> int:
        """Return by how many ms the wall time jumped ahead since the last call; a clock that was set looks the same."""
        before, self._ahead_ms = self._ahead_ms, self._ahead()
        return max(0, self._ahead_ms - before)

    def _ahead(self) -> int:
        return self._clock.now_ms() - round(self._clock.monotonic_s() * 1000)


def local_time(at_ms: int, zone: tzinfo) -> datetime:
    """Return the wall time in `zone` of an instant in UTC milliseconds."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone)
