"""The feed's numbers: every event of a community has one, and whoever reads the feed misses none.

A single event takes the next number of the community's one counter row inside its own transaction. A batch on
PostgreSQL reserves its numbers beforehand, in a transaction of their own, so that batches are written side by side; the
reservation is deleted by the transaction that writes the batch. The feed ends before the oldest reservation that is
left: what lies below it is there, or will never be. A SQLite file has one writer at a time and needs no reservations.

Who writes a batch holds its reservation's row locked. One that nobody holds belongs to a writer that died, and is given
up; whoever finds their own given up writes nothing and starts anew. No clock of ours is asked. A writer whose machine
is gone loses its connection by `database`'s keep-alives; one that is there and has frozen, by `end_frozen_writers`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import sqlalchemy as sa

from sync.community.database import (
    DatabaseError,
    asking,
    communities,
    feed_counters,
    feed_reservations,
    reading,
    writing,
)


class ReservationLostError(Exception):
    """The reservation was given up before it was used; nothing was written under it."""


_COMMUNITY: sa.BindParameter[str] = sa.bindparam("of_community")
_GENERATION = sa.select(communities.c.generation).where(communities.c.community == _COMMUNITY).scalar_subquery()

# Statements of every batch are built once, which would else cost as much as running them.
_TAKE = (
    sa.update(feed_counters)
    .where(feed_counters.c.community == _COMMUNITY)
    .values(last_feed_no=feed_counters.c.last_feed_no + sa.bindparam("count"))
    .returning(feed_counters.c.last_feed_no, feed_counters.c.community, _GENERATION.label("generation"))
)
_TAKEN = _TAKE.cte("taken")
_RESERVE = (
    sa.insert(feed_reservations)
    .from_select(
        ["community", "first_no"],
        sa.select(_TAKEN.c.community, _TAKEN.c.last_feed_no - sa.bindparam("count") + 1),
    )
    .returning(feed_reservations.c.first_no, _GENERATION)
)
_USE = sa.delete(feed_reservations).where(
    feed_reservations.c.community == _COMMUNITY, feed_reservations.c.first_no == sa.bindparam("first_no")
)
_HELD_BY_NOBODY = (
    sa.select(feed_reservations.c.first_no)
    .where(feed_reservations.c.community == _COMMUNITY)
    .with_for_update(skip_locked=True)
)
_GIVE_UP = sa.delete(feed_reservations).where(
    feed_reservations.c.community == _COMMUNITY,
    feed_reservations.c.first_no.in_(sa.bindparam("numbers", expanding=True)),
)
_END = sa.select(
    sa.func.coalesce(
        sa.select(sa.func.min(feed_reservations.c.first_no) - 1)
        .where(feed_reservations.c.community == _COMMUNITY)
        .scalar_subquery(),
        feed_counters.c.last_feed_no,
    )
).where(feed_counters.c.community == _COMMUNITY)


FROZEN_AFTER_S = 120
"""Sending a batch to the database takes milliseconds."""

_END_FROZEN = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND application_name = 'gatepost'"
    " AND state = 'active' AND wait_event = 'ClientRead' AND pid <> pg_backend_pid()"
    " AND xact_start < clock_timestamp() - make_interval(secs => :longest_s)"
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers after `before_no`, as many as were asked for, of the life `generation` of the database."""

    community: str
    count: int
    before_no: int = 0
    generation: str = ""
    is_reserved: bool = False

    def take(self, connection: sa.Connection) -> "Numbers":
        """Make the numbers those of this transaction, which writes under them; others see both at once.

        Raises `ReservationLostError`; then the transaction must be given up.
        """
        if not self.is_reserved:
            return take_numbers(connection, self.community, self.count)
        used = connection.execute(_USE, {"of_community": self.community, "first_no": self.before_no + 1})
        if used.rowcount != 1:
            raise ReservationLostError
        return self


def take_numbers(connection: sa.Connection, community: str, count: int = 1) -> Numbers:
    """Take the next numbers inside the caller's transaction; until it ends, everybody else waits who wants some."""
    last_no, _community, generation = connection.execute(_TAKE, {"of_community": community, "count": count}).one()
    return Numbers(community, count, last_no - count, generation)


@contextmanager
def reserved(engine: sa.Engine, community: str, count: int) -> Iterator[Numbers]:
    """Reserve `count` numbers for one transaction that begins with `Numbers.take`; raises `DatabaseError`.

    When the block raises, the numbers are given up, and stay without an event.
    """
    if engine.dialect.name != "postgresql" or not count:
        yield Numbers(community, count)
        return
    with asking(engine) as connection:
        first_no, generation = connection.execute(_RESERVE, {"of_community": community, "count": count}).one()
    try:
        yield Numbers(community, count, first_no - 1, generation, is_reserved=True)
    except BaseException:
        # A database that does not answer keeps the row until `give_up_abandoned`.
        with suppress(DatabaseError), writing(engine) as connection:
            connection.execute(_USE, {"of_community": community, "first_no": first_no})
        raise


def give_up_abandoned(engine: sa.Engine, community: str) -> int:
    """Give up the reservations whose writers died, so that the feed goes on behind them; return how many."""
    if engine.dialect.name != "postgresql":
        return 0
    with reading(engine) as connection:
        query = sa.select(sa.exists().where(feed_reservations.c.community == community))
        if not connection.execute(query).scalar_one():
            return 0
    with writing(engine) as connection:
        numbers = connection.execute(_HELD_BY_NOBODY, {"of_community": community}).scalars().all()
        if numbers:
            connection.execute(_GIVE_UP, {"of_community": community, "numbers": numbers})
    return len(numbers)


def end_frozen_writers(engine: sa.Engine, longest_s: int = FROZEN_AFTER_S) -> int:
    """End PostgreSQL's sessions that wait in the middle of a COPY for a program that sends nothing; return how many.

    No time-out of PostgreSQL reaches those. Only this database's and this account's sessions are looked at, by the
    database's own clock.
    """
    if engine.dialect.name != "postgresql":
        return 0
    with reading(engine) as connection:
        ended = connection.execute(_END_FROZEN, {"longest_s": longest_s}).scalars().all()
    return sum(ended)


def feed_end(connection: sa.Connection, community: str) -> int:
    """Return the number that the feed reaches to; what a later statement reads up to it is complete."""
    found: int = connection.execute(_END, {"of_community": community}).scalar_one()
    return found
