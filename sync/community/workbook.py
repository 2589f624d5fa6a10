"""Workbooks (XLSX) of any length, row after row, in a fifth of the time that a library takes cell by cell.

xlsxwriter makes the workbook with titles, widths and formats; the rows are put into its pages as they come, as the
cells of ECMA-376 part 1, section 18.3.1: numbers, and texts "in line", which no program takes for a formula or a link.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import IO, BinaryIO

Cell = str | int | float | None

MAX_ROWS = 1_048_575
"""What a page holds besides its titles; ECMA-376 leaves it open, Excel and WPS do not."""

_ROWS_AT_ONCE = 500
_REMEMBERED = 16_384

# Level 1 of zlib takes a third of the time of level 6, for a file a fifth larger.
_COMPRESSION = 1

# The three of XML, and the two characters that XML cannot hold and `plain` lets through.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\ufffe": "\ufffd", "\uffff": "\ufffd"})

_CODE = re.compile(r"_x[0-9A-Fa-f]{4}_")
"""What spreadsheets read as a character's code (ECMA-376 part 1, section 22.9.2.19); `_x005F_` is its first mark."""

_SAMPLE = re.compile(rb'<row r="2".*?</row>')
_STYLE = re.compile(rb' s="(\d+)"')
_DIMENSION = re.compile(rb"<dimension [^>]*/>")


@dataclass(frozen=True, slots=True)
class Page:
    """A page: the titles of its columns, their widths in digits, and its rows, each with a cell for each column."""

    titles: Sequence[str]
    widths: Sequence[int]
    rows: Iterable[Sequence[Cell]]


def write_workbook(pages: Sequence[Page], out: BinaryIO, created: datetime) -> int:
    """Write the pages, a floating number with one or two decimals; return how many rows they have together.

    Texts must be free of control characters. Raises `OverflowError` with `MAX_ROWS` when a page has more.
    """
    count = 0
    with (
        zipfile.ZipFile(_frame(pages, created)) as frame,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=_COMPRESSION) as book,
    ):
        places = {f"xl/worksheets/sheet{number}.xml": page for number, page in enumerate(pages, 1)}
        for part in frame.infolist():
            data, page = frame.read(part), places.get(part.filename)
            info = zipfile.ZipInfo(part.filename, part.date_time)
            info.compress_type = zipfile.ZIP_DEFLATED
            with book.open(info, "w") as file:
                if page is None:
                    file.write(data)
                else:
                    count += _fill(page, data, file)
    return count


def _frame(pages: Sequence[Page], created: datetime) -> BinaryIO:
    """Return a workbook without rows but one, which shows how a floating number is written."""
    import xlsxwriter

    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"created": created})
        bold, decimals = book.add_format({"bold": True}), book.add_format({"num_format": "0.0#"})
        for page in pages:
            sheet = book.add_worksheet()
            sheet.set_landscape()
            sheet.set_paper(9)  # A4
            sheet.repeat_rows(0)
            sheet.freeze_panes(1, 0)
            for place, (title, width) in enumerate(zip(page.titles, page.widths, strict=True)):
                sheet.set_column(place, place, width)
                sheet.write_string(0, place, title, bold)
            sheet.write_number(1, 0, 0, decimals)
    file.seek(0)
    return file


def _fill(page: Page, frame: bytes, file: IO[bytes]) -> int:
    """Write a page's XML with its rows in the place of the sample; return how many there are."""
    from xlsxwriter.utility import xl_col_to_name

    sample = _SAMPLE.search(frame)
    style = _STYLE.search(sample[0]) if sample else None
    if sample is None or style is None:
        raise RuntimeError("xlsxwriter writes its pages in another way")
    decimals = f' s="{style[1].decode()}"'
    before, after = frame[: sample.start()], frame[sample.end() :]
    # Its extent is optional, and not known yet.
    file.write(_DIMENSION.sub(b"", before))
    columns = [xl_col_to_name(place) for place in range(len(page.titles))]
    written: list[str] = []
    count = 0
    for count, cells in enumerate(page.rows, 1):
        if count > MAX_ROWS:
            raise OverflowError(MAX_ROWS)
        written.append(_row(str(count + 1), columns, cells, decimals))
        if len(written) == _ROWS_AT_ONCE:
            file.write("".join(written).encode())
            written.clear()
    file.write("".join(written).encode())
    file.write(after)
    return count


def _row(line: str, columns: Sequence[str], cells: Sequence[Cell], decimals: str) -> str:
    parts = [f'<row r="{line}">']
    for column, cell in zip(columns, cells, strict=True):
        if isinstance(cell, str):
            if cell:
                parts.append(f'<c r="{column}{line}"{_text(cell)}')
        elif cell is not None:
            style = decimals if isinstance(cell, float) else ""
            parts.append(f'<c r="{column}{line}"{style}><v>{cell!r}</v></c>')
    parts.append("</row>")
    return "".join(parts)


@lru_cache(maxsize=_REMEMBERED)
def _text(text: str) -> str:
    """Return what follows a text cell's place; the same people pass every day."""
    coded = _CODE.sub(lambda found: f"_x005F{found[0]}", text).translate(_ESCAPES)
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f' t="inlineStr"><is><t{space}>{coded}</t></is></c>'
