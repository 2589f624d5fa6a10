"""The fields that text comes in by, from a scanner or from fingers; what is pasted is made harmless first."""

from textual import events
from textual.widgets import Input

from passes.plaintext import plain

MOST_CHARACTERS = 2_000
"""More than any pass has; one character beyond it is kept, so that what is too long is also refused as such."""


class PlainInput(Input):
    """A field of which nobody's paste can reach the terminal as a control sequence or turn its text around."""

    def _on_paste(self, event: events.Paste) -> None:
        # Input drops a paste that is longer than max_length as a whole; a refusal has to be seen instead.
        line = next(iter(event.text.splitlines()), "")
        room = max(0, (self.max_length or MOST_CHARACTERS) - len(self.value))
        self.replace(plain(line[:room], room), *self.selection)
        event.prevent_default()
        event.stop()


class ScanField(PlainInput):
    """A field that always has the focus and takes whatever a scanner sends, however long."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, max_length=MOST_CHARACTERS + 1, compact=True, id="scan")

    def take(self) -> str:
        """Return what was entered and empty the field."""
        text = self.value.strip()
        self.value = ""
        return text
