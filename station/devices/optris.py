"""Optris CT, CS and LT and Micro-Epsilon CT: industrial sensors with two bytes a value and nothing around them.

Asked by `01`, the sensor replies with two bytes: (b1 * 256 + b2 - 1000) / 10 degrees Celsius, on "hs" models
(… - 10000) / 100 (manual; documented `04 D3` is 23.5, on an hs model `30 3E` is 23.50). In burst mode each value comes
behind `AA AA` (documented `AA AA 03 B8` is -4.8). There is no checksum: only the range and the agreement of several
samples tell a value from noise.
"""

from typing import Final, Literal

import msgspec

from station.devices.frames import IDLE_GAP_S, Frames
from station.devices.measurement import Fault, FaultCode, Measurement, Parser, measured
from station.devices.polling import Poll

NAME: Final = "optris"
BAUD_RATES: Final = (115200,)
WINDOW_S: Final = 2.0

QUERY: Final = b"\x01"
BURST_HEADER: Final = b"\xaa\xaa"
_EVERY_S: Final = 0.1


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`mode`: asked, or sending by itself; `hs`: a model with hundredths, which the sensor cannot tell."""

    mode: Literal["poll", "burst"] = "poll"
    hs: bool = False


def make_parser(options: Options) -> Parser:
    """Return the parser of the mode."""
    return OptrisBurst(options) if options.mode == "burst" else OptrisPoll(options)


class OptrisPoll:
    """The parser of the replies: exactly two bytes for each question; more are late or noise and are dropped.

    While nobody asks through it (recorded bytes), every two bytes are a value.
    """

    def __init__(self, options: Options) -> None:
        self._is_hs = options.hs
        self._poll = Poll(QUERY, _EVERY_S)
        self._owed_bytes: int | None = None
        self._pending = b""
        self._pending_at_s = 0.0
        self._heard_at_s = 0.0

    def due(self, now_s: float) -> bytes:
        """Return the question for the device; what has come until now is no answer to it."""
        question = self._poll.due(now_s)
        if question:
            self._pending = b""
            self._owed_bytes = 2
        return question

    def feed(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        """Take the next bytes and return what they complete; see `measurement.Parser.feed`."""
        if not data:
            return self._idle(now_s)
        self._heard_at_s = now_s
        begun_at_s = self._pending_at_s if self._pending else now_s
        stream = self._pending + data
        if self._owed_bytes is not None:
            stream = stream[: self._owed_bytes]
        found = []
        whole = len(stream) & ~1
        for start in range(0, whole, 2):
            two_bytes = stream[start : start + 2]
            found.append(_value(two_bytes, two_bytes, self._is_hs, begun_at_s))
            begun_at_s = now_s
        self._pending = stream[whole:]
        self._pending_at_s = begun_at_s
        if found and self._owed_bytes is not None:
            self._poll.answered()
            self._owed_bytes = 0
        return found

    def _idle(self, now_s: float) -> list[Measurement | Fault]:
        if not self._pending or now_s - self._heard_at_s < IDLE_GAP_S:
            return []
        fault = Fault(FaultCode.TRUNCATED, self._pending, self._pending_at_s)
        self._pending = b""
        if self._owed_bytes is not None:
            self._owed_bytes = 0
        return [fault]


class OptrisBurst(Frames):
    """The parser of the burst mode; holds less than one frame between calls."""

    def __init__(self, options: Options) -> None:
        super().__init__([b"\xaa", b"\xaa"])
        self._is_hs = options.hs

    def frame_bytes(self, stream: bytes, start: int) -> int:  # noqa: ARG002 - every frame is as long as the other
        """Return the length of header and value."""
        return 4

    def decode(self, frame: bytes, at_s: float) -> Measurement | Fault | None:
        """Return the value; a third AA is the header's second, since no temperature begins so."""
        return None if frame[2] == BURST_HEADER[0] else _value(frame[2:], frame, self._is_hs, at_s)


def _value(two_bytes: bytes, raw: bytes, is_hs: bool, at_s: float) -> Measurement | Fault:
    number = two_bytes[0] << 8 | two_bytes[1]
    celsius = (number - 10_000) / 100 if is_hs else (number - 1_000) / 10
    return measured(celsius, "surface", None, raw, NAME, at_s)
