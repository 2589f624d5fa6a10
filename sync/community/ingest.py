"""Taking a station's batch into the database, every event once.

The batch is read, hashed and laid out before any lock is taken. Then one transaction locks the station's row, takes
feed numbers from the community's one counter row, inserts, and compares hashes where a place was taken already. Because
every insert of a community happens under that counter, feed numbers become visible in their order, and batches that
overlap wait for each other instead of deadlocking.

The station's row names its head: an epoch, and a number beyond which nothing of that epoch is stored. A batch that lies
beyond it, which is nearly every batch, goes straight into the table; any other is compared with what is there.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa

from sync.community.database import communities, events, feed_counters, forks, quarantine, writing
from sync.community.inserting import PlaceTakenError, Rows, Setting, insert_unless_there, make_rows
from sync.community.screening import Rejection, screen
from sync.community.stations import Place, note_contact, note_head
from sync.events import Event
from sync.wire import EventAnswer

_PLACES_PER_QUERY = 500

# Statements of every batch are built once, which would else cost as much as running them.
_TAKE_FEED_NUMBERS = (
    sa.update(feed_counters)
    .where(feed_counters.c.community == sa.bindparam("of_community"))
    .values(last_feed_no=feed_counters.c.last_feed_no + sa.bindparam("count"))
    .returning(feed_counters.c.last_feed_no)
)
_GENERATION = sa.select(communities.c.generation).where(communities.c.community == sa.bindparam("of_community"))


class Arrival(NamedTuple):
    """A line of a batch that is an event: its number from 0, its bytes, the event, and its place in the journal."""

    line: int
    raw: bytes
    event: Event
    place: Place


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
            batch.arrivals.append(Arrival(number, raw, found, (found.epoch, found.seq)))
    return batch


def store_batch(engine: sa.Engine, setting: Setting, batch: Batch) -> tuple[str, list[EventAnswer]]:
    """Store a batch in one transaction; return the database's generation and an answer per line, in their order.

    Raises `StationWithdrawnError` when the station has been withdrawn meanwhile, and `DatabaseError`; then nothing of
    the batch was stored.
    """
    firsts: dict[Place, Arrival] = {}
    for arrival in batch.arrivals:
        firsts.setdefault(arrival.place, arrival)
    rows = make_rows(engine, setting, [arrival.event for arrival in firsts.values()])
    try:
        return _store(engine, setting, batch, firsts, rows, trusts_head=True)
    except PlaceTakenError:
        # The head was behind what is stored, as after a repair of the tables by hand; this sets it right.
        return _store(engine, setting, batch, firsts, rows, trusts_head=False)


def _store(
    engine: sa.Engine, setting: Setting, batch: Batch, firsts: dict[Place, Arrival], rows: Rows, *, trusts_head: bool
) -> tuple[str, list[EventAnswer]]:
    with writing(engine) as connection:
        head = note_contact(connection, setting.community, setting.station, setting.received_at_ms)
        generation: str = connection.execute(_GENERATION, {"of_community": setting.community}).scalar_one()
        _keep_refused(connection, setting, batch.refused)
        known: dict[Place, str] = {}
        if trusts_head and _lies_beyond(head, firsts):
            # Before the feed numbers, since from these on every station of the community waits.
            note_head(connection, setting.community, setting.station, max(firsts))
            rows.insert(connection, _take_feed_numbers(connection, setting, len(firsts)))
        elif firsts:
            known = _insert_free(connection, setting, firsts, rows)
            found = _find_head(connection, setting, epoch=batch.arrivals[-1].event.epoch)
            note_head(connection, setting.community, setting.station, found)
        answers = _answer(batch.arrivals, firsts, known)
        forked = [arrival for arrival, answer in zip(batch.arrivals, answers, strict=True) if answer.status == "fork"]
        _keep_forks(connection, setting, forked)
    answers += [EventAnswer(line=line.line, status="quarantined", reason=line.reason) for line in batch.refused]
    return generation, sorted(answers, key=lambda answer: answer.line)


def _lies_beyond(head: Place | None, places: Collection[Place]) -> bool:
    """Say whether all places are in the head's epoch and behind it, so that none of them can be taken."""
    return head is not None and bool(places) and head < min(places) and max(places)[0] == head[0]


def _take_feed_numbers(connection: sa.Connection, setting: Setting, count: int) -> int:
    """Take `count` feed numbers and return the one before them; others of the community wait until the commit."""
    last_feed_no: int = connection.execute(
        _TAKE_FEED_NUMBERS, {"of_community": setting.community, "count": count}
    ).scalar_one()
    return last_feed_no - count


def _insert_free(
    connection: sa.Connection, setting: Setting, places: Collection[Place], rows: Rows
) -> dict[Place, str]:
    """Insert what is new; return the hashes found at the places that were taken before this batch."""
    rows.stage(connection)
    before_feed_no = _take_feed_numbers(connection, setting, len(places))
    if rows.insert_free(connection, before_feed_no) == len(places):
        return {}
    return _hashes_before(connection, setting, places, before_feed_no)


def _find_head(connection: sa.Connection, setting: Setting, epoch: str) -> Place:
    query = sa.select(sa.func.max(events.c.seq)).where(
        events.c.community == setting.community, events.c.station == setting.station, events.c.epoch == epoch
    )
    return epoch, connection.execute(query).scalar_one()


def _hashes_before(
    connection: sa.Connection, setting: Setting, places: Iterable[Place], before_feed_no: int
) -> dict[Place, str]:
    by_epoch: dict[str, list[int]] = {}
    for epoch, seq in places:
        by_epoch.setdefault(epoch, []).append(seq)
    found: dict[Place, str] = {}
    for epoch, numbers in by_epoch.items():
        for start in range(0, len(numbers), _PLACES_PER_QUERY):
            query = sa.select(events.c.seq, events.c.hash).where(
                events.c.community == setting.community,
                events.c.station == setting.station,
                events.c.epoch == epoch,
                events.c.seq.in_(numbers[start : start + _PLACES_PER_QUERY]),
                events.c.feed_no <= before_feed_no,
            )
            found.update({(epoch, seq): digest for seq, digest in connection.execute(query)})
    return found


def _answer(arrivals: Sequence[Arrival], firsts: dict[Place, Arrival], known: dict[Place, str]) -> list[EventAnswer]:
    if not known and len(firsts) == len(arrivals):
        return [EventAnswer(line=arrival.line, status="stored") for arrival in arrivals]
    return [_answer_one(arrival, firsts[arrival.place], known.get(arrival.place)) for arrival in arrivals]


def _answer_one(arrival: Arrival, first: Arrival, known_hash: str | None) -> EventAnswer:
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
