"""Keys before anybody obeys them: a scanner that types is told from fingers, wherever the focus is."""

from collections.abc import Callable
from typing import Any

from textual import events
from textual.app import App

from station.devices.scanner.wedge import END_GAP_S, STALL_S, Heard, Wedge
from station.widgets.scan_field import PlainInput

_NO_CHARACTER = "\0"
"""Stands for a key that writes nothing, such as F2: inside a scan nobody obeys it either."""

_CONTROLS = {"enter": "\r", "tab": "\t", "ctrl+right_square_bracket": "\x1d"}
_A_LITTLE_S = 0.001


class Keyboard:
    """Takes the keys of `app` as they arrive, and hands the codes among them to `on_code`.

    What of a scan got into the focused field before it was known to be one is taken out of it again; what turns out to
    be typing is written there. Both are queued behind the keys that the field has not looked at yet.
    """

    def __init__(self, app: App[Any], on_code: Callable[[str], None]) -> None:
        self._app = app
        self._on_code = on_code
        self._wedge = Wedge()
        self._key_at_s = 0.0
        self._is_waiting = False

    def holds(self, key: events.Key) -> bool:
        """Say whether this key belongs to a scan, so that nobody else may obey it."""
        # By when it came in, not by when there was time to look at it: a busy screen makes nobody type faster.
        self._key_at_s = key.time
        heard = self._wedge.feed(_character(key), key.time)
        self._obey(heard)
        if heard.is_held and not self._is_waiting:
            self._wait()
        return heard.is_held

    def _wait(self, gap_s: float = END_GAP_S) -> None:
        self._is_waiting = True
        self._app.set_timer(gap_s, lambda since_s=self._key_at_s: self._rested(since_s, gap_s))

    def _rested(self, since_s: float, gap_s: float) -> None:
        self._is_waiting = False
        if self._key_at_s != since_s:
            self._wait()
            return
        # All keys that came in before this moment stood before it in the queue.
        heard = self._wedge.feed("", since_s + gap_s + _A_LITTLE_S)
        if not self._app.screen_stack:  # the app is closing
            return
        self._obey(heard)
        if self._wedge.is_open:
            self._wait(STALL_S)

    def _obey(self, heard: Heard) -> None:
        field = self._app.focused if heard.typed or heard.strayed else None
        if isinstance(field, PlainInput):
            if heard.typed:
                field.call_later(field.write, heard.typed)
            if heard.strayed:
                field.call_later(field.take_back, heard.strayed)
        for code in heard.codes:
            self._on_code(code)


def _character(key: events.Key) -> str:
    """Return the character of a key as a keyboard sends it, also where the terminal names the key only."""
    if key.character:
        return key.character
    held, _, letter = key.key.rpartition("+")
    if held == "ctrl" and len(letter) == 1 and letter.isascii() and letter.isalpha():
        return chr(ord(letter) & 0x1F)
    return _CONTROLS.get(key.key, _NO_CHARACTER)
