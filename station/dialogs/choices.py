"""Ask which of a few things is to be done: each has a function key, and the marked one Enter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from station.i18n import _
from station.widgets.keys_line import KeysLine


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be done: the function key that does it at once, and its words in the user's language."""

    name: str
    key: str
    label: str


class ChoiceDialog(ModalScreen[str | None]):
    """Ask for one of `choices`; dismisses its name, or None after Esc. `told` stands above them."""

    DEFAULT_CSS = """
    ChoiceDialog { align: center middle; }
    ChoiceDialog > Vertical {
        width: 66; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
    }
    ChoiceDialog #told { margin-bottom: 1; }
    ChoiceDialog .keys { padding-top: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("up", "mark(-1)", show=False),
        Binding("down", "mark(1)", show=False),
        Binding("enter", "take", show=False),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], told: Sequence[str] = ()) -> None:
        super().__init__()
        self._title = title
        self._choices = choices
        self._told = told
        self._marked = 0
        for choice in choices:
            self._bindings.bind(choice.key, f"choose({choice.name!r})", show=False)

    def compose(self) -> ComposeResult:
        """List what is told, then the choices with their keys."""
        with Vertical():
            yield Static(self._title, markup=False)
            if self._told:
                yield Static("\n".join(self._told), markup=False, id="told")
            yield Static(self._lines(), markup=False, id="choices")
            keys = [_("Enter = the marked one"), _("Up, Down = mark"), _("Esc = leave")]
            yield KeysLine(keys)

    def action_mark(self, steps: int) -> None:
        """Mark another choice."""
        self._marked = (self._marked + steps) % len(self._choices)
        self.query_one("#choices", Static).update(self._lines())

    def action_take(self) -> None:
        """Dismiss the marked choice."""
        self.dismiss(self._choices[self._marked].name)

    def action_choose(self, name: str) -> None:
        """Dismiss this choice."""
        self.dismiss(name)

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _lines(self) -> Content:
        lines = [
            Content.styled(f"> {choice.key.upper():<4}{choice.label}", "bold reverse")
            if number == self._marked
            else Content(f"  {choice.key.upper():<4}{choice.label}")
            for number, choice in enumerate(self._choices)
        ]
        return Content("\n").join(lines)
