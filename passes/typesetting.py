"""Text in its place: it shrinks, wraps, and in the end is cut with an ellipsis; it never leaves its box.

Widths come from the fonts' own tables and not from the library that draws, so every form of a pass breaks alike.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from passes import fonts

LINE_HEIGHT = 1.25
"""Distance of two baselines, in parts of the letters' size."""

_ASCENT = 0.98
_SHRINK = 0.96
_ELLIPSIS = "…"

# A piece is never broken: a word of any script that has spaces, or one Han with the punctuation that clings to it
# (GB/T 15834-2011 section 5.1: closing marks do not begin a line, opening marks do not end one).
_PIECE = re.compile(
    r"[（《〈“‘「【]*(?:[^\s\u2e80-\U0010ffff（《〈“‘「【]+|\S)[，。、；：！？）》〉”’」】…]*\s*|[（《〈“‘「【]+\s*|\s+"
)


class Box(NamedTuple):
    """A place for text: its upper left corner, its size, and the largest and smallest letters in it, in millimetres."""

    x: float
    y: float
    width: float
    height: float
    letters: float
    align: Literal["left", "middle", "right"] = "left"
    stands: Literal["top", "middle"] = "middle"
    smallest: float = 1.4
    bold: bool = False


class Line(NamedTuple):
    """One line of text: `x` is its left end and `baseline` its height, in millimetres like `letters`."""

    x: float
    baseline: float
    text: str
    letters: float


def set_in(box: Box, paragraphs: Sequence[str]) -> list[Line]:
    """Return the lines of the paragraphs in their box, with letters as large as let all of them fit.

    The texts hold only characters that a font here draws (`passes.printed.shown`).
    """
    lines, letters = _fitted(box, [text for text in paragraphs if text])
    height = letters * LINE_HEIGHT
    top = box.y if box.stands == "top" else box.y + (box.height - height * len(lines)) / 2
    placed = []
    for place, text in enumerate(lines):
        spare = box.width - width_of(text, letters)
        x = box.x + {"left": 0.0, "middle": spare / 2, "right": spare}[box.align]
        placed.append(Line(x, top + height * place + letters * _ASCENT, text, letters))
    return placed


def width_of(text: str, letters: float) -> float:
    """Return the width of the text in the unit of `letters`."""
    return sum(map(fonts.em_width, text)) * letters


def _fitted(box: Box, paragraphs: list[str]) -> tuple[list[str], float]:
    widest = _widest({char for text in paragraphs for char in text})
    sizes = [letters for letters in _sizes(box) if widest * letters <= box.width] or [box.smallest]
    # Letters of half the size are better than a broken word; smaller ones are not.
    longest = _widest({piece.rstrip() for text in paragraphs for piece in _PIECE.findall(text)})
    whole_words = [letters for letters in sizes if longest * letters <= box.width and letters >= box.letters / 2]
    for letters in [*whole_words, *sizes]:
        lines = [line for text in paragraphs for line in _wrapped(text, box.width / letters)]
        room = int(box.height / (letters * LINE_HEIGHT) + 1e-9)
        if len(lines) <= room:
            return lines, letters
    return [*lines[: room - 1], _cut(lines[room - 1], box.width / letters)], letters


def _widest(texts: set[str]) -> float:
    return max((width_of(text, 1) for text in texts), default=0.0)


def _sizes(box: Box) -> list[float]:
    sizes = [box.letters]
    while sizes[-1] > box.smallest:
        sizes.append(max(sizes[-1] * _SHRINK, box.smallest))
    return sizes


def _wrapped(text: str, ems: float) -> list[str]:
    lines, used = [""], 0.0
    for piece in _PIECE.findall(text):
        if used + width_of(piece.rstrip(), 1) <= ems:
            lines[-1] += piece
            used += width_of(piece, 1)
            continue
        lines.append("")
        used = 0.0
        for char in piece:
            width = fonts.em_width(char)
            # A word that is wider than the box has to be broken somewhere.
            if used + width > ems and not char.isspace():
                lines.append("")
                used = 0.0
            lines[-1] += char
            used += width
    return [line.strip() for line in lines if line.strip()]


def _cut(line: str, ems: float) -> str:
    while line and width_of(line + _ELLIPSIS, 1) > ems:
        line = line[:-1]
    return line.rstrip() + _ELLIPSIS
