"""The decision whether this pass may go this way now.

`decide` is a pure function of what is known at one moment. The same function answers under the gate screen, the
command line and the tests. Its rules are the table of design section 4.
"""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from passes.kinds import Kind
from passes.reasons import Reason
from passes.temperature import Finding
from passes.trips import Direction, Leg, Standing


class Outcome(StrEnum):
    """What the guard is told: let through, let through but look, or do not let through."""

    ALLOW = "allow"
    ATTENTION = "attention"
    REFUSE = "refuse"


class Skipped(StrEnum):
    """Stands in the place of a finding when the guard gave a reason for taking no reading."""

    SKIPPED = "skipped"


SKIPPED = Skipped.SKIPPED


@dataclass(frozen=True, slots=True)
class KnownPass:
    """A pass as the token and the register describe it; both dates are community-local and inclusive.

    `state` is `revoked` for lost, withdrawn, void and destroyed alike; `in_roster` is false when only the signature
    vouches for the holder.
    """

    kind: Kind
    valid_from: date
    valid_until: date
    state: Literal["active", "revoked"] = "active"
    in_roster: bool = True
    key_withdrawn: bool = False
    banned: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a decision looks at.

    `local_now` is the community's wall time with its zone. `finding` is None while no reading has been taken,
    `SKIPPED` when the guard gave a reason for taking none. `typed` means that the pass number was entered by hand.
    """

    known: KnownPass
    standing: Standing
    direction: Direction
    local_now: datetime
    finding: Finding | Skipped | None = None
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer: the outcome, every reason that holds in the order of display, and where the pass stands.

    `leg` is what the passage would be to its pass. `used` counts the trips of the period before this passage,
    `trips` is their limit (None = no limit). `open_leg` is the first leg still open. With `needs_reading` the
    outcome holds so far, but nothing may be recorded as allowed before a reading is there.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    leg: Literal["first", "return"] | None = None
    used: int = 0
    trips: int | None = None
    open_leg: Leg | None = None
    needs_reading: bool = False


def refused(reason: Reason) -> Verdict:
    """Return the verdict on something that is not even a readable pass of this community."""
    return Verdict(Outcome.REFUSE, (reason,))


def decide(facts: Facts) -> Verdict:
    """Answer whether the passage may happen.

    First legs are refused by any rule that holds. Return legs are never refused: whatever would refuse a first leg
    because of the pass, its holder or a fever calls for attention instead, so nobody is locked out of home and no
    visitor is locked in (design section 4).
    """
    kind, standing = facts.known.kind, facts.standing
    holding = _against_pass_and_holder(facts) + _against_reading(facts)
    notes = [Reason.TYPED] if facts.typed else []
    if not facts.known.in_roster:
        notes.append(Reason.NOT_IN_ROSTER)
    if facts.direction is kind.first_leg:
        leg: Literal["first", "return"] = "first"
        holding += _against_first_leg(facts)
        outcome = _first_leg_outcome(holding)
    else:
        leg = "return"
        notes += _return_notes(facts)
        outcome = Outcome.ATTENTION if holding else Outcome.ALLOW
    return Verdict(
        outcome=outcome,
        reasons=in_order(holding + notes),
        leg=leg,
        used=standing.used,
        trips=kind.trips,
        open_leg=standing.open_leg,
        needs_reading=_needs_reading(facts),
    )


def in_order(reasons: list[Reason]) -> tuple[Reason, ...]:
    """Return the reasons in the order in which they are shown."""
    return tuple(sorted(reasons, key=_RANK.__getitem__)) if len(reasons) > 1 else tuple(reasons)


_RANK = {reason: rank for rank, reason in enumerate(Reason)}


def _first_leg_outcome(holding: list[Reason]) -> Outcome:
    if not holding:
        return Outcome.ALLOW
    # A reading skipped with a reason must not stop the gate when its thermometer is broken; it is looked at, though.
    return Outcome.ATTENTION if holding == [Reason.NO_READING] else Outcome.REFUSE


def _needs_reading(facts: Facts) -> bool:
    if facts.finding is None:
        return facts.known.kind.reading == "required"
    return facts.finding in (Finding.LOW, Finding.IMPLAUSIBLE)


def _against_pass_and_holder(facts: Facts) -> list[Reason]:
    known, today = facts.known, facts.local_now.date()
    holding = []
    if known.key_withdrawn:
        holding.append(Reason.WITHDRAWN_KEY)
    if known.state == "revoked":
        holding.append(Reason.REVOKED)
    if today < known.valid_from:
        holding.append(Reason.NOT_YET_VALID)
    elif today > known.valid_until:
        holding.append(Reason.EXPIRED)
    if known.banned:
        holding.append(Reason.BANNED)
    return holding


def _against_reading(facts: Facts) -> list[Reason]:
    if facts.finding is Finding.FEVER:
        return [Reason.FEVER]
    return [Reason.NO_READING] if facts.finding is SKIPPED else []


def _against_first_leg(facts: Facts) -> list[Reason]:
    kind, standing = facts.known.kind, facts.standing
    holding = []
    if standing.open_leg is not None:
        holding.append(Reason.ALREADY_OUT if facts.direction is Direction.EXIT else Reason.ALREADY_IN)
    if kind.trips is not None and standing.used >= kind.trips:
        holding.append(Reason.OVER_LIMIT)
    if kind.hours and not any(hours.contains(facts.local_now) for hours in kind.hours):
        holding.append(Reason.OUTSIDE_HOURS)
    return holding


def _return_notes(facts: Facts) -> list[Reason]:
    kind, open_leg = facts.known.kind, facts.standing.open_leg
    if open_leg is None:
        return [Reason.NO_OPEN_TRIP]
    seconds_away = facts.local_now.timestamp() - open_leg.at_ms / 1000
    return [Reason.LATE_RETURN] if kind.minutes_away and seconds_away > kind.minutes_away * 60 else []
