"""The QR code of a token (ISO/IEC 18004), as rectangles: each form of a pass draws the same ones."""

from typing import Literal, NamedTuple

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.token import MAX_TOKEN_CHARS

QUIET_MODULES = 4
"""Blank modules that the standard asks for on each side."""

_ALPHANUMERIC = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")


class Rectangle(NamedTuple):
    """Dark modules side by side; all four are counted in modules, the quiet zone included."""

    x: int
    y: int
    width: int
    height: int


class Code(NamedTuple):
    """A code of `side` × `side` modules with its quiet zone; what `dark` does not cover is blank."""

    side: int
    dark: tuple[Rectangle, ...]


def code_of(token: str, level: Literal["M", "Q"] = "M") -> Code:
    """Return the token's code in alphanumeric mode; level M restores 15 % of a code, Q 25 %.

    Raises UsageError when the token is none that a code can carry in this mode.
    """
    # qrcode costs more to import than a gate screen to open, and most starts draw nothing.
    import qrcode.constants
    import qrcode.main
    import qrcode.util

    if not 1 <= len(token) <= MAX_TOKEN_CHARS or not _ALPHANUMERIC.issuperset(token):
        raise UsageError(
            N_("The token “{token}” of the pass is not one that a code can carry: issue the pass again."),
            token=plain(token, 24),
        )
    levels = {"M": qrcode.constants.ERROR_CORRECT_M, "Q": qrcode.constants.ERROR_CORRECT_Q}
    drawn = qrcode.main.QRCode(error_correction=levels[level], border=QUIET_MODULES)
    drawn.add_data(qrcode.util.QRData(token, mode=qrcode.util.MODE_ALPHA_NUM))
    drawn.make(fit=True)
    modules = drawn.get_matrix()
    return Code(len(modules), tuple(_rectangles(modules)))


def _rectangles(modules: list[list[bool]]) -> list[Rectangle]:
    done: list[Rectangle] = []
    growing: dict[tuple[int, int], int] = {}
    for y, row in enumerate(modules):
        runs = _dark_runs(row)
        done += [Rectangle(x, top, end - x, y - top) for (x, end), top in growing.items() if (x, end) not in runs]
        # A run that stands under an equal one makes that one taller: a third fewer rectangles, and smaller files.
        growing = {run: growing.get(run, y) for run in runs}
    # The quiet zone below is blank, so nothing is growing at the end.
    return done


def _dark_runs(row: list[bool]) -> dict[tuple[int, int], None]:
    runs: dict[tuple[int, int], None] = {}
    start = None
    for x, dark in enumerate(row):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            runs[start, x] = None
            start = None
    return runs
