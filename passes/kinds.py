"""Kinds of passes: what a community allows the holders of each, and the modes of its gates.

A colour is a label for people (it means something different in every town); no rule looks at it.
"""

from datetime import datetime, time
from enum import StrEnum
from typing import Literal

import msgspec

from passes.errors import N_
from passes.trips import Direction

EVERY_DAY = frozenset(range(7))


class Mode(StrEnum):
    """How strictly a community's gates are kept; only first legs are looked at.

    Under `static` management only exempt kinds leave; with `no_visitors` no visitor comes in.
    """

    OPEN = "open"
    CLOSED = "closed"
    STATIC = "static"
    NO_VISITORS = "no_visitors"


class Hours(msgspec.Struct, frozen=True, omit_defaults=True):
    """A window of the day on some weekdays (0 = Monday), community-local, both ends inclusive to the minute.

    A window whose end lies before its start runs over midnight and belongs to the weekday on which it starts.
    """

    start: time
    end: time
    weekdays: frozenset[int] = EVERY_DAY

    def contains(self, local: datetime) -> bool:
        """Say whether the community-local time lies in the window."""
        minute, weekday = local.time().replace(second=0, microsecond=0), local.weekday()
        if self.start <= self.end:
            return weekday in self.weekdays and self.start <= minute <= self.end
        yesterday = (weekday - 1) % 7
        return (weekday in self.weekdays and minute >= self.start) or (
            yesterday in self.weekdays and minute <= self.end
        )


class Kind(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the holder of a pass of this kind may do.

    `first_leg` is the direction that opens a trip: `exit` for those who live here, `entry` for outsiders. `trips`
    is the limit in `period_days` local days that end with today, None for no limit, 0 for barred; it is counted per
    `pass` (its whole replacement line) or per `household` (all its passes of kinds that count so). `minutes_away` is
    the longest trip, 0 for no limit. An empty `hours` means at any time. `id_check` asks for the ID card beside the
    pass. `visitor` kinds stay outside with the mode `no_visitors`, `exempt` ones leave under `static`. `label` is a
    sentence of the catalogue or the community's own; `notes` are told to the holder, on the pass and at the scan.
    """

    code: str
    label: str
    first_leg: Direction
    trips: int | None = 1
    period_days: int = 1
    count: Literal["pass", "household"] = "pass"
    hours: tuple[Hours, ...] = ()
    minutes_away: int = 0
    id_check: bool = False
    reading: Literal["required", "optional"] = "required"
    exempt: bool = False
    visitor: bool = False
    colour: Literal["none", "blue", "green", "red", "white", "yellow"] = "none"
    notes: tuple[str, ...] = ()


VISITOR = "visitor"
"""The kind by whose rules those pass who were registered at the gate and have no pass."""

VEHICLE = "vehicle"
"""The kind by whose rules the vehicles of those who live here pass."""

OUTSIDE_VEHICLE = "outside_vehicle"
"""The kind by whose rules all other vehicles without a pass do."""

PRESETS: dict[str, Kind] = {
    kind.code: kind
    for kind in (
        Kind("resident", N_("Resident"), Direction.EXIT, colour="green"),
        Kind("tenant", N_("Tenant"), Direction.EXIT, colour="yellow"),
        Kind("temporary", N_("Temporary"), Direction.ENTRY, visitor=True, id_check=True),
        Kind("single_use", N_("Single use"), Direction.ENTRY, period_days=3650, visitor=True, id_check=True),
        Kind("commuter", N_("Commuter"), Direction.EXIT, colour="green"),
        Kind("service", N_("City service"), Direction.ENTRY, trips=None, colour="blue"),
        Kind("courier", N_("Courier"), Direction.ENTRY, trips=None, minutes_away=60, colour="yellow"),
        Kind(VISITOR, N_("Visitor"), Direction.ENTRY, visitor=True, id_check=True, colour="white"),
        Kind(VEHICLE, N_("Vehicle"), Direction.EXIT, trips=None),
        Kind(OUTSIDE_VEHICLE, N_("Vehicle from outside"), Direction.ENTRY, trips=None, visitor=True, id_check=True),
        Kind("volunteer", N_("Volunteer"), Direction.EXIT, trips=None, colour="red"),
        Kind("exempt", N_("Exempt"), Direction.EXIT, trips=None, exempt=True, colour="red"),
    )
}
