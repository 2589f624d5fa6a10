"""The one kind of dialog that asks for something: a title, a few fields, Enter to do it, Esc to leave it."""

import re
from dataclasses import dataclass, field
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from passes.plaintext import plain
from passes.token import PREFIX
from station.i18n import _
from station.screens.messages import CodeRead
from station.widgets.scan_field import MOST_CHARACTERS, PlainInput

_MOST_ANSWERED = 200
_CODE = re.compile(rf"{PREFIX}[A-Z2-7]{{40,}}")
"""A pass that was scanned into a field: nobody writes that by hand."""


def pass_in(text: str) -> str:
    """Return the pass that a scanner typed into a field; empty when there is none."""
    found = _CODE.search(text)
    return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in; texts are already in the user's language."""

    name: str
    label: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user did: the fields' values, or `other` when the dialog's second key was pressed instead."""

    values: dict[str, str] = field(repr=False)
    other: bool = False


class FormDialog(ModalScreen[Answer | None]):
    """Ask for `fields`; dismisses an `Answer`, or None after Esc.

    `other_key` is a second way out, described by `other_label`. All texts are in the user's language. A pass that is
    scanned while the dialog is open is no answer: it goes on to the gate as `CodeRead`, and the dialog stays.
    """

    DEFAULT_CSS = """
    FormDialog { align: center middle; }
    FormDialog > Vertical { width: 66; height: auto; padding: 1 2; background: $surface; }
    FormDialog Label { padding-top: 1; }
    FormDialog .keys { padding-top: 1; color: $text-muted; }
    """
    # Tab goes before what the field makes of its keys: whoever types fast must not go on in the field before.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(self, title: str, fields: list[Field], other_key: str = "", other_label: str = "") -> None:
        super().__init__()
        self._title = title
        self._fields = fields
        self._other_key = other_key
        self._other_label = other_label

    def compose(self) -> ComposeResult:
        """Lay the fields out below the title."""
        with Vertical():
            yield Static(self._title, markup=False)
            for field in self._fields:
                yield Label(field.label, markup=False)
                yield PlainInput(field.value, id=field.name, compact=True, max_length=MOST_CHARACTERS)
            keys = [_("Enter = do it"), _("Esc = leave")]
            if len(self._fields) > 1:
                keys.insert(1, _("Tab = next"))
            if self._other_key:
                keys.insert(1, f"{self._other_key.upper()} = {self._other_label}")
            yield Static("   ".join(keys), markup=False, classes="keys")

    def on_mount(self) -> None:
        """Bind the second key."""
        if self._other_key:
            self._bindings.bind(self._other_key, "other", show=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        """Dismiss the values of all fields, unless it was a scanner that pressed Enter."""
        code = pass_in(event.value)
        if not code:
            self.dismiss(Answer(self._values()))
            return
        written = event.value.replace(code, "", 1)
        # A scan overwrites a default while that is selected; the guard did not mean to.
        event.input.value = written or self._before_scan(event.input)
        self.post_message(CodeRead(code))

    def _before_scan(self, line: Input) -> str:
        return next(field.value for field in self._fields if field.name == line.id)

    def action_other(self) -> None:
        """Dismiss by the second key."""
        self.dismiss(Answer(self._values(), other=True))

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _values(self) -> dict[str, str]:
        typed = {field.name: self.query_one(f"#{field.name}", Input).value.strip() for field in self._fields}
        return {name: plain(value, _MOST_ANSWERED) for name, value in typed.items()}
