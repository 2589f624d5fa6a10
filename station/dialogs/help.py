"""The help page: the keys of the gate, from the one registry."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from station.actions import Action
from station.i18n import _


class HelpDialog(ModalScreen[None]):
    """What each key does on a screen, of which `title` says the name; any of its keys closes it."""

    DEFAULT_CSS = """
    HelpDialog { align: center middle; }
    HelpDialog > Vertical { width: 76; height: auto; padding: 1 2; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,enter", "leave", show=False)]

    def __init__(self, actions: tuple[Action, ...], title: str = "") -> None:
        super().__init__()
        self._title = title
        self._actions = actions

    def compose(self) -> ComposeResult:
        """List key and meaning."""
        with Vertical():
            yield Static(self._title or _("Keys at the gate"), markup=False)
            for action in self._actions:
                yield Static(f"{action.key.upper():>7}  {_(action.help)}", markup=False)
            yield Static(_("Esc = close"), markup=False)

    def action_leave(self) -> None:
        """Close the page."""
        self.dismiss(None)
