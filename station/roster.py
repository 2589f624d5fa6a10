"""The roster: who lives here, found by whatever a guard knows of them.

A name, its pinyin or initials, a room, the end of a phone or ID number, a plate: each is looked for by prefix on stored
columns, so that an answer does not take longer where more people live.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from passes.errors import N_
from station.roster_folding import NAME, PLATE, ROOM
from station.spelling import folded, rooms

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_FOUND = 50
PAGE = 200

ROLES = {
    "owner": N_("owner"),
    "tenant": N_("tenant"),
    "resident": N_("resident"),
    "landlord": N_("landlord"),
}
"""What somebody is to the household that they belong to, by the names that records use."""

FLAGS = {
    "elderly": N_("elderly"),
    "alone": N_("lives alone"),
    "disabled": N_("disabled"),
    "returnee": N_("returnee"),
    "moved_out": N_("moved out"),
}
"""What a guard should know of somebody, by the names that records use."""

_PERSONS = (
    "SELECT p.person_id, p.name, p.household, p.address,"
    " coalesce((SELECT value FROM person_facts WHERE person_id = p.person_id AND field = 'role'), ''),"
    " coalesce((SELECT value FROM person_facts WHERE person_id = p.person_id AND field = 'flags'), '[]'),"
    " coalesce((SELECT tail FROM numbers WHERE person_id = p.person_id AND field = 'id_number'), ''),"
    " coalesce((SELECT tail FROM numbers WHERE person_id = p.person_id AND field = 'phone'), '') FROM persons AS p"
)
_BY_KEY = "SELECT field, subject, key FROM roster_keys WHERE key >= ? AND key < ? ORDER BY key, field, subject LIMIT ?"
_BY_TAIL = "SELECT person_id FROM numbers WHERE tail = ? AND tail <> '' ORDER BY person_id LIMIT ?"
_OF_SUBJECT = {
    NAME: "p.person_id = ?",
    ROOM: "p.address = ? AND p.household <> '' ORDER BY p.person_id",
    PLATE: "p.household = ? ORDER BY p.address, p.person_id",
}
_BEYOND = "\U0010ffff"
_LEAST_OF_A_PHONE = 7


class Known(msgspec.Struct, frozen=True):
    """One person as the roster knows them; `household` is empty for a visitor, the tails where nothing is sealed."""

    person_id: str
    name: str
    household: str
    address: str
    role: str = ""
    flags: tuple[str, ...] = ()
    id_tail: str = ""
    phone_tail: str = ""


class Household(msgspec.Struct, frozen=True):
    """One household: where it lives, its grid, its plates. What only passes tell has no parts of an address."""

    household: str
    address: str
    compound: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""
    grid: str = ""
    plates: tuple[str, ...] = ()


def find(connection: "Connection", text: str, most: int = MOST_FOUND) -> list[Known]:
    """Return who may be meant by `text`, exact matches first, at most `most` people.

    It is the beginning of a name, of its pinyin or initials, of a room or plate; or the last four characters of a phone
    or ID number, or a whole phone number. Nobody is found by nothing.
    """
    found: dict[str, Known] = {}
    for key in _wanted(text):
        rows = connection.execute(_BY_KEY, (key, key + _BEYOND, most * 4))
        for field, subject, _key in rows.fetchall():
            _add(found, _of_subject(connection, field, subject, most))
            if len(found) >= most:
                return list(found.values())[:most]
    if tail := _tail(text):
        ids = [row[0] for row in connection.execute(_BY_TAIL, (tail, most))]
        _add(found, (person for person_id in ids for person in [get(connection, person_id)] if person))
    return list(found.values())[:most]


def get(connection: "Connection", person_id: str) -> Known | None:
    """Return one person; None for somebody whose name is not known here."""
    row = connection.execute(f"{_PERSONS} WHERE p.person_id = ?", (person_id,)).fetchone()
    return _known(row) if row else None


def members(connection: "Connection", household: str) -> list[Known]:
    """Return who belongs to a household, at most `PAGE`."""
    rows = connection.execute(f"{_PERSONS} WHERE {_OF_SUBJECT[PLATE]} LIMIT ?", (household, PAGE))
    return [_known(row) for row in rows]


def get_household(connection: "Connection", household: str) -> Household | None:
    """Return a household; of one that was never registered, what its members tell. None where it has none."""
    row = connection.execute(
        "SELECT household, address, compound, building, unit, room, grid, plates FROM households WHERE household = ?",
        (household,),
    ).fetchone()
    if row:
        of_household, address, compound, building, unit, room, grid, plates = row
        known = tuple(msgspec.json.decode(plates, type=list[str]))
        return Household(of_household, address, compound, building, unit, room, grid, known)
    someone = connection.execute(
        "SELECT address FROM persons WHERE household = ? AND household <> '' ORDER BY address LIMIT 1", (household,)
    ).fetchone()
    return Household(household, someone[0]) if someone else None


def household_of_plate(connection: "Connection", plate: str) -> Household | None:
    """Return the household that a plate, as `passes.identity.parse_plate` writes it, belongs to."""
    key = folded(plate)
    rows = connection.execute(
        "SELECT subject FROM roster_keys WHERE key = ? AND field = ? ORDER BY subject", (key, PLATE)
    ).fetchall()
    households = [get_household(connection, row[0]) for row in rows]
    return next((one for one in households if one and plate in one.plates), None)


def page(
    connection: "Connection", after: tuple[str, str, str] | None = None, most: int = PAGE, *, back: bool = False
) -> list[Known]:
    """Return those who live here, household by household, that follow the place `after` (see `place_of`).

    With `back`, those before it, still in that order; without `after`, the first (or last) of all.
    """
    sign, order, start = ("<", "DESC", (_BEYOND, "", "")) if back else (">", "ASC", ("", _BEYOND, ""))
    rows = connection.execute(
        f"{_PERSONS} WHERE (p.household, p.address, p.person_id) {sign} (?, ?, ?) AND p.household > ''"
        f" ORDER BY p.household {order}, p.address {order}, p.person_id {order} LIMIT ?",
        (*(after or start), most),
    )
    found = [_known(row) for row in rows]
    return found[::-1] if back else found


def place_of(person: Known) -> tuple[str, str, str]:
    """Return where somebody stands in the roster's order."""
    return person.household, person.address, person.person_id


def count(connection: "Connection") -> int:
    """Say how many people live here."""
    return int(connection.execute("SELECT count(*) FROM persons WHERE household <> ''").fetchone()[0])


def _wanted(text: str) -> list[str]:
    """Return the keys that are looked for: of 3-2-501 the numbers only, since 32-501 is another room."""
    whole, numbers = folded(text), rooms(text)
    if numbers and whole.isdigit():
        return [numbers]
    return [key for key in dict.fromkeys((whole, numbers)) if key]


def _tail(text: str) -> str:
    """Return the end of a number, if `text` can be one: four characters, or a whole phone number."""
    number = folded(text).upper()
    if len(number) == 4 and number[:3].isdigit() and (number[3].isdigit() or number[3] == "X"):
        return number
    return number[-4:] if len(number) >= _LEAST_OF_A_PHONE and number.isdigit() and not rooms(text) else ""


def _of_subject(connection: "Connection", field: str, subject: str, most: int) -> Iterable[Known]:
    rows = connection.execute(f"{_PERSONS} WHERE {_OF_SUBJECT[field]} LIMIT ?", (subject, most))
    return [_known(row) for row in rows]


def _add(found: dict[str, Known], people: Iterable[Known]) -> None:
    for person in people:
        found.setdefault(person.person_id, person)


def _known(row: tuple[Any, ...]) -> Known:
    person_id, name, household, address, role, flags, id_tail, phone_tail = row
    marks = tuple(msgspec.json.decode(flags, type=list[str]))
    return Known(person_id, name, household, address, role, marks, id_tail, phone_tail)
