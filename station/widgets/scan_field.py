"""The one field of the gate screen: codes come in here, from a scanner or from fingers."""

from textual import events
from textual.widgets import Input

MOST_CHARACTERS = 2_000
"""More than any pass has; one character beyond it is kept, so that what is too long is also refused as such."""


class ScanField(Input):
    """A field that always has the focus and takes whatever a scanner sends, however long."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, max_length=MOST_CHARACTERS + 1, compact=True, id="scan")

    async def _on_paste(self, event: events.Paste) -> None:  # type: ignore[override] # Textual's is not async
        # Input drops a paste that is longer than max_length as a whole; a refusal has to be seen instead.
        lines = event.text.splitlines()
        self.insert_text_at_cursor(lines[0][: MOST_CHARACTERS + 1 - len(self.value)] if lines else "")
        event.prevent_default()
        event.stop()

    def take(self) -> str:
        """Return what was entered and empty the field."""
        text = self.value.strip()
        self.value = ""
        return text
