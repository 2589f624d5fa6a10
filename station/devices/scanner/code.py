"""What a scanner meant by what it sent, whatever keyboard, layout or input method it came through.

A pass token is `GP1` and base32: it has no case, and its only 1 is the third character. So a token is known for sure in
any case and width, with leftovers before it, and twice in a row. Nothing else is ever changed but for its edges, and
the signature has the last word on what was put right here.
"""

import re
import unicodedata
from typing import Final

MOST_CHARACTERS: Final = 2_000
"""More than any pass has; one character beyond it is kept, so that what is too long is also refused as such."""

_PREFIX: Final = "GP1"
_BODY: Final = re.compile(r"[A-Z2-7]{32,}")
"""No shorter text is surely a token: its signature alone has 103 characters of base32, but worn codes are cut short."""

_MOST_LEFTOVER_CHARACTERS: Final = 8
_AIM_IDENTIFIER: Final = re.compile(r"\][A-Za-z][0-9A-Za-z](?=.)", re.DOTALL)
"""ISO/IEC 15424: what a scanner may put before the code to name its symbology, `]Q1` for a QR code."""

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
    return code.startswith(_PREFIX) and _BODY.fullmatch(code, len(_PREFIX)) is not None


def _tokens(text: str) -> list[str]:
    """Return the tokens that `text` surely consists of, else nothing."""
    if len(text) > MOST_CHARACTERS:
        return []
    wide = unicodedata.normalize("NFKC", text).upper()
    # An input method puts spaces, apostrophes and invisible marks between letters that it takes for syllables.
    leftover, *bodies = "".join(char for char in wide if char.isalnum()).split(_PREFIX)
    # The same code again, or broken off by it, is no other code.
    whole = [body for body in dict.fromkeys(bodies) if not any(one != body and one.startswith(body) for one in bodies)]
    if len(leftover) > _MOST_LEFTOVER_CHARACTERS or not all(map(_BODY.fullmatch, whole)):
        return []
    return [_PREFIX + body for body in whole]
