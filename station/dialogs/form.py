"""The one kind of dialog that asks for something: a title, a few fields, Enter to do it, Esc to leave it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from passes.plaintext import plain
from station.devices.scanner.code import MOST_CHARACTERS
from station.i18n import _
from station.widgets.keys_line import KeysLine
from station.widgets.scan_field import PlainInput

_MOST_ANSWERED = 200


@dataclass(frozen=True, slots=True)
class Field:
    """One line to fill in; texts are already in the user's language. What is secret is painted as stars."""

    name: str
    label: str
    value: str = field(default="", repr=False)
    is_secret: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the user did: the fields' values, or `other` when one of the dialog's other keys, `key`, was pressed."""

    values: dict[str, str] = field(repr=False)
    other: bool = False
    key: str = ""


FORM_CELLS = 62
"""What a form has room for on one line."""


class FormDialog(ModalScreen[Answer | None]):
    """Ask for `fields`; dismisses an `Answer`, or None after Esc.

    `other_key` is a second way out, described by `other_label`, and `more` has further ones; `first` names the field to
    begin with. `told` stands between title and fields. All texts are in the user's language. A pass that is scanned
    while the dialog is open is no answer: it goes to the gate, and the dialog stays.
    """

    DEFAULT_CSS = """
    FormDialog { align: center middle; }
    FormDialog > VerticalScroll {
        width: 66; max-width: 100%; height: auto; max-height: 100%; padding: 1 2; background: $surface;
    }
    FormDialog Label { width: 100%; padding-top: 1; }
    FormDialog Input { background: $panel; }
    FormDialog Input:focus { background: $primary 40%; }
    FormDialog .keys { padding-top: 1; color: $text-muted; }
    """
    # Tab goes before what the field makes of its keys: whoever types fast must not go on in the field before.
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", show=False),
        Binding("tab", "app.focus_next", show=False, priority=True),
        Binding("shift+tab", "app.focus_previous", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        fields: list[Field],
        other_key: str = "",
        other_label: str = "",
        first: str = "",
        more: Mapping[str, str] = MappingProxyType({}),
        told: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._first = first
        self._title = title
        self._fields = fields
        self._others = {**({other_key: other_label} if other_key else {}), **more}
        self._told = told

    def compose(self) -> ComposeResult:
        """Lay the fields out below the title."""
        with VerticalScroll(can_focus=False):
            yield Static(self._title, markup=False)
            if self._told:
                yield Static("\n".join(self._told), markup=False)
            for field in self._fields:
                yield Label(field.label, markup=False)
                yield PlainInput(
                    field.value,
                    id=field.name,
                    compact=True,
                    max_length=MOST_CHARACTERS,
                    password=field.is_secret,
                )
            keys = [_("Enter = do it"), _("Esc = leave")]
            if len(self._fields) > 1:
                keys.insert(1, _("Tab = next"))
            keys[1:1] = [f"{key.upper()} = {label}" for key, label in self._others.items()]
            yield KeysLine(keys)

    def on_mount(self) -> None:
        """Bind the other keys, and begin with the right field."""
        for key in self._others:
            self._bindings.bind(key, f"other({key!r})", show=False)
        if self._first:
            self.query_one(f"#{self._first}").focus()

    @on(Input.Submitted)
    def _entered(self) -> None:
        self.submit()

    def submit(self) -> None:
        """Dismiss the values of all fields."""
        self.dismiss(Answer(self._values()))

    def action_other(self, key: str) -> None:
        """Dismiss by another key than Enter."""
        self.dismiss(Answer(self._values(), other=True, key=key))

    def action_leave(self) -> None:
        """Dismiss nothing."""
        self.dismiss(None)

    def _values(self) -> dict[str, str]:
        typed = {field.name: self.query_one(f"#{field.name}", Input).value.strip() for field in self._fields}
        return {name: plain(value, _MOST_ANSWERED) for name, value in typed.items()}
