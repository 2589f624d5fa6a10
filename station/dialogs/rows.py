"""A form of many lines: labels beside the fields, trouble in a place of its own, filled in by an ID card."""

from collections.abc import Callable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date

from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Label, Static

from passes.identity import parse_id_number, parse_phone
from passes.masking import mask_name
from station.devices.idcard.card import CardError, IdCard
from station.devices.scanner.code import MOST_CHARACTERS
from station.dialogs.form import Field, FormDialog
from station.i18n import _, explain
from station.widgets.keys_line import KeysLine
from station.widgets.scan_field import PlainInput
from station.widgets.secret_input import SecretInput

PARSERS: dict[str, Callable[[str], str]] = {"id_number": parse_id_number, "phone": parse_phone}
"""The fields that hide what they hold, by name."""


@dataclass(frozen=True, slots=True)
class RowsForm:
    """What a form of many lines asks; texts are in the user's language.

    `trouble` says what was wrong with the answer before. `repeated` are the values that the key F3 fills in, `numbers`
    those of the fields that show an end only.
    """

    title: str
    fields: tuple[Field, ...]
    today: date
    trouble: str = ""
    repeated: dict[str, str] | None = None
    numbers: dict[str, str] = dataclass_field(default_factory=dict, repr=False)


class RowsDialog(FormDialog):
    """Ask for the lines of `form`; dismisses an `Answer` as every form does.

    A card that is read fills an empty form. It never replaces somebody else's data.
    """

    DEFAULT_CSS = """
    RowsDialog { align: center middle; }
    RowsDialog > VerticalScroll { width: 74; }
    RowsDialog Horizontal { height: 1; }
    RowsDialog Label { width: 16; padding: 0; }
    RowsDialog Input { width: 1fr; }
    RowsDialog #trouble { height: 2; margin-top: 1; color: $text-warning; text-style: bold; }
    RowsDialog .keys { padding-top: 0; color: $text-muted; }
    """

    def __init__(self, form: RowsForm) -> None:
        super().__init__(form.title, list(form.fields))
        self._form = form

    def compose(self) -> ComposeResult:
        """Lay one line out for each field."""
        with VerticalScroll(can_focus=False):
            yield Static(self._title, markup=False)
            yield Static("")
            for field in self._fields:
                with Horizontal():
                    yield Label(field.label, markup=False)
                    if field.name in PARSERS:
                        yield SecretInput(PARSERS[field.name], field.name)
                    else:
                        yield PlainInput(field.value, id=field.name, compact=True, max_length=MOST_CHARACTERS)
            yield Static(self._form.trouble, id="trouble", markup=False)
            yield from self.below()
            yield KeysLine(self.keys())

    def below(self) -> ComposeResult:
        """Lay out what a dialog has below the lines."""
        yield from ()

    def keys(self) -> list[str]:
        """Return what the keys do here."""
        keys = [_("Enter = do it"), _("Tab = next"), _("Esc = leave")]
        if self._form.repeated:
            keys.insert(1, "F3 = " + _("as the one before"))
        return keys

    def on_mount(self) -> None:
        """Take over the numbers of an answer that was not good yet."""
        for name, number in self._form.numbers.items():
            self._secret(name).put(number)
        if self._form.repeated:
            self._bindings.bind("f3", "repeat", show=False)

    def _fill(self, name: str, value: str) -> None:
        self.query_one(f"#{name}", PlainInput).fill(value)

    def action_repeat(self) -> None:
        """Fill in what the one before said."""
        for name, value in (self._form.repeated or {}).items():
            self._fill(name, value)
        self._go_on()

    def take_card(self, event: IdCard | CardError) -> None:
        """Fill an empty form from a card, or say why that was not done."""
        if isinstance(event, CardError):
            self.tell(explain(event))
            return
        named = "name" if any(field.name == "name" for field in self._fields) else "driver"
        name, number = self.query_one(f"#{named}", Input).value.strip(), self._secret("id_number")
        if number.number == event.id_number:
            return
        if name or number.number:
            self.app.bell()
            told = _("Another card was read ({name}). Finish this form or leave it with Esc, then read that card again")
            self.tell(told.format(name=mask_name(event.name)))
            return
        self._fill(named, event.name)
        number.hold(event.id_number)
        if self._takes_home() and not self.query_one("#address", Input).value.strip():
            self._fill("address", event.address)
        is_expired = event.valid_until is not None and event.valid_until < self._form.today
        self.tell(_("The card expired on {day}: look closely").format(day=event.valid_until) if is_expired else "")
        self._go_on()

    def take_number(self, number: str) -> None:
        """Take an ID number that a reader typed; it never replaces another one."""
        line = self._secret("id_number")
        if line.number and line.number != number:
            self.app.bell()
            self.tell(_("Another ID number was read. Finish this form or leave it with Esc, then read it again"))
            return
        line.hold(number)
        self._go_on()

    def _takes_home(self) -> bool:
        """Whether the address asked for is the one on the card, and not a room here."""
        names = {field.name for field in self._fields}
        return names >= {"host", "address"}

    def _go_on(self) -> None:
        """Put the cursor into the first line that is still empty."""
        for field in self._fields:
            line = self.query_one(f"#{field.name}", Input)
            if not line.value.strip():
                line.focus()
                return

    def tell(self, text: str) -> None:
        """Say what is wrong, in the place for it."""
        self.query_one("#trouble", Static).update(text)

    def _secret(self, name: str) -> SecretInput:
        return self.query_one(f"#{name}", SecretInput)

    def _values(self) -> dict[str, str]:
        values = super()._values()
        return values | {name: self._secret(name).number for name in PARSERS if name in values}
