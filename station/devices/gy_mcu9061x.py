"""GY-MCU90614 and GY-MCU90615: Melexis infrared sensors that push their readings 10 to 14 times a second.

A frame is 9 bytes, `5A 5A 45 04 TOh TOl TAh TAl SUM`: object (skin) and ambient temperature in hundredths of a degree
Celsius, big-endian, and the low byte of the sum of the eight before it (vendor's manual; documented example
`5A 5A 45 04 0C 78 0D 19 A7` is 31.92 and 33.53). Values are read as two's complement: a gate's ambient is below zero
in winter, and no sensor of the family reaches 327.68. Some boards append a tenth byte; it is skipped as junk is.
"""

from typing import Final

from station.devices.measurement import Fault, FaultCode, Measurement

NAME: Final = "gy-mcu9061x"
BAUD_RATES: Final = (115200, 9600)
"""Bit/s of the GY-MCU90615 and of the GY-MCU90614; 8 data bits, no parity, 1 stop bit."""

_HEADER: Final = b"\x5a\x5a\x45\x04"
_FRAME_BYTES: Final = 9

_IDLE_GAP_S: Final = 0.1
"""A frame takes 9.4 ms at 9600 bit/s: what has not been completed by then is never going to be."""

# What the sensors can measure at all (MLX90614 datasheet, the wider of the two); anything else is a damaged frame
# whose weak checksum happens to fit.
_LOWEST_OBJECT: Final = -7_000
_LOWEST_AMBIENT: Final = -4_000
_HIGHEST_AMBIENT: Final = 12_500


class GyMcu9061x:
    """The parser of the push mode; holds less than one frame between calls."""

    def __init__(self) -> None:
        self._pending = b""
        self._pending_at_s = 0.0
        self._heard_at_s = 0.0

    def feed(self, data: bytes, now_s: float) -> list[Measurement | Fault]:
        """Take the next bytes and return what they complete; see `measurement.Parser.feed`."""
        if not data:
            return self._idle(now_s)
        self._heard_at_s = now_s
        carried = len(self._pending)
        stream = self._pending + data
        found: list[Measurement | Fault] = []
        done = 0
        start = stream.find(_HEADER)
        while 0 <= start <= len(stream) - _FRAME_BYTES:
            event = _decode(stream[start : start + _FRAME_BYTES], self._pending_at_s if start < carried else now_s)
            found.append(event)
            # The header of a damaged frame may itself be payload, with the real frame one byte further on.
            is_damaged = isinstance(event, Fault) and event.code is FaultCode.CHECKSUM
            done = start + (1 if is_damaged else _FRAME_BYTES)
            start = stream.find(_HEADER, done)
        keep_from = start if start >= 0 else len(stream) - _begun_header(stream[done:][-3:])
        if keep_from >= carried:
            self._pending_at_s = now_s
        self._pending = stream[keep_from:]
        return found

    def _idle(self, now_s: float) -> list[Measurement | Fault]:
        # Shorter rests are no frame anybody cut off, such as a tenth byte that happens to be 5A.
        if len(self._pending) < len(_HEADER) or now_s - self._heard_at_s < _IDLE_GAP_S:
            return []
        fault = Fault(FaultCode.TRUNCATED, self._pending, self._pending_at_s)
        self._pending = b""
        return [fault]


def _begun_header(tail: bytes) -> int:
    """Return how many of the last bytes (at most three) may be the beginning of a header."""
    return next((length for length in range(len(tail), 0, -1) if tail.endswith(_HEADER[:length])), 0)


def _decode(frame: bytes, at_s: float) -> Measurement | Fault:
    if sum(frame[:8]) & 0xFF != frame[8]:
        return Fault(FaultCode.CHECKSUM, frame, at_s)
    centi_object = int.from_bytes(frame[4:6], "big", signed=True)
    centi_ambient = int.from_bytes(frame[6:8], "big", signed=True)
    if centi_object == 0:  # what the module says until its sensor has started
        return Fault(FaultCode.NO_MEASUREMENT, frame, at_s)
    if centi_object < _LOWEST_OBJECT or not _LOWEST_AMBIENT <= centi_ambient <= _HIGHEST_AMBIENT:
        return Fault(FaultCode.OUT_OF_RANGE, frame, at_s)
    return Measurement(centi_object / 100, "surface", centi_ambient / 100, frame, NAME, at_s)
