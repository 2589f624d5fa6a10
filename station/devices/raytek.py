"""Raytek and Fluke MI, MI3 and Marathon: industrial sensors that speak in lines of text.

Asked `?T` CR, the sensor replies `!T0036.5` CR LF, with several heads `!1T=36.5` (the `=` may lack). In burst mode
it sends lines of fields, such as `UC T0036.5 I0024.6 XT0045.0`: U the unit, T the object, I the inside of the head,
XT something else. Errors begin with `*`, notifications with `#` (manuals). A reply names no unit, so that `?U` is asked
first.
"""

import re
from typing import Annotated, Final, Literal

import msgspec

from passes.errors import N_
from station.devices.lines import Lines
from station.devices.measurement import Fault, FaultCode, Measurement, fahrenheit_to_celsius, measured
from station.devices.polling import Poll

NAME: Final = "raytek"
BAUD_RATES: Final = (9600, 38400)
WINDOW_S: Final = 3.0
"""Five answers of a device that may take half a second for each."""

_EVERY_S: Final = 0.1
_UNIT_QUESTIONS: Final = 3
"""So often the unit is asked for; a model that never tells it goes by the option."""

_REPLY: Final = re.compile(rb"!(\d*)(?:U=?([CF])|T=?(.*))")
_NUMBER: Final = re.compile(rb"[-+]?\d{1,5}(?:\.\d*)?")
_FIELD: Final = re.compile(
    rb"(?<![!?A-Za-z0-9])(?:U=?(?P<unit>[CF])|T=?(?P<seen>[-+]?\d[\d.]*)|I=?(?P<inside>[-+]?\d[\d.]*))(?![\w.])"
)

_REFUSED: Final = N_("the sensor did not understand a question (*); check thermometer.options.head in settings.toml")


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`mode`: asked, or sending by itself; `unit`: of values until the sensor has said it; `head`: 0, the only one."""

    mode: Literal["query", "burst"] = "query"
    unit: Literal["C", "F"] = "C"
    head: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0


def questions(options: Options) -> tuple[bytes, bytes]:
    """Return what asks for the unit and for the temperature."""
    head = str(options.head or "").encode()
    return b"?" + head + b"U\r", b"?" + head + b"T\r"


class Raytek(Lines):
    """The parser of replies and burst strings; holds one begun line between calls."""

    def __init__(self, options: Options) -> None:
        self._unit_question, self._question = questions(options)
        super().__init__(Poll(self._unit_question, _EVERY_S) if options.mode == "query" else None)
        self._unit_questions_left = _UNIT_QUESTIONS
        self._unit = options.unit.encode()
        self._head = options.head

    def due(self, now_s: float) -> bytes:
        """Return the question for the device: the unit first, then one temperature after the other."""
        if self._poll is None:
            return b""
        self._poll.request = self._unit_question if self._unit_questions_left else self._question
        question = self._poll.due(now_s)
        if question and self._unit_questions_left:
            self._unit_questions_left -= 1
        return question

    def read_line(self, line: bytes, at_s: float) -> Measurement | Fault | None:
        """Return what a reply, an error or a burst string says; None for a notification and for anything else."""
        line = line.strip()
        if line.startswith(b"*"):
            return Fault(FaultCode.DEVICE_ERROR, line, at_s, _REFUSED)
        reply = _REPLY.fullmatch(line)
        return self._burst(line, at_s) if reply is None else self._reply(reply, at_s)

    def _reply(self, reply: re.Match[bytes], at_s: float) -> Measurement | Fault | None:
        head, unit, number = reply.groups()
        if self._head and head and int(head) != self._head:
            return Fault(FaultCode.WRONG_ADDRESS, reply[0], at_s)
        if unit is not None:
            self._unit = unit
            self._unit_questions_left = 0
            if self._poll is not None:
                self._poll.answered()
            return None
        if _NUMBER.fullmatch(number) is None:  # over or under what the sensor can see
            return Fault(FaultCode.OUT_OF_RANGE, reply[0], at_s)
        return measured(self._celsius(number), "surface", None, reply[0], NAME, at_s)

    def _burst(self, line: bytes, at_s: float) -> Measurement | Fault | None:
        fields = {str(match.lastgroup): match[match.lastgroup or 0] for match in _FIELD.finditer(line)}
        seen, inside = fields.get("seen"), fields.get("inside")
        if seen is None or _NUMBER.fullmatch(seen) is None:
            return None
        # A unit without a value is noise, which would turn every value after it into another.
        self._unit = fields.get("unit", self._unit)
        is_inside_told = inside is not None and _NUMBER.fullmatch(inside) is not None
        ambient = self._celsius(inside) if inside is not None and is_inside_told else None
        return measured(self._celsius(seen), "surface", ambient, line, NAME, at_s)

    def _celsius(self, number: bytes) -> float:
        value = float(number)
        return fahrenheit_to_celsius(value) if self._unit == b"F" else value
