"""XLSX workbooks, read row by row so that no file can make the station run out of memory.

python-calamine would be faster, but lays a sheet out in full: two cells at its far corners abort the process
(calamine issue 693). openpyxl reads a stream, and tells a formula from a text that looks like one.
"""

import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any

from passes.errors import N_
from station.bulk.spreadsheet import EMPTY, Cell, Merged, Sheet, SpreadsheetError, add_row, too_many_rows

_MAX_UNPACKED_MB = 40
_MOST_TIMES = 100
"""How many times its packed size a large part may have: those of real lists have 5 to 20 times."""
_MAX_PARTS = 2_000
_LAST_ROW = 1_048_576
_MAX_MERGED = 10_000
_RANGE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})(?::([A-Z]{1,3})([0-9]{1,7}))?")

# openpyxl has no error of its own for a damaged part: each of these came out of some file.
_DAMAGED = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)


def read_workbook(path: Path, data: bytes, name: str | None) -> Sheet:
    """Read the sheet called `name`, or the first one that is shown; raises `SpreadsheetError`."""
    _check_size(path, data)
    with _damage_told(path), warnings.catch_warnings():
        # openpyxl warns of each feature that it would not write back.
        warnings.simplefilter("ignore")
        from openpyxl.reader.excel import ExcelReader

        reader = ExcelReader(io.BytesIO(data), read_only=True, keep_links=False)
        reader.read()
        page = _chosen(path, reader.wb.worksheets, name)
        parts = {sheet.name: relation.target for sheet, relation in reader.parser.find_sheets()}
        others = tuple(each.title for each in reader.wb.worksheets if each is not page)
        sheet = Sheet(path, [], name=page.title, not_read=others)
        # What a file says of its own size may be wrong.
        page.reset_dimensions()
        for number, cells in enumerate(page.iter_rows(), 1):
            if number > _LAST_ROW:
                raise too_many_rows(path)
            add_row(sheet, number, [_cell(cell) for cell in cells])
        sheet.merged.extend(_merged(path, reader.archive, parts[page.title]))
    return sheet


def _check_size(path: Path, data: bytes) -> None:
    """Refuse what would unpack to too much, by the archive's directory: zipfile never unpacks more than it says."""
    with _damage_told(path), zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
    is_large = len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _MAX_UNPACKED_MB * 1_000_000
    is_bomb = any(part.file_size > max(1_000_000, part.compress_size * _MOST_TIMES) for part in parts)
    if is_large or is_bomb:
        raise SpreadsheetError(
            N_(
                "{path}: would unpack to more than a list can have ({most} MB); copy the list alone into a new workbook"
            ),
            path=path,
            most=_MAX_UNPACKED_MB,
        )


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise SpreadsheetError(
            N_("{path}: is no XLSX workbook, or is damaged ({error}); open it and save it again as .xlsx"),
            path=path,
            error=type(error).__name__,
        ) from error


def _chosen(path: Path, pages: list[Any], name: str | None) -> Any:
    shown = [page for page in pages if (page.title == name if name is not None else page.sheet_state == "visible")]
    if shown:
        return shown[0]
    raise SpreadsheetError(
        N_('{path}: --sheet = "{name}": no such sheet; there are: {found}'),
        path=path,
        name=name or "",
        found=", ".join(page.title for page in pages),
    )


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return EMPTY
    if cell.data_type in ("f", "e"):
        # Of an array formula openpyxl gives an object.
        return Cell(str(getattr(value, "text", value)), "formula" if cell.data_type == "f" else "error")
    if isinstance(value, bool | str):
        return Cell(str(value))
    if isinstance(value, int | float):
        is_whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        return Cell(str(int(value) if is_whole else value), "number")
    is_day = isinstance(value, datetime) and value.time() == time()
    return Cell(value.date().isoformat() if is_day else str(value), "date")


def _merged(path: Path, archive: zipfile.ZipFile, part: str) -> Iterator[Merged]:
    from openpyxl.utils import column_index_from_string
    from openpyxl.xml.functions import iterparse

    names: list[str] = []
    with archive.open(part) as source:
        for _event, element in iterparse(source):
            if element.tag.endswith("}mergeCell"):
                names.append(element.get("ref", ""))
            elif element.tag.endswith("}row"):
                element.clear()
    if len(names) > _MAX_MERGED:
        raise SpreadsheetError(
            N_("{path}: has more than {most} merged cells; unmerge them"), path=path, most=_MAX_MERGED
        )
    for name in names:
        if found := _RANGE.fullmatch(name):
            left, top, right, bottom = found.groups()
            yield Merged(
                name,
                int(top),
                int(bottom or top),
                column_index_from_string(left) - 1,
                column_index_from_string(right or left) - 1,
            )
