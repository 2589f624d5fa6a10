"""IDC-50: a kiosk module that pushes a value twice a second (known from one source).

A frame is 6 bytes, `AA 55 06 INT DEC SUM`: whole degrees Celsius and tenths, both binary, and the low byte of the sum
of the five before it. Recorded example: `AA 55 06 24 07 30` is 36.7, since 24 hex is 36.
"""

from typing import Final

import msgspec

from station.devices.frames import SummedFrames
from station.devices.measurement import Fault, FaultCode, Measurement, Quantity, measured

NAME: Final = "idc-50"
BAUD_RATES: Final = (115200,)
WINDOW_S: Final = 3.0
"""Five samples half a second apart."""

HEADER: Final = b"\xaa\x55\x06"


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`quantity`: what the kiosk's maker says it tells; the module itself does not say."""

    quantity: Quantity = "surface"


class Idc50(SummedFrames):
    """The parser of the push mode; holds less than one frame between calls."""

    def __init__(self, options: Options) -> None:
        super().__init__(HEADER, 6)
        self._quantity = options.quantity

    def values(self, frame: bytes, at_s: float) -> Measurement | Fault:
        """Return the temperature; more than nine tenths are none."""
        whole, tenths = frame[3], frame[4]
        if tenths > 9:
            return Fault(FaultCode.OUT_OF_RANGE, frame, at_s)
        return measured((whole * 10 + tenths) / 10, self._quantity, None, frame, NAME, at_s)
