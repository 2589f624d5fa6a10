"""Claims: a station that is online takes a first leg before it records it, so that only one gate can.

What a key means is the stations' affair. Each is held by one event; the primary key of the table decides between
stations that claim at once, whichever processes they talk to.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from passes.errors import N_, UsageError
from sync.community.conflicts import catch_up
from sync.community.database import reading, writing
from sync.community.screening import MAX_NAME_CHARS
from sync.community.tables_feed import claims, legs, removed_legs
from sync.wire import ClaimAnswer

ABANDONED_AFTER_MS = 60_000
"""A claim whose passage has not arrived for so long may be taken over: that gate records at once, or never."""

KEPT_MS = 14 * 86_400_000
MAX_KEYS = 16
MAX_KEY_CHARS = 512

# Enters the claims on keys that nobody holds and tells which; waits for others who claim the same now. Built once: that
# would take three times as long as running it.
_TAKE_FREE = {
    name: make(claims).on_conflict_do_nothing(index_elements=[claims.c.community, claims.c.key]).returning(claims.c.key)
    for name, make in (("postgresql", postgresql.insert), ("sqlite", sqlite.insert))
}


class ClaimError(UsageError):
    """A claim that cannot be meant."""


def claim(
    connection: sa.Connection, community: str, station: str, event_id: str, keys: Sequence[str], at_ms: int
) -> ClaimAnswer:
    """Take all `keys` for the event that `station` is about to record, or none; asking again gives the same answer.

    Must run inside `database.writing`; `at_ms` is the community's time. A key is free, or this event's, or held by an
    event that was undone or discarded, or that did not arrive: of another station within `ABANDONED_AFTER_MS`. Raises
    `ClaimError`.
    """
    _check(event_id, keys)
    wanted = sorted(set(keys))
    row = {"community": community, "station": station, "event_id": event_id, "claimed_at_ms": at_ms}
    free = _TAKE_FREE[connection.dialect.name]
    taken = connection.execute(free, [{**row, "key": key} for key in wanted]).scalars().all()
    if len(taken) == len(wanted):
        return ClaimAnswer(granted=True)
    of_these = sa.and_(claims.c.community == community, claims.c.key.in_(wanted))
    # Locked in one order by all, so that no two claims wait for each other.
    held = connection.execute(sa.select(claims).where(of_these).order_by(claims.c.key).with_for_update()).all()
    others = [one for one in held if (one.station, one.event_id) != (station, event_id)]
    if others:
        catch_up(connection, community, at_ms)
    lost = next((one for one in others if not _may_be_taken_over(connection, one, station, at_ms)), None)
    if lost is not None:
        connection.execute(sa.delete(claims).where(claims.c.community == community, claims.c.key.in_(taken)))
        return ClaimAnswer(granted=False, key=lost.key, station=lost.station, at_ms=lost.claimed_at_ms)
    for one in others:
        this = sa.and_(claims.c.community == community, claims.c.key == one.key)
        connection.execute(sa.update(claims).where(this).values(row))
    return ClaimAnswer(granted=True)


def prune_claims(engine: sa.Engine, community: str, now_ms: int) -> int:
    """Forget the claims older than `KEPT_MS` and return how many those were; raises `DatabaseError`."""
    is_old = sa.and_(claims.c.community == community, claims.c.claimed_at_ms < now_ms - KEPT_MS)
    with reading(engine) as connection:
        if connection.execute(sa.select(claims.c.key).where(is_old).limit(1)).first() is None:
            return 0
    with writing(engine) as connection:
        old = sa.select(claims.c.key).where(is_old).with_for_update(skip_locked=True)
        this = sa.and_(claims.c.community == community, claims.c.key.in_(old))
        return connection.execute(sa.delete(claims).where(this)).rowcount


def _check(event_id: str, keys: Sequence[str]) -> None:
    if not 1 <= len(keys) <= MAX_KEYS:
        raise ClaimError(N_("keys: {count} are given; claim 1 to {limit}"), count=len(keys), limit=MAX_KEYS)
    for name, text, limit in (("event_id", event_id, MAX_NAME_CHARS), *(("keys", key, MAX_KEY_CHARS) for key in keys)):
        if not 1 <= len(text) <= limit or "\0" in text:
            raise ClaimError(
                N_("{field}: {value!r} cannot be kept; write 1 to {limit} characters without NUL"),
                field=name,
                value=text[:50],
                limit=limit,
            )


def _may_be_taken_over(connection: sa.Connection, held: Any, station: str, at_ms: int) -> bool:
    """Say whether the event that holds a key did not come, or came and counts no more; all journals are folded."""
    for table, answer in ((removed_legs, True), (legs, False)):
        query = sa.select(table.c.event_id).where(
            table.c.community == held.community, table.c.event_id == held.event_id
        )
        if connection.execute(query).first() is not None:
            return answer
    # A station that asks again for what it claimed itself has not recorded it: its own register would know.
    return bool(held.station == station or at_ms - held.claimed_at_ms >= ABANDONED_AFTER_MS)
