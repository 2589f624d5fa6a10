"""GY-MCU90614 and GY-MCU90615: Melexis infrared sensors that push their readings 10 to 14 times a second.

A frame is 9 bytes, `5A 5A 45 04 TOh TOl TAh TAl SUM`: object (skin) and ambient temperature in hundredths of a degree
Celsius, big-endian, and the low byte of the sum of the eight before it (vendor's manual; documented example
`5A 5A 45 04 0C 78 0D 19 A7` is 31.92 and 33.53). Values are read as two's complement: a gate's ambient is below zero
in winter, and no sensor of the family reaches 327.68. Some boards append a tenth byte; it is skipped as junk is.
Where pushing disturbs (a computer that takes it for a serial mouse), the module is set to answer `A5 15 BA` instead.
"""

from typing import Final

import msgspec

from station.devices.frames import SummedFrames
from station.devices.measurement import Fault, Measurement, hundredths, measured
from station.devices.polling import Poll

NAME: Final = "gy-mcu9061x"
BAUD_RATES: Final = (115200, 9600)
"""Bit/s of the GY-MCU90615 and of the GY-MCU90614; 8 data bits, no parity, 1 stop bit."""

QUERY: Final = b"\xa5\x15\xba"
HEADER: Final = b"\x5a\x5a\x45\x04"
_EVERY_S: Final = 0.1


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`query`: ask for each value instead of listening."""

    query: bool = False


class GyMcu9061x(SummedFrames):
    """The parser of both modes; holds less than one frame between calls."""

    def __init__(self, options: Options) -> None:
        super().__init__(HEADER, 9, Poll(QUERY, _EVERY_S) if options.query else None)

    def values(self, frame: bytes, at_s: float) -> Measurement | Fault:
        """Return the skin's temperature with the ambient one."""
        ambient = int.from_bytes(frame[6:8], "big", signed=True) / 100
        return measured(hundredths(frame[4:6], "big"), "surface", ambient, frame, NAME, at_s)
