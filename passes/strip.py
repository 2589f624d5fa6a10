"""One pass on a strip of thermal paper, 58 or 80 mm wide: a picture in black and white with a pixel for each dot.

Printers of these widths have 8 dots a millimetre and print on 48 and 72 mm. Thermal paper fades: the code has level Q,
and nothing but the kind stands on black. Measures are millimetres.
"""

from typing import TYPE_CHECKING, Final, Literal

from passes.code import code_of
from passes.paper import BLACK, MM_PER_INCH, WHITE, Picture
from passes.printed import PrintedPass, shown
from passes.typesetting import LINE_HEIGHT, Box, set_in

if TYPE_CHECKING:
    from PIL import Image

DPI = 203.2
WIDTH_DOTS: Final = {58: 384, 80: 576}
"""Dots across, by the width of the paper."""

_LONGEST = 500.0
_GAP = 2.0
_SEAL = 26.0
_SMALLEST_LETTERS = 2.2
_LARGEST_MODULE_DOTS = 6


def draw_strip(printed: PrintedPass, width_mm: Literal[58, 80] = 58) -> "Image.Image":
    """Return the strip in mode "1": 384 dots wide on 58 mm paper, 576 on 80 mm, and as high as its text needs.

    A module of the code is 3 to 6 dots. Raises UsageError when the token is none that a code can carry.
    """
    return _Strip(WIDTH_DOTS[width_mm] * MM_PER_INCH / DPI).drawn(printed)


class _Strip:
    """Paper on which one thing follows the other; `_y` is where the next begins."""

    def __init__(self, width: float) -> None:
        self._paper = Picture(width, _LONGEST, DPI, "1")
        self._width = width
        self._y = 0.0

    def drawn(self, printed: PrintedPass) -> "Image.Image":
        self._text(4.4, 2, printed.community_name)
        self._kind(printed.kind_label)
        # Without a name, the address is what people look for first.
        self._text(8, 2, printed.holder or printed.address, bold=True)
        self._text(4.4, 3, printed.address if printed.holder else "")
        self._text(3, 1, printed.valid_label)
        self._text(4, 1, printed.days)
        self._code(printed.token)
        self._text(6, 1, printed.number, bold=True)
        self._text(2.8, 24, *printed.numbered_notes, align="left")
        self._seal(printed.seal_label)
        return self._paper.cropped(self._y)

    def _text(
        self, letters: float, lines: int, *texts: str, align: Literal["left", "middle"] = "middle", bold: bool = False
    ) -> None:
        height = letters * LINE_HEIGHT * lines
        box = Box(0, self._y, self._width, height, letters, align, "top", _SMALLEST_LETTERS, bold)
        if placed := set_in(box, [shown(text) for text in texts]):
            for line in placed:
                self._paper.line(line, BLACK, bold=bold)
            self._y += len(placed) * placed[0].letters * LINE_HEIGHT + _GAP

    def _kind(self, label: str) -> None:
        if not label:
            return
        height = 9.0
        self._paper.rectangle(0, self._y, self._width, height, BLACK)
        box = Box(2, self._y, self._width - 4, height, 6.4, "middle", smallest=_SMALLEST_LETTERS)
        for line in set_in(box, [shown(label)]):
            self._paper.line(line, WHITE, bold=True)
        self._y += height + _GAP

    def _code(self, token: str) -> None:
        code = code_of(token, "Q")
        dots = min(int(self._width / self._paper.dot + 0.5) // code.side, _LARGEST_MODULE_DOTS)
        side = dots * self._paper.dot * code.side
        self._paper.code((self._width - side) / 2, self._y, dots * self._paper.dot, code)
        self._y += side

    def _seal(self, label: str) -> None:
        x = (self._width - _SEAL) / 2
        self._paper.dashed_ring(x, self._y, _SEAL, BLACK)
        for line in set_in(Box(x + 4, self._y, _SEAL - 8, _SEAL, 3.2, "middle"), [shown(label)]):
            self._paper.line(line, BLACK)
        self._y += _SEAL + _GAP
