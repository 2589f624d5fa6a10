"""Kinds of passes: what a community allows the holders of each.

A colour is a label for people (it means something different in every town); no rule looks at it.
"""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Literal

from passes.errors import N_
from passes.trips import Direction


@dataclass(frozen=True, slots=True)
class Hours:
    """A window of the day on some weekdays (0 = Monday), community-local, both ends inclusive to the minute."""

    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))

    def contains(self, local: datetime) -> bool:
        """Say whether the community-local time lies in the window."""
        minute = local.time().replace(second=0, microsecond=0)
        return local.weekday() in self.weekdays and self.start <= minute <= self.end


@dataclass(frozen=True, slots=True)
class Kind:
    """What the holder of a pass of this kind may do.

    `first_leg` is the direction that opens a trip: `exit` for those who live here, `entry` for outsiders. `trips`
    is the limit in `period_days` local days, None for no limit, 0 for barred. `minutes_away` is the longest trip,
    0 for no limit. An empty `hours` means at any time. `label` is a sentence of the catalogue.
    """

    code: str
    label: str
    first_leg: Direction
    trips: int | None = 1
    period_days: int = 1
    hours: tuple[Hours, ...] = ()
    minutes_away: int = 0
    reading: Literal["required", "optional"] = "required"
    colour: Literal["none", "blue", "green", "red", "white", "yellow"] = "none"


PRESETS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("resident", N_("Resident"), Direction.EXIT, colour="green"),
        Kind("tenant", N_("Tenant"), Direction.EXIT, colour="yellow"),
        Kind("temporary", N_("Temporary"), Direction.ENTRY, colour="white"),
        Kind("commuter", N_("Commuter"), Direction.EXIT, colour="green"),
        Kind("service", N_("City service"), Direction.ENTRY, trips=None, colour="blue"),
        Kind("courier", N_("Courier"), Direction.ENTRY, trips=None, colour="yellow"),
        Kind("visitor", N_("Visitor"), Direction.ENTRY, colour="white"),
        Kind("volunteer", N_("Volunteer"), Direction.EXIT, trips=None, colour="red"),
        Kind("exempt", N_("Exempt"), Direction.EXIT, trips=None, colour="red"),
    )
}
