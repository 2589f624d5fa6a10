"""Taking a station's batch into the database, every event once.

The batch is read and hashed before any lock is taken. Then one transaction locks the station's row, takes feed numbers
from the community's one counter row, inserts, and compares hashes where a place was taken already. Because every
insert of a community happens under that counter, feed numbers become visible in their order, and batches that overlap
wait for each other instead of deadlocking.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from sync.community.database import communities, events, feed_counters, forks, quarantine, writing
from sync.community.inserting import Setting, insert_staged, insert_unless_there, stage
from sync.community.screening import Rejection, screen
from sync.community.stations import note_contact
from sync.events import Event
from sync.wire import EventAnswer

_PLACES_PER_QUERY = 500

Place = tuple[str, int]
"""An event's epoch and number: where it stands in its station's journal."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A line of a batch that is an event: its number from 0, its bytes and the event."""

    line: int
    raw: bytes
    event: Event

    @property
    def place(self) -> Place:
        """Return where the event stands in its station's journal."""
        return self.event.epoch, self.event.seq


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of a batch that is quarantined: its number from 0, its bytes and why."""

    line: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was read and not yet stored."""

    arrivals: list[Arrival]
    refused: list[Refused]


def read_batch(lines: Sequence[bytes], station: str) -> Batch:
    """Read and check the lines of a batch sent by `station`; one bad line never stops the rest."""
    batch = Batch([], [])
    for number, raw in enumerate(lines):
        found = screen(raw, station)
        if isinstance(found, Rejection):
            batch.refused.append(Refused(number, raw, found.reason))
        else:
            batch.arrivals.append(Arrival(number, raw, found))
    return batch


def store_batch(engine: sa.Engine, setting: Setting, batch: Batch) -> tuple[str, list[EventAnswer]]:
    """Store a batch in one transaction; return the database's generation and an answer per line, in their order.

    Raises `StationWithdrawnError` when the station has been withdrawn meanwhile, and `DatabaseError`; then nothing of
    the batch was stored.
    """
    firsts: dict[Place, Arrival] = {}
    for arrival in batch.arrivals:
        firsts.setdefault(arrival.place, arrival)
    new_events = [arrival.event for arrival in firsts.values()]
    with writing(engine) as connection:
        stage(connection, new_events)
        note_contact(connection, setting.community, setting.station, setting.received_at_ms)
        known = _insert(connection, setting, new_events)
        answers = [_answer(arrival, firsts[arrival.place], known) for arrival in batch.arrivals]
        forked = [arrival for arrival, answer in zip(batch.arrivals, answers, strict=True) if answer.status == "fork"]
        _keep_forks(connection, setting, forked)
        _keep_refused(connection, setting, batch.refused)
        generation = connection.execute(
            sa.select(communities.c.generation).where(communities.c.community == setting.community)
        ).scalar_one()
    answers += [EventAnswer(line=line.line, status="quarantined", reason=line.reason) for line in batch.refused]
    return generation, sorted(answers, key=lambda answer: answer.line)


def _insert(connection: sa.Connection, setting: Setting, new_events: Sequence[Event]) -> dict[Place, str]:
    """Insert what is new; return the hashes found at the places that were taken before this batch."""
    if not new_events:
        return {}
    count = len(new_events)
    counter = sa.update(feed_counters).where(feed_counters.c.community == setting.community)
    last_feed_no = connection.execute(
        counter.values(last_feed_no=feed_counters.c.last_feed_no + count).returning(feed_counters.c.last_feed_no)
    ).scalar_one()
    if insert_staged(connection, setting, new_events, last_feed_no - count) == count:
        return {}
    return _hashes_before(connection, setting, new_events, last_feed_no - count)


def _hashes_before(
    connection: sa.Connection, setting: Setting, new_events: Sequence[Event], last_feed_no: int
) -> dict[Place, str]:
    by_epoch: dict[str, list[int]] = {}
    for event in new_events:
        by_epoch.setdefault(event.epoch, []).append(event.seq)
    found: dict[Place, str] = {}
    for epoch, numbers in by_epoch.items():
        for start in range(0, len(numbers), _PLACES_PER_QUERY):
            query = sa.select(events.c.seq, events.c.hash).where(
                events.c.community == setting.community,
                events.c.station == setting.station,
                events.c.epoch == epoch,
                events.c.seq.in_(numbers[start : start + _PLACES_PER_QUERY]),
                events.c.feed_no <= last_feed_no,
            )
            found.update({(epoch, seq): digest for seq, digest in connection.execute(query)})
    return found


def _answer(arrival: Arrival, first: Arrival, known: dict[Place, str]) -> EventAnswer:
    known_hash = known.get(arrival.place)
    if known_hash is None and arrival is first:
        return EventAnswer(line=arrival.line, status="stored")
    if arrival.event.hash == (known_hash or first.event.hash):
        return EventAnswer(line=arrival.line, status="already")
    return EventAnswer(
        line=arrival.line,
        status="fork",
        reason="seq: another event was received under this number; start a new epoch and tell the office",
    )


def _keep_forks(connection: sa.Connection, setting: Setting, forked: Iterable[Arrival]) -> None:
    rows = [
        {
            "community": setting.community,
            "station": setting.station,
            "epoch": arrival.event.epoch,
            "seq": arrival.event.seq,
            "hash": arrival.event.hash,
            "line": arrival.raw,
            "received_at_ms": setting.received_at_ms,
        }
        for arrival in forked
    ]
    insert_unless_there(connection, forks, rows)


def _keep_refused(connection: sa.Connection, setting: Setting, refused: Iterable[Refused]) -> None:
    rows = [
        {
            "community": setting.community,
            "station": setting.station,
            "digest": hashlib.sha256(line.raw).hexdigest(),
            "line": line.raw,
            "reason": line.reason,
            "received_at_ms": setting.received_at_ms,
        }
        for line in refused
    ]
    insert_unless_there(connection, quarantine, rows)
