"""Everything that can be done now, found by name."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from station.actions import Action, key_name
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _
from station.widgets.keys_line import KeysLine
from station.widgets.lines import column
from station.widgets.marked_lines import Lines
from station.widgets.scan_field import PlainInput

_KEY_CELLS, _LABEL_CELLS = 10, 10


class PaletteDialog(ModalScreen[Action | None]):
    """Ask which of `actions` is wanted; dismisses it, or None after Esc. What is typed is looked for in all words."""

    DEFAULT_CSS = """
    PaletteDialog { align: center middle; }
    PaletteDialog > Vertical { width: 78; max-width: 100%; height: 90%; padding: 0 1; background: $surface; }
    PaletteDialog Lines { height: 1fr; margin-top: 1; }
    PaletteDialog .keys { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = self._found = list(actions)
        self._marked = 0

    def compose(self) -> ComposeResult:
        """Lay out the field and what it finds."""
        with Vertical():
            yield PlainInput(placeholder=_("What do you want to do?"), compact=True, max_length=MOST_CHARACTERS)
            yield Lines(id="found")
            keys = [_("Enter = do it"), _("Up, Down = choose"), _("Esc = leave")]
            yield KeysLine(keys)

    def on_mount(self) -> None:
        """Show all."""
        self._show()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        words = event.value.casefold().split()
        self._found = [action for action in self._actions if all(word in _searched(action) for word in words)]
        self._marked = 0
        self._show()

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._found:
            self.dismiss(self._found[self._marked])

    @on(Lines.Clicked)
    def _clicked(self, message: Lines.Clicked) -> None:
        if message.number < len(self._found):
            self.dismiss(self._found[message.number])

    def action_move(self, steps: int) -> None:
        """Mark another line."""
        if self._found:
            self._marked = (self._marked + steps) % len(self._found)
            self._show()

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _show(self) -> None:
        lines = [
            f"{column(key_name(one.key), _KEY_CELLS)}{column(_(one.label), _LABEL_CELLS)} {_(one.help)}"
            for one in self._found
        ]
        self.query_one(Lines).show(lines or [_("Nothing of this name can be done here")], self._marked if lines else -1)


def _searched(action: Action) -> str:
    return f"{_(action.label)} {_(action.help)} {key_name(action.key)}".casefold()
