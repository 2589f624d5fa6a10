"""Taking a station's batch into the database, every event once.

The batch is read, hashed and laid out, and its feed numbers are reserved, before any lock is taken. Then one
transaction locks the station's row, inserts, and compares hashes where a place was taken already. Batches of one
station wait for each other, those of different stations do not.

An event whose place another one has is a fork: it is kept beside, with its raw bytes, and as an event in an epoch of
its own (`holdings.branch_of`), so that it counts like any other.

The station's row names its head: an epoch, and a number beyond which nothing of that epoch is stored. A batch that lies
beyond it, which is nearly every batch, goes straight into the table; any other is compared with what is there.
"""

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
import sqlalchemy as sa
from msgspec import structs

from sync.community.database import events, forks, quarantine, trouble, writing
from sync.community.holdings import branch_of
from sync.community.inserting import PlaceTakenError, Rows, Setting, insert_unless_there, make_rows
from sync.community.numbering import Numbers, ReservationLostError, reserved, take_numbers
from sync.community.screening import Rejection, Screen
from sync.community.stations import Place, advance_head, note_contact, note_head
from sync.events import from_json
from sync.wire import MAX_EVENTS, EventAnswer

_PLACES_PER_QUERY = 500
_RESERVATIONS = 5

_STORED = [EventAnswer(line=line, status="stored") for line in range(MAX_EVENTS)]


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """A line of a batch that is an event: its number from 0, its bytes, its place in the journal and its hash."""

    line: int
    raw: bytes
    place: Place
    hash: str


@dataclass(frozen=True, slots=True)
class Refused:
    """A line of a batch that is quarantined: its number from 0, its bytes and why."""

    line: int
    raw: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was read and not yet stored: `firsts` are the first arrivals at each place, and `rows` theirs."""

    setting: Setting
    rows: Rows
    arrivals: list[Arrival] = field(default_factory=list)
    firsts: dict[Place, Arrival] = field(default_factory=dict)
    refused: list[Refused] = field(default_factory=list)


def read_batch(engine: sa.Engine, setting: Setting, lines: Iterable[bytes]) -> Batch:
    """Read and check the lines of a batch, and lay out its rows; one bad line never stops the rest."""
    batch = Batch(setting, make_rows(engine, setting))
    look = Screen(setting.station).look
    # Of each event only the row is kept, so that the next one finds its memory free and in the CPU's cache.
    for number, raw in enumerate(lines):
        found = look(raw)
        if isinstance(found, Rejection):
            batch.refused.append(Refused(number, raw, found.reason))
            continue
        event, body = found
        arrival = Arrival(number, raw, (event.epoch, event.seq), event.hash)
        batch.arrivals.append(arrival)
        if batch.firsts.setdefault(arrival.place, arrival) is arrival:
            batch.rows.add(event, body)
    return batch


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a batch: the database's generation, an answer per line, whether what comes before is missing."""

    generation: str
    answers: list[EventAnswer]
    has_gap: bool = False


def store_batch(engine: sa.Engine, batch: Batch) -> Stored:
    """Store a batch in one transaction and say of each line, in their order, what became of it.

    Raises `StationWithdrawnError` when the station has been withdrawn meanwhile, and `DatabaseError`; then nothing of
    the batch was stored.
    """
    for _ in range(_RESERVATIONS):
        with suppress(ReservationLostError):
            return _store_reserved(engine, batch)
    raise trouble(engine, TimeoutError("the feed numbers of a batch were given up by others again and again"))


def _store_reserved(engine: sa.Engine, batch: Batch) -> Stored:
    with reserved(engine, batch.setting.community, len(batch.firsts)) as numbers:
        try:
            return _store(engine, batch, numbers, trusts_head=True)
        except PlaceTakenError:
            # The head was behind what is stored, as after a repair of the tables by hand; this sets it right.
            return _store(engine, batch, numbers, trusts_head=False)


def _store(engine: sa.Engine, batch: Batch, reserved_numbers: Numbers, *, trusts_head: bool) -> Stored:
    setting, firsts = batch.setting, batch.firsts
    known: dict[Place, str] = {}
    has_gap = False
    with writing(engine) as connection:
        numbers = reserved_numbers.take(connection)
        lies_beyond = trusts_head and bool(firsts) and _advance_head(connection, setting, min(firsts), max(firsts))
        if not lies_beyond:
            note_contact(connection, setting.community, setting.station, setting.received_at_ms)
        _keep_refused(connection, setting, batch.refused)
        if lies_beyond:
            batch.rows.insert(connection, numbers.before_no)
        elif firsts:
            has_gap = not _has_before(connection, setting, *min(firsts))
            inserted = batch.rows.insert_free(connection, numbers.before_no)
            if inserted < len(firsts):
                known = _hashes_before(connection, setting, firsts, numbers)
            if inserted + len(known) != len(firsts):
                # What is neither new nor there would be answered as stored.
                raise trouble(engine, LookupError("some feed numbers are in use already; restore a backup"))
            found = _find_head(connection, setting, epoch=batch.arrivals[-1].place[0])
            note_head(connection, setting.community, setting.station, found)
        answers = _answer(batch.arrivals, firsts, known)
        if known or len(firsts) < len(answers):
            pairs = zip(batch.arrivals, answers, strict=True)
            _keep_forks(engine, connection, setting, [one for one, answer in pairs if answer.status == "fork"])
    if batch.refused:
        answers += [EventAnswer(line=line.line, status="quarantined", reason=line.reason) for line in batch.refused]
        answers.sort(key=lambda answer: answer.line)
    return Stored(numbers.generation, answers, has_gap)


def _has_before(connection: sa.Connection, setting: Setting, epoch: str, seq: int) -> bool:
    """Say whether the event before this one is stored, if it is not the first of its epoch."""
    before = sa.select(events.c.seq).where(
        events.c.community == setting.community,
        events.c.station == setting.station,
        events.c.epoch == epoch,
        events.c.seq == seq - 1,
    )
    return seq == 1 or connection.execute(before).one_or_none() is not None


def _advance_head(connection: sa.Connection, setting: Setting, first: Place, last: Place) -> bool:
    if first[0] != last[0]:
        return False
    numbers = (first[1], last[1])
    return advance_head(connection, setting.community, setting.station, setting.received_at_ms, first[0], numbers)


def _find_head(connection: sa.Connection, setting: Setting, epoch: str) -> Place:
    query = sa.select(sa.func.max(events.c.seq)).where(
        events.c.community == setting.community, events.c.station == setting.station, events.c.epoch == epoch
    )
    return epoch, connection.execute(query).scalar_one()


def _hashes_before(
    connection: sa.Connection, setting: Setting, places: Iterable[Place], numbers: Numbers
) -> dict[Place, str]:
    """Return the hashes of what others had stored at these places; what this batch has just stored left out."""
    by_epoch: dict[str, list[int]] = {}
    for epoch, seq in places:
        by_epoch.setdefault(epoch, []).append(seq)
    found: dict[Place, str] = {}
    for epoch, seqs in by_epoch.items():
        for start in range(0, len(seqs), _PLACES_PER_QUERY):
            query = sa.select(events.c.seq, events.c.hash).where(
                events.c.community == setting.community,
                events.c.station == setting.station,
                events.c.epoch == epoch,
                events.c.seq.in_(seqs[start : start + _PLACES_PER_QUERY]),
                ~events.c.feed_no.between(numbers.before_no + 1, numbers.before_no + numbers.count),
            )
            found.update({(epoch, seq): digest for seq, digest in connection.execute(query)})
    return found


def _answer(arrivals: Sequence[Arrival], firsts: dict[Place, Arrival], known: dict[Place, str]) -> list[EventAnswer]:
    if not known and len(firsts) == len(arrivals):
        return [_STORED[arrival.line] for arrival in arrivals]
    return [_answer_one(arrival, firsts[arrival.place], known.get(arrival.place)) for arrival in arrivals]


def _answer_one(arrival: Arrival, first: Arrival, known_hash: str | None) -> EventAnswer:
    if known_hash is None and arrival is first:
        return _STORED[arrival.line]
    if arrival.hash == (known_hash or first.hash):
        return EventAnswer(line=arrival.line, status="already")
    return EventAnswer(
        line=arrival.line,
        status="fork",
        reason="seq: another event was received under this number; both are kept, and the station starts a new epoch",
    )


def _keep_forks(engine: sa.Engine, connection: sa.Connection, setting: Setting, forked: Sequence[Arrival]) -> None:
    if not forked:
        return
    branches = make_rows(engine, setting)
    for arrival in forked:
        event = from_json(arrival.raw)
        branches.add(structs.replace(event, epoch=branch_of(event.epoch, event.hash)), str(event.body, "utf-8"))
    numbers = take_numbers(connection, setting.community, len(forked))
    branches.insert_free(connection, numbers.before_no)
    rows = [
        {
            "community": setting.community,
            "station": setting.station,
            "epoch": arrival.place[0],
            "seq": arrival.place[1],
            "hash": arrival.hash,
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
