"""Carrying retention out: old events are emptied in small transactions, and a certificate says what was done.

A purge that was cut off is gone on with by the next one: every emptied event names its purge, so the certificate counts
what is there and not what somebody remembers. It is an event of the office's own journal.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from sync.bodies import RetentionPurged
from sync.community import journal
from sync.community.conflicts import find_conflicts
from sync.community.database import communities, events, exports, forks, quarantine, reading, writing
from sync.community.overdue import Overdue, fields_of, find_overdue
from sync.community.scrubbing import scrub
from sync.community.settings import CommunitySettings, RetentionTable
from sync.community.streaming import streamed, streaming
from sync.community.tables_feed import alerts, conflicts, known_passes, legs
from sync.community.tables_retention import purges
from sync.events import OFFICE, Event, canonical_json, new_id
from sync.retention import ENDINGS, NOBODY, Pseudonyms, emptied

CHUNK = 500
"""Events looked at in one transaction, so that no gate waits long."""

_PHASES: tuple[tuple[bool, tuple[str, ...]], ...] = (
    # An order goes before its end, and what is said of a pass before the pass: whatever stays behind when a purge is
    # cut off never says that something holds which does not.
    (False, (*ENDINGS, "pass.issued")),
    (True, tuple(ENDINGS)),
    (True, ("pass.issued",)),
)


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did, or would do: its certificate's event, None when there was nothing; counts by kind and table.

    Where it is not scrubbed, the database's files still hold old versions of what was changed. `newest_ms` is when the
    newest record of a gate came, None when there is none: a clock that is far beyond it may be wrong. Where a purge
    that was cut off `is_resumed`, a dry run counts what that one has left, the certificate also what it has emptied.
    """

    event: Event | None
    events: dict[str, int]
    rows: dict[str, int]
    is_scrubbed: bool = True
    newest_ms: int | None = None
    is_resumed: bool = False


class _OvertakenError(Exception):
    """Another process went on with the same purge: it was faster, or it keeps records for other days."""


def purge(engine: sa.Engine, settings: CommunitySettings, now_ms: int, *, guard: str | None = None) -> Purged:
    """Empty what is older than the settings allow, and write the certificate; raises `DatabaseError`.

    Whatever was committed before an error stays emptied, and the next purge goes on from there.
    """
    community = settings.community.id
    newest_ms = _newest_ms(engine, community)
    # What is not folded yet would be folded from emptied events, and double use never be found.
    find_conflicts(engine, community, now_ms)
    turn = _begin(engine, community, settings.retention, now_ms)
    with streaming(engine) as connection:
        overdue = find_overdue(connection, community, turn.days, settings.zone, turn.began_ms)
    try:
        emptying = _Emptying(engine, turn, overdue, Pseudonyms())
        for only, kinds in _PHASES:
            emptying.run(only=only, kinds=kinds)
        _empty_put_aside(engine, turn, overdue.before_ms)
        done = _finish(engine, turn, now_ms, guard)
    except _OvertakenError:
        done = Purged(None, {}, {})
    return replace(done, is_scrubbed=scrub(engine), newest_ms=newest_ms, is_resumed=turn.is_resumed)


def count_overdue(engine: sa.Engine, settings: CommunitySettings, now_ms: int) -> Purged:
    """Return what a purge would empty now, going on with one that was cut off; changes nothing."""
    community = settings.community.id
    counts: Counter[str] = Counter()
    pseudonyms = Pseudonyms()
    with streaming(engine, at_one_moment=True) as connection:
        turn = _cut_off(connection, community, settings.retention)
        days, began_ms = (turn.days, turn.began_ms) if turn else (settings.retention, now_ms)
        overdue = find_overdue(connection, community, days, settings.zone, began_ms)
        for row in streamed(connection, _candidates(community, overdue, 0)):
            if overdue.is_due(row, fields_of(row.body)) and emptied(row.kind, row.body, pseudonyms) != row.body:
                counts[row.kind] += 1
        rows = {
            name: connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()
            for name, table, conditions, _values in _put_aside(community, overdue.before_ms)
        }
    return Purged(None, dict(counts), rows, newest_ms=_newest_ms(engine, community), is_resumed=turn is not None)


def certified_digest(connection: sa.Connection, community: str, purge_id: str) -> tuple[dict[str, int], str]:
    """Return how many events of each kind a purge has emptied, and the digest that its certificate names."""
    counts: Counter[str] = Counter()
    digest = hashlib.sha256()
    query = (
        sa.select(events.c.kind, events.c.hash, events.c.body)
        .where(events.c.community == community, events.c.purge_id == purge_id)
        .order_by(events.c.feed_no)
    )
    for row in streamed(connection, query):
        counts[row.kind] += 1
        digest.update(f"{row.hash} {hashlib.sha256(row.body.encode()).hexdigest()}\n".encode())
    return dict(sorted(counts.items())), digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Turn:
    """A purge that is being carried out: which one, since when, and for how many days it keeps records."""

    community: str
    purge_id: str
    began_ms: int
    days: RetentionTable
    is_resumed: bool = False

    def take(self, connection: sa.Connection) -> sa.Row[Any]:
        """Lock the purge's entry until the transaction ends, and return it; raises `_OvertakenError`.

        What another process has finished has its certificate, and nothing more may be emptied in its name.
        """
        row = connection.execute(sa.select(purges).where(self.own).with_for_update()).one_or_none()
        if row is None or row.finished_at_ms is not None or row.days != canonical_json(self.days).decode():
            raise _OvertakenError
        return row

    @property
    def own(self) -> sa.ColumnElement[bool]:
        """The entry of this purge."""
        return sa.and_(purges.c.community == self.community, purges.c.purge_id == self.purge_id)


def _newest_ms(engine: sa.Engine, community: str) -> int | None:
    newest = sa.select(events.c.received_at_ms).where(events.c.community == community, events.c.station != OFFICE)
    with reading(engine) as connection:
        return connection.execute(newest.order_by(events.c.feed_no.desc()).limit(1)).scalar_one_or_none()


def _cut_off(connection: sa.Connection, community: str, days: RetentionTable) -> _Turn | None:
    """Return the purge that was cut off, keeping each group for the longer of the days it began with and `days`."""
    unfinished = sa.select(purges).where(purges.c.community == community, purges.c.finished_at_ms.is_(None))
    row = connection.execute(unfinished.order_by(purges.c.purge_id).limit(1)).one_or_none()
    if row is None:
        return None
    stored = msgspec.json.decode(row.days, type=dict[str, int])
    longer = {group: max(kept, stored.get(group, kept)) for group, kept in msgspec.to_builtins(days).items()}
    return _Turn(community, row.purge_id, row.started_at_ms, RetentionTable(**longer), is_resumed=True)


def _begin(engine: sa.Engine, community: str, days: RetentionTable, now_ms: int) -> _Turn:
    """Enter a new purge, or take up one that was cut off."""
    with writing(engine) as connection:
        # Of two that begin at once, the second finds what the first has entered; who writes events does not wait.
        own = sa.select(communities.c.community).where(communities.c.community == community)
        connection.execute(own.with_for_update(key_share=True))
        turn = _cut_off(connection, community, days)
        if turn is not None:
            longer = canonical_json(turn.days).decode()
            connection.execute(sa.update(purges).where(turn.own, purges.c.finished_at_ms.is_(None)).values(days=longer))
            return turn
        turn = _Turn(community, new_id(now_ms), now_ms, days)
        entry = {
            "community": community,
            "purge_id": turn.purge_id,
            "started_at_ms": now_ms,
            "days": canonical_json(days).decode(),
            "rows_removed": "{}",
        }
        connection.execute(sa.insert(purges), entry)
        return turn


def _candidates(community: str, overdue: Overdue, after_feed_no: int) -> sa.Select[Any]:
    names = ("feed_no", "id", "kind", "at_ms", "received_at_ms", "body")
    return (
        sa.select(*(events.c[name] for name in names))
        .where(
            events.c.community == community,
            events.c.feed_no > after_feed_no,
            events.c.purge_id.is_(None),
            events.c.received_at_ms < max(overdue.before_ms.values()),
        )
        .order_by(events.c.feed_no)
    )


@dataclass(frozen=True, slots=True)
class _Emptying:
    engine: sa.Engine
    turn: _Turn
    overdue: Overdue
    pseudonyms: Pseudonyms

    def run(self, *, only: bool, kinds: tuple[str, ...]) -> None:
        """Empty what is due, of these kinds only or of all others, a chunk in each transaction."""
        is_one = events.c.kind.in_(kinds)
        reached: int | None = 0
        while reached is not None:
            with writing(self.engine) as connection:
                taken = self.turn.take(connection)
                query = _candidates(self.turn.community, self.overdue, reached).where(is_one if only else ~is_one)
                rows = connection.execute(query.limit(CHUNK)).all()
                reached = rows[-1].feed_no if rows else None
                due = [row for row in rows if self.overdue.is_due(row, fields_of(row.body))]
                _note(connection, self.turn, taken, self._empty(connection, due))

    def _empty(self, connection: sa.Connection, due: list[sa.Row[Any]]) -> dict[str, int]:
        changes = [
            {"place": row.feed_no, "stays": stays, "by_purge": self.turn.purge_id}
            for row in due
            if (stays := emptied(row.kind, row.body, self.pseudonyms)) != row.body
        ]
        if not changes:
            return {}
        connection.execute(_set_bodies(self.turn.community), changes)
        return _empty_derived(connection, self.turn.community, due)


def _set_bodies(community: str) -> sa.Update:
    is_it = sa.and_(
        events.c.community == community, events.c.feed_no == sa.bindparam("place"), events.c.purge_id.is_(None)
    )
    return sa.update(events).where(is_it).values(body=sa.bindparam("stays"), purge_id=sa.bindparam("by_purge"))


def _empty_derived(connection: sa.Connection, community: str, due: list[sa.Row[Any]]) -> dict[str, int]:
    """Take the same out of the tables that are folded from the events; return how many rows of each."""
    ids = [row.id for row in due if row.kind.startswith("passage.")]
    feed_nos = [row.feed_no for row in due if row.kind == "passage.recorded"]
    named = [fields_of(row.body) for row in due]
    ended = [str(fields["pass_id"]) for row, fields in zip(due, named, strict=True) if row.kind == "pass.issued"]
    closed = [
        str(fields["conflict_id"])
        for row, fields in zip(due, named, strict=True)
        if row.kind == "conflict.found" and "conflict_id" in fields
    ]
    statements: dict[str, sa.Delete | sa.Update] = {
        "legs": sa.delete(legs).where(legs.c.community == community, legs.c.event_id.in_(ids)),
        "alerts": sa.delete(alerts).where(alerts.c.community == community, alerts.c.feed_no.in_(feed_nos)),
        "conflicts": sa.update(conflicts)
        .where(conflicts.c.community == community, conflicts.c.conflict_id.in_(closed))
        .values(pass_id=NOBODY),
        # The row stays, since a line may be named after it.
        "known_passes": sa.update(known_passes)
        .where(
            known_passes.c.community == community,
            known_passes.c.pass_id.in_(ended),
            known_passes.c.household.is_not(None),
        )
        .values(household=None),
    }
    return {name: connection.execute(statement).rowcount for name, statement in statements.items()}


def _put_aside(
    community: str, before_ms: dict[str, int]
) -> list[tuple[str, sa.Table, list[sa.ColumnElement[bool]], dict[str, Any]]]:
    """Return the tables besides the events, the rows of them that are too old, and what stands in their place."""
    aside_ms = before_ms["put_aside"]
    has_no_leg = ~sa.exists().where(
        legs.c.community == known_passes.c.community, legs.c.pass_id == known_passes.c.pass_id
    )
    return [
        (
            "forks",
            forks,
            [forks.c.community == community, forks.c.received_at_ms < aside_ms, forks.c.line != b""],
            {"line": b""},
        ),
        (
            "quarantine",
            quarantine,
            [quarantine.c.community == community, quarantine.c.received_at_ms < aside_ms, quarantine.c.line != b""],
            {"line": b"", "reason": NOBODY},
        ),
        (
            "exports",
            exports,
            [exports.c.community == community, exports.c.at_ms < before_ms["exports"], exports.c.selection != "{}"],
            {"selection": "{}"},
        ),
        (
            # Known from passages alone, and the passages are gone.
            "known_passes",
            known_passes,
            [
                known_passes.c.community == community,
                ~known_passes.c.is_issued,
                known_passes.c.household.is_not(None),
                has_no_leg,
            ],
            {"household": None},
        ),
    ]


def _empty_put_aside(engine: sa.Engine, turn: _Turn, before_ms: dict[str, int]) -> None:
    for name, table, conditions, values in _put_aside(turn.community, before_ms):
        with writing(engine) as connection:
            taken = turn.take(connection)
            count = connection.execute(sa.update(table).where(*conditions).values(**values)).rowcount
            _note(connection, turn, taken, {name: count})


def _note(connection: sa.Connection, turn: _Turn, taken: sa.Row[Any], removed: dict[str, int]) -> None:
    """Add to the entry that was taken how many rows went from each table."""
    if any(removed.values()):
        total = Counter(msgspec.json.decode(taken.rows_removed, type=dict[str, int])) + Counter(removed)
        noted = canonical_json(dict(total)).decode()
        connection.execute(sa.update(purges).where(turn.own).values(rows_removed=noted))


def _finish(engine: sa.Engine, turn: _Turn, now_ms: int, guard: str | None) -> Purged:
    with writing(engine) as connection:
        row = turn.take(connection)
        counts, digest = certified_digest(connection, turn.community, turn.purge_id)
        rows = msgspec.json.decode(row.rows_removed, type=dict[str, int])
        if not counts and not any(rows.values()):
            connection.execute(sa.delete(purges).where(turn.own))
            return Purged(None, {}, {})
        body = RetentionPurged(
            purge_id=turn.purge_id,
            days=msgspec.json.decode(row.days, type=dict[str, int]),
            events=counts,
            rows=rows,
            digest=digest,
        )
        event = journal.append(connection, turn.community, body, now_ms, guard=guard)
        connection.execute(sa.update(purges).where(turn.own).values(finished_at_ms=now_ms, event_id=event.id))
    return Purged(event, counts, rows)
