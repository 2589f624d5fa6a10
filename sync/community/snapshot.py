"""What a new station is not told: trips that are over, and too long ago to count.

Its first way through the feed leaves out passages that were received and happened before an instant, unless their trip
is still open. The bounds travel in the cursor, so that it goes on after a break as it began; behind them the feed is
whole.
"""

from dataclasses import dataclass

import sqlalchemy as sa

from sync.community.database import events, happened_ms
from sync.community.tables_feed import fold_cursors, known_passes, legs, removed_legs

KEPT_DAYS = 3
"""Passages of these last days are told whole, and all of passes whose limit counts for longer."""

_DAY_MS = 86_400_000
_PASSAGES = ("passage.recorded", "passage.missed")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Up to the feed number `end`, passages of before `before_ms` whose trip is over are left out."""

    before_ms: int
    end: int

    def text(self) -> str:
        """Return the bounds as a cursor carries them."""
        return f"{self.before_ms}-{self.end}"

    def is_needed(self, long_counted: frozenset[str]) -> sa.ColumnElement[bool]:
        """Return the condition on `events` that a station needs this one; passes of `long_counted` kinds are whole."""
        leg, later = legs.alias("own_leg"), legs.alias("later_leg")
        returned = sa.exists().where(
            later.c.community == leg.c.community,
            later.c.line == leg.c.line,
            later.c.leg == "return",
            later.c.order_ms >= leg.c.order_ms,
            ~_is_removed(later),
        )
        is_over = sa.exists().where(
            leg.c.community == events.c.community,
            leg.c.event_id == events.c.id,
            known_passes.c.community == leg.c.community,
            known_passes.c.pass_id == leg.c.pass_id,
            known_passes.c.kind.not_in(long_counted),
            sa.or_(leg.c.leg == "return", _is_removed(leg), returned),
        )
        is_old = sa.and_(
            events.c.feed_no <= self.end, events.c.received_at_ms < self.before_ms, happened_ms < self.before_ms
        )
        return ~sa.and_(events.c.kind.in_(_PASSAGES), is_old, is_over)


def begin(connection: sa.Connection, community: str, now_ms: int) -> Snapshot:
    """Return the bounds for a station that begins now.

    The legs are known as far as the job that finds conflicts has come; what lies behind is told whole too.
    """
    query = sa.select(fold_cursors.c.last_feed_no).where(fold_cursors.c.community == community)
    return Snapshot(now_ms - KEPT_DAYS * _DAY_MS, connection.execute(query).scalar_one_or_none() or 0)


def read_snapshot(text: str) -> Snapshot | None:
    """Return the bounds out of a cursor; None for what is none."""
    before_ms, _, end = text.partition("-")
    numbers = [int(part) for part in (before_ms, end) if part.isascii() and part.isdecimal() and len(part) < 19]
    return Snapshot(*numbers) if len(numbers) == 2 else None


def _is_removed(leg: sa.FromClause) -> sa.ColumnElement[bool]:
    return sa.exists().where(removed_legs.c.community == leg.c.community, removed_legs.c.event_id == leg.c.event_id)
