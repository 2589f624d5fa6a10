"""The fold of the roster: who lives where, their numbers, and the keys by which they are found.

What is said of a person in parts is kept in parts: each holds until a later event says the same part anew.
"""

from typing import TYPE_CHECKING

import msgspec

from station.spelling import address_keys, name_keys, plate_keys
from sync import bodies

if TYPE_CHECKING:
    from sqlite3 import Connection

ROSTER_TABLES = ("persons", "numbers", "person_facts", "households", "roster_keys", "roster_sources")

NAME, ROOM, PLATE = "name", "room", "plate"
"""What a key is of: its subject is a person's id, an address, or a household."""

_REGISTER_PERSON = (
    "INSERT INTO persons VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,"
    " household = excluded.household, address = excluded.address, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (persons.order_ms, persons.id)"
)
_KNOW_NUMBER = (
    "INSERT INTO numbers VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET digest = excluded.digest,"
    " tail = excluded.tail, document = excluded.document, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (numbers.order_ms, numbers.id)"
)
_KNOW_FACT = (
    "INSERT INTO person_facts VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value,"
    " order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (person_facts.order_ms, person_facts.id)"
)
_REGISTER_HOUSEHOLD = (
    "INSERT INTO households VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET address = excluded.address,"
    " compound = excluded.compound, building = excluded.building, unit = excluded.unit, room = excluded.room,"
    " grid = excluded.grid, plates = excluded.plates, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (households.order_ms, households.id)"
)


class RosterFold:
    """Takes what is said of persons and households into the tables on `connection`.

    `place` is where a fact lies among those of all stations: an instant by the community's clock, and the event's id.
    """

    def __init__(self, connection: "Connection") -> None:
        self._db = connection

    def issued(self, body: bodies.PassIssued, place: tuple[int, str]) -> None:
        """Know the holder of a pass."""
        if body.holder:
            # The feed leaves visitors' names out; that says nothing about whom another gate knows by name.
            self._name((body.holder_id, body.holder, body.household, body.address), place)

    def person(self, body: bodies.PersonRegistered, place: tuple[int, str]) -> None:
        """Know a person, as far as this event tells of them."""
        if body.name:
            # The feed leaves out the names of whom other gates registered, as above.
            self._name((body.person_id, body.name, body.household, body.address), place)
        for field, sealed, document in (
            ("id_number", body.id_number, body.document),
            ("phone", body.phone, None),
        ):
            if sealed:
                known = (body.person_id, field, sealed.digest, sealed.tail, document)
                self._db.execute(_KNOW_NUMBER, (*known, *place))
        if body.role is not None:
            self._db.execute(_KNOW_FACT, (body.person_id, "role", body.role, *place))
        if body.flags is not None:
            flags = msgspec.json.encode(body.flags).decode()
            self._db.execute(_KNOW_FACT, (body.person_id, "flags", flags, *place))
        self._source(body.source, body.person_id)

    def household(self, body: bodies.HouseholdRegistered, place: tuple[int, str]) -> None:
        """Know a household and its plates."""
        before = self._db.execute("SELECT plates FROM households WHERE household = ?", (body.household,)).fetchone()
        parts = (body.address, body.compound, body.building, body.unit, body.room, body.grid)
        plates = msgspec.json.encode(body.plates).decode()
        if self._db.execute(_REGISTER_HOUSEHOLD, (body.household, *parts, plates, *place)).rowcount:
            old = msgspec.json.decode(before[0], type=list[str]) if before else []
            self._rekey(PLATE, body.household, [key for plate in old for key in plate_keys(plate)], remove=True)
            self._rekey(PLATE, body.household, [key for plate in body.plates for key in plate_keys(plate)])
        # Of every address that was ever said, so that the order of coming does not matter; people say who lives there.
        self._rekey(ROOM, body.address, address_keys(body.address))

    def _name(self, person: tuple[str, str, str, str], place: tuple[int, str]) -> None:
        person_id, name, household, address = person
        before = self._db.execute("SELECT name FROM persons WHERE person_id = ?", (person_id,)).fetchone()
        if self._db.execute(_REGISTER_PERSON, (*person, *place)).rowcount and (not before or before[0] != name):
            if before:
                self._rekey(NAME, person_id, name_keys(before[0]), remove=True)
            self._rekey(NAME, person_id, name_keys(name))
        if household:
            self._rekey(ROOM, address, address_keys(address))

    def _source(self, source: str | None, person_id: str) -> None:
        if source:
            self._db.execute("INSERT OR IGNORE INTO roster_sources VALUES (?, ?)", (source, person_id))

    def _rekey(self, field: str, subject: str, keys: list[str], *, remove: bool = False) -> None:
        change = "DELETE FROM roster_keys WHERE key = ? AND field = ? AND subject = ?"
        self._db.executemany(
            change if remove else "INSERT OR IGNORE INTO roster_keys VALUES (?, ?, ?)",
            [(key, field, subject) for key in keys],
        )
