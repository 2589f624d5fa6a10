"""The legs that all journals tell of, and which passes are one line: sets that are only added to.

So it does not matter what came first: an undoing may come before its passage, and a replacement before both passes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.community.inserting import insert_unless_there
from sync.community.tables_feed import known_passes, legs, removed_legs

_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class StandingLeg:
    """A leg that counts: `order_ms` is its place among those of its line, `at_ms` when it happened, drift-corrected.

    `leg` is `first` or `return`. `journal` is the station and its epoch: who wrote both of two legs knew of both.
    """

    event_id: str
    line: str
    pass_id: str
    station: str
    journal: tuple[str, str]
    direction: str
    leg: str
    order_ms: int
    at_ms: int
    is_overridden: bool
    is_unclaimed: bool

    @property
    def place(self) -> tuple[int, str, str]:
        """What legs are sorted by."""
        return self.order_ms, self.station, self.event_id


def enter_legs(connection: sa.Connection, community: str, found: list[dict[str, Any]]) -> None:
    """Enter legs, given as the rest of their columns, under the lines of their passes."""
    lines = lines_of(connection, community, {leg["pass_id"] for leg in found})
    rows = [{"community": community, "line": lines[leg["pass_id"]], **leg} for leg in found]
    insert_unless_there(connection, legs, rows)


def enter_passes(connection: sa.Connection, community: str, found: dict[str, dict[str, Any]]) -> None:
    """Enter passes by id with `kind`, `household` and `is_issued`; their issuing has the last word, legs the first."""
    if not found:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    insert = make(known_passes)
    there, new = known_passes.c, insert.excluded
    values = {
        name: sa.case((new.is_issued, new[name]), else_=sa.func.coalesce(there[name], new[name]))
        for name in ("kind", "household")
    }
    upsert = insert.on_conflict_do_update(
        index_elements=[there.community, there.pass_id],
        set_={**values, "is_issued": new.is_issued},
        where=sa.and_(~there.is_issued, sa.or_(new.is_issued, there.kind.is_(None), there.household.is_(None))),
    )
    # In the order of the key, so that no two writers wait for each other.
    rows = [{"community": community, "pass_id": one, "line": one, **found[one]} for one in sorted(found)]
    connection.execute(upsert, rows)


def join_lines(connection: sa.Connection, community: str, one: str, other: str) -> None:
    """Make two passes one line, named after its smallest pass id: the same whatever was joined first."""
    line, *rest = sorted(set(lines_of(connection, community, {one, other}).values()))
    for table in (known_passes, legs):
        moved = sa.update(table).where(table.c.community == community, table.c.line.in_(rest))
        connection.execute(moved.values(line=line))


def lines_of(connection: sa.Connection, community: str, pass_ids: Iterable[str]) -> dict[str, str]:
    """Return the line of each of these passes; what no journal has told of is a line of its own."""
    wanted = sorted(pass_ids)
    found = {pass_id: pass_id for pass_id in wanted}
    for part in batched(wanted):
        query = sa.select(known_passes.c.pass_id, known_passes.c.line).where(
            known_passes.c.community == community, known_passes.c.pass_id.in_(part)
        )
        found.update((row.pass_id, row.line) for row in connection.execute(query))
    return found


def remove_legs(connection: sa.Connection, community: str, event_ids: Iterable[str]) -> None:
    """Let these passages count no more, whether their journals have come or not."""
    rows = [{"community": community, "event_id": event_id} for event_id in sorted(set(event_ids))]
    insert_unless_there(connection, removed_legs, rows)


def standing_legs(
    connection: sa.Connection, community: str, lines: Iterable[str], since_ms: int = 0
) -> list[StandingLeg]:
    """Return the legs of these lines that count, in their order, from the last return before `since_ms` on.

    What lies before that return is neither open nor begun since. A leg whose clock was set back after the one before it
    in the same journal comes after that one: a station knows its own order.
    """
    found: list[sa.Row[Any]] = []
    for part in batched(sorted(lines)):
        found += connection.execute(_standing_query(community, part, since_ms)).all()
    placed: list[StandingLeg] = []
    last_ms: dict[tuple[str, str, str], int] = {}
    for row in sorted(found, key=lambda row: (row.station, row.epoch, row.seq)):
        order_ms = row.order_ms
        if not row.is_missed:
            place = (row.line, row.station, row.epoch)
            last_ms[place] = order_ms = max(order_ms, last_ms.get(place, -1) + 1)
        placed.append(
            StandingLeg(
                event_id=row.event_id,
                line=row.line,
                pass_id=row.pass_id,
                station=row.station,
                journal=(row.station, row.epoch),
                direction=row.direction,
                leg=row.leg,
                order_ms=order_ms,
                at_ms=row.at_ms,
                is_overridden=row.is_overridden,
                is_unclaimed=row.is_unclaimed,
            )
        )
    return sorted(placed, key=lambda leg: leg.place)


def _standing_query(community: str, lines: Sequence[str], since_ms: int) -> sa.Select[Any]:
    earlier = legs.alias()
    last_return = (
        sa.select(earlier.c.order_ms)
        .where(
            earlier.c.community == community,
            earlier.c.line == known_passes.c.line,
            earlier.c.leg == "return",
            earlier.c.order_ms < since_ms,
            _stands(earlier),
        )
        .order_by(earlier.c.order_ms.desc())
        .limit(1)
        .scalar_subquery()
    )
    # A line is named after one of its passes, so each is here once.
    starts = (
        sa.select(known_passes.c.line, sa.func.coalesce(last_return, 0).label("start_ms"))
        .where(known_passes.c.community == community, known_passes.c.pass_id.in_(lines))
        .subquery()
    )
    is_since = sa.and_(
        legs.c.community == community, legs.c.line == starts.c.line, legs.c.order_ms >= starts.c.start_ms
    )
    return sa.select(legs).join_from(starts, legs, is_since).where(_stands(legs))


def _stands(table: sa.FromClause) -> sa.ColumnElement[bool]:
    return ~sa.exists().where(
        removed_legs.c.community == table.c.community, removed_legs.c.event_id == table.c.event_id
    )


def batched(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut a list into pieces that both databases take in one query."""
    for start in range(0, len(values), _PER_QUERY):
        yield values[start : start + _PER_QUERY]
