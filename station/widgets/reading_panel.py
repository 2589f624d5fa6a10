"""The thermometer's part of the gate screen: the live value and what it amounts to."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from passes.temperature import Finding, TemperatureRule
from station import wording
from station.devices.stability import StabilityRule
from station.i18n import _
from sync.bodies import Attempt


class ReadingPanel(Static):
    """Value, state in words, and the attempt; a reading without a person is shown but belongs to nobody."""

    DEFAULT_CSS = """
    ReadingPanel { width: 24; height: 8; padding: 0 1; margin-left: 1; background: $panel; color: $text; }
    ReadingPanel.-fever { background: #b71c1c; color: #ffffff; }
    """

    def __init__(self, rule: TemperatureRule) -> None:
        super().__init__(markup=False)
        self._rule = rule
        self._shown: tuple[object, ...] = ()

    def show(self, stability: StabilityRule, live_celsius: float | None, attempts: Sequence[Attempt]) -> None:
        """Show the reading taken or typed, or how far the measuring has come; repaints only what changed.

        `attempts` are the readings of the person who stands here.
        """
        reading = stability.reading or next((last for last in attempts[-1:] if last.manual), None)
        finding, ambient = None, None
        if reading is not None:
            finding = self._rule.judge(reading.celsius)
            value, state = wording.celsius_text(reading.celsius), _(wording.FINDINGS[finding])
            ambient = reading.ambient_celsius
        else:
            value = wording.celsius_text(live_celsius)
            state = _("measuring") if stability.is_measuring else _("waiting")
        shown = (value, state, ambient, len(attempts))
        if shown != self._shown:
            self._shown = shown
            self._paint(value, state, ambient, len(attempts), is_fever=finding is Finding.FEVER)

    def _paint(self, value: str, state: str, ambient: float | None, attempts: int, *, is_fever: bool) -> None:
        self.set_class(is_fever, "-fever")
        lines = [Content(""), Content.styled(f"{value} C", "bold"), Content(state)]
        if ambient is not None:
            lines.append(Content(_("ambient {celsius:.1f}").format(celsius=ambient)))
        operator = ">=" if self._rule.inclusive else ">"
        lines.append(
            Content(_("fever {operator} {celsius:.1f}").format(operator=operator, celsius=self._rule.fever_celsius))
        )
        if attempts:
            lines.append(Content(_("attempt {number}").format(number=attempts)))
        self.update(Content("\n").join(lines))
