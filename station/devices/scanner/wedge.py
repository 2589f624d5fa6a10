"""A scanner that types: which keys are a scan and which are somebody's typing.

Scanners send keys less than 10 ms apart (up to 20 ms with a delay set), people more than 30 ms. What a program sees is
coarser: a screen that was busy gets several keys of a person at once, an input method hands over a word at once, and a
held key repeats as fast as a slow scanner. So a scan is six quick keys in a row, of three kinds or more, which a
scanner can send; without a terminator only what is surely a pass token counts.

A machine that stands still in the middle of a code makes a pause that no scanner made. A pass token is known by its
first characters and knows its own length, so that one that has begun may go on after a pause of `STALL_S`.
"""

import math
import unicodedata
from dataclasses import dataclass
from typing import Final

from station.devices.scanner.code import MOST_CHARACTERS, codes_in, is_token, is_unfinished, may_begin, may_go_on

QUICK_S: Final = 0.030
"""Keys at most so many seconds apart may be a scanner's."""

END_GAP_S: Final = 0.1
"""A scan is over when nothing has come for so many seconds; the time to call `Wedge.feed` without a key."""

STALL_S: Final = 1.0
"""A token of which the end is missing is given up after so many seconds without its next character."""

_LEAST_KEYS: Final = 6
_LEAST_KINDS: Final = 3
_MOST_BEFORE_A_STALL: Final = 16
_TERMINATORS: Final = frozenset("\r\n\t\x03")
_FRAMING: Final = frozenset("\x02\x1d")
"""STX and GS, which a keyboard sends as Ctrl+B and Ctrl+]: no action of the station is on them."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a key means.

    `codes` are complete, as `codes_in` returns them. `is_held` says that the key belongs to a scan and nobody else may
    obey it. `strayed` characters of the scan had reached the focused field before it was known to be one: take them
    back, once. `typed` is a scan that turned out to be typing, the strayed characters included: put it into the focused
    field before this key is obeyed.
    """

    codes: tuple[str, ...] = ()
    is_held: bool = False
    strayed: int = 0
    typed: str = ""


class Wedge:
    """Keys in, codes out: without keyboard, timer or clock; holds one code between calls."""

    def __init__(self) -> None:
        self._text = ""
        self._is_scan = False
        self._before_stall = ""
        self._key_at_s = 0.0
        self._end_until_s = -math.inf
        self._has_ends = False

    @property
    def is_open(self) -> bool:
        """Whether a scan goes on: what ends it, or a pause, has not come yet."""
        return self._is_scan

    def feed(self, key: str, now_s: float) -> Heard:
        """Take the character of the next key; `now_s` is in monotonic seconds.

        An empty `key` says that none has come until `now_s`: call so `END_GAP_S` after a held key, and where the scan
        `is_open` then, again after `STALL_S`. Enter is CR or LF, control keys are their characters (Ctrl+] is GS). Once
        a scan is known it goes on until a terminator or a gap of `END_GAP_S`, so that a busy screen does not cut it.
        """
        ended, gap_s = Heard(), now_s - self._key_at_s
        if not self._is_scan and gap_s >= QUICK_S:
            # The quick keys before a pause may be a token's first; whether they are is known when the rest comes.
            begun = self._before_stall + self._text if gap_s < STALL_S else ""
            self._before_stall = begun if len(begun) <= _MOST_BEFORE_A_STALL and may_begin(begun) else ""
            self._text = ""
        elif self._is_scan and gap_s >= END_GAP_S and not (gap_s < STALL_S and self._goes_on(key)):
            ended = self._end(is_terminated=False)
        if not key:
            return ended
        self._key_at_s = now_s
        heard = self._terminate(now_s) if key in _TERMINATORS else self._add(key)
        return Heard(ended.codes + heard.codes, heard.is_held, heard.strayed, ended.typed)

    def _goes_on(self, key: str) -> bool:
        """Whether the pause before this key, if one has come, can be in the middle of a token."""
        return is_unfinished(self._text) and (not key or key in _TERMINATORS or may_go_on(key))

    def _add(self, key: str) -> Heard:
        if key in _FRAMING:
            return Heard(is_held=True)
        self._end_until_s = -math.inf
        if self._is_scan:
            self._text += key[: MOST_CHARACTERS + 1 - len(self._text)]
            return Heard(is_held=True)
        if not _is_scannable(key):
            self._text = self._before_stall = ""
            return Heard()
        self._text += key
        if len(self._text) < _LEAST_KEYS or len(set(self._text)) < _LEAST_KINDS:
            self._text = self._text[-MOST_CHARACTERS:]
            return Heard()
        self._is_scan = True
        if may_begin(self._before_stall + self._text):
            self._text = self._before_stall + self._text
        self._before_stall = ""
        return Heard(is_held=True, strayed=len(self._text) - len(key))

    def _terminate(self, now_s: float) -> Heard:
        # LF right after CR, and Enter right after Tab, belong to the scan that has just ended.
        is_of_scan = self._is_scan or now_s < self._end_until_s
        if not is_of_scan:
            self._text = self._before_stall = ""
            return Heard()
        self._has_ends = True
        self._end_until_s = now_s + END_GAP_S
        return Heard(self._end(is_terminated=True).codes, is_held=True)

    def _end(self, *, is_terminated: bool) -> Heard:
        text, was_scan = self._text, self._is_scan
        self._text, self._is_scan, self._before_stall = "", False, ""
        if not was_scan:
            return Heard()
        codes = codes_in(text)
        if is_terminated:
            return Heard(tuple(codes))
        if not codes or not all(map(is_token, codes)):
            return Heard(typed=text)
        if self._has_ends:
            # Its Enter is late, and nobody must take it for the guard's.
            self._end_until_s = self._key_at_s + STALL_S
        return Heard(tuple(codes))


def _is_scannable(key: str) -> bool:
    """Whether a scanner, perhaps through an input method, types this: printable ASCII in any width."""
    plain_width = unicodedata.normalize("NFKC", key)
    return plain_width.isascii() and plain_width.isprintable()
