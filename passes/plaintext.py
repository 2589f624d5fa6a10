"""Text from outside, made harmless before anybody looks at it."""

import unicodedata

# Bidirectional overrides and isolates reorder what a reader sees (CVE-2021-42574); marks and joiners hide.
_INVISIBLE = frozenset("\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2028\u2029\u2060\ufeff")
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
