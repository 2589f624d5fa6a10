"""What is not on a key of the gate: all screens, each with a key here."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from station.actions import bound, key_name
from station.i18n import _
from station.screens.catalogue import Entry, openings
from station.widgets.keys_line import KeysLine
from station.widgets.lines import column
from station.widgets.marked_lines import Lines

_KEY_CELLS, _LABEL_CELLS = 7, 12
_AGAIN = "f8"


class MenuDialog(ModalScreen[str | None]):
    """Ask which screen is wanted; dismisses its name, or None after Esc.

    `unfinished` are the names of the screens that a scan put aside, the last one first: that one stands on top, on the
    key that opened the menu.
    """

    DEFAULT_CSS = """
    MenuDialog { align: center middle; }
    MenuDialog > Vertical {
        width: 78; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; background: $surface;
    }
    MenuDialog .keys { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("enter", "open", show=False),
    ]

    def __init__(self, entries: Sequence[Entry], unfinished: Sequence[str]) -> None:
        super().__init__()
        aside = [one for name in unfinished[:1] for one in entries if one.name == name]
        self._rows = [(_AGAIN, one, _("Go on with: {screen}").format(screen=_(one.label))) for one in aside]
        keys = {action.name: action.key for action in bound(openings())}
        self._rows += [(keys[one.name], one, _(one.label)) for one in entries]
        self._unfinished = set(unfinished)
        self._marked = 0
        for key, one, _label in self._rows:
            self._bindings.bind(key, f"choose('{one.name}')", show=False)

    def compose(self) -> ComposeResult:
        """List key, name and what it is for."""
        with Vertical():
            yield Static(_("More"), markup=False)
            lines = Lines(id="screens")
            lines.styles.height = len(self._rows)
            yield lines
            keys = [_("Enter = open"), _("Up, Down = choose"), _("Esc = leave")]
            yield KeysLine(keys)

    def on_mount(self) -> None:
        """Show them."""
        self._show()

    @on(Lines.Clicked)
    def _clicked(self, message: Lines.Clicked) -> None:
        self.action_choose(self._rows[message.number][1].name)

    def action_move(self, steps: int) -> None:
        """Mark another line."""
        self._marked = (self._marked + steps) % len(self._rows)
        self._show()

    def action_open(self) -> None:
        """Dismiss the marked screen."""
        self.action_choose(self._rows[self._marked][1].name)

    def action_choose(self, name: str) -> None:
        """Dismiss this screen."""
        self.dismiss(name)

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _show(self) -> None:
        lines = []
        for key, one, label in self._rows:
            note = _("unfinished") if one.name in self._unfinished and key != _AGAIN else _(one.help)
            lines.append(f"{key_name(key):<{_KEY_CELLS}}{column(label, _LABEL_CELLS)} {note}")
        self.query_one(Lines).show(lines, self._marked)
