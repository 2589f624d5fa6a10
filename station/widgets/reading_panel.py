"""The thermometer's part of the gate screen: the live value and what it amounts to."""

from textual.content import Content
from textual.widgets import Static

from passes.temperature import Finding, TemperatureRule
from station import wording
from station.i18n import _
from station.lane import Lane

_CALM_CELSIUS = 0.095
"""A live value that moved by less is not painted anew: every sensor wobbles, and nothing moves that nobody moved."""


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
        self._live_celsius: float | None = None

    def show(self, lane: Lane) -> None:
        """Show the reading taken or typed, or how far the measuring has come; repaints only what changed."""
        attempts = lane.current.attempts if lane.current else ()
        reading = lane.sight.stability.reading or next((last for last in attempts[-1:] if last.manual), None)
        finding, ambient = None, None
        if reading is not None:
            finding = self._rule.judge(reading.celsius)
            value, state = wording.celsius_text(reading.celsius), _(wording.FINDINGS[finding])
            ambient = reading.ambient_celsius
        else:
            value, state = wording.celsius_text(self._calm(lane.live_celsius)), _state(lane)
        site = attempts[-1].site if attempts and reading is not None else lane.sight.site
        shown = (value, state, ambient, len(attempts), site)
        if shown != self._shown:
            self._shown = shown
            self._paint(*shown, is_fever=finding is Finding.FEVER)

    def _calm(self, live_celsius: float | None) -> float | None:
        shown = self._live_celsius
        if live_celsius is None or shown is None or abs(live_celsius - shown) >= _CALM_CELSIUS:
            self._live_celsius = live_celsius
        return self._live_celsius

    def _paint(
        self, value: str, state: str, ambient: float | None, attempts: int, site: str, *, is_fever: bool
    ) -> None:
        self.set_class(is_fever, "-fever")
        lines = [Content(f"{value} C  {_(wording.SITES.get(site, site))}").stylize("bold", 0, len(value) + 2)]
        lines.append(Content(state))
        if ambient is not None:
            lines.append(Content(_("ambient {celsius:.1f}").format(celsius=ambient)))
        operator = ">=" if self._rule.inclusive else ">"
        lines.append(
            Content(_("fever {operator} {celsius:.1f}").format(operator=operator, celsius=self._rule.fever_celsius))
        )
        if attempts:
            lines.append(Content(_("attempt {number}").format(number=attempts)))
        # The panel's size is fixed: nothing around it has to be laid out again.
        self.update(Content("\n").join([Content(""), *lines]), layout=False)


def _state(lane: Lane) -> str:
    if lane.is_waiting_for_the_one_before:
        return _("one before: step off")
    return _("measuring") if lane.sight.stability.is_measuring else _("waiting")
