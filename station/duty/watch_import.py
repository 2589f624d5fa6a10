"""A watch list read in from a spreadsheet: looked through first, then taken row by row; nobody is listed twice."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from passes.errors import GatepostError, UsageError
from passes.identity import parse_id_number, parse_phone
from station.bulk.columns import Columns, find_columns
from station.bulk.spreadsheet import Row, read_sheet
from station.bulk.values import parse_words, read_text
from station.duty import watch
from station.duty.book import DutyBook
from station.duty.watch import Listing
from sync.sealing import Sealer

_MAY_BE_MISSING = ("address", "kind", "from", "until")
_PARSERS: dict[str, Callable[[str], str]] = {
    "name": partial(parse_words, "name"),
    "address": partial(parse_words, "address"),
    "id_number": parse_id_number,
    "phone": parse_phone,
    "remark": partial(parse_words, "remark"),
}
"""The columns that are read; the remark says why somebody is on the list."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is bad, and the title of the column; empty where the row as a whole is meant."""

    row: int
    column: str
    error: GatepostError


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file asks for: the good entries by row number, and why the other rows are bad."""

    good: dict[int, Listing]
    problems: list[Problem]


@dataclass(slots=True)
class Taken:
    """How far a list has been read in: entries that are new, and those that stood on it already."""

    new: int = 0
    known: int = 0


def read_list(path: Path, source: str, sheet_name: str | None = None) -> Plan:
    """Look through every row of a file; nothing is recorded.

    Raises `SpreadsheetError` for a file that is no list of names, OSError for one that cannot be read.
    """
    sheet = read_sheet(path, sheet_name)
    columns, rows = find_columns(sheet, _MAY_BE_MISSING)
    plan = Plan({}, [])
    for row in rows:
        problems = len(plan.problems)
        told = {field: _read(row, columns, field, plan.problems) for field in _PARSERS}
        if any(told.values()) and len(plan.problems) == problems:
            reason = told.pop("remark")
            plan.good[row.number] = Listing(reason=reason, source=source, **told)
    return plan


def _read(row: Row, columns: Columns, field: str, problems: list[Problem]) -> str:
    try:
        parts = [read_text(field, row.cell(place)) for place in columns.places.get(field, ())]
        text = "-".join(filter(None, parts))
        return _PARSERS[field](text) if text else ""
    except GatepostError as error:
        problems.append(Problem(row.number, columns.title(field), error))
        return ""


def take(plan: Plan, book: DutyBook, sealer: Sealer | None) -> Iterator[Taken]:
    """Put the good entries on the watch list, one transaction each, and yield how far it has come after each.

    An entry that cannot be listed joins the plan's problems. Raises `StorageError`; what was recorded stays, and the
    next run goes on there.
    """
    taken = Taken()
    for row, listing in plan.good.items():
        try:
            is_new = watch.add(book, sealer, listing) is not None
        except UsageError as error:
            plan.problems.append(Problem(row, "", error))
        else:
            taken.new += is_new
            taken.known += not is_new
        yield taken
