"""A line of a form that is chosen and not typed: left and right change it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static


class ChoiceLine(Static, can_focus=True):
    """Shows one of `choices`, pairs of a code and its words in the user's language; `value` is the code."""

    class Submitted(Message):
        """Enter was pressed here."""

    DEFAULT_CSS = """
    ChoiceLine { width: 1fr; height: 1; }
    ChoiceLine:focus { text-style: bold reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", show=False),
        Binding("right,space", "turn(1)", show=False),
        Binding("enter", "submit", show=False),
    ]

    def __init__(self, choices: Sequence[tuple[str, str]], value: str, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(markup=False, id=id)
        self._choices = list(choices)
        codes = [code for code, _words in choices]
        self._at = codes.index(value) if value in codes else 0

    @property
    def value(self) -> str:
        """The code that is chosen."""
        return self._choices[self._at][0]

    def on_mount(self) -> None:
        """Show the first choice."""
        self._show()

    def on_click(self) -> None:
        """Turn to the next choice."""
        self.action_turn(1)

    def action_turn(self, steps: int) -> None:
        """Turn to another choice."""
        self._at = (self._at + steps) % len(self._choices)
        self._show()

    def action_submit(self) -> None:
        """Submit the form."""
        self.post_message(self.Submitted())

    def _show(self) -> None:
        self.update(Content(f"< {self._choices[self._at][1]} >"))
