"""Carrying retention out: old events are emptied in small transactions, and a certificate says what was done.

A purge that was cut off is gone on with by the next one: every emptied event names its purge, so the certificate counts
what is there and not what somebody remembers. It is an event of the office's own journal.
"""

import hashlib
import logging
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from passes.errors import GatepostError
from sync.bodies import RetentionPurged
from sync.community import journal
from sync.community.conflicts import find_conflicts
from sync.community.database import communities, database_errors, events, exports, forks, quarantine, writing
from sync.community.overdue import Overdue, fields_of, find_overdue
from sync.community.settings import CommunitySettings, RetentionTable
from sync.community.streaming import streamed, streaming
from sync.community.tables_feed import alerts, conflicts, known_passes, legs
from sync.community.tables_retention import purges
from sync.events import Event, canonical_json, new_id
from sync.retention import ENDINGS, NOBODY, Pseudonyms, emptied

logger = logging.getLogger("gatepost.community")

CHUNK = 500
"""Events looked at in one transaction, so that no gate waits long."""

_PHASES: tuple[tuple[bool, tuple[str, ...]], ...] = (
    # An order goes before its end, and what is said of a pass before the pass: whatever stays behind when a purge is
    # cut off never says that something holds which does not.
    (False, (*ENDINGS, "pass.issued")),
    (True, tuple(ENDINGS)),
    (True, ("pass.issued",)),
)
_VACUUMED = ("events", "forks", "quarantine", "exports", "legs", "alerts", "conflicts", "known_passes")


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did, or would do: its certificate's event, None when there was nothing; counts by kind and table.

    Where it is not scrubbed, the database's files still hold old versions of what was changed.
    """

    event: Event | None
    events: dict[str, int]
    rows: dict[str, int]
    is_scrubbed: bool = True


def purge(engine: sa.Engine, settings: CommunitySettings, now_ms: int, *, guard: str | None = None) -> Purged:
    """Empty what is older than the settings allow, and write the certificate; raises `DatabaseError`.

    Whatever was committed before an error stays emptied, and the next purge goes on from there.
    """
    community = settings.community.id
    # What is not folded yet would be folded from emptied events, and double use never be found.
    find_conflicts(engine, community, now_ms)
    purge_id, began_ms, days = _begin(engine, community, settings.retention, now_ms)
    with streaming(engine) as connection:
        overdue = find_overdue(connection, community, days, settings.zone, began_ms)
    emptying = _Emptying(engine, community, purge_id, overdue, Pseudonyms())
    for only, kinds in _PHASES:
        emptying.run(only=only, kinds=kinds)
    _empty_put_aside(engine, community, purge_id, overdue.before_ms)
    done = _finish(engine, community, purge_id, now_ms, guard)
    return replace(done, is_scrubbed=_scrub(engine))


def count_overdue(engine: sa.Engine, settings: CommunitySettings, now_ms: int) -> Purged:
    """Return what a purge would empty now, without changing anything."""
    community = settings.community.id
    counts: Counter[str] = Counter()
    pseudonyms = Pseudonyms()
    with streaming(engine) as connection:
        overdue = find_overdue(connection, community, settings.retention, settings.zone, now_ms)
        for row in streamed(connection, _candidates(community, overdue, 0)):
            if overdue.is_due(row, fields_of(row.body)) and emptied(row.kind, row.body, pseudonyms) != row.body:
                counts[row.kind] += 1
        rows = {
            name: connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()
            for name, table, conditions, _values in _put_aside(community, overdue.before_ms)
        }
    return Purged(None, dict(counts), rows)


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


def _begin(engine: sa.Engine, community: str, days: RetentionTable, now_ms: int) -> tuple[str, int, RetentionTable]:
    """Enter a new purge, or take up one that was cut off, with the days that it began with."""
    unfinished = sa.select(purges).where(purges.c.community == community, purges.c.finished_at_ms.is_(None))
    with writing(engine) as connection:
        # Of two that begin at once, the second finds what the first has entered; who writes events does not wait.
        own = sa.select(communities.c.community).where(communities.c.community == community)
        connection.execute(own.with_for_update(key_share=True))
        row = connection.execute(unfinished.order_by(purges.c.purge_id).limit(1)).one_or_none()
        if row is not None:
            return row.purge_id, row.started_at_ms, msgspec.json.decode(row.days, type=RetentionTable)
        entry = {
            "community": community,
            "purge_id": new_id(now_ms),
            "started_at_ms": now_ms,
            "days": canonical_json(days).decode(),
            "rows_removed": "{}",
        }
        connection.execute(sa.insert(purges), entry)
        return str(entry["purge_id"]), now_ms, days


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
    community: str
    purge_id: str
    overdue: Overdue
    pseudonyms: Pseudonyms

    def run(self, *, only: bool, kinds: tuple[str, ...]) -> None:
        """Empty what is due, of these kinds only or of all others, a chunk in each transaction."""
        is_one = events.c.kind.in_(kinds)
        reached: int | None = 0
        while reached is not None:
            with writing(self.engine) as connection:
                query = _candidates(self.community, self.overdue, reached).where(is_one if only else ~is_one)
                rows = connection.execute(query.limit(CHUNK)).all()
                reached = rows[-1].feed_no if rows else None
                self._empty(connection, [row for row in rows if self.overdue.is_due(row, fields_of(row.body))])

    def _empty(self, connection: sa.Connection, due: list[sa.Row[Any]]) -> None:
        changes = [
            {"place": row.feed_no, "stays": stays, "by_purge": self.purge_id}
            for row in due
            if (stays := emptied(row.kind, row.body, self.pseudonyms)) != row.body
        ]
        if changes:
            connection.execute(_set_bodies(self.community), changes)
            _note(connection, self.community, self.purge_id, _empty_derived(connection, self.community, due))


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


def _empty_put_aside(engine: sa.Engine, community: str, purge_id: str, before_ms: dict[str, int]) -> None:
    for name, table, conditions, values in _put_aside(community, before_ms):
        with writing(engine) as connection:
            count = connection.execute(sa.update(table).where(*conditions).values(**values)).rowcount
            _note(connection, community, purge_id, {name: count})


def _note(connection: sa.Connection, community: str, purge_id: str, removed: dict[str, int]) -> None:
    own = sa.and_(purges.c.community == community, purges.c.purge_id == purge_id)
    noted = connection.execute(sa.select(purges.c.rows_removed).where(own).with_for_update()).scalar_one()
    total = Counter(msgspec.json.decode(noted, type=dict[str, int])) + Counter(removed)
    connection.execute(sa.update(purges).where(own).values(rows_removed=canonical_json(dict(total)).decode()))


def _finish(engine: sa.Engine, community: str, purge_id: str, now_ms: int, guard: str | None) -> Purged:
    own = sa.and_(purges.c.community == community, purges.c.purge_id == purge_id)
    with writing(engine) as connection:
        row = connection.execute(sa.select(purges).where(own).with_for_update()).one_or_none()
        if row is None or row.finished_at_ms is not None:
            # Another process went on with the same purge, and was faster.
            return Purged(None, {}, {})
        counts, digest = certified_digest(connection, community, purge_id)
        rows = msgspec.json.decode(row.rows_removed, type=dict[str, int])
        if not counts and not any(rows.values()):
            connection.execute(sa.delete(purges).where(own))
            return Purged(None, {}, {})
        body = RetentionPurged(
            purge_id=purge_id,
            days=msgspec.json.decode(row.days, type=dict[str, int]),
            events=counts,
            rows=rows,
            digest=digest,
        )
        event = journal.append(connection, community, body, now_ms, guard=guard)
        connection.execute(sa.update(purges).where(own).values(finished_at_ms=now_ms, event_id=event.id))
    return Purged(event, counts, rows)


def _scrub(engine: sa.Engine) -> bool:
    """Let the database write its files anew, without the old versions of what was changed; say whether it did.

    SQLite's `secure_delete` is not enough: where it has moved rows within a page, copies stay in the space between.
    """
    try:
        with database_errors(engine):
            if engine.dialect.name == "sqlite":
                raw = engine.raw_connection()
                try:
                    raw.cursor().execute("VACUUM")
                    raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
                finally:
                    raw.close()
            else:
                with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                    connection.exec_driver_sql(f"VACUUM {', '.join(_VACUUMED)}")
    except GatepostError as error:
        logger.warning("purge: %s", error)
        return False
    return True
