"""A CSV or XLSX file as rows of text, each cell with its place and with what the spreadsheet took it for.

Nothing is guessed: a file that could be read in two ways is refused, and what cannot be shown as its writer saw it
(a formula, an error, a rounded number) is marked so.
"""

import csv
import io
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from passes.errors import N_, UsageError

MAX_ROWS = 5_000
MAX_COLUMNS = 200
MAX_FILE_MB = 20
HEADER_ROWS = 20
"""Rows above the data that may hold a title, notes and the header."""

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_TEXT_SUFFIXES = {".csv", ".tsv", ".txt"}
_DELIMITERS = {",": N_("comma"), ";": N_("semicolon"), "\t": N_("tab")}


class SpreadsheetError(UsageError):
    """A file that cannot be read as one table of rows."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: the text of its value, and as what it is stored. Dates are written as 2026-03-31."""

    text: str
    form: Literal["text", "number", "date", "formula", "error"] = "text"


EMPTY = Cell("")


@dataclass(frozen=True, slots=True)
class Row:
    """One row that is not blank; `number` is what the spreadsheet shows beside it, from 1."""

    number: int
    cells: tuple[Cell, ...]

    def cell(self, place: int) -> Cell:
        """Return the cell in column `place`, from 0; empty where the row is shorter."""
        return self.cells[place] if place < len(self.cells) else EMPTY


@dataclass(frozen=True, slots=True)
class Merged:
    """Cells merged into one: `name` as the spreadsheet writes it, such as A1:F1, and its edges, all inclusive.

    Rows are counted from 1, columns from 0.
    """

    name: str
    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table of a file: its rows, and how it was read (`encoding` and `delimiter` of CSV, `name` of XLSX)."""

    path: Path
    rows: list[Row]
    name: str = ""
    encoding: str = ""
    delimiter: str = ""
    merged: list[Merged] = field(default_factory=list)
    not_read: tuple[str, ...] = ()
    """Names of the other sheets in the workbook."""


def read_sheet(path: Path, name: str | None = None) -> Sheet:
    """Read the sheet called `name`, or the first one that is shown, of at most 5,000 rows and 20 MB.

    The content tells the format: XLSX (Office Open XML, ECMA-376) or CSV in UTF-8 or GB 18030, separated by commas,
    semicolons or tabs. Raises `SpreadsheetError` for anything else, OSError for a file that cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(MAX_FILE_MB * 1_000_000 + 1)
    if len(data) > MAX_FILE_MB * 1_000_000:
        raise SpreadsheetError(N_("{path}: has more than {most} MB; split it"), path=path, most=MAX_FILE_MB)
    if data.startswith(_ZIP):
        from station.bulk.workbook import read_workbook

        return read_workbook(path, data, name)
    if data.startswith(_OLE):
        raise SpreadsheetError(
            N_("{path}: an old .xls, or protected by a password; save it as .xlsx without a password"), path=path
        )
    if path.suffix.lower() not in _TEXT_SUFFIXES:
        raise SpreadsheetError(N_("{path}: is no spreadsheet; save it as .xlsx or .csv"), path=path)
    if name is not None:
        raise SpreadsheetError(N_('--sheet = "{name}": {path} is CSV and has no sheets'), name=name, path=path)
    return _read_csv(path, data)


def add_row(sheet: Sheet, number: int, cells: list[Cell]) -> None:
    """Append a row unless it is blank; raises `SpreadsheetError` when the sheet becomes too long or too wide."""
    while cells and not cells[-1].text.strip():
        cells.pop()
    if not cells:
        return
    if len(cells) > MAX_COLUMNS:
        raise SpreadsheetError(
            N_("{path}: row {row} has more than {most} columns; delete what is not of the list"),
            path=sheet.path,
            row=number,
            most=MAX_COLUMNS,
        )
    # The header and the title above it are not counted against the rows of data.
    if len(sheet.rows) >= MAX_ROWS + HEADER_ROWS:
        raise too_many_rows(sheet.path)
    sheet.rows.append(Row(number, tuple(cells)))


def too_many_rows(path: Path) -> SpreadsheetError:
    """Return the error of a table that is too long to look through."""
    return SpreadsheetError(N_("{path}: has more than {most} rows; split it"), path=path, most=MAX_ROWS)


def _read_csv(path: Path, data: bytes) -> Sheet:
    text, encoding = _decoded(path, data)
    delimiter = max(_DELIMITERS, key=lambda each: _width(text, each))
    sheet = Sheet(path, [], encoding=encoding, delimiter=_DELIMITERS[delimiter])
    # Strict, or a quote that is never closed would swallow the rest of the file.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for number, fields in enumerate(reader, 1):
            add_row(sheet, number, [Cell(_unguarded(field)) for field in fields])
    except csv.Error as error:
        raise SpreadsheetError(
            N_("{path}: line {line} is no CSV ({error}); check its quotation marks, or save it as .xlsx"),
            path=path,
            line=reader.line_num,
            error=error,
        ) from error
    return sheet


def _decoded(path: Path, data: bytes) -> tuple[str, str]:
    if b"\0" not in data:
        for encoding in ("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "gb18030"):
            try:
                return data.decode(encoding), encoding
            except UnicodeDecodeError:
                continue
    raise SpreadsheetError(
        N_("{path}: is no text in UTF-8 or GB 18030; save it as .xlsx, or as CSV in UTF-8"), path=path
    )


def _width(text: str, delimiter: str) -> int:
    """Return how many columns the first rows have if this is what separates them."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        return max((len(fields) for fields, _ in zip(reader, range(HEADER_ROWS), strict=False)), default=0)
    except csv.Error:
        return 0


def _unguarded(text: str) -> str:
    """Take away the apostrophe by which people and our own reports keep a spreadsheet from running or rounding text."""
    return text[1:] if text[:1] == "'" and (text[1:2].isdigit() or text[1:2] in tuple("=+-@＝＋－＠")) else text
