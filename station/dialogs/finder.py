"""Something is found by typing and chosen with the arrows or the mouse: what its dialogs have in common."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.widgets import Input

from station.i18n import _
from station.widgets.marked_lines import Lines

Found = TypeVar("Found")


class FinderDialog(ModalScreen[Found | None]):
    """Dismiss what is chosen of what `find` finds, or None after Esc; a subclass lays out a field and `Lines`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
    ]
    NOTHING: ClassVar[str]
    """What is said where nothing is found; marked by `N_`."""

    def __init__(self) -> None:
        super().__init__()
        self._found: Sequence[Found] = ()
        self._marked = 0

    def find(self, text: str) -> Sequence[Found]:
        """Return what is found by a text, the most likely first."""
        raise NotImplementedError

    def line(self, one: Found) -> str:
        """Return the line of one."""
        raise NotImplementedError

    def on_mount(self) -> None:
        """Show what is found by what stands in the field."""
        self._look(self.query_one(Input).value)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._look(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        if self._found:
            self.dismiss(self._found[self._marked])

    @on(Lines.Clicked)
    def _clicked(self, message: Lines.Clicked) -> None:
        if message.number < len(self._found):
            self.dismiss(self._found[message.number])

    def action_move(self, by: int) -> None:
        """Mark another of those found."""
        if self._found:
            self._marked = (self._marked + by) % len(self._found)
            self._show()

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _look(self, text: str) -> None:
        self._found, self._marked = self.find(text), 0
        self._show()

    def _show(self) -> None:
        lines = [self.line(one) for one in self._found]
        self.query_one(Lines).show(lines or [_(self.NOTHING)], self._marked if lines else -1)
