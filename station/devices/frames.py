"""Frames out of a stream of bytes: what every binary protocol has in common.

A frame begins with a header and says by it how long it is. A frame that is damaged costs one byte, never a whole frame:
its header may have been payload, with the real one a byte further on.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Final

from station.devices.measurement import Fault, FaultCode, Measurement
from station.devices.polling import Poll

IDLE_GAP_S: Final = 0.1
"""What has not been completed by then is never going to be: the longest frame takes 14 ms at 9600 bit/s."""

_LEAST_BROKEN_OFF_BYTES: Final = 2
"""A single byte is no frame that anybody cut off: a tenth one may happen to begin like a header."""


class Frames(ABC):
    """A parser of framed bytes; holds less than one frame between calls.

    `header` is one regular expression for each of its bytes; with `poll` the device is asked.
    """

    def __init__(self, header: Sequence[bytes], poll: Poll | None = None) -> None:
        self._header = re.compile(b"".join(header), re.DOTALL)
        self._header_bytes = len(header)
        prefixes = (b"".join(header[:length]) for length in range(len(header) - 1, 0, -1))
        self._begun = re.compile(rb"(?:" + b"|".join(prefixes) + rb")\Z", re.DOTALL)
        self._poll = poll
        self._pending = b""
        self._pending_at_s = 0.0
        self._heard_at_s = 0.0

    @abstractmethod
    def frame_bytes(self, stream: bytes, start: int) -> int:
        """Return the length of the frame whose whole header stands at `start`."""

    @abstractmethod
    def decode(self, frame: bytes, at_s: float) -> Measurement | Fault | None:
        """Return what the frame says; None when it is none after all, and then the next byte may begin one."""

    def due(self, now_s: float) -> bytes:
        """Return the question for the device; see `measurement.Parser.due`."""
        return b"" if self._poll is None else self._poll.due(now_s)

    def feed(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        """Take the next bytes and return what they complete; see `measurement.Parser.feed`."""
        if not data:
            return self._idle(now_s)
        self._heard_at_s = now_s
        found = self._scan(data, now_s)
        if found and self._poll is not None:
            self._poll.answered()
        return found

    def _scan(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        carried = len(self._pending)
        stream = self._pending + data
        found: list[Measurement | Fault] = []
        done = 0
        while (header := self._header.search(stream, done)) is not None:
            start = header.start()
            end = start + self.frame_bytes(stream, start)
            if end > len(stream):
                break
            event = self.decode(stream[start:end], self._pending_at_s if start < carried else now_s)
            if event is not None:
                found.append(event)
            is_damaged = event is None or (isinstance(event, Fault) and event.code is FaultCode.CHECKSUM)
            done = start + 1 if is_damaged else end
        keep_from = self._begins_at(stream, done) if header is None else header.start()
        if keep_from >= carried:
            self._pending_at_s = now_s
        self._pending = stream[keep_from:]
        return found

    def _begins_at(self, stream: bytes, done: int) -> int:
        """Return where the beginning of a header stands at the very end, else the end."""
        begun = self._begun.search(stream, max(done, len(stream) - self._header_bytes + 1))
        return len(stream) if begun is None else begun.start()

    def _idle(self, now_s: float) -> list[Measurement | Fault]:
        if len(self._pending) < _LEAST_BROKEN_OFF_BYTES or now_s - self._heard_at_s < IDLE_GAP_S:
            return []
        broken_off, at_s = self._pending, self._pending_at_s
        whole: list[Measurement | Fault] = []
        while len(self._pending) >= self._header_bytes:
            # The header of what broke off may have been chance, with a whole frame behind it.
            rest, self._pending = self._pending[1:], b""
            whole += [event for event in self._scan(rest, at_s) if isinstance(event, Measurement) or event.is_answer]
        self._pending = b""
        if whole:
            broken_off = broken_off[: broken_off.index(whole[0].raw)]
            if self._poll is not None:
                self._poll.answered()
        return [Fault(FaultCode.TRUNCATED, broken_off, at_s), *whole]


class SummedFrames(Frames):
    """Frames of `size` bytes behind a fixed `header` whose last byte is the low byte of the sum of the others."""

    def __init__(self, header: bytes, size: int, poll: Poll | None = None) -> None:
        super().__init__([re.escape(bytes([byte])) for byte in header], poll)
        self._size = size

    def frame_bytes(self, stream: bytes, start: int) -> int:  # noqa: ARG002 - every frame is as long as the other
        """Return the one length that all frames have."""
        return self._size

    def decode(self, frame: bytes, at_s: float) -> Measurement | Fault | None:
        """Check the sum, then read the values."""
        if sum(frame[:-1]) & 0xFF != frame[-1]:
            return Fault(FaultCode.CHECKSUM, frame, at_s)
        return self.values(frame, at_s)

    @abstractmethod
    def values(self, frame: bytes, at_s: float) -> Measurement | Fault:
        """Return what a frame with the right sum says."""
