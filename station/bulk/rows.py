"""Rows looked through: each becomes an application, or is bad for reasons that are told cell by cell."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from typing import TypeVar

from passes.errors import N_, GatepostError
from passes.identity import mask_id_number, mask_id_numbers, parse_id_number, parse_phone, parse_plate
from passes.kinds import Kind
from station.bulk.columns import REQUIRED, Columns
from station.bulk.spreadsheet import Merged, Row
from station.bulk.values import KindNames, RowError, parse_day, parse_words, read_text
from station.issuing import Application

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is bad: its number, the title of the column (empty where the row as a whole is meant), the reason."""

    row: int
    column: str
    error: GatepostError


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for rows that do not say it themselves."""

    kind: Kind | None = None
    valid_from: date | None = None
    valid_until: date | None = None

    def fields(self) -> list[str]:
        """Name the columns that the sheet need not have."""
        values = {"kind": self.kind, "from": self.valid_from, "until": self.valid_until}
        return [name for name, value in values.items() if value is not None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of the rows: good applications by row number, and the problems of the others in order.

    `cells` has the text of every row as it may be shown: of ID numbers the last four characters.
    """

    good: dict[int, Application] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    cells: dict[int, tuple[str, ...]] = field(default_factory=dict)


def check_rows(
    rows: Iterable[Row], columns: Columns, merged: Iterable[Merged], kinds: KindNames, defaults: Defaults
) -> Checked:
    """Look through the rows; one without anything in a known column is passed over.

    A person (the same ID number; the same name and address where either row has no number) has one pass in a file.
    Whoever comes again is a problem, even where the first row is bad: correcting that would make two passes.
    """
    checked, persons, alike = Checked(), _Persons(), Counter[str]()
    merged_in_reach = _in_reach(merged, columns)
    for row in rows:
        if not any(row.cell(place).text.strip() for places in columns.places.values() for place in places):
            continue
        reader = _RowReader(row, columns)
        for cells in merged_in_reach:
            if cells.top <= row.number <= cells.bottom:
                reader.add("", RowError(N_("merged cells {range}; unmerge and fill them"), range=cells.name))
                break
        application = reader.read(kinds, defaults)
        if repeated := persons.meet(reader, application):
            reader.add("id_number" if reader.id_number else "name", repeated)
        checked.problems.extend(reader.problems)
        checked.cells[row.number] = _masked(row, columns)
        if application and not reader.problems:
            meaning = _meaning(application)
            checked.good[row.number] = _with_source(application, meaning, alike[meaning])
            alike[meaning] += 1
    return checked


class _RowReader:
    """Reads one row, keeping every problem: whoever corrects a row wants to hear of all of them."""

    def __init__(self, row: Row, columns: Columns) -> None:
        self.number = row.number
        self.problems: list[Problem] = []
        self.name = self.address = self.id_number = ""
        self._row = row
        self._columns = columns

    def add(self, field: str, error: GatepostError) -> None:
        self.problems.append(Problem(self.number, self._columns.title(field), error))

    def read(self, kinds: KindNames, defaults: Defaults) -> Application | None:
        self.name = self._take("name", partial(parse_words, "name"), None) or ""
        self.address = self._take("address", partial(parse_words, "address"), None) or ""
        kind = self._take("kind", kinds.parse, defaults.kind)
        first = self._take("from", parse_day, defaults.valid_from)
        last = self._take("until", parse_day, defaults.valid_until)
        household = self._take("household", partial(parse_words, "household"), None)
        self.id_number = self._take("id_number", parse_id_number, None) or ""
        phone = self._take("phone", parse_phone, None) or ""
        self._take("plate", parse_plate, None)
        self._take("remark", partial(parse_words, "remark"), None)
        if first and last and last < first:
            self.add("until", RowError(N_("{last} lies before the first day, {first}"), last=last, first=first))
        if not (self.name and self.address and kind and first and last):
            return None
        return Application(self.name, self.address, kind, first, last, household, id_number=self.id_number, phone=phone)

    def _take(self, field: str, parse: Callable[[str], T], otherwise: T | None) -> T | None:
        try:
            text = self._text(field)
            if text:
                return parse(text)
            if otherwise is None and field in REQUIRED:
                raise RowError(N_("is empty; fill it in"))
        except GatepostError as error:
            self.add(field, error)
            return None
        return otherwise

    def _text(self, field: str) -> str:
        """Return the text of a field; where building, unit and room stand apart, 3, 2 and 501 become 3-2-501."""
        joined = ""
        for place in self._columns.places.get(field, ()):
            text = read_text(field, self._row.cell(place))
            # 3号楼 and 2单元 need no dash between them, 2 and 501 would run together without.
            needs_dash = joined[-1:].isascii() and text[:1].isascii() and joined and text
            joined += f"-{text}" if needs_dash else text
        return joined


class _Persons:
    """Who has been met in this file, by ID number and by name and address."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._homes: dict[tuple[str, str], int] = {}
        self._homes_without_number: dict[tuple[str, str], int] = {}
        self._meanings: dict[int, str] = {}

    def meet(self, reader: _RowReader, application: Application | None) -> RowError | None:
        """Note who stands in this row; return the problem when they stood in an earlier one."""
        home = (reader.name.casefold(), reader.address.casefold())
        homes = self._homes_without_number if reader.id_number else self._homes
        first = self._numbers.get(reader.id_number) or (homes.get(home) if all(home) else None)
        meaning = _meaning(application) if application else ""
        if first is not None:
            if meaning and meaning == self._meanings.get(first):
                return RowError(N_("repeats row {first}; only that one counts"), first=first)
            return RowError(N_("is the person of row {first} with other data; only that row counts"), first=first)
        self._meanings[reader.number] = meaning
        if reader.id_number:
            self._numbers[reader.id_number] = reader.number
        elif all(home):
            self._homes_without_number.setdefault(home, reader.number)
        if all(home):
            self._homes.setdefault(home, reader.number)
        return None


def _in_reach(merged: Iterable[Merged], columns: Columns) -> list[Merged]:
    """Return what is merged below the header in columns that we read; a title may be, and so may what we ignore."""
    known = {place for places in columns.places.values() for place in places}
    return [
        cells
        for cells in merged
        if cells.bottom > columns.header_row and any(cells.left <= place <= cells.right for place in known)
    ]


def _masked(row: Row, columns: Columns) -> tuple[str, ...]:
    hidden = columns.places.get("id_number", ())
    return tuple(
        mask_id_number(cell.text) if place in hidden else mask_id_numbers(cell.text)
        for place, cell in enumerate(row.cells)
    )


def _meaning(asked: Application) -> str:
    return json.dumps(
        [asked.holder, asked.address, asked.kind.code, asked.valid_from.isoformat(), asked.valid_until.isoformat()]
    )


def _with_source(asked: Application, meaning: str, number: int) -> Application:
    """Return the application with the digest by which the register knows it again.

    `number` tells apart persons of one name at one address. The ID number is not in it: a digest of so few possible
    numbers can be tried out, and the journal must not tell it.
    """
    digest = hashlib.sha256(f"bulk {number} {meaning}".encode()).hexdigest()
    return replace(asked, source=digest)
