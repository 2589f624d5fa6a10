"""A page to read: lines about one thing, moved through with the arrows."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from station.i18n import _
from station.widgets.keys_line import KeysLine


class TellDialog(ModalScreen[None]):
    """Show lines below a title; both are in the user's language, and harmless already."""

    DEFAULT_CSS = """
    TellDialog { align: center middle; }
    TellDialog > Vertical {
        width: 76; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; background: $surface;
    }
    TellDialog #title { height: auto; text-style: bold; }
    TellDialog VerticalScroll { height: auto; max-height: 18; }
    TellDialog .keys { height: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("enter", "leave", show=False),
    ]
    AUTO_FOCUS = "#lines"

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Lay the lines out below the title."""
        with Vertical():
            yield Static(self._title, markup=False, id="title")
            with VerticalScroll(id="lines"):
                yield Static(Content("\n".join(self._lines)), id="text")
            yield KeysLine([_("Up, Down = move"), _("Esc = close")])

    def action_leave(self) -> None:
        """Close the page."""
        self.dismiss(None)
