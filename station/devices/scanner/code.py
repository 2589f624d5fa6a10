"""What a scanner meant by what it sent, whatever keyboard, layout or input method it came through.

A pass token is `GP1` and base32: it has no case, and its only 1 is the third character. So a token is known for sure in
any case and width, with leftovers before it, and twice in a row. Nothing else is ever changed but for its edges, and
the signature has the last word on what was put right here.
"""

import re
import unicodedata
from typing import Final

from passes.token import PREFIX, is_whole

MOST_CHARACTERS: Final = 2_000
"""More than any pass has; one character beyond it is kept, so that what is too long is also refused as such."""

_BODY: Final = re.compile(r"[A-Z2-7]{32,}")
"""No shorter text is surely a token: its signature alone has 103 characters of base32, but worn codes are cut short."""

_BETWEEN: Final = frozenset("' ’")
_BODY_SO_FAR: Final = re.compile(r"[A-Z2-7]*")
_MOST_LEFTOVER_CHARACTERS: Final = 8
_AIM_IDENTIFIER: Final = re.compile(r"\][A-Za-z][0-9A-Za-z](?=.)", re.DOTALL)
"""ISO/IEC 15424: what a scanner may put before the code to name its symbology, `]Q1` for a QR code."""

_BEGINNING: Final = re.compile(r"(\](?:[A-Z](?:[0-9A-Z](?:G(?:P(?:1[A-Z2-7]*)?)?)?)?)?|G(?:P(?:1[A-Z2-7]*)?)?)")
"""What a token can begin with, its AIM identifier included."""

_EDGES: Final = "".join(map(chr, range(33))) + "\x7f\u3000\ufeff"
"""Control characters and spaces, the ideographic one and the byte order mark."""


def codes_in(text: str) -> list[str]:
    """Return the codes in what a scanner sent in one go: tokens as they were issued, or the text but for its edges.

    Two different tokens that ran together are two codes; the same token twice, or first cut short, is one. Empty for a
    text with nothing in it. At most `MOST_CHARACTERS` + 1 characters are looked at.
    """
    code = text[: MOST_CHARACTERS + 1].strip(_EDGES)
    code = _AIM_IDENTIFIER.sub("", code, count=1).strip(_EDGES) if code.startswith("]") else code
    return _tokens(code) or ([code] if code else [])


def is_token(code: str) -> bool:
    """Whether `code` has the form of a token, though perhaps a cut one."""
    return code.startswith(PREFIX) and _BODY.fullmatch(code, len(PREFIX)) is not None


def may_begin(text: str) -> bool:
    """Whether a token may begin so: `text` is its first characters, as few as they are."""
    letters = "".join(char for char in text if char not in _BETWEEN)
    return _BEGINNING.fullmatch(unicodedata.normalize("NFKC", letters).upper()) is not None


def may_go_on(key: str) -> bool:
    """Whether a token that has begun may go on with this character, or an input method with its own between two."""
    return _BODY_SO_FAR.fullmatch(_letters(key)) is not None and (key.isalnum() or key in _BETWEEN)


def is_unfinished(text: str) -> bool:
    """Whether a token has begun in `text` and its end is missing: a whole one knows its own length."""
    _before, prefix, body = _letters(text[: MOST_CHARACTERS + 1]).rpartition(PREFIX)
    return bool(prefix) and _BODY_SO_FAR.fullmatch(body) is not None and not is_whole(PREFIX + body)


def _letters(text: str) -> str:
    """Return the letters and digits of a text in one case and width.

    An input method puts spaces, apostrophes and invisible marks between letters that it takes for syllables.
    """
    return "".join(char for char in unicodedata.normalize("NFKC", text).upper() if char.isalnum())


def _tokens(text: str) -> list[str]:
    """Return the tokens that `text` surely consists of, else nothing."""
    if len(text) > MOST_CHARACTERS:
        return []
    leftover, *bodies = _letters(text).split(PREFIX)
    # The same code again, or broken off by it, is no other code.
    whole = [body for body in dict.fromkeys(bodies) if not any(one != body and one.startswith(body) for one in bodies)]
    if len(leftover) > _MOST_LEFTOVER_CHARACTERS or not all(map(_BODY.fullmatch, whole)):
        return []
    return [PREFIX + body for body in whole]
