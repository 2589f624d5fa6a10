"""Claims: asking the community for a first leg before it is recorded, so that two gates cannot allow it both.

A claim names by keys what the first leg would take: the place behind the last leg of the pass's line, and, where trips
are limited, the next trip of this day. Each key can be taken once. A gate that gets no answer decides alone.
"""

from datetime import date
from typing import Protocol

import msgspec

from passes.kinds import Kind
from passes.policy import Outcome, Verdict, in_order
from passes.reasons import Reason
from passes.trips import Direction, Leg
from sync.wire import ClaimAnswer

_LINE, _LIMIT = "line", "limit"


class Claims(Protocol):
    """Whoever can ask the community."""

    @property
    def is_reachable(self) -> bool:
        """Whether the community answered lately."""
        ...

    def claim(self, event_id: str, keys: list[str], at_ms: int) -> ClaimAnswer | None:
        """Claim `keys` for the passage that `event_id` will record; None when there is no answer in time."""
        ...


class Claim(msgspec.Struct, frozen=True):
    """What was claimed for which event, and the answer; None when there was none."""

    event_id: str
    keys: list[str]
    answer: ClaimAnswer | None


def claim_keys(kind: Kind, line: str, household: str | None, last_leg: Leg | None, used: int, day: date) -> list[str]:
    """Return the keys of a first leg on community-local `day`, `used` trips of the period being taken already."""
    keys = [f"{_LINE}:{line}:after:{last_leg.id if last_leg else '-'}"]
    if kind.trips is not None:
        subject = household if kind.count == "household" and household else line
        keys.append(f"{_LIMIT}:{kind.count}:{subject}:{day}:{used + 1}")
    return keys


def lost(verdict: Verdict, answer: ClaimAnswer, direction: Direction) -> Verdict:
    """Return the refusal of a first leg that another gate was granted first."""
    if answer.key and answer.key.startswith(_LIMIT):
        reason = Reason.OVER_LIMIT
    else:
        reason = Reason.ALREADY_OUT if direction is Direction.EXIT else Reason.ALREADY_IN
    return msgspec.structs.replace(verdict, outcome=Outcome.REFUSE, reasons=in_order([*verdict.reasons, reason]))
