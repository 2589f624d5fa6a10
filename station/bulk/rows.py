"""Rows looked through: each becomes an application, or is bad for reasons that are told cell by cell."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from passes.errors import N_
from passes.identity import parse_id_number, parse_phone, parse_plate
from passes.kinds import Kind
from station.bulk.columns import Columns
from station.bulk.reading import Persons, Problem, RowReader, in_reach, masked, says_something
from station.bulk.spreadsheet import Merged, Row
from station.bulk.values import KindNames, RowError, parse_day, parse_words
from station.issuing import Application


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
    checked, persons, alike = Checked(), Persons(), Counter[str]()
    merged_in_reach = in_reach(merged, columns)
    for row in rows:
        if not says_something(row, columns):
            continue
        reader = RowReader(row, columns)
        reader.check_merged(merged_in_reach)
        application = _application(reader, kinds, defaults)
        meaning = _meaning(application) if application else ""
        if repeated := persons.meet(reader, meaning):
            reader.add("id_number" if reader.id_number else "name", repeated)
        checked.problems.extend(reader.problems)
        checked.cells[row.number] = masked(row, columns)
        if application and not reader.problems:
            checked.good[row.number] = _with_source(application, meaning, alike[meaning])
            alike[meaning] += 1
    return checked


def _application(reader: RowReader, kinds: KindNames, defaults: Defaults) -> Application | None:
    reader.name = reader.take("name", partial(parse_words, "name")) or ""
    reader.address = reader.take("address", partial(parse_words, "address")) or ""
    kind = reader.take("kind", kinds.parse, defaults.kind)
    first = reader.take("from", parse_day, defaults.valid_from)
    last = reader.take("until", parse_day, defaults.valid_until)
    household = reader.take("household", partial(parse_words, "household"))
    reader.id_number = reader.take("id_number", parse_id_number) or ""
    phone = reader.take("phone", parse_phone) or ""
    reader.take("plate", parse_plate)
    reader.take("remark", partial(parse_words, "remark"))
    if first and last and last < first:
        reader.add("until", RowError(N_("{last} lies before the first day, {first}"), last=last, first=first))
    if not (reader.name and reader.address and kind and first and last):
        return None
    return Application(
        *(reader.name, reader.address, kind, first, last, household), id_number=reader.id_number, phone=phone
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
