"""Paper that is a PDF file: vector codes, text that can be selected, and only the glyphs embedded that are used.

Importing this module loads fpdf2, so it is imported where a PDF is made. The same drawing gives the same bytes: no
date is written, and the file's identifier is a digest of its content.
"""

from contextlib import nullcontext
from datetime import UTC, datetime
from itertools import groupby
from typing import Self

from fpdf import FPDF, ViewerPreferences
from fpdf.enums import Duplex, TextMode
from fpdf.fonts import TTFFont
from fpdf.output import OutputProducer, PDFInfo

from passes import fonts
from passes.code import Code
from passes.paper import BOLD, MM_PER_INCH, Ink
from passes.typesetting import Line, width_of

_POINTS_PER_MM = 72 / MM_PER_INCH


class Pages:
    """Pages of one size, `width` × `height` mm; what is drawn lands on the newest page.

    A context manager: leaving it closes the fonts.
    """

    def __init__(self, width: float, height: float, *, duplex: bool = False) -> None:
        self.origin = (0.0, 0.0)
        # Office printers have 600 dots an inch or a multiple: there, modules of whole dots are all of one size.
        self.dot = MM_PER_INCH / 600
        self._pdf = _Document(unit="mm", format=(width, height))
        # fpdf2 hashes the date into the identifier and writes it; it is constant here, and dropped when written.
        self._pdf.set_creation_date(datetime(1970, 1, 1, tzinfo=UTC))
        self._pdf.set_auto_page_break(False)
        # The printing dialog must neither fit the page to its margins nor flip it over the short edge.
        flip = Duplex.DUPLEX_FLIP_LONG_EDGE if duplex else Duplex.SIMPLEX
        self._pdf.viewer_preferences = ViewerPreferences(print_scaling="None", duplex=flip)
        self._families: dict[fonts.Face, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for font in self._pdf.fonts.values():
            if isinstance(font, TTFFont):
                font.ttfont.close()

    def new_page(self) -> None:
        """Begin a page, with the origin at its upper left corner."""
        self._pdf.add_page()
        self.origin = (0.0, 0.0)

    def rectangle(self, x: float, y: float, width: float, height: float, ink: Ink) -> None:
        """Fill a rectangle."""
        self._pdf.set_fill_color(ink)
        self._pdf.rect(x + self.origin[0], y + self.origin[1], width, height, style="F")

    def dashed_ring(self, x: float, y: float, diameter: float, ink: Ink) -> None:
        """Draw the thin dashed circle that fits into the square at (x, y)."""
        self._pdf.set_draw_color(ink)
        with self._pdf.local_context(dash_pattern={"dash": 1, "gap": 1, "phase": 0}):
            self._pdf.ellipse(x + self.origin[0], y + self.origin[1], diameter, diameter)

    def line(self, line: Line, ink: Ink, *, bold: bool = False) -> None:
        """Write one line of text, each run of characters in the font that has them."""
        self._pdf.set_text_color(ink)
        # fpdf2 writes the width of a letter's stroke as it is, in points; the context ends the stroking with it.
        stroke = line.letters * BOLD * _POINTS_PER_MM
        stroked = self._pdf.local_context(text_mode=TextMode.FILL_STROKE, draw_color=ink, line_width=stroke)
        with stroked if bold else nullcontext():
            x = line.x + self.origin[0]
            for face, chars in groupby(line.text, fonts.face_of):
                run = "".join(chars)
                if face:
                    self._pdf.set_font(self._family(face), size=line.letters * _POINTS_PER_MM)
                    self._pdf.text(x, line.baseline + self.origin[1], run)
                x += width_of(run, line.letters)

    def code(self, x: float, y: float, module: float, code: Code) -> None:
        """Draw a code as one shape of vectors, so that no viewer shows seams between its modules."""
        self._pdf.modules(x + self.origin[0], y + self.origin[1], module, code)

    def finished(self) -> bytes:
        """Return the file; nothing can be drawn any more."""
        return bytes(self._pdf.output(output_producer_class=_DatelessProducer))

    def _family(self, face: fonts.Face) -> str:
        if face not in self._families:
            self._families[face] = family = f"face{len(self._families)}"
            self._pdf.add_font(family, fname=face.path, collection_font_number=face.index)
        return self._families[face]


class _Document(FPDF):
    def modules(self, x: float, y: float, module: float, code: Code) -> None:
        # rect() of fpdf2 takes 9 µs for each of some 650 rectangles and fills each for itself, with seams between them.
        left, top, scale = x * self.k, (self.h - y) * self.k, module * self.k
        shape = "\n".join(f"{dark.x} {dark.y} {dark.width} {dark.height} re" for dark in code.dark)
        self._out(f"q 0 g {scale:.5f} 0 0 {-scale:.5f} {left:.3f} {top:.3f} cm\n{shape}\nf Q")


class _DatelessProducer(OutputProducer):
    def _add_info(self) -> PDFInfo:
        info = super()._add_info()
        info.creation_date = None  # type: ignore[assignment] # what is None is not written
        return info
