"""What the journals hold besides passages, which are most of them: read by kind, in the order of arrival."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from passes.errors import N_, UsageError
from passes.number import parse_number
from sync.bodies import Body, PassIssued, PersonRegistered
from sync.community.database import events, happened_ms
from sync.community.shiftlog import Selection, within
from sync.community.streaming import streamed
from sync.events import understood

NO_PASSAGE = events.c.kind != sa.literal_column("'passage.recorded'")
"""A condition without a parameter, so that both databases see that the index of the other kinds is enough."""


@dataclass(frozen=True, slots=True)
class Record:
    """One event that is no passage; `at_ms` is its station's time, `happened_ms` drift-corrected.

    `body` is None when it cannot be understood.
    """

    station: str
    id: str
    kind: str
    at_ms: int
    happened_ms: int
    shift: str | None
    guard: str | None
    body: Body | None
    is_purged: bool


@dataclass(frozen=True, slots=True)
class Person:
    """Whoever holds a pass or stands in the roster."""

    holder_id: str
    name: str
    address: str
    household: str


def each_record(
    connection: sa.Connection,
    community: str,
    kinds: tuple[str, ...],
    selection: Selection | None = None,
    zone: ZoneInfo | None = None,
) -> Iterator[Record]:
    """Yield the events of these kinds in the order of arrival, of the station and the days that are selected."""
    conditions = within(selection, zone) if selection is not None and zone is not None else []
    query = (
        sa.select(
            *(events.c[name] for name in ("station", "id", "kind", "at_ms", "shift", "guard", "body", "purge_id")),
            happened_ms.label("happened_ms"),
        )
        .where(events.c.community == community, NO_PASSAGE, events.c.kind.in_(kinds), *conditions)
        .order_by(events.c.feed_no)
    )
    for row in streamed(connection, query):
        yield Record(
            station=row.station,
            id=row.id,
            kind=row.kind,
            at_ms=row.at_ms,
            happened_ms=row.happened_ms,
            shift=row.shift,
            guard=row.guard,
            body=understood(row.kind, row.body.encode()),
            is_purged=row.purge_id is not None,
        )


def known_people(connection: sa.Connection, community: str) -> dict[str, Person]:
    """Return everybody by their id, as the newest event about them says; the roster has the last word."""
    holders: dict[str, Person] = {}
    roster: dict[str, Person] = {}
    for record in each_record(connection, community, ("pass.issued", "person.registered")):
        body = record.body
        if record.is_purged:
            continue
        if isinstance(body, PassIssued):
            holders[body.holder_id] = Person(body.holder_id, body.holder, body.address, body.household)
        elif isinstance(body, PersonRegistered):
            roster[body.person_id] = Person(body.person_id, body.name, body.address, body.household)
    return {**holders, **roster}


def find_person(connection: sa.Connection, community: str, wanted: str, address: str | None = None) -> str:
    """Return the id of the one person who has this id, or this name (and address).

    Raises `UsageError` when there is nobody, or more than one.
    """
    people = known_people(connection, community)
    if address is None and wanted in people:
        return wanted
    found = [
        person.holder_id
        for person in people.values()
        if person.name == wanted and address in {None, person.address, person.household}
    ]
    if len(found) > 1:
        raise UsageError(
            N_("--person {person!r}: {count} people have this name; give --address too, or the person's id"),
            person=wanted[:80],
            count=len(found),
        )
    if not found:
        raise UsageError(
            N_("--person {person!r}: nobody with this id, or this name and address, has a pass or is in the roster"),
            person=wanted[:80],
        )
    return found[0]


def find_number(typed: str) -> str:
    """Return a typed pass number in its grouped form; raises `UsageError` when it is none."""
    number = parse_number(typed)
    if number is None:
        raise UsageError(
            N_("--pass {number!r}: this is no pass number, or its check character is wrong; write it like ABC-DEF-GHK"),
            number=typed[:40],
        )
    return number


def selection_json(selection: Selection, **more: object) -> str:
    """Return what was selected as the exports log keeps it, without what was left open."""
    fields = {name: value for name, value in msgspec.to_builtins(selection).items() if value is not None}
    return msgspec.json.encode({**more, **fields}).decode()


def check_days(first: date | None, last: date | None) -> None:
    """Raise `UsageError` for days that end before they begin."""
    if first is not None and last is not None and last < first:
        raise UsageError(
            N_("--from {first} and --until {last}: the last day is before the first"), first=first, last=last
        )
