"""The help page: the keys of a screen, from the one registry."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from station.actions import Action, key_name
from station.i18n import _
from station.widgets.lines import right_column

_KEY_CELLS = 7


class HelpDialog(ModalScreen[None]):
    """What each key does on a screen, of which `title` says the name; any of its keys closes it."""

    DEFAULT_CSS = """
    HelpDialog { align: center middle; }
    HelpDialog > VerticalScroll {
        width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 2; background: $surface;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter", "leave", show=False)]

    def __init__(self, actions: Iterable[Action], title: str) -> None:
        super().__init__()
        self._title = title
        self._actions = actions

    def compose(self) -> ComposeResult:
        """List key and meaning."""
        with VerticalScroll():
            yield Static(self._title, markup=False)
            for action in self._actions:
                yield Static(f"{right_column(key_name(action.key), _KEY_CELLS)}  {_(action.help)}", markup=False)
            yield Static(_("Esc = close"), markup=False)

    def action_leave(self) -> None:
        """Close the page."""
        self.dismiss(None)
