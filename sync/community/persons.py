"""Persons as the journals tell of them, and the opening of what stations sealed about them.

There is no table of persons: their data stand in the journals once, so that there is one place to purge them from.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import sqlalchemy as sa

from passes.errors import N_, KeyFileError, UsageError
from passes.plaintext import plain
from sync.bodies import PersonRegistered, Sealed
from sync.community.database import events, reading
from sync.community.exports import log_export
from sync.community.office import sealing_key_path
from sync.community.staff import MAY_OPEN, NotAllowedError, check_staff
from sync.events import understood
from sync.sealing import Field, Purpose, SealingKey, key_id_of_box, load_sealing_key

MOST_FOUND = 50


@dataclass(frozen=True, slots=True)
class Person:
    """What is known of a person; `station` registered them last, at `at_ms` by its own clock (UTC milliseconds)."""

    person_id: str
    name: str
    household: str
    address: str
    document: str | None
    id_number: Sealed | None
    phone: Sealed | None
    station: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Who asks to see whose numbers; `password` proves `staff_name`, `passphrase` opens the sealing key."""

    person_id: str
    staff_name: str
    password: str = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Opened:
    """A person's numbers in clear, None for one that nobody registered."""

    id_number: str | None = field(repr=False)
    phone: str | None = field(repr=False)


def find_persons(engine: sa.Engine, community: str, wanted: str) -> list[Person]:
    """Return the persons of that id, name, or end of an ID or phone number, at most `MOST_FOUND`."""
    tail = wanted.upper()
    with reading(engine) as connection:
        found = [
            person
            for person in _persons(connection, community).values()
            if wanted in (person.person_id, person.name)
            or any(sealed and sealed.tail == tail for sealed in (person.id_number, person.phone))
        ]
    return found[:MOST_FOUND]


def get_person(engine: sa.Engine, community: str, person_id: str) -> Person:
    """Return one person; raises `UsageError` when no station has registered that id."""
    with reading(engine) as connection:
        person = _persons(connection, community, {person_id}).get(person_id)
    if person is None:
        raise UsageError(
            N_("person {person!r}: nobody is registered under this id; see: gatepost community person find NAME"),
            person=person_id[:64],
        )
    return person


def tails(connection: sa.Connection, community: str) -> dict[str, tuple[str, str]]:
    """Return the ends of ID number and phone, which may be shown, by the id of each person who has any."""
    return {
        person.person_id: (_tail(person.id_number), _tail(person.phone))
        for person in _persons(connection, community).values()
        if person.id_number or person.phone
    }


def open_person(engine: sa.Engine, folder: Path, community: str, wish: Opening, now_ms: int) -> tuple[Person, Opened]:
    """Return a person with ID number and phone in clear; the opening is in the exports log before that.

    Raises `NotAllowedError` when the account is not proven or its role may not open numbers, `UsageError` for nobody's
    id, `KeyFileError` when the key's file or passphrase is not the right one, `SealingError` for what does not open.
    """
    role = check_staff(engine, community, wish.staff_name, wish.password)
    if role not in MAY_OPEN:
        raise NotAllowedError(
            N_("staff {name!r}: the role {role} sees the ends of numbers only; a lead or admin can open them"),
            name=wish.staff_name,
            role=role,
        )
    person = get_person(engine, community, wish.person_id)
    keys: dict[bytes, SealingKey] = {}
    opened = Opened(
        _open(folder, community, person, "id_number", keys, wish.passphrase),
        _open(folder, community, person, "phone", keys, wish.passphrase),
    )
    log_export(
        engine,
        community,
        staff_name=wish.staff_name,
        selection=msgspec.json.encode({"person": person.person_id}).decode(),
        file_format="person",
        count=1,
        unmasked=True,
        now_ms=now_ms,
    )
    return person, opened


def _open(
    folder: Path,
    community: str,
    person: Person,
    name: Field,
    keys: dict[bytes, SealingKey],
    passphrase: str | None,
) -> str | None:
    sealed = person.id_number if name == "id_number" else person.phone
    if sealed is None:
        return None
    key_id = key_id_of_box(sealed.box)
    if key_id not in keys:
        path = sealing_key_path(folder, key_id)
        if not path.exists():
            raise KeyFileError(
                N_("{path}: the key that this number was sealed to is not here; restore it from its backup"),
                path=plain(str(path), 1000),
            )
        keys[key_id] = load_sealing_key(path, passphrase)
    return keys[key_id].open(sealed.box, Purpose(community, name, person.person_id))


def _persons(connection: sa.Connection, community: str, only: Collection[str] | None = None) -> dict[str, Person]:
    """Return persons by id as they stand after all that was received, `only` those ids where any are named."""
    persons: dict[str, Person] = {}
    for station, at_ms, body in _registrations(connection, community):
        if only is not None and body.person_id not in only:
            continue
        before = persons.get(body.person_id)
        persons[body.person_id] = Person(
            body.person_id,
            body.name,
            body.household,
            body.address,
            body.document or (before.document if before else None),
            body.id_number or (before.id_number if before else None),
            body.phone or (before.phone if before else None),
            station,
            at_ms,
        )
    return persons


def _registrations(connection: sa.Connection, community: str) -> Iterator[tuple[str, int, PersonRegistered]]:
    # No parameter, so that both databases see that the index of registrations is enough.
    kind: sa.ColumnElement[str] = sa.literal_column("'person.registered'")
    query = (
        sa.select(events.c.station, events.c.at_ms, events.c.body)
        .where(events.c.community == community, events.c.kind == kind)
        .order_by(events.c.feed_no)
    )
    for station, at_ms, text in connection.execute(query):
        body = understood("person.registered", text.encode())
        if isinstance(body, PersonRegistered):
            yield station, at_ms, body


def _tail(sealed: Sealed | None) -> str:
    return sealed.tail if sealed else ""
