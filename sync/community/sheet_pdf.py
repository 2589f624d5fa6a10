"""Tables on paper: A4 pages with a heading, a grid whose head is repeated, and lines to sign on.

Importing this module loads fpdf2, so it is imported where a PDF is made. The same tables give the same bytes.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import BinaryIO

from passes.errors import N_, UsageError
from passes.paper import BLACK, GREY, Ink
from passes.pdf import Pages
from passes.printed import shown
from passes.sheet import A4_HEIGHT, A4_WIDTH
from passes.typesetting import Box, Line, set_in
from sync.community.sheets import Column, Say, Sheet, cells_of
from sync.community.workbook import Cell

MAX_PRINTED_ROWS = 5000

_MARGIN = 12.0
_TITLE_HEIGHT, _ABOUT_HEIGHT, _NOTE_HEIGHT, _FOOT_HEIGHT = 10.0, 5.0, 4.6, 5.0
_HEAD_HEIGHT, _ROW_HEIGHT, _SIGNING_HEIGHT = 9.0, 7.6, 14.0
_LETTERS, _THIN, _PADDING, _GAP = 2.9, 0.15, 0.8, 2.0
_PORTRAIT_DIGITS = 130
"""Columns that are wider together are printed on landscape pages."""

_SHADE: Ink = (232, 232, 232)
_SIGNATURES = (N_("Filled in by:"), N_("Checked by:"), N_("Date:"))


def write_pdf(sheets: Sequence[Sheet], out: BinaryIO, community_name: str, say: Say = str) -> int:
    """Write the tables, each beginning on a page of its own; return how many rows they have together.

    Raises `UsageError` for more than `MAX_PRINTED_ROWS` rows.
    """
    laid = [_Laid(sheet, say) for sheet in sheets]
    count = sum(len(one.rows) for one in laid)
    if any(one.is_wide for one in laid):
        width, height = A4_HEIGHT, A4_WIDTH
    else:
        width, height = A4_WIDTH, A4_HEIGHT
    with Pages(width, height) as pages:
        press = _Press(pages, width, height, shown(community_name), say)
        press.print([(one, press.pages_of(one)) for one in laid])
        out.write(pages.finished())
    return count


class _Laid:
    """A table whose cells are texts, with the columns that are printed."""

    def __init__(self, sheet: Sheet, say: Say) -> None:
        self.sheet = sheet
        places = [place for place, column in enumerate(sheet.columns.values()) if column.on_paper]
        columns = list(sheet.columns.values())
        self.columns: list[Column] = [columns[place] for place in places]
        self.rows: list[list[str]] = []
        for cells in cells_of(sheet, say):
            if len(self.rows) == MAX_PRINTED_ROWS:
                raise UsageError(
                    N_("PDF: more than {limit} rows are not for paper; select fewer days, or write .xlsx"),
                    limit=MAX_PRINTED_ROWS,
                )
            self.rows.append([_text(cells[place]) for place in places])

    @property
    def is_wide(self) -> bool:
        """Say whether the columns need a landscape page."""
        return sum(column.width for column in self.columns) > _PORTRAIT_DIGITS


class _Press:
    def __init__(self, pages: Pages, width: float, height: float, community_name: str, say: Say) -> None:
        self._pages = pages
        self._width, self._height = width - 2 * _MARGIN, height - 2 * _MARGIN
        self._community_name = community_name
        self._say = say

    def pages_of(self, laid: _Laid) -> list[list[list[str]]]:
        """Cut the rows into pages; the last one has room for the notes and the signatures."""
        heading = _TITLE_HEIGHT + _ABOUT_HEIGHT * (1 + len(laid.sheet.about)) + _GAP
        room = self._height - heading - _HEAD_HEIGHT - _FOOT_HEIGHT
        after = _NOTE_HEIGHT * len(laid.sheet.notes) + _SIGNING_HEIGHT
        on_page, on_last = int(room / _ROW_HEIGHT), int((room - after) / _ROW_HEIGHT)
        pages = [laid.rows[start : start + on_page] for start in range(0, len(laid.rows), on_page)] or [[]]
        if len(pages[-1]) > on_last:
            # The rows that leave no room go on to a page of their own.
            pages[-1:] = [pages[-1][:on_last], pages[-1][on_last:]]
        return pages

    def print(self, laid: Iterable[tuple[_Laid, list[list[list[str]]]]]) -> None:
        """Draw everything."""
        of_all = list(laid)
        total = sum(len(pages) for _one, pages in of_all)
        number = 0
        for one, pages in of_all:
            for rows in pages:
                number += 1
                self._pages.new_page()
                y = self._heading(one.sheet)
                y = self._grid(one, rows, y)
                if rows is pages[-1]:
                    self._ending(one.sheet, y)
                foot = Box(_MARGIN, _MARGIN + self._height - _FOOT_HEIGHT, self._width, _FOOT_HEIGHT, 2.6, "right")
                self._put(foot, f"{number} / {total}", GREY)

    def _heading(self, sheet: Sheet) -> float:
        y = _MARGIN
        title = shown(self._say(sheet.title))
        self._put(Box(_MARGIN, y, self._width, _TITLE_HEIGHT, 5.6, "middle"), title, bold=True)
        y += _TITLE_HEIGHT
        for text in (self._community_name, *map(shown, sheet.about)):
            self._put(Box(_MARGIN, y, self._width, _ABOUT_HEIGHT, 3.0, "middle"), text)
            y += _ABOUT_HEIGHT
        return y + _GAP

    def _grid(self, laid: _Laid, rows: list[list[str]], top: float) -> float:
        digits = sum(column.width for column in laid.columns)
        widths = [column.width * self._width / digits for column in laid.columns]
        self._pages.rectangle(_MARGIN, top, self._width, _HEAD_HEIGHT, _SHADE)
        titles = [shown(self._say(column.title)) for column in laid.columns]
        self._row(titles, widths, top, _HEAD_HEIGHT, bold=True)
        y = top + _HEAD_HEIGHT
        for cells in rows:
            self._row(cells, widths, y, _ROW_HEIGHT)
            y += _ROW_HEIGHT
        self._pages.origin = (0.0, 0.0)
        heights = [top, top + _HEAD_HEIGHT, *(top + _HEAD_HEIGHT + _ROW_HEIGHT * n for n in range(1, len(rows) + 1))]
        for height in heights:
            self._pages.rectangle(_MARGIN, height, self._width, _THIN, BLACK)
        x = _MARGIN
        for width in [*widths, 0.0]:
            self._pages.rectangle(x, top, _THIN, y - top + _THIN, BLACK)
            x += width
        return y

    def _row(self, cells: list[str], widths: list[float], y: float, height: float, *, bold: bool = False) -> None:
        x = _MARGIN
        for text, width in zip(cells, widths, strict=True):
            self._pages.origin = (x + _PADDING, y)
            for line in _set_cell(text, width - 2 * _PADDING, height):
                self._pages.line(line, BLACK, bold=bold)
            x += width
        self._pages.origin = (0.0, 0.0)

    def _ending(self, sheet: Sheet, y: float) -> None:
        y += 1.0
        for note in sheet.notes:
            self._put(Box(_MARGIN, y, self._width, _NOTE_HEIGHT, 2.7), shown(note), GREY)
            y += _NOTE_HEIGHT
        width = self._width / len(_SIGNATURES)
        for place, words in enumerate(_SIGNATURES):
            self._put(Box(_MARGIN + width * place, y + 4.0, width, 6.0, 3.2), shown(self._say(words)))

    def _put(self, box: Box, text: str, ink: Ink = BLACK, *, bold: bool = False) -> None:
        for line in set_in(box, [text]):
            self._pages.line(line, ink, bold=bold)


@lru_cache(maxsize=10_000)
def _set_cell(text: str, width: float, height: float) -> tuple[Line, ...]:
    return tuple(set_in(Box(0.0, 0.0, width, height, _LETTERS, "middle", smallest=1.8), [text]))


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    return shown(cell) if isinstance(cell, str) else str(cell)
