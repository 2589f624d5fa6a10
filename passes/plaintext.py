"""Text from outside, made harmless before anybody looks at it."""

import unicodedata

# Letters, marks and a symbol by their category, and yet they show nothing: names of them look empty or like another's.
# What else does harm has a category of its own: bidirectional controls (CVE-2021-42574), joiners, soft hyphens.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_REPLACEMENT = "\ufffd"


def plain(text: str, limit: int = 200) -> str:
    """Return `text` as one printable line of at most `limit` characters.

    Control characters (line breaks and ESC included), bidirectional controls, invisible marks and surrogates become
    U+FFFD; a longer text ends in an ellipsis. The result is still data: it may contain `[markup]` or `=formulas`.
    """
    cut = text[:limit]
    if cut.isascii() and cut.isprintable():
        shown = cut
    else:
        shown = "".join(_REPLACEMENT if _is_harmful(char) else char for char in cut)
    return shown if len(text) <= limit else shown[:-1] + "…"


def _is_harmful(char: str) -> bool:
    return char in _INVISIBLE or unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
