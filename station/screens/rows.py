"""What every screen of settings is made of: lines of which one is marked, its choices, and a field to type in."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal
from textual.widgets import Input

from passes.plaintext import plain
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _
from station.screens.work import Host, WorkScreen
from station.widgets.device_rows import Choices, Row, Rows
from station.widgets.scan_field import PlainInput


class RowsScreen(WorkScreen):
    """Lines to set; a subclass gives `rows` and takes what was set in `change`. The field always has the focus."""

    DEFAULT_CSS = """
    RowsScreen > Horizontal { height: 1fr; margin: 1 0 0 0; }
    RowsScreen > PlainInput { height: 1; margin: 0 1; background: $boost; }
    """
    AUTO_FOCUS = "#value"

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        for key, name in (("up", "move(-1)"), ("down", "move(1)"), ("left", "turn(-1)"), ("right", "turn(1)")):
            self._bindings.key_to_bindings.setdefault(key, []).append(Binding(key, name, show=False, priority=True))
        self._current = 0
        self._rows: list[Row] = []

    def body(self) -> ComposeResult:
        """Lay the areas out."""
        with Horizontal():
            yield Rows(id="rows")
            yield Choices(id="choices")
        yield PlainInput(placeholder=_("Value of the marked line, then Enter"), compact=True, id="value")

    def on_mount(self) -> None:
        """Say how to use it."""
        how = _("{screen}   up/down = line   left/right = change")
        self.title_is(how.format(screen=_(self.entry.label)))

    def rows(self) -> list[Row]:
        """Return the lines as they are now."""
        raise NotImplementedError

    def change(self, name: str, value: str) -> None:
        """Take a new value of the line of that name, and paint."""
        raise NotImplementedError

    @on(Input.Submitted, "#value")
    def _entered(self) -> None:
        """Take what was typed for the marked line."""
        if self.take_typed():
            self.action_move(1)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """Leave left and right to the field where the marked line has nothing to choose."""
        return action != "turn" or (bool(self._rows) and bool(self._rows[self._current].choices))

    def action_move(self, steps: int) -> None:
        """Mark another line; what was typed into this one counts."""
        if self.take_typed():
            self._current = (self._current + steps) % len(self._rows)
            self.paint()

    def action_turn(self, steps: int) -> None:
        """Change the marked line to its next choice."""
        row = self._rows[self._current]
        self.hint("")
        self.change(row.name, row.turned(steps))

    def take_typed(self) -> bool:
        """Give the marked line what stands in the field; say whether that could be done."""
        row, typed = self._rows[self._current], self.query_one(PlainInput).value.strip()
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
        row = self._rows[self._current]
        self.query_one(Rows).show_rows(self._rows, self._current)
        self.query_one(Choices).show_row(row)
        field = self.query_one(PlainInput)
        field.value = row.value if row.is_free else ""
        field.cursor_position = len(field.value)
