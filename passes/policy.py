"""The decision whether this pass may go this way now.

`decide` is a pure function of what is known at one moment. The same function answers under the gate screen, the
command line and the scenarios. Its rules are the table of design section 4.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Literal

import msgspec

from passes.kinds import Kind, Mode
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


class State(StrEnum):
    """Where a pass is in its life; lost, withdrawn, void and destroyed are all `revoked`, with that detail."""

    ACTIVE = "active"
    REQUESTED = "requested"
    SUSPENDED = "suspended"
    REPLACED = "replaced"
    REVOKED = "revoked"


class KnownPass(msgspec.Struct, frozen=True):
    """A pass as the token and the register describe it; both dates are community-local and inclusive.

    `in_roster` is false when only the signature vouches for the holder. `against_holder` are those of `quarantined`,
    `banned` and `watch_listed` that hold for the holder or the household today.
    """

    kind: Kind
    valid_from: date
    valid_until: date
    state: State = State.ACTIVE
    in_roster: bool = True
    key_withdrawn: bool = False
    against_holder: tuple[Reason, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """Everything that a decision looks at.

    `local_now` is the community's wall time with its zone. `finding` is None while no reading has been taken,
    `SKIPPED` when the guard gave a reason for taking none. `typed` means that the pass number was entered by hand.
    `id_matches` is None while nobody has looked at the ID card. `clock_behind`: the device's clock lies before the
    station's own last record. `stale`: the lists are too old. `unclaimed`: the station decides alone.
    `host_known` says of a visitor without a pass whether the host lives here; None where no host is asked for.
    """

    known: KnownPass
    standing: Standing
    direction: Direction
    local_now: datetime
    finding: Finding | Skipped | None = None
    typed: bool = False
    id_matches: bool | None = None
    mode: Mode = Mode.CLOSED
    clock_behind: bool = False
    stale: bool = False
    unclaimed: bool = False
    host_known: bool | None = None


class Verdict(msgspec.Struct, frozen=True):
    """The answer: the outcome, every reason that holds in the order of display, and where the pass stands.

    `leg` is what the passage would be to its pass. `used` counts the trips of the period before this passage,
    `trips` is their limit (None = no limit). `open_leg` is the first leg still open. With `needs_reading` or
    `needs_id` the outcome holds so far, but nothing may be recorded as allowed before the reading is there or the ID
    card has been looked at.
    """

    outcome: Outcome
    reasons: tuple[Reason, ...]
    leg: Literal["first", "return"] | None = None
    used: int = 0
    trips: int | None = None
    open_leg: Leg | None = None
    needs_reading: bool = False
    needs_id: bool = False


def refused(reason: Reason) -> Verdict:
    """Return the verdict on something that is not even a readable pass of this community."""
    return Verdict(Outcome.REFUSE, (reason,))


def overruled(verdict: Verdict) -> Verdict:
    """Return what becomes of a refusal of a readable pass when the lead overrides it: allowed, all reasons kept."""
    reasons = in_order([*verdict.reasons, Reason.OVERRIDDEN])
    return msgspec.structs.replace(verdict, outcome=Outcome.ALLOW, reasons=reasons)


def decide(facts: Facts) -> Verdict:
    """Answer whether the passage may happen.

    First legs are refused by any rule that holds. Return legs are never refused: whatever would refuse a first leg
    because of the pass, its holder, the ID card or a fever calls for attention instead, so nobody is locked out of
    home and no visitor is locked in (design section 4).
    """
    kind, standing = facts.known.kind, facts.standing
    holding = _against_pass_and_holder(facts) + _against_screening(facts)
    notes = _notes(facts)
    if facts.direction is kind.first_leg:
        leg: Literal["first", "return"] = "first"
        holding += _against_first_leg(facts)
        outcome = _first_leg_outcome(holding)
        if facts.unclaimed and outcome is not Outcome.REFUSE:
            notes.append(Reason.UNCLAIMED)
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
        needs_id=kind.id_check and facts.id_matches is None,
    )


def in_order(reasons: list[Reason]) -> tuple[Reason, ...]:
    """Return the reasons in the order in which they are shown."""
    return tuple(sorted(reasons, key=_RANK.__getitem__)) if len(reasons) > 1 else tuple(reasons)


_RANK = {reason: rank for rank, reason in enumerate(Reason)}

_OF_STATE = {
    State.REQUESTED: Reason.NOT_ACTIVE,
    State.SUSPENDED: Reason.SUSPENDED,
    State.REPLACED: Reason.REPLACED,
    State.REVOKED: Reason.REVOKED,
}


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
    if known.state is not State.ACTIVE:
        holding.append(_OF_STATE[known.state])
    if today < known.valid_from:
        holding.append(Reason.NOT_YET_VALID)
    elif today > known.valid_until:
        holding.append(Reason.EXPIRED)
    holding.extend(known.against_holder)
    return holding


def _against_screening(facts: Facts) -> list[Reason]:
    holding = [Reason.NO_ID] if facts.known.kind.id_check and facts.id_matches is False else []
    if facts.finding is Finding.FEVER:
        holding.append(Reason.FEVER)
    elif facts.finding is SKIPPED:
        holding.append(Reason.NO_READING)
    return holding


def _against_first_leg(facts: Facts) -> list[Reason]:
    kind, standing = facts.known.kind, facts.standing
    holding = []
    if _mode_forbids(facts.mode, kind):
        holding.append(Reason.MODE)
    if standing.open_leg is not None:
        holding.append(Reason.ALREADY_OUT if facts.direction is Direction.EXIT else Reason.ALREADY_IN)
    if kind.trips is not None and standing.used >= kind.trips:
        holding.append(Reason.OVER_LIMIT)
    if kind.hours and not any(hours.contains(facts.local_now) for hours in kind.hours):
        holding.append(Reason.OUTSIDE_HOURS)
    if facts.host_known is False and facts.mode is not Mode.OPEN:
        holding.append(Reason.NO_HOST)
    if facts.clock_behind:
        holding.append(Reason.CLOCK)
    return holding


def _mode_forbids(mode: Mode, kind: Kind) -> bool:
    if mode is Mode.STATIC:
        return kind.first_leg is Direction.EXIT and not kind.exempt
    return mode is Mode.NO_VISITORS and kind.visitor


def _notes(facts: Facts) -> list[Reason]:
    notes = []
    if not facts.known.in_roster:
        notes.append(Reason.NOT_IN_ROSTER)
    if facts.stale:
        notes.append(Reason.STALE_DATA)
    if facts.typed:
        notes.append(Reason.TYPED)
    return notes


def _return_notes(facts: Facts) -> list[Reason]:
    kind, open_leg = facts.known.kind, facts.standing.open_leg
    notes = [Reason.CLOCK_SUSPECT] if facts.clock_behind else []
    if open_leg is None:
        notes.append(Reason.NO_OPEN_TRIP)
    elif kind.minutes_away and facts.local_now.timestamp() - open_leg.at_ms / 1000 > kind.minutes_away * 60:
        notes.append(Reason.LATE_RETURN)
    return notes
