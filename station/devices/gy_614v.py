"""GY-614V: a forehead module that tells the skin's temperature and its own estimate of the body's.

A frame is 12 bytes, `A4 03 07 07 E TOh TOl TAh TAl BOh BOl SUM`: emissivity, object, ambient and body temperature in
hundredths of a degree Celsius, big-endian, and the low byte of the sum of the eleven before it (vendor's manual). It
is the answer to reading 7 registers from 07 on, pushed or asked for. Echoes of configuration writes are other frames
and are passed over. A module set to text or to I2C sends no frames at all.
"""

from typing import Final

import msgspec

from station.devices.frames import SummedFrames
from station.devices.measurement import Fault, FaultCode, Measurement, Quantity, hundredths, measured
from station.devices.polling import Poll

NAME: Final = "gy-614v"
BAUD_RATES: Final = (9600,)
WINDOW_S: Final = 5.0
"""Five samples at the module's slowest rate, once a second."""

HEADER: Final = b"\xa4\x03\x07\x07"
QUERY: Final = HEADER + b"\xb5"
_EVERY_S: Final = 0.1

# Outside, the module's formula has nothing to estimate from: it was made for foreheads.
_LOWEST_BODY: Final = 20.0
_HIGHEST_BODY: Final = 45.0


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`quantity`: which of its two temperatures counts; `query`: ask for each value instead of listening."""

    quantity: Quantity = "body"
    query: bool = False


class Gy614v(SummedFrames):
    """The parser of both modes; holds less than one frame between calls."""

    def __init__(self, options: Options) -> None:
        super().__init__(HEADER, 12, Poll(QUERY, _EVERY_S) if options.query else None)
        self._quantity = options.quantity

    def values(self, frame: bytes, at_s: float) -> Measurement | Fault:
        """Return the temperature that counts, with the ambient one."""
        seen, body = hundredths(frame[5:7], "big"), hundredths(frame[9:11], "big")
        ambient = int.from_bytes(frame[7:9], "big", signed=True) / 100
        if self._quantity == "surface":
            return measured(seen, "surface", ambient, frame, NAME, at_s)
        event = measured(body, "body", ambient, frame, NAME, at_s)
        if isinstance(event, Measurement) and not _LOWEST_BODY <= body <= _HIGHEST_BODY:
            return Fault(FaultCode.OUT_OF_RANGE, frame, at_s)
        return event
