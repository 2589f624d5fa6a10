"""The last line of every dialog: what its keys do."""

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

from station.widgets.lines import rows_of

_GAP = "   "


class KeysLine(Static):
    """Says what keys do; where not all fit one line, each stays whole, key and meaning together."""

    DEFAULT_CSS = "KeysLine { height: auto; color: $text-muted; }"

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__(Content(_GAP.join(keys)), classes="keys")
        self._keys = keys

    def on_resize(self) -> None:
        """Put them on as many lines as they need."""
        self.update(Content("\n".join(rows_of(self._keys, self.content_size.width, _GAP))))
