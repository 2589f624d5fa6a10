"""What every screen of settings is made of: lines of which one is marked, its choices, and a field to type in."""

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.screen import Screen
from textual.widgets import Input

from passes.plaintext import plain
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _
from station.screens.work import Host, WorkScreen
from station.widgets.device_rows import Choices, Row, Rows
from station.widgets.scan_field import PlainInput


class RowsPart(Screen[None]):
    """Lines to set; a subclass gives `rows`, takes what was set in `change`, and says one line in `hint`."""

    AUTO_FOCUS = "#value"

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        for key, name in (("up", "move(-1)"), ("down", "move(1)"), ("left", "turn(-1)"), ("right", "turn(1)")):
            self._bindings.key_to_bindings.setdefault(key, []).append(Binding(key, name, show=False, priority=True))
        self._current = 0
        self._rows: list[Row] = []

    @property
    def marked(self) -> Row:
        """The line that is marked."""
        return self._rows[self._current]

    @property
    def is_at_end(self) -> bool:
        """Whether the last line is marked."""
        return self._current == len(self._rows) - 1

    def rows(self) -> list[Row]:
        """Return the lines as they are now."""
        raise NotImplementedError

    def change(self, name: str, value: str) -> None:
        """Take a new value of the line of that name, and paint."""
        raise NotImplementedError

    def hint(self, text: str) -> None:
        """Say one line in the user's language."""
        raise NotImplementedError

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Leave left and right to the field where the marked line has nothing to choose."""
        return action != "turn" or (bool(self._rows) and bool(self.marked.choices))

    def action_move(self, steps: int) -> None:
        """Mark another line; what was typed into this one counts."""
        if self.take_typed():
            self.mark((self._current + steps) % len(self._rows))

    def action_turn(self, steps: int) -> None:
        """Change the marked line to its next choice."""
        self.hint("")
        self.change(self.marked.name, self.marked.turned(steps))

    def mark(self, number: int) -> None:
        """Mark the line of that number, from 0, and paint."""
        self._current = number
        self.paint()

    def take_typed(self) -> bool:
        """Give the marked line what stands in the field; say whether that could be done."""
        row, typed = self.marked, self.query_one(PlainInput).value.strip()
        if not row.is_free:
            if typed:
                self.hint(_("Choose with the left and right keys"))
                self.paint()
                return False
            return True
        if typed != row.value:
            self.change(row.name, plain(typed, MOST_CHARACTERS))
        return True

    def paint(self) -> None:
        """Show the lines as they are now."""
        self._rows = self.rows()
        self._current = min(self._current, len(self._rows) - 1)
        row = self.marked
        self.query_one(Rows).show_rows(self._rows, self._current)
        self.query_one(Choices).show_row(row)
        field = self.query_one(PlainInput)
        field.value = row.value if row.is_free else ""
        field.cursor_position = len(field.value)


class RowsScreen(RowsPart, WorkScreen):
    """A screen beside the gate with lines to set. The field always has the focus."""

    DEFAULT_CSS = """
    RowsScreen > Horizontal { height: 1fr; margin: 1 0 0 0; }
    RowsScreen > PlainInput { height: 1; margin: 0 1; background: $boost; }
    """

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)

    def body(self) -> ComposeResult:
        """Lay the areas out."""
        with Horizontal():
            yield Rows(id="rows")
            yield Choices(id="choices")
        yield PlainInput(placeholder=_("Value of the marked line, then Enter"), compact=True, id="value")

    def hint(self, text: str) -> None:
        """Say one line in the user's language; it stays until the next."""
        WorkScreen.hint(self, text)

    def on_mount(self) -> None:
        """Say how to use it."""
        how = _("{screen}   up/down = line   left/right = change")
        self.title_is(how.format(screen=_(self.entry.label)))

    @on(Input.Submitted, "#value")
    def _entered(self) -> None:
        """Take what was typed for the marked line."""
        if self.take_typed():
            self.action_move(1)
