"""What passes are drawn on: a picture of pixels, or the pages of a PDF. Both take millimetres from the upper left."""

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from passes import fonts
from passes.code import Code
from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.typesetting import Line

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Ink = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""

BLACK: Ink = (0, 0, 0)
GREY: Ink = (110, 110, 110)
WHITE: Ink = (255, 255, 255)

MM_PER_INCH = 25.4
BOLD = 0.03
"""How much bold letters are thickened, in parts of their size: there is one weight of the font."""


class Paper(Protocol):
    """A place to draw on; `origin` is added to every position, `dot` is the smallest step of a code's module, in mm."""

    origin: tuple[float, float]
    dot: float

    def rectangle(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a rectangle."""

    def dashed_ring(self, x: float, y: float, diameter: float, ink: Ink) -> None:
        """Draw the thin dashed circle that fits into the square at (x, y)."""

    def line(self, line: Line, ink: Ink, *, bold: bool = False) -> None:
        """Write one line of text."""

    def code(self, x: float, y: float, module: float, code: Code) -> None:
        """Draw a code, quiet zone included; `module` is a whole number of dots."""


class Picture:
    """Paper of pixels, white, `dpi` dots an inch; mode "1" has black and white only, as thermal printers have."""

    def __init__(self, width: float, height: float, dpi: float, mode: Literal["RGB", "1"] = "RGB") -> None:
        from PIL import Image, ImageDraw

        self.origin = (0.0, 0.0)
        self.dot = MM_PER_INCH / dpi
        self.image = Image.new(mode, (self._dots(width), self._dots(height)), "white")
        self._draw = ImageDraw.Draw(self.image)

    def rectangle(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a rectangle, at least one pixel wide and high."""
        left, top = self._at(x, y)
        right, bottom = self._at(x + width, y + height)
        self._draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), fill=self._ink(ink))

    def dashed_ring(self, x: float, y: float, diameter: float, ink: Ink) -> None:
        """Draw the thin dashed circle that fits into the square at (x, y)."""
        around = (*self._at(x, y), *self._at(x + diameter, y + diameter))
        for angle in range(0, 360, 12):
            self._draw.arc(around, angle, angle + 6, fill=self._ink(ink), width=max(1, self._dots(0.2)))

    def line(self, line: Line, ink: Ink, *, bold: bool = False) -> None:
        """Write one line of text, each character where the fonts' tables put it."""
        x, y = line.x + self.origin[0], line.baseline + self.origin[1]
        size = line.letters / self.dot
        for char in line.text:
            if face := fonts.face_of(char):
                self._draw.text(
                    (x / self.dot, round(y / self.dot)),
                    char,
                    font=_pillow_font(face, size),
                    fill=self._ink(ink),
                    anchor="ls",
                    stroke_width=size * BOLD / 2 if bold else 0,
                )
            x += fonts.em_width(char) * line.letters

    def code(self, x: float, y: float, module: float, code: Code) -> None:
        """Draw a code; its corner and its modules are whole pixels, so no edge falls between two dots."""
        left, top = self._at(x, y)
        dots = self._dots(module)
        ink = self._ink(BLACK)
        for dark in code.dark:
            corner = left + dark.x * dots, top + dark.y * dots
            opposite = corner[0] + dark.width * dots - 1, corner[1] + dark.height * dots - 1
            self._draw.rectangle((corner, opposite), fill=ink)

    def cropped(self, height: float) -> "Image.Image":
        """Return the upper part of the picture, `height` mm of it."""
        return self.image.crop((0, 0, self.image.width, self._dots(height)))

    def png(self) -> bytes:
        """Return the picture as a PNG file that prints at its true size."""
        encoded = io.BytesIO()
        dpi = MM_PER_INCH / self.dot
        self.image.save(encoded, "PNG", dpi=(dpi, dpi), optimize=True)
        return encoded.getvalue()

    def _dots(self, length: float) -> int:
        return round(length / self.dot)

    def _at(self, x: float, y: float) -> tuple[int, int]:
        return self._dots(x + self.origin[0]), self._dots(y + self.origin[1])

    def _ink(self, ink: Ink) -> Any:
        return ink if self.image.mode == "RGB" else 255 * (sum(ink) > 382)


@lru_cache(maxsize=64)
def _pillow_font(face: fonts.Face, size: float) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont

    # The plain layout gives the same picture on every machine; the other one depends on a system library.
    return ImageFont.truetype(face.path, size, index=face.index, layout_engine=ImageFont.Layout.BASIC)


def write_whole(path: Path, content: bytes) -> None:
    """Write the file so that it is there whole or not at all; raises UsageError when it cannot be written."""
    part = path.with_name(f"{path.name}.part")
    try:
        try:
            part.write_bytes(content)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UsageError(
            N_("The file {path} cannot be written ({why}): choose another file."),
            path=plain(str(path)),
            why=error.strerror or type(error).__name__,
        ) from error
