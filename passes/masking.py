"""Names and numbers as they are shown where nobody needs the whole of them."""

from passes.plaintext import plain


def mask_name(name: str) -> str:
    """Hide the middle of a name: 王小明 → 王*明, 王明 → 王*, Ann Marie Lee → A** M**** L**.

    A name in Latin letters keeps the first letter of each word; any other keeps its first character and, from three
    characters on, its last. A single character is hidden.
    """
    shown = plain(name.strip(), 40)
    if shown.isascii():
        return " ".join(word[0] + "*" * (len(word) - 1) for word in shown.split())
    if len(shown) == 1:
        return "*"
    if len(shown) == 2:
        return shown[:1] + "*" * (len(shown) - 1)
    return shown[0] + "*" * (len(shown) - 2) + shown[-1]


def mask_number(number: str) -> str:
    """Hide all groups of a pass number but the last: ABC-DEF-GHK → ***-***-GHK; what has no groups is hidden whole."""
    first, *rest = plain(number, 40).split("-")
    hidden = ["*" * len(group) for group in (first, *rest[:-1])]
    return "-".join([*hidden, *rest[-1:]])
