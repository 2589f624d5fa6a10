"""Everything that is known of one thing, to be read."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from station.i18n import _


class DetailsDialog(ModalScreen[None]):
    """Shows lines of text under a title; Enter or Esc closes it."""

    DEFAULT_CSS = """
    DetailsDialog { align: center middle; }
    DetailsDialog > VerticalScroll {
        width: 74; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
    }
    DetailsDialog .keys { margin-top: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter", "leave", show=False)]

    def __init__(self, title: str, lines: Sequence[str]) -> None:
        super().__init__()
        self._title = title
        self._lines = lines

    def compose(self) -> ComposeResult:
        """Show the lines."""
        with VerticalScroll():
            yield Static(Content.styled(self._title, "bold"))
            yield Static(Content("\n".join(self._lines)))
            yield Static(_("Esc = close"), markup=False, classes="keys")

    def action_leave(self) -> None:
        """Close it."""
        self.dismiss(None)
