"""Looking for double use among the legs of some passes: what one who knew of all of them could not have allowed.

Two rules: a first leg while a trip is open (also one that a lead allowed by override), and more first legs in a period
than the kind in force then allows, when they come from different journals or one was decided alone (`unclaimed`).
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from passes.kinds import Kind
from passes.trips import Direction, Leg, local_day, pair
from sync.bodies import ConflictFound
from sync.community.database import communities
from sync.community.kindbook import read_kinds
from sync.community.legs import StandingLeg, batched, lines_of, standing_legs
from sync.community.tables_feed import conflicts, known_passes

_DAY_MS = 86_400_000

Rule = Literal["already_out", "already_in", "over_limit"]


def find_double_use(connection: sa.Connection, community: str, since_ms: dict[str, int]) -> list[ConflictFound]:
    """Return what is found among passes that changed, each given with the earliest place of a change.

    There is one conflict at most for each leg that is one too many, and none that was found before.
    """
    search = _Search(connection, community)
    found: dict[str, ConflictFound] = {}
    for body in search.run(since_ms):
        found.setdefault(body.passages[-1], body)
    known: set[str] = set()
    for part in batched(sorted(found)):
        query = sa.select(conflicts.c.excess_id).where(
            conflicts.c.community == community, conflicts.c.excess_id.in_(part)
        )
        known.update(connection.execute(query).scalars())
    return [body for excess_id, body in found.items() if excess_id not in known]


class _Search:
    def __init__(self, connection: sa.Connection, community: str) -> None:
        self._connection = connection
        self._community = community
        self._kinds = read_kinds(connection, community)
        query = sa.select(communities.c.zone).where(communities.c.community == community)
        self._zone = ZoneInfo(connection.execute(query).scalar_one())
        self._passes: dict[str, Any] = {}
        self._days: dict[str, int] = {}

    def run(self, since_ms: dict[str, int]) -> Iterator[ConflictFound]:
        legs = self._legs(self._lines(since_ms))
        self._days = {leg.event_id: local_day(leg.at_ms, self._zone).toordinal() for leg in legs}
        for _, of_line in groupby(sorted(legs, key=lambda leg: leg.line), key=lambda leg: leg.line):
            yield from _already_on_a_trip(list(of_line))
        firsts = [leg for leg in legs if leg.leg == "first"]
        yield from self._over_limit(firsts)

    def _lines(self, since_ms: dict[str, int]) -> dict[str, int]:
        """Return the lines to look at, and since when: those of the passes and of all that is counted with them."""
        lines: dict[str, int] = {}
        for pass_id, line in lines_of(self._connection, self._community, since_ms).items():
            lines[line] = min(since_ms[pass_id], lines.get(line, since_ms[pass_id]))
        self._learn_passes(known_passes.c.line, lines)
        households: dict[str, int] = {}
        for row in self._passes.values():
            if row.household and any(kind.count == "household" for kind in self._kinds.ever(row.kind)):
                households[row.household] = min(lines[row.line], households.get(row.household, lines[row.line]))
        self._learn_passes(known_passes.c.household, households)
        for row in list(self._passes.values()):
            if row.household in households:
                lines[row.line] = min(households[row.household], lines.get(row.line, households[row.household]))
        self._learn_passes(known_passes.c.line, lines)
        return lines

    def _learn_passes(self, column: sa.Column[Any], values: Iterable[str]) -> None:
        for part in batched(sorted(values)):
            query = sa.select(known_passes).where(known_passes.c.community == self._community, column.in_(part))
            self._passes.update({row.pass_id: row for row in self._connection.execute(query)})

    def _legs(self, lines: dict[str, int]) -> list[StandingLeg]:
        """Read the legs of lines as far back as their kinds count, those that count equally far together."""
        period_days: dict[str, int] = {}
        for row in self._passes.values():
            for kind in self._kinds.ever(row.kind):
                if kind.trips is not None:
                    period_days[row.line] = max(kind.period_days, period_days.get(row.line, 0))
        together: dict[tuple[bool, int], list[str]] = {}
        for line, since_ms in lines.items():
            together.setdefault((since_ms > 0, period_days.get(line, 0)), []).append(line)
        legs: list[StandingLeg] = []
        for (_is_recent, days), of_these in together.items():
            # A day more, since a period begins at midnight.
            first_ms = min(lines[line] for line in of_these) - (days + 1) * _DAY_MS
            legs += standing_legs(self._connection, self._community, of_these, max(first_ms, 0))
        return sorted(legs, key=lambda leg: leg.place)

    def _over_limit(self, firsts: Sequence[StandingLeg]) -> Iterator[ConflictFound]:
        by_line: dict[str, list[StandingLeg]] = {}
        by_household: dict[str, list[StandingLeg]] = {}
        for leg in firsts:
            household = self._passes[leg.pass_id].household
            before = by_line.setdefault(leg.line, [])
            before.append(leg)
            if household:
                by_household.setdefault(household, []).append(leg)
            kind = self._kind(leg, leg.at_ms)
            if kind is None or kind.trips is None or leg.is_overridden:
                continue
            if kind.count == "household" and household:
                before = [one for one in by_household[household] if self._counts_per_household(one, leg.at_ms)]
            counted = [
                one for one in before if 0 <= self._days[leg.event_id] - self._days[one.event_id] < kind.period_days
            ]
            alone = len({one.journal for one in counted}) == 1 and not any(one.is_unclaimed for one in counted)
            if len(counted) > kind.trips and not alone:
                yield _conflict("over_limit", counted)

    def _kind(self, leg: StandingLeg, at_ms: int) -> Kind | None:
        return self._kinds.at(self._passes[leg.pass_id].kind, at_ms)

    def _counts_per_household(self, leg: StandingLeg, at_ms: int) -> bool:
        kind = self._kind(leg, at_ms)
        return kind is not None and kind.count == "household"


def _already_on_a_trip(legs: Sequence[StandingLeg]) -> Iterator[ConflictFound]:
    by_id = {leg.event_id: leg for leg in legs}
    # A leg is what its gate took it for, so that a kind whose directions were changed does not upset older trips.
    roles = [
        Leg(leg.order_ms, Direction.EXIT if leg.leg == "first" else Direction.ENTRY, leg.station, leg.event_id)
        for leg in legs
    ]
    trips = pair(roles, Direction.EXIT)
    # Trips that one return closes, or none has closed, were open together.
    for _, group in groupby(trips, key=lambda trip: trip.back and trip.back.id):
        together = [by_id[trip.first.id] for trip in group]
        for count in range(2, len(together) + 1):
            rule: Rule = "already_out" if together[count - 1].direction == "exit" else "already_in"
            yield _conflict(rule, together[:count])


def _conflict(rule: Rule, legs: Sequence[StandingLeg]) -> ConflictFound:
    excess = legs[-1]
    return ConflictFound(
        conflict_id=f"{excess.event_id}:{rule}",
        rule=rule,
        pass_id=excess.pass_id,
        passages=[leg.event_id for leg in legs],
        stations=[leg.station for leg in legs],
    )
