"""The roster from a spreadsheet: looked through first, then recorded as a whole or not at all.

A row is known by its meaning (`Entry.source`), which is recorded with the person. So a file that is run again says
nothing twice, and does not undo what was corrected by hand meanwhile.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from msgspec import structs

from passes.errors import N_
from passes.identity import parse_id_number, parse_phone, parse_plate
from station import roster
from station.assembly import Station
from station.bulk.columns import ADDRESS_PARTS, HEADERS, Columns, Form, find_columns, fold
from station.bulk.reading import Persons, Problem, RowReader, in_reach, says_something
from station.bulk.spreadsheet import Sheet, read_sheet
from station.bulk.values import RowError, parse_words, shown
from station.numbers import Numbers
from station.registering import Entry, household_news, person_news, person_of
from station.roster import Household
from sync.events import new_id

HEADERS_OF_ROSTER = {
    **{name: HEADERS[name] for name in ("name", "address", "building", "unit", "room", "id_number", "phone", "plate")},
    "household": ("户号", "户", "household"),
    "compound": ("小区", "小区名称", "院落", "compound"),
    "grid": ("网格", "网格号", "所属网格", "grid"),
    "role": ("身份", "人员身份", "居住身份", "居住类型", "居住性质", "role"),
    "flags": ("标记", "标签", "人员标签", "特殊情况", "flags", "tags"),
}
ROSTER = Form(HEADERS_OF_ROSTER, ("name", "address"), keeps_parts=True)
"""A list of people who live here."""

_CLEARLY = re.compile(r"[、,，;；/|]+")
_BETWEEN = re.compile(r"[、,，;；/|\s]+")


class Words:
    """The words of a table such as `roster.ROLES`, however they are written: code, label, translated labels."""

    def __init__(self, table: Mapping[str, str], *translate: Callable[[str], str]) -> None:
        self._shown = [translate[0](label) if translate else label for label in table.values()]
        self._codes = {
            fold(name): code
            for code, label in table.items()
            for name in (code, label, *(say(label) for say in translate))
        }

    def parse(self, text: str) -> str:
        """Return the code of a word; raises `RowError` which lists those that there are."""
        code = self._codes.get(fold(text))
        if code is None:
            raise RowError(
                N_('"{text}" is not known; there are: {known}'), text=shown(text), known=", ".join(self._shown)
            )
        return code

    def parse_all(self, text: str) -> tuple[str, ...]:
        """Return the codes of several words, in the order of the table."""
        found = {self.parse(word) for part in _CLEARLY.split(text) if part for word in self._words(part)}
        return tuple(code for code in dict.fromkeys(self._codes.values()) if code in found)

    def _words(self, part: str) -> list[str]:
        """Return the words of a part: itself where it is one, such as `lives alone`, else what spaces part."""
        return [part] if fold(part) in self._codes else part.split()


@dataclass(frozen=True, slots=True)
class Plan:
    """What a file says: good entries by row, the problems of the others, and how many rows are on record already."""

    sheet: Sheet
    columns: Columns
    entries: dict[int, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    known: int = 0


@dataclass(frozen=True, slots=True)
class Imported:
    """What was recorded: persons and households that were new or said otherwise."""

    persons: int
    households: int


def make_plan(path: Path, station: Station, roles: Words, flags: Words, sheet_name: str | None = None) -> Plan:
    """Read the file and look through every row; nothing is recorded.

    Raises `SpreadsheetError` for a file or sheet that is no list of people, OSError for one that cannot be read.
    """
    sheet = read_sheet(path, sheet_name)
    columns, rows = find_columns(sheet, form=ROSTER)
    plan, persons, merged = Plan(replace(sheet, rows=[]), columns), Persons(), in_reach(sheet.merged, columns)
    for row in rows:
        if not says_something(row, columns):
            continue
        reader = RowReader(row, columns)
        reader.check_merged(merged)
        entry = _entry(reader, roles, flags)
        if repeated := persons.meet(reader, entry.source or "" if entry else ""):
            reader.add("id_number" if reader.id_number else "name", repeated)
        plan.problems.extend(reader.problems)
        if entry and not reader.problems:
            plan.entries[row.number] = entry
    sources = {entry.source for entry in plan.entries.values()}
    return replace(plan, known=len(sources & _known_sources(station).keys()))


def run(plan: Plan, station: Station, on_row: Callable[[int], object]) -> Imported:
    """Record all entries of the plan in one transaction, and tell `on_row` of each row that has been looked at.

    Raises `StorageError` when that cannot be written; then, as after a cancel, nothing has been recorded.
    """
    sealer = station.sealer()
    known = _known_sources(station)
    numbers: dict[int, Numbers] = {}
    # Digests take their time, so they are made before the file is locked.
    for row, entry in plan.entries.items():
        numbers[row] = Numbers.of(sealer, entry.id_number, entry.phone)
        on_row(row)
    persons = households = 0
    register, now_ms = station.register, station.clock.now_ms()
    with station.journal.writing():
        fresh = {
            row: entry for row, entry in plan.entries.items() if entry.source not in known or numbers[row].id_digest
        }
        for row, entry in fresh.items():
            who = known.get(entry.source or "") or person_of(station, entry, numbers[row]) or new_id(now_ms)
            body = person_news(station, sealer, entry, who, numbers[row])
            if body and not (entry.source in known and body.id_number is None):
                register.record(body, now_ms)
                persons += 1
        said = [entry.home for entry in fresh.values() if entry.home and entry.source not in known]
        for home in _homes(said):
            news = household_news(station, _completed(station, home))
            if news:
                register.record(news, now_ms)
                households += 1
    return Imported(persons, households)


def _known_sources(station: Station) -> dict[str, str]:
    """Return the ids of the persons of rows that are on record already."""
    rows = station.journal.connection.execute("SELECT source, person_id FROM roster_sources ORDER BY person_id DESC")
    return dict(rows.fetchall())


def _homes(said: Iterable[Household]) -> list[Household]:
    """Return each household once, with what any of its rows says of it."""
    homes: dict[str, Household] = {}
    for home in said:
        homes[home.household] = _joined(homes.get(home.household), home)
    return list(homes.values())


def _completed(station: Station, home: Household) -> Household:
    return _joined(roster.get_household(station.journal.connection, home.household), home)


def _joined(before: Household | None, home: Household) -> Household:
    """Return a household with what was known of it where the newer entry says nothing."""
    if before is None:
        return home
    kept = {name: getattr(home, name) or getattr(before, name) for name in ("compound", *ADDRESS_PARTS, "grid")}
    return structs.replace(home, **kept, plates=tuple(dict.fromkeys((*before.plates, *home.plates))))


def _entry(reader: RowReader, roles: Words, flags: Words) -> Entry | None:
    reader.name = reader.take("name", partial(parse_words, "name")) or ""
    reader.address = reader.take("address", partial(parse_words, "address")) or ""
    words = {
        name: reader.take(name, partial(parse_words, name), "") or ""
        for name in ("household", "compound", *ADDRESS_PARTS, "grid")
    }
    role = reader.take("role", roles.parse, "resident")
    nothing: tuple[str, ...] = ()
    marks = reader.take("flags", flags.parse_all, nothing)
    plates = reader.take("plate", _plates, nothing)
    reader.id_number = reader.take("id_number", parse_id_number) or ""
    phone = reader.take("phone", parse_phone) or ""
    if not (reader.name and reader.address and role and marks is not None and plates is not None):
        return None
    words["household"] = words["household"] or reader.address
    home = Household(address=reader.address, plates=plates, **words)
    said = json.dumps([reader.name, role, marks, structs.asdict(home)], sort_keys=True)
    source = hashlib.sha256(f"roster {said}".encode()).hexdigest()
    return Entry(
        *(reader.name, home.household, home.address, home, role, marks),
        id_number=reader.id_number,
        phone=phone,
        source=source,
    )


def _plates(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(parse_plate(plate) for plate in _BETWEEN.split(text) if plate))
