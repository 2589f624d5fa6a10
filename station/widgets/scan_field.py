"""The fields that text comes in by, from a scanner or from fingers; what is pasted is made harmless first."""

import re
from collections import deque
from typing import Any, NamedTuple

from textual import events
from textual.widgets import Input
from textual.widgets.input import Selection

from passes.plaintext import plain
from passes.token import PREFIX
from station.devices.scanner.code import MOST_CHARACTERS
from station.screens.messages import CodeRead

_CODE = re.compile(rf"{PREFIX}[A-Z2-7]{{40,}}")
"""A pass that was scanned into a field: nobody writes that by hand."""

_MOST_TAKEN_BACK = 24
"""More than a scanner types before it is known to be one."""


class _Moment(NamedTuple):
    value: str
    selection: Selection


class PlainInput(Input):
    """A field of which nobody's paste can reach the terminal as a control sequence or turn its text around.

    A scan is not for the field: what of it got in before it was known to be one is taken out again, and a pass that
    came in more slowly than scanners type goes to the gate as `CodeRead` when Enter is pressed.
    """

    def __init__(self, value: str = "", **more: Any) -> None:
        super().__init__(value, **more)
        self.cursor_blink = False  # nothing moves that nobody moved
        self._default = value
        self._before: deque[_Moment] = deque(maxlen=_MOST_TAKEN_BACK)

    @property
    def _value(self) -> Any:
        """What is painted; a password in a character that every console draws one cell wide."""
        painted = super()._value
        if self.password:
            painted.plain = "*" * len(self.value)
        return painted

    async def _on_key(self, event: events.Key) -> None:
        # Textual calls Input's own handler after this one.
        if event.is_printable:
            self._before.append(_Moment(self.value, self.selection))

    def _on_paste(self, event: events.Paste) -> None:
        # Input drops a paste that is longer than max_length as a whole; a refusal has to be seen instead.
        line = next(iter(event.text.splitlines()), "")
        self.write(line)
        event.prevent_default()
        event.stop()

    def write(self, text: str) -> None:
        """Put text where the cursor is, as far as there is room, made harmless."""
        room = max(0, (self.max_length or MOST_CHARACTERS) - len(self.value))
        self.replace(plain(text[:room], room), *self.selection)

    def fill(self, value: str) -> None:
        """Put a value there that a scan may type over and must give back."""
        self.value = self._default = value

    def on_focus(self) -> None:
        """Remember what a scan may type over: a line that gets the focus is selected whole."""
        self._default = self.value

    def take_back(self, keys: int) -> None:
        """Make as if the last printable keys, so many, had not been pressed: what they wrote over is there again."""
        if 0 < keys <= len(self._before):
            value, selection = self._before[-keys]
            self._before.clear()
            self.value = value
            self.selection = selection

    async def action_submit(self) -> None:
        """Submit what is written here; a pass goes to the gate instead, and what was here before it stays."""
        code = self._code_in_the_way()
        if code is None:
            await super().action_submit()
            return
        # A scan overwrites a default while that is selected; the guard did not mean to.
        self.value = self.value[: code.start()] + self.value[code.end() :] or self._default
        self.post_message(CodeRead(code[0]))

    def _code_in_the_way(self) -> re.Match[str] | None:
        return _CODE.search(self.value)


class ScanField(PlainInput):
    """A field that always has the focus and takes whatever a scanner sends, however long."""

    def __init__(self, placeholder: str) -> None:
        super().__init__(placeholder=placeholder, max_length=MOST_CHARACTERS + 1, compact=True, id="scan")

    def take(self) -> str:
        """Return what was entered and empty the field."""
        text = self.value.strip()
        self.value = ""
        return text

    def _code_in_the_way(self) -> re.Match[str] | None:
        return None
