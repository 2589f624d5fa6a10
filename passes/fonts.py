"""Which font draws which character: the package's own first, then what the system has.

The package font (Noto Sans SC) has all Han of GBK and many beyond, but not 𠮷 and most Han of the supplementary
planes. For those fontconfig is asked (its order is the user's setting), on Windows the fonts that come with it. A
character that none has is drawn as 〓, the printers' mark for a type that is lacking.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from functools import cache
from pathlib import Path

GETA = "〓"

_FONTCONFIG_TIMEOUT_S = 20.0
"""The first question may find fontconfig building its cache."""

_CANDIDATES = 8
"""fontconfig names fonts that have the character first: when these do not draw it, none does."""

_OUTLINE_FILES = frozenset({".ttf", ".otf", ".ttc", ".otc"})
_COLOUR_TABLES = frozenset({"CBDT", "COLR", "SVG ", "sbix"})
_WINDOWS_FILES = ("msyh.ttc", "simsun.ttc", "simsunb.ttf", "SimsunExtG.ttf", "segoeui.ttf", "seguisym.ttf")


class Face:
    """One face of a font file: `index` is its place in a collection (TTC), 0 in a file of its own.

    Raises OSError or an error of fontTools when the file is no font that can be drawn in one ink.
    """

    def __init__(self, path: str, index: int) -> None:
        # Opening a font costs more than opening a gate screen, and most starts draw nothing.
        from fontTools.ttLib import TTFont, TTLibError

        with ExitStack() as opened:
            file = opened.enter_context(Path(path).open("rb"))
            font = TTFont(file, fontNumber=index, lazy=True)
            if not ("glyf" in font or "CFF " in font) or any(table in font for table in _COLOUR_TABLES):
                raise TTLibError(path)
            self.path = path
            self.index = index
            self._names: dict[int, str] = font.getBestCmap() or {}
            self._outlines = font.getGlyphSet()
            self._units_per_em: int = font["head"].unitsPerEm
            # The file of a good font stays open: its outlines are read when they are asked for.
            opened.pop_all()

    def draws(self, char: str) -> bool:
        """Say whether the face has the character and shows something for it, unless it is a space."""
        from fontTools.pens.recordingPen import RecordingPen

        name = self._names.get(ord(char))
        if name is None:
            return False
        pen = RecordingPen()
        self._outlines[name].draw(pen)
        return bool(pen.value) or char.isspace()

    def em_width(self, char: str) -> float:
        """Return how far the character moves the next one, in parts of the letters' size."""
        width: float = self._outlines[self._names[ord(char)]].width
        return width / self._units_per_em


@cache
def face_of(char: str) -> Face | None:
    """Return the face that draws the character, the package's own where it can; None when no font here has it."""
    package = package_face()
    if package.draws(char):
        return package
    for path, index in _system_files(char):
        # fontTools raises whatever a broken file makes it stumble over; the next font may do.
        with suppress(Exception):
            face = _system_face(path, index)
            if face.draws(char):
                return face
    return None


@cache
def package_face() -> Face:
    """Return the face that comes with Gatepost: text looks the same on every machine."""
    import pylopdf_fonts_zh_cn

    return Face(str(pylopdf_fonts_zh_cn.sans_path()), 0)


@cache
def em_width(char: str) -> float:
    """Return the width of a character that some face draws, in parts of the letters' size."""
    face = face_of(char)
    return face.em_width(char) if face else 0.0


@cache
def _system_face(path: str, index: int) -> Face:
    return Face(path, index)


def _system_files(char: str) -> Iterator[tuple[str, int]]:
    if sys.platform == "win32":
        folder = Path(os.environ["SYSTEMROOT"], "Fonts")
        yield from ((str(folder / name), 0) for name in _WINDOWS_FILES if (folder / name).is_file())
    elif program := shutil.which("fc-match"):
        yield from _fontconfig_files(program, char)


def _fontconfig_files(program: str, char: str) -> Iterator[tuple[str, int]]:
    pattern = f":lang=zh-cn:charset={ord(char):x}:outline=true:color=false:variable=false"
    try:
        run = subprocess.run(
            [program, "--all", "--format", r"%{file}\t%{index}\n", pattern],
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=_FONTCONFIG_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return
    for line in run.stdout.splitlines()[:_CANDIDATES]:
        path, _, index = line.rpartition("\t")
        # The upper half of an index names an instance of a variable font, which cannot be embedded as it is.
        if Path(path).suffix.lower() in _OUTLINE_FILES and index.isdecimal() and int(index) < 0x10000:
            yield path, int(index)
