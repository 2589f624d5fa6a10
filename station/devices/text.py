"""Arduino and ESP sketches around the MLX90614 that print their values as lines of text.

Adafruit's example prints `Ambient = 24.85*C` TAB `Object = 25.33*C` and then the same in F, SparkFun's
`Object: 97.75F`. Fahrenheit is converted only where the line says F, or where the option does for a sketch that names
no unit. Opening the port restarts an Arduino Uno: two seconds of silence, a banner, and a first line that may be cut;
a line without the words of the pattern is passed over. `nan`, 1037.55 and -273.15 are faults of sensor and wiring.
"""

import re
from typing import Final, Literal

import msgspec

from station.devices.lines import Lines
from station.devices.measurement import Fault, Measurement, Quantity, fahrenheit_to_celsius, measured

NAME: Final = "text"
BAUD_RATES: Final = (9600, 115200)
WINDOW_S: Final = 6.0
"""Five lines of a sketch that prints one a second."""

_NUMBER: Final = r"[-+]?(?:\d+(?:\.\d*)?|nan|inf)"
_PATTERN: Final = (
    rf"(?:\bAmb(?:ient)?\s*[=:]\s*(?P<ambient>{_NUMBER})[^A-Za-z0-9]{{0,3}}[CF]?\W*)?"
    rf"\bObj(?:ect)?\s*[=:]\s*(?P<object>{_NUMBER})(?:[^A-Za-z0-9]{{0,3}}(?P<unit>[CF])\b)?"
)
_SAME_SAMPLE_CELSIUS: Final = 0.02
"""How far a value in F, rounded to hundredths, may be from the same one in C."""


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a line looks like.

    `pattern` is a regular expression that is searched in each line, upper or lower case; its group `object` (without
    names: its first group) is the temperature, its groups `ambient` and `unit` (C or F) may lack. Empty: Adafruit's and
    SparkFun's lines. `unit` is that of lines without one; `quantity` is what the sketch computes.
    """

    pattern: str = ""
    unit: Literal["C", "F"] = "C"
    quantity: Quantity = "surface"

    def __post_init__(self) -> None:
        """Raise ValueError for a pattern that is no regular expression or has no group."""
        try:
            compiled = re.compile((self.pattern or _PATTERN).encode())
        except re.error as error:
            raise ValueError(f"pattern: {error}") from error
        if not compiled.groups:
            raise ValueError("pattern: it needs a group in brackets around the temperature")


class Text(Lines):
    """The parser of the lines; holds one begun line between calls."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self._pattern = re.compile((options.pattern or _PATTERN).encode(), re.IGNORECASE)
        names = self._pattern.groupindex
        self._object: int | str = "object" if "object" in names else 1
        self._has_ambient, self._has_unit = "ambient" in names, "unit" in names
        self._unit = options.unit.encode()
        self._quantity = options.quantity
        self._last_celsius: float | None = None

    def read_line(self, line: bytes, at_s: float) -> Measurement | Fault | None:
        """Return the temperature of a line that the pattern fits, else None."""
        said = self._pattern.search(line)
        if said is None:
            return None
        seen = _number(said[self._object])
        if seen is None:
            return None
        ambient = _number(said["ambient"]) if self._has_ambient else None
        unit = (said["unit"] if self._has_unit else None) or self._unit
        last, self._last_celsius = self._last_celsius, None
        if unit.upper() == b"F":
            seen = fahrenheit_to_celsius(seen)
            ambient = None if ambient is None else fahrenheit_to_celsius(ambient)
            if last is not None and abs(seen - last) <= _SAME_SAMPLE_CELSIUS:
                return None  # the sample of the line before, in the other unit: it must not count twice
        else:
            self._last_celsius = seen
        return measured(seen, self._quantity, ambient, line, NAME, at_s)


def _number(text: bytes | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:  # what another pattern's group has caught
        return None
