"""Tables for staff, whatever is in them: CSV and XLSX for people, JSON for machines, one row after the other.

Text from outside is data in every format: control and direction characters are replaced, formulas stay text. No format
holds more than a row in memory, so that a year's passages fit a small office computer.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from passes.errors import N_, GatepostError
from passes.plaintext import plain
from sync.community.workbook import Cell, Page, write_workbook

Say = Callable[[str], str]
"""Translates a title or a word; exports themselves are written in English."""

Row = Mapping[str, Any]

TEXT_LIMIT = 1000
_REMEMBERED = 4096
PURGED = N_("(purged)")
"""What stands where retention has taken a personal field away."""

# Excel and WPS also take the full-width forms for the start of a formula.
_FORMULA_STARTS = tuple("=+-@\t\r＝＋－＠")


class ExportError(GatepostError):
    """A file that cannot be written."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, its width in digits, the words for its codes, and whether retention empties it.

    What is not `on_paper` is for machines and left out of what is printed.
    """

    title: str
    width: int = 13
    words: Mapping[str, str] = field(default_factory=dict)
    is_personal: bool = False
    on_paper: bool = True


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table ready to be written: one mapping per row with a value for each column, codes not yet put into words.

    A row that retention has been at says so with a true `purged`. `notes` stand under a printed table, `about` under
    its title; neither is part of the table.
    """

    title: str
    columns: Mapping[str, Column]
    rows: Iterable[Row]
    unmasked: bool = False
    about: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def write_json(sheet: Sheet, out: BinaryIO) -> int:
    """Write a JSON array of objects with stable keys and codes, every value exact; return how many there are."""
    count = 0
    for count, row in enumerate(sheet.rows, 1):
        out.write(b",\n" if count > 1 else b"[\n")
        text = json.dumps(row, ensure_ascii=False)
        # Whoever prints this to a terminal must not run its control or direction characters.
        if not text.isprintable():
            text = "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in text)
        out.write(text.encode())
    out.write(b"\n]\n" if count else b"[]\n")
    return count


def write_csv(sheet: Sheet, out: BinaryIO, say: Say = str) -> int:
    """Write CSV in UTF-8 with a byte order mark, by which Excel knows that it is not GBK; return the rows' number."""
    text = io.TextIOWrapper(out, "utf-8-sig", newline="")
    try:
        writer = csv.writer(text)
        writer.writerow([_guarded(say(column.title)) for column in sheet.columns.values()])
        count = 0
        for cells in cells_of(sheet, say):
            writer.writerow([_guarded(cell) if isinstance(cell, str) else cell for cell in cells])
            count += 1
        text.flush()
    finally:
        text.detach()
    return count


def write_xlsx(sheet: Sheet, out: BinaryIO, created_at_ms: int, say: Say = str) -> int:
    """Write a workbook of one page in which every text is a text cell, never a formula or a link."""
    return write_xlsx_pages([sheet], out, created_at_ms, say)


def write_xlsx_pages(sheets: Iterable[Sheet], out: BinaryIO, created_at_ms: int, say: Say = str) -> int:
    """Write a workbook with a page for each table; return how many rows they have together.

    Raises `ExportError` for a table that has more rows than a page can.
    """
    pages = [
        Page(
            titles=[plain(say(column.title)) for column in sheet.columns.values()],
            widths=[column.width for column in sheet.columns.values()],
            rows=cells_of(sheet, say),
        )
        for sheet in sheets
    ]
    try:
        return write_workbook(pages, out, datetime.fromtimestamp(created_at_ms / 1000, UTC))
    except OverflowError as error:
        raise ExportError(
            N_("a page of a workbook has room for {rows} rows; pull fewer days, or write CSV"), rows=error.args[0]
        ) from error


def cells_of(sheet: Sheet, say: Say = str) -> Iterable[list[Cell]]:
    """Yield each row's cells as people read them: words for codes, every text harmless and of bounded length."""
    spoken = cache(say)
    # People, places and guards come again and again; looking at each text once halves the time.
    harmless = lru_cache(maxsize=_REMEMBERED)(lambda text: plain(text, TEXT_LIMIT))
    columns = list(sheet.columns.items())
    for row in sheet.rows:
        is_purged = bool(row.get("purged"))
        cells: list[Cell] = []
        for key, column in columns:
            value = row[key]
            if isinstance(value, str):
                word = column.words.get(value)
                value = harmless(value if word is None else spoken(word))
            elif isinstance(value, list | tuple):
                value = harmless(", ".join(spoken(column.words.get(code, code)) for code in value)) if value else ""
            elif isinstance(value, bool):
                value = spoken(_YES) if value else ""
            if is_purged and column.is_personal and value in {None, ""}:
                value = spoken(PURGED)
            cells.append(value)
        yield cells


_YES = N_("yes")


def save(path: Path, data: bytes) -> None:
    """Put `data` into `path` as a whole, readable by its owner only; raises `ExportError`."""
    save_by(path, lambda out: out.write(data), lambda _count: None)


def save_by(path: Path, write: Callable[[BinaryIO], int], before: Callable[[int], None]) -> int:
    """Let `write` fill a new file, readable by its owner only; call `before` with what it returned; name it `path`.

    Whatever goes wrong, `path` is what it was. Raises `ExportError`.
    """
    part = path.with_name(path.name + ".part")
    try:
        try:
            part.unlink(missing_ok=True)
            part.touch(mode=0o600, exist_ok=False)
            with part.open("wb") as out:
                count = write(out)
            before(count)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise ExportError(
            N_("{path}: cannot be written ({error}); name another file or free some space"), path=path, error=error
        ) from error
    return count


def _guarded(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run (OWASP, CSV injection)."""
    return "'" + text if text.lstrip().startswith(_FORMULA_STARTS) or text.startswith(_FORMULA_STARTS) else text
