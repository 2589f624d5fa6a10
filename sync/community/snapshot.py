"""What a new station is not told: trips that are over, and too long ago to count.

Its first way through the feed leaves out passages that were received and happened before an instant, unless their trip
is still open. The bounds travel in the cursor, so that it goes on after a break as it began; behind them the feed is
whole.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from sync.community.database import events, happened_ms
from sync.community.kindbook import read_kinds
from sync.community.tables_feed import fold_cursors, legs, removed_legs

_DAY_MS = 86_400_000
_PASSAGES = ("passage.recorded", "passage.missed", "passage.undone")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Up to the feed number `end`, passages of before `before_ms` whose trip is over are left out."""

    before_ms: int
    end: int

    def text(self) -> str:
        """Return the bounds as a cursor carries them."""
        return f"{self.before_ms}-{self.end}"

    def is_needed(self) -> sa.ColumnElement[bool]:
        """Return the condition on `events` that a station needs this one."""
        first = legs.alias("first_leg")
        later = legs.alias("later_leg")
        of_event = sa.and_(first.c.community == events.c.community, first.c.event_id == events.c.id)
        returned = sa.exists().where(
            later.c.community == first.c.community,
            later.c.line == first.c.line,
            later.c.leg == "return",
            later.c.order_ms >= first.c.order_ms,
            ~_is_removed(later),
        )
        is_open = sa.exists().where(of_event, first.c.leg == "first", ~_is_removed(first), ~returned)
        is_old = sa.and_(
            events.c.feed_no <= self.end, events.c.received_at_ms < self.before_ms, happened_ms < self.before_ms
        )
        return ~sa.and_(events.c.kind.in_(_PASSAGES), is_old, ~is_open)


def begin(connection: sa.Connection, community: str, now_ms: int) -> Snapshot:
    """Return the bounds for a station that begins now: what the longest limit still counts is told whole.

    The legs are known as far as the job that finds conflicts has come; what lies behind is told whole too.
    """
    days = read_kinds(connection, community).longest_period_days() + 2
    query = sa.select(fold_cursors.c.last_feed_no).where(fold_cursors.c.community == community)
    return Snapshot(now_ms - days * _DAY_MS, connection.execute(query).scalar_one_or_none() or 0)


def read_snapshot(text: str) -> Snapshot | None:
    """Return the bounds out of a cursor; None for what is none."""
    before_ms, _, end = text.partition("-")
    numbers = [int(part) for part in (before_ms, end) if part.isascii() and part.isdecimal() and len(part) < 19]
    return Snapshot(*numbers) if len(numbers) == 2 else None


def _is_removed(leg: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.exists().where(removed_legs.c.community == leg.c.community, removed_legs.c.event_id == leg.c.event_id)
