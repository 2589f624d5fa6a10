"""Legs and trips: which passages belong together, and how many trips a day has seen.

A leg is one accepted passage of a pass. A trip is a first leg and the return leg that closes it. Legs are ordered by
instant, whatever the order in which they became known; a return leg closes everything that is open.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from operator import attrgetter

import msgspec


class Direction(StrEnum):
    """Which way a person or vehicle passes the gate, seen from the community."""

    ENTRY = "entry"
    EXIT = "exit"

    @property
    def opposite(self) -> "Direction":
        """The other way."""
        return Direction.EXIT if self is Direction.ENTRY else Direction.ENTRY


class Leg(msgspec.Struct, frozen=True):
    """One accepted passage of a pass at `at_ms` (UTC milliseconds) at a station; `id` is its event's.

    Days are cut by `at_ms`. `order_ms` is its place among the pass's legs where that is known better than by the clock:
    a station knows the order of its own records even when its clock was set back between them.
    """

    at_ms: int
    direction: Direction
    station: str
    id: str = ""
    order_ms: int | None = None

    @property
    def place(self) -> tuple[int, str, str, str]:
        """What legs are sorted by."""
        order_ms = self.at_ms if self.order_ms is None else self.order_ms
        return order_ms, self.direction, self.station, self.id


class Trip(msgspec.Struct, frozen=True):
    """A first leg and, once it has happened, the return that closed it."""

    first: Leg
    back: Leg | None = None


class Standing(msgspec.Struct, frozen=True):
    """Where a pass stands: trips used in its period, the first leg that is still open, and the last leg of all."""

    used: int = 0
    open_leg: Leg | None = None
    last_leg: Leg | None = None


_place = attrgetter("place")


def local_day(at_ms: int, zone: tzinfo) -> date:
    """Return the calendar day that the instant `at_ms` (UTC milliseconds) belongs to in `zone`."""
    return datetime.fromtimestamp(at_ms / 1000, zone).date()


def pair(legs: Iterable[Leg], first_leg: Direction) -> list[Trip]:
    """Pair legs to trips, in the order of their first legs.

    A further first leg while a trip is open opens a further trip; the next return leg closes all that are open; a
    return leg with nothing open belongs to no trip (design section 4).
    """
    trips: list[Trip] = []
    oldest_open = 0
    for leg in sorted(legs, key=_place):
        if leg.direction is first_leg:
            trips.append(Trip(leg))
        else:
            trips[oldest_open:] = [Trip(trip.first, leg) for trip in trips[oldest_open:]]
            oldest_open = len(trips)
    return trips


def standing(legs: Iterable[Leg], first_leg: Direction, today: date, period_days: int, zone: tzinfo) -> Standing:
    """Say how many trips count in the `period_days` local days that end with `today`, and what is open.

    A trip counts on the local day of its first leg. `legs` may leave out whatever lies before the last return leg
    that precedes the period: nothing before it can be open or count.
    """
    ordered = sorted(legs, key=_place)
    if not ordered:
        return Standing()
    period_start = today - timedelta(days=period_days - 1)
    trips = pair(ordered, first_leg)
    used = sum(period_start <= local_day(trip.first.at_ms, zone) <= today for trip in trips)
    open_leg = trips[-1].first if trips and trips[-1].back is None else None
    return Standing(used, open_leg, ordered[-1])
