"""The one kind of dialog that asks for something: a title, a few fields, Enter to do it, Esc to leave it."""

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from station.i18n import _


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in; texts are already in the user's language."""

    name: str
    label: str
    value: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user did: the fields' values, or `other` when the dialog's second key was pressed instead."""

    values: dict[str, str]
    other: bool = False


class FormDialog(ModalScreen[Answer | None]):
    """Ask for `fields`; dismisses an `Answer`, or None after Esc.

    `other_key` is a second way out, described by `other_label`. All texts are in the user's language.
    """

    DEFAULT_CSS = """
    FormDialog { align: center middle; }
    FormDialog > Vertical { width: 64; height: auto; padding: 1 2; background: $surface; }
    FormDialog Label { padding-top: 1; }
    FormDialog .keys { padding-top: 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", show=False)]

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
                yield Input(field.value, id=field.name, compact=True, max_length=200)
            keys = [_("Enter = do it"), _("Esc = leave")]
            if len(self._fields) > 1:
                keys.insert(1, _("Tab = next line"))
            if self._other_key:
                keys.insert(1, f"{self._other_key.upper()} = {self._other_label}")
            yield Static("    ".join(keys), markup=False, classes="keys")

    def on_mount(self) -> None:
        """Bind the second key."""
        if self._other_key:
            self._bindings.bind(self._other_key, "other", show=False)

    def on_input_submitted(self) -> None:
        """Dismiss the values of all fields."""
        self.dismiss(Answer(self._values()))

    def action_other(self) -> None:
        """Dismiss by the second key."""
        self.dismiss(Answer(self._values(), other=True))

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _values(self) -> dict[str, str]:
        return {field.name: self.query_one(f"#{field.name}", Input).value.strip() for field in self._fields}
