"""Lines out of a stream of bytes: what the protocols in text have in common."""

import re
from abc import ABC, abstractmethod
from typing import Final

from station.devices.frames import IDLE_GAP_S
from station.devices.measurement import Fault, FaultCode, Measurement
from station.devices.polling import Poll

LONGEST_LINE_BYTES: Final = 256
"""A longer line is no device's; it is passed over up to its end."""

_LINE_END: Final = re.compile(rb"[\r\n]+")


class Lines(ABC):
    """A parser of lines that end in CR, LF or both; holds one begun line between calls.

    Only a complete line is read, since half a number is another number. With `poll` the device is asked.
    """

    def __init__(self, poll: Poll | None = None) -> None:
        self._poll = poll
        self._pending = b""
        self._pending_at_s = 0.0
        self._heard_at_s = 0.0
        self._is_overlong = False

    @abstractmethod
    def read_line(self, line: bytes, at_s: float) -> Measurement | Fault | None:
        """Return what a complete line says; None for what is no measurement, such as a banner."""

    def due(self, now_s: float) -> bytes:
        """Return the question for the device; see `measurement.Parser.due`."""
        return b"" if self._poll is None else self._poll.due(now_s)

    def feed(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        """Take the next bytes and return what they complete; see `measurement.Parser.feed`."""
        if not data:
            return self._idle(now_s)
        self._heard_at_s = now_s
        begun_at_s = self._pending_at_s if self._pending else now_s
        *whole, rest = _LINE_END.split(self._pending + data)
        found = []
        for line in whole:
            if line and not self._is_overlong and len(line) <= LONGEST_LINE_BYTES:
                event = self.read_line(line, begun_at_s)
                if event is not None:
                    found.append(event)
            self._is_overlong = False
            begun_at_s = now_s
        if len(rest) > LONGEST_LINE_BYTES:
            self._is_overlong = True
        self._pending = b"" if self._is_overlong else rest
        self._pending_at_s = begun_at_s
        if found and self._poll is not None:
            self._poll.answered()
        return found

    def _idle(self, now_s: float) -> list[Measurement | Fault]:
        if not self._pending or now_s - self._heard_at_s < IDLE_GAP_S:
            return []
        fault = Fault(FaultCode.TRUNCATED, self._pending, self._pending_at_s)
        self._pending = b""
        return [fault]
