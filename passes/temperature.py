"""What a temperature means for the decision at the gate.

Fever is 37.3 °C nearly everywhere; both ">=" and ">" occur, so threshold and operator are settings. An infrared
reading below 35.0 °C is taken in the cold and says nothing; outside 30.0–45.0 °C it is no reading at all. A
screening step, never a diagnosis: such thermometers err by ±0.3 °C.
"""

from dataclasses import dataclass
from enum import StrEnum


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
