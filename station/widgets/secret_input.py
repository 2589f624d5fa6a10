"""A field for an ID or phone number: shown whole only while it is being typed."""

from collections.abc import Callable

from textual import events

from passes.errors import GatepostError
from passes.identity import mask_id_number
from station.devices.scanner.code import MOST_CHARACTERS
from station.widgets.scan_field import PlainInput


class SecretInput(PlainInput):
    """Holds one number; as soon as the field is left, or a card filled it, only the last four characters are shown.

    A pass that a scanner types in is longer than any number and must stay whole until its Enter. `parse` brings what
    was typed into its form, and raises `GatepostError` for what is none: that stays as it was typed.
    """

    def __init__(self, parse: Callable[[str], str], name: str) -> None:
        super().__init__(id=name, compact=True, max_length=MOST_CHARACTERS)
        self._parse = parse
        self._held = ""

    @property
    def number(self) -> str:
        """What was entered: the number that is hidden, or what stands in the field."""
        return self._held if self._held and self.value == self.hidden else self.value.strip()

    @property
    def hidden(self) -> str:
        """What is shown of the number that is held; empty when there is none."""
        return mask_id_number(self._held)

    def hold(self, number: str) -> None:
        """Take a number and show its end only; empty clears the field."""
        self._held = number
        self.fill(self.hidden)

    def put(self, typed: str) -> None:
        """Take what somebody typed: hidden when it is a number, as it is when it has to be corrected."""
        try:
            self.hold(self._parse(typed))
        except GatepostError:
            self._held = ""
            self.fill(typed)

    def on_blur(self, _event: events.Blur) -> None:
        """Hide a number that was typed whole."""
        typed = self.number
        if typed and typed != self._held:
            self.put(typed)
