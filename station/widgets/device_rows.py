"""What the devices screen is made of: the rows of one device, the choices of a row, and what a port says."""

from dataclasses import dataclass

from textual.content import Content
from textual.widgets import Static

from passes.plaintext import plain
from station.devices.guessing import Proposal
from station.devices.listening import Heard
from station.i18n import _
from station.widgets.lines import column
from station.widgets.marked_lines import Lines
from station.wizard import dump, proposal_words

_LABEL_CELLS = 15
_SHOWN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to set: its name, what it is called, its value, and what it may be.

    `choices` are pairs of a value and what to show of it, none where the value is only typed. Into a row that
    `is_free` other values may be typed than those.
    """

    name: str
    label: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    is_free: bool = False

    @property
    def shown(self) -> str:
        """The value as users read it."""
        return dict(self.choices).get(self.value, self.value)

    def turned(self, steps: int) -> str:
        """Return the value so many choices further; from a value that is none, the first or the last choice."""
        values = [value for value, _shown in self.choices]
        if self.value not in values:
            return values[0 if steps > 0 else -1]
        return values[(values.index(self.value) + steps) % len(values)]


class Rows(Lines):
    """The rows of one device, the current one marked."""

    DEFAULT_CSS = "Rows { width: 3fr; height: 1fr; padding: 0 1; text-wrap: nowrap; text-overflow: clip; }"

    def show_rows(self, rows: list[Row], current: int) -> None:
        """Show name and value of each."""
        self.show([f"{column(row.label, _LABEL_CELLS)} {plain(row.shown, 80)}" for row in rows], current)


class Choices(Lines):
    """What the current row may be, the value it has marked."""

    DEFAULT_CSS = """
    Choices { width: 2fr; height: 1fr; padding: 0 1; background: $panel; text-wrap: nowrap; text-overflow: clip; }
    """

    def show_row(self, row: Row) -> None:
        """Show the choices of the row; where there are none, that it is typed."""
        if not row.choices:
            self.show([_("Type it, then Enter")], -1)
            return
        values = [value for value, _shown in row.choices]
        marked = values.index(row.value) if row.value in values else -1
        self.show([plain(shown, 120) for _value, shown in row.choices], marked)


class PortPanel(Static):
    """What comes from the port right now, as bytes and in words."""

    DEFAULT_CSS = """
    PortPanel {
        height: 7; max-height: 30%; padding: 0 1; background: $boost; text-wrap: nowrap; text-overflow: ellipsis;
    }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show_nothing(self, why: str) -> None:
        """Show why nothing can be heard."""
        self.update(Content(why))

    def show_heard(self, heard: Heard, best: tuple[Proposal, int] | None) -> None:
        """Show how many bytes came, the last of them, and what the port seems to be.

        `best` is the best proposal until now and the rate at which it was heard, perhaps another one.
        """
        lines = [_("Listening at {rate} bit/s: {count} bytes heard").format(rate=heard.baud_rate, count=heard.count)]
        lines += dump(heard.recent[-_SHOWN_BYTES:])
        found = [(proposal, heard.baud_rate) for proposal in heard.proposals[:2]] or ([best] if best else [])
        lines += [_("seems to be: {what}").format(what=proposal_words(*one)) for one in found]
        if heard.count and not heard.proposals:
            lines.append(_("not understood at this rate"))
        self.update(Content("\n".join(lines)))

    def show_trial(self, lines: list[str]) -> None:
        """Show what the device that is tried out said last."""
        self.update(Content("\n".join([_("Trying it out:"), *(plain(line, 300) for line in lines)])))
