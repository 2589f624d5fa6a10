"""Who is known at this station beyond the passes: by their numbers, as hosts, and as visitors who are inside."""

from typing import TYPE_CHECKING, Any

import msgspec

from station import roster
from station.register import PersonRow
from sync.bodies import Visit

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_INSIDE = 500
MOST_LOOKED_THROUGH = 200
"""Of those whom a text finds, so many are asked whether they visited before."""

_HOSTS = (
    "SELECT person_id, name, household, address FROM persons WHERE {column} = ?1 AND household <> ''"
    " AND (NOT EXISTS (SELECT 1 FROM passes WHERE holder_id = person_id)"
    " OR EXISTS (SELECT 1 FROM passes WHERE holder_id = person_id"
    " AND kind NOT IN (SELECT value FROM json_each(?2))))"
    " ORDER BY address, person_id LIMIT 50"
)
_VISITS = (
    "SELECT v.person_id, v.name, v.household, v.address, v.visit, v.station, v.order_ms, coalesce(n.tail, '')"
    " FROM visits AS v LEFT JOIN numbers AS n ON n.person_id = v.person_id AND n.field = 'id_number' WHERE"
)
_LAST_LEG = (
    " (SELECT leg FROM legs WHERE line = coalesce((SELECT line FROM lines WHERE pass_id = v.person_id), v.person_id)"
    " AND NOT EXISTS (SELECT 1 FROM undone WHERE passage_id = legs.id) ORDER BY order_ms DESC, id DESC LIMIT 1)"
)
_INSIDE = f"{_VISITS}{_LAST_LEG} = 'first'"
_OF_PERSONS = " v.name <> '' AND EXISTS (SELECT 1 FROM persons WHERE person_id = v.person_id) AND"
_BEFORE = f"{_VISITS}{_OF_PERSONS}{_LAST_LEG} IS NOT 'first'"
_OF_PERSON = " AND v.person_id = ?"
_OF_NUMBER = " AND v.person_id IN (SELECT person_id FROM numbers WHERE digest = ? AND field = 'id_number')"
_NEWEST_FIRST = " ORDER BY v.order_ms DESC LIMIT ?"


class KnownNumber(msgspec.Struct, frozen=True):
    """Whose number it is; the name is empty for somebody whom another gate registered."""

    person_id: str
    name: str
    household: str
    address: str


class LastVisit(msgspec.Struct, frozen=True):
    """The last visit of somebody without a pass, or the one they are on; `entered_ms` is by the community's clock.

    `household` and `address` are the host's. Name, address and `visit` are empty for whom another gate let in.
    """

    person_id: str
    name: str
    household: str
    address: str
    visit: Visit
    station: str
    entered_ms: int
    tail: str


def find_digest(connection: "Connection", digest: str) -> KnownNumber | None:
    """Return the person of the ID number with this digest.

    Gates that were cut off may have given one person several ids. All gates choose the same: the oldest; the name is
    that of whichever is named here.
    """
    rows = connection.execute(
        "SELECT n.person_id, coalesce(p.name, ''), coalesce(p.household, ''), coalesce(p.address, '') FROM numbers AS n"
        " LEFT JOIN persons AS p ON p.person_id = n.person_id WHERE n.digest = ? AND n.field = 'id_number'"
        " ORDER BY n.order_ms, n.person_id",
        (digest,),
    ).fetchall()
    if not rows:
        return None
    named = next((row for row in rows if row[1]), rows[0])
    return KnownNumber(rows[0][0], *named[1:])


def number_of_person(connection: "Connection", person_id: str, field: str) -> tuple[str | None, str] | None:
    """Return digest and tail of a person's ID number or phone, as far as one is known."""
    row = connection.execute(
        "SELECT digest, tail FROM numbers WHERE person_id = ? AND field = ?", (person_id, field)
    ).fetchone()
    return (row[0], row[1]) if row else None


def pass_numbers(connection: "Connection", person_id: str) -> list[str]:
    """Return the printed numbers of a person's passes, under any id of the same ID number, the last issued first."""
    rows = connection.execute(
        "SELECT number FROM passes WHERE holder_id = :person_id OR holder_id IN (SELECT other.person_id"
        " FROM numbers AS own JOIN numbers AS other ON other.digest = own.digest AND other.field = own.field"
        " WHERE own.person_id = :person_id AND own.field = 'id_number') ORDER BY issued_ms DESC",
        {"person_id": person_id},
    )
    return [row[0] for row in rows]


def hosts(connection: "Connection", wanted: str, visitor_kinds: list[str]) -> list[PersonRow]:
    """Return those who live here under a name or at an address, at most 50.

    Whoever has passes of `visitor_kinds` only does not live here.
    """
    kinds = msgspec.json.encode(visitor_kinds).decode()
    found = [
        PersonRow(*row)
        for column in ("name", "address")
        for row in connection.execute(_HOSTS.format(column=column), (wanted, kinds))
    ]
    return list({row.person_id: row for row in found}.values())


def inside(connection: "Connection") -> list[LastVisit]:
    """Return the visitors without a pass who are inside, the last who came in first, at most `MOST_INSIDE`."""
    rows = connection.execute(_INSIDE + _NEWEST_FIRST, (MOST_INSIDE,))
    return [_inside(row) for row in rows]


def find_inside(connection: "Connection", digest: str) -> LastVisit | None:
    """Return the visitor inside whose ID number has this digest, whichever gate let them in."""
    row = connection.execute(_INSIDE + _OF_NUMBER + _NEWEST_FIRST, (digest, 1)).fetchone()
    return _inside(row) if row else None


def seen_before(connection: "Connection", text: str, most: int) -> list[LastVisit]:
    """Return at most so many visitors who came before and are not inside, as `roster.find` finds them by `text`.

    Without a text those who came last.
    """
    if not text:
        return [_inside(row) for row in connection.execute(_BEFORE + _NEWEST_FIRST, (most,))]
    people = roster.find(connection, text, MOST_LOOKED_THROUGH)
    found = (last_visit(connection, person.person_id) for person in people)
    return [one for one in found if one][:most]


def last_visit(connection: "Connection", person_id: str) -> LastVisit | None:
    """Return the last visit of somebody who is not inside; None for whoever never came, or is inside."""
    row = connection.execute(_BEFORE + _OF_PERSON, (person_id,)).fetchone()
    return _inside(row) if row else None


def _inside(row: tuple[Any, ...]) -> LastVisit:
    person_id, name, household, address, visit, station, entered_ms, tail = row
    said = msgspec.json.decode(visit, type=Visit)
    return LastVisit(person_id, name, household, address, said, station, entered_ms, tail)
