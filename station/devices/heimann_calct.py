"""Heimann HTPA 32x32: a door module that answers with the hottest spot of what it sees.

Asked by `A5 55 01 FB`, it replies with 7 bytes, `A5 55 Tlo Thi c r SUM`: hundredths of a degree Celsius, LITTLE-endian,
column and row of the spot (not used), and the low byte of the sum of the six before it. 0.00 is no reading. Recorded
example: `A5 55 4C 0E 10 0F 73` is 36.60. It may be asked every 125 ms; a cup of tea in the picture wins over foreheads.
"""

from typing import Final

import msgspec

from station.devices.frames import SummedFrames
from station.devices.measurement import Fault, Measurement, hundredths, measured
from station.devices.polling import Poll

NAME: Final = "heimann-calct"
BAUD_RATES: Final = (115200,)
WINDOW_S: Final = 2.0
"""Five answers at the pace of the reader, which asks at the first wake-up after 125 ms."""

HEADER: Final = b"\xa5\x55"
QUERY: Final = b"\xa5\x55\x01\xfb"
_EVERY_S: Final = 0.125


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """This module has none."""


class HeimannCalct(SummedFrames):
    """The parser of the replies; holds less than one frame between calls."""

    def __init__(self, options: Options) -> None:  # noqa: ARG002 - made like every other parser
        super().__init__(HEADER, 7, Poll(QUERY, _EVERY_S))

    def values(self, frame: bytes, at_s: float) -> Measurement | Fault:
        """Return the hottest spot's temperature."""
        return measured(hundredths(frame[2:4], "little"), "surface", None, frame, NAME, at_s)
