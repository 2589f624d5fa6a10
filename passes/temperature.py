"""What a temperature means for the decision at the gate.

Fever is 37.3 °C nearly everywhere; both ">=" and ">" occur, so threshold and operator are settings. An infrared
reading below 35.0 °C is taken in the cold and says nothing; outside 30.0–45.0 °C it is no reading at all. A
screening step, never a diagnosis: such thermometers err by ±0.3 °C.
"""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

from passes.errors import N_, UsageError
from passes.plaintext import plain

_TYPED = re.compile(r"([0-9]{1,3}(?:\.[0-9]{0,4})?) ?(?:°?C|度)?")


class Finding(StrEnum):
    """What one value in degrees Celsius amounts to."""

    NORMAL = "normal"
    FEVER = "fever"
    LOW = "low"
    IMPLAUSIBLE = "implausible"


@dataclass(frozen=True, slots=True)
class TemperatureRule:
    """Bounds in degrees Celsius; `inclusive` says whether the threshold itself is a fever."""

    fever_celsius: float = 37.3
    inclusive: bool = True
    low_celsius: float = 35.0
    lowest_celsius: float = 30.0
    highest_celsius: float = 45.0

    def judge(self, celsius: float) -> Finding:
        """Say what `celsius` amounts to; NaN is implausible."""
        if not self.lowest_celsius <= celsius <= self.highest_celsius:
            return Finding.IMPLAUSIBLE
        if celsius < self.low_celsius:
            return Finding.LOW
        if celsius > self.fever_celsius or (self.inclusive and celsius == self.fever_celsius):
            return Finding.FEVER
        return Finding.NORMAL


def parse_celsius(typed: str) -> float:
    """Read degrees Celsius as people type them: full-width digits, a decimal comma, the unit behind them.

    Raises `UsageError` for what is no number of at most three digits before the comma.
    """
    text = unicodedata.normalize("NFKC", typed).replace(",", ".").replace("。", ".")
    written = _TYPED.fullmatch(text.strip())
    if written is None:
        raise UsageError(N_('"{typed}" is no temperature; write one like 36.5'), typed=plain(typed, 20))
    return round(float(written[1]), 2)
