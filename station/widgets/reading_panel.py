"""The thermometer's part of the gate screen: the live value and what it amounts to."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from passes.temperature import Finding, TemperatureRule
from station import wording
from station.i18n import _
from station.lane import Lane
from sync.bodies import Attempt

_HIGH_ROWS = 12
"""A panel so high has room for big digits."""

_CALM_CELSIUS = 0.095
"""A live value that moved by less is not painted anew: every sensor wobbles, and nothing moves that nobody moved."""


class ReadingPanel(Static):
    """Value, state in words, and the attempt; a reading without a person is shown but belongs to nobody."""

    DEFAULT_CSS = """
    ReadingPanel { width: 24; height: 100%; padding: 0 1; margin-left: 1; background: $panel; color: $text; }
    ReadingPanel.-fever { background: #b71c1c; color: #ffffff; }
    """

    def __init__(self, rule: TemperatureRule) -> None:
        super().__init__(markup=False)
        self._rule = rule
        self._shown: tuple[object, ...] = ()
        self._live_celsius: float | None = None
        self._told: tuple[Lane, int] | None = None

    def on_resize(self) -> None:
        """Show it in the size that there is room for now."""
        if self._told:
            self.show(*self._told)

    def show(self, lane: Lane, now_ms: int) -> None:
        """Show the reading taken or typed, or how far the measuring has come; repaints only what changed."""
        self._told = (lane, now_ms)
        scan, turn, sight = lane.current, lane.whose_turn, lane.sight
        attempts = _attempts(lane, turn)
        carried = scan.carried if scan and not turn else 0
        reading = sight.stability.reading or next((last for last in attempts[carried:][-1:] if last.manual), None)
        finding, ambient, rest_ends_ms = None, None, lane.rest_ends_ms
        if reading is not None and rest_ends_ms is None:
            finding = self._rule.judge(reading.celsius)
            value, state = wording.celsius_text(reading.celsius), _(wording.FINDINGS[finding])
            ambient = reading.ambient_celsius
        else:
            value, state = wording.celsius_text(self._calm(lane.live_celsius)), _state(lane)
        if rest_ends_ms is not None:
            value, state = _fever(lane), wording.rest(rest_ends_ms, now_ms)
        number = len(attempts) + (rest_ends_ms is not None or 0 < carried == len(attempts))
        site = attempts[-1].site if attempts and reading is not None else sight.site
        people = 1 + len(scan.companions) if scan else 1
        shown = (value, state, ambient, number, site, (turn + 1, people) if people > 1 else None, self.size)
        if shown != self._shown:
            self._shown = shown
            self.set_class(finding is Finding.FEVER, "-fever")
            self._paint(value, state, ambient, number, site, shown[5])

    def _calm(self, live_celsius: float | None) -> float | None:
        shown = self._live_celsius
        if live_celsius is None or shown is None or abs(live_celsius - shown) >= _CALM_CELSIUS:
            self._live_celsius = live_celsius
        return self._live_celsius

    def _paint(
        self, value: str, state: str, ambient: float | None, number: int, site: str, whose: tuple[int, int] | None
    ) -> None:
        where = _(wording.SITES.get(site, site))
        if self.content_size.height >= _HIGH_ROWS:
            lines = [*_big(value), Content(where)]
        else:
            lines = [Content(f"{value} C  {where}").stylize("bold", 0, len(value) + 2)]
        lines.append(Content(state))
        if whose:
            lines.append(Content(_("person {number} of {people}").format(number=whose[0], people=whose[1])))
        if ambient is not None:
            lines.append(Content(_("ambient {celsius:.1f}").format(celsius=ambient)))
        operator = ">=" if self._rule.inclusive else ">"
        lines.append(
            Content(_("fever {operator} {celsius:.1f}").format(operator=operator, celsius=self._rule.fever_celsius))
        )
        if number:
            lines.append(Content(_("attempt {number}").format(number=number)))
        # The panel's size is fixed: nothing around it has to be laid out again.
        self.update(Content("\n").join([Content(""), *lines]), layout=False)


def _fever(lane: Lane) -> str:
    """Return the value after which somebody rests: the one that decided, or the last from before the rest."""
    scan = lane.current
    before = scan.attempts[-1:] if scan else ()
    return wording.celsius_text(scan.celsius if scan and scan.celsius else before[0].celsius if before else None)


def _attempts(lane: Lane, turn: int) -> Sequence[Attempt]:
    """Return the readings of whoever is measured now."""
    if lane.current is None:
        return ()
    return lane.current.companions[turn - 1].attempts if turn else lane.current.attempts


def _big(value: str) -> list[Content]:
    """Return a value in digits of five rows, drawn with the colour of the cells: every console has that."""
    rows = []
    for row in range(5):
        parts: list[Content] = []
        for char in value:
            bits = _DIGITS.get(char, _DIGITS[" "])[row]
            parts += [Content.styled(" ", "reverse") if bit == "#" else Content(" ") for bit in bits]
            parts.append(Content(" "))
        rows.append(Content.assemble(*parts))
    return rows


_DIGITS = {
    "0": ("####", "#  #", "#  #", "#  #", "####"),
    "1": ("  # ", " ## ", "  # ", "  # ", " ###"),
    "2": ("####", "   #", "####", "#   ", "####"),
    "3": ("####", "   #", " ###", "   #", "####"),
    "4": ("#  #", "#  #", "####", "   #", "   #"),
    "5": ("####", "#   ", "####", "   #", "####"),
    "6": ("####", "#   ", "####", "#  #", "####"),
    "7": ("####", "   #", "  # ", " #  ", " #  "),
    "8": ("####", "#  #", "####", "#  #", "####"),
    "9": ("####", "#  #", "####", "   #", "####"),
    ".": (" ", " ", " ", " ", "#"),
    "-": ("    ", "    ", "####", "    ", "    "),
    " ": ("    ",) * 5,
}


def _state(lane: Lane) -> str:
    if lane.is_waiting_for_the_one_before:
        return _("one before: step off")
    return _("measuring") if lane.sight.stability.is_measuring else _("waiting")
