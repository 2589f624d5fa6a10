"""Double use: passages that were each right at their gate, and cannot all be right where the journals meet.

A job folds what is new and looks at the passes concerned. What it finds is written to the community's own journal, so
every gate learns of it; a person closes it. Both passages stay recorded.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa

from passes.errors import N_, UsageError
from sync.bodies import ConflictClosed
from sync.community import journal
from sync.community.database import reading, writing
from sync.community.double_use import find_double_use
from sync.community.folding import fold, keep_closed, keep_found
from sync.community.inserting import insert_unless_there
from sync.community.numbering import feed_end, give_up_abandoned
from sync.community.tables_feed import alerts as alerts_table
from sync.community.tables_feed import conflicts, fold_cursors

FOLD_EVENTS = 500
"""Events folded in one transaction, so that nobody waits long for it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """An open conflict: the passages' event ids in the order of happening, the last being the one too many."""

    conflict_id: str
    rule: str
    pass_id: str
    passages: tuple[str, ...]
    stations: tuple[str, ...]
    found_at_ms: int


@dataclass(frozen=True, slots=True)
class Alert:
    """A passage that staff must know of, and why: reason codes of `passes.reasons`; `at_ms` is drift-corrected."""

    feed_no: int
    event_id: str
    station: str
    pass_id: str | None
    direction: str
    at_ms: int
    reasons: tuple[str, ...]


def find_conflicts(engine: sa.Engine, community: str, now_ms: int) -> int:
    """Fold what is new since the last time and write a `conflict.found` for each double use; return how many.

    Any number of processes may run it: while one does, the others return at once. Raises `DatabaseError`.
    """
    count = 0
    give_up_abandoned(engine, community)
    while _is_behind(engine, community):
        with writing(engine) as connection:
            found = _step(connection, community, now_ms, wait=False)
        if found is None:
            break
        count += found
    return count


def catch_up(connection: sa.Connection, community: str, now_ms: int) -> None:
    """Do the same to the end inside the caller's transaction, waiting for whoever does it at the moment."""
    # Only to where the feed ends now: events on another server are all seen as they are at the first look.
    end = feed_end(connection, community)
    while _cursor(connection, community) < end:
        _step(connection, community, now_ms, wait=True, end=end)


def open_conflicts(connection: sa.Connection, community: str) -> list[Conflict]:
    """Return the conflicts that nobody has closed, the oldest first."""
    query = (
        sa.select(conflicts)
        .where(conflicts.c.community == community, conflicts.c.closed_at_ms.is_(None))
        .order_by(conflicts.c.found_at_ms, conflicts.c.conflict_id)
    )
    return [
        Conflict(
            conflict_id=row.conflict_id,
            rule=row.rule,
            pass_id=row.pass_id,
            passages=msgspec.json.decode(row.passages, type=tuple[str, ...]),
            stations=msgspec.json.decode(row.stations, type=tuple[str, ...]),
            found_at_ms=row.found_at_ms,
        )
        for row in connection.execute(query)
    ]


def close_conflict(
    connection: sa.Connection,
    community: str,
    conflict_id: str,
    reason: str,
    discard_stations: Iterable[str],
    at_ms: int,
    *,
    guard: str | None = None,
) -> None:
    """Close an open conflict; this conflict's passages at `discard_stations` count no more.

    Must run inside `database.writing`. Raises `UsageError` when there is no such open conflict, no reason, or a station
    that has no part in it.
    """
    query = sa.select(conflicts).where(
        conflicts.c.community == community,
        conflicts.c.conflict_id == conflict_id,
        conflicts.c.closed_at_ms.is_(None),
    )
    row = connection.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise UsageError(
            N_("conflict {conflict_id!r}: no open conflict has this id; see: gatepost community conflicts"),
            conflict_id=conflict_id[:200],
        )
    if not reason.strip():
        raise UsageError(N_("conflict {conflict_id}: say why it is closed"), conflict_id=conflict_id)
    passages = msgspec.json.decode(row.passages, type=list[str])
    stations = msgspec.json.decode(row.stations, type=list[str])
    discard = set(discard_stations)
    if not discard <= set(stations):
        raise UsageError(
            N_("conflict {conflict_id}: station {station!r} has no part in it; name one of {stations}"),
            conflict_id=conflict_id,
            station=min(discard - set(stations))[:64],
            stations=", ".join(sorted(set(stations))),
        )
    discarded = [passage for passage, station in zip(passages, stations, strict=True) if station in discard]
    body = ConflictClosed(conflict_id=conflict_id, pass_id=row.pass_id, reason=reason, discarded=discarded)
    journal.append(connection, community, body, at_ms, guard=guard)
    keep_closed(connection, community, body, at_ms)


def alerts(connection: sa.Connection, community: str, after: int = 0, limit: int = 200) -> list[Alert]:
    """Return what staff must know of, in the order of arrival, from behind the feed number `after`."""
    query = (
        sa.select(alerts_table)
        .where(alerts_table.c.community == community, alerts_table.c.feed_no > after)
        .order_by(alerts_table.c.feed_no)
        .limit(limit)
    )
    return [
        Alert(
            feed_no=row.feed_no,
            event_id=row.event_id,
            station=row.station,
            pass_id=row.pass_id,
            direction=row.direction,
            at_ms=row.at_ms,
            reasons=msgspec.json.decode(row.reasons, type=tuple[str, ...]),
        )
        for row in connection.execute(query)
    ]


def _is_behind(engine: sa.Engine, community: str) -> bool:
    with reading(engine) as connection:
        return _cursor(connection, community) < feed_end(connection, community)


def _cursor(connection: sa.Connection, community: str) -> int:
    query = sa.select(fold_cursors.c.last_feed_no).where(fold_cursors.c.community == community)
    return connection.execute(query).scalar_one_or_none() or 0


def _step(connection: sa.Connection, community: str, now_ms: int, *, wait: bool, end: int | None = None) -> int | None:
    """Fold one piece and write what it brings to light; None when another process is at it."""
    insert_unless_there(connection, fold_cursors, [{"community": community, "last_feed_no": 0}])
    own_row = fold_cursors.c.community == community
    query = sa.select(fold_cursors.c.last_feed_no).where(own_row)
    start = connection.execute(query.with_for_update(skip_locked=not wait)).scalar_one_or_none()
    if start is None:
        return None
    end = feed_end(connection, community) if end is None else end
    if start >= end:
        return 0
    reached, since_ms = fold(connection, community, start, end, FOLD_EVENTS)
    connection.execute(sa.update(fold_cursors).where(own_row).values(last_feed_no=reached))
    found = find_double_use(connection, community, since_ms) if since_ms else []
    for body in found:
        journal.append(connection, community, body, now_ms)
        keep_found(connection, community, body, now_ms)
    return len(found)
