"""Invented people with their passes, and what they do on one morning."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from passes.kinds import PRESETS
from passes.trips import Direction
from station.issuing import Application

_FAMILY = "赵钱孙李周吴郑王冯陈褚卫"
_GIVEN = ("小东", "小南", "小西", "小北", "大春", "大夏", "大秋", "大冬", "晨", "暮")
_KINDS = ("resident", "resident", "resident", "tenant", "courier", "visitor")

PASSES = 120


def applications(today: date) -> list[Application]:
    """Return who gets a pass, always the same; the last of them expired yesterday."""
    asked = []
    for i in range(PASSES):
        last_day = today - timedelta(days=1) if i == PASSES - 1 else today + timedelta(days=30)
        asked.append(
            Application(
                holder=_FAMILY[i % len(_FAMILY)] + _GIVEN[i // len(_FAMILY)],
                address=f"{i // 20 + 1}-{i // 10 % 2 + 1}-{100 + i}",
                kind=PRESETS[_KINDS[i % len(_KINDS)]],
                valid_from=today - timedelta(days=30),
                valid_until=last_day,
            )
        )
    return asked


EXPIRED = PASSES - 1
REVOKED = 6

Special = Literal["", "forged", "altered", "unplug", "replug", "outage", "restored", "typed_number"]


@dataclass(frozen=True, slots=True)
class Step:
    """One person at the gate: whose pass, which way, how warm, and what the gate must make of it.

    `special` is what happens just before. `reason` is the first reason code that must be given. `again_celsius` is a
    second measurement of the same person.
    """

    who: int
    way: Direction
    celsius: float
    outcome: Literal["allowed", "refused"]
    reason: str = ""
    special: Special = ""
    again_celsius: float | None = None


_OUT, _IN = Direction.EXIT, Direction.ENTRY

MORNING = (
    Step(0, _OUT, 36.5, "allowed"),
    Step(1, _OUT, 36.4, "allowed"),
    Step(2, _OUT, 36.7, "allowed"),
    Step(4, _IN, 36.6, "allowed"),
    Step(5, _IN, 36.3, "allowed"),
    Step(0, _IN, 36.5, "allowed"),
    Step(0, _OUT, 36.5, "refused", "over_limit"),
    Step(4, _OUT, 36.6, "allowed"),
    Step(4, _IN, 36.6, "allowed"),
    Step(7, _OUT, 38.2, "refused", "fever"),
    Step(8, _OUT, 37.9, "allowed", again_celsius=36.8),
    Step(9, _OUT, 36.5, "refused", "unknown_key", "forged"),
    Step(9, _OUT, 36.5, "refused", "bad_signature", "altered"),
    Step(9, _OUT, 36.5, "allowed"),
    Step(REVOKED, _OUT, 36.5, "refused", "revoked"),
    Step(EXPIRED, _IN, 36.5, "refused", "expired"),
    Step(12, _OUT, 36.6, "allowed", "typed", "typed_number"),
    Step(13, _OUT, 36.5, "allowed", special="unplug"),
    Step(14, _OUT, 36.4, "allowed", special="replug"),
    Step(15, _OUT, 36.5, "allowed"),
    Step(18, _OUT, 36.9, "allowed", special="outage"),
    Step(19, _OUT, 36.2, "allowed"),
    Step(1, _OUT, 36.5, "refused", "already_out"),
    Step(1, _IN, 36.6, "allowed"),
    Step(1, _OUT, 36.6, "refused", "over_limit"),
    Step(2, _IN, 37.8, "allowed", "fever"),
    Step(20, _OUT, 36.5, "allowed"),
    Step(10, _IN, 36.4, "allowed"),
    Step(21, _OUT, 36.5, "allowed", special="restored"),
    Step(10, _OUT, 36.4, "allowed"),
    Step(8, _IN, 36.7, "allowed"),
    Step(9, _IN, 36.5, "allowed"),
    Step(11, _IN, 36.5, "allowed"),
    Step(11, _OUT, 36.5, "allowed"),
    Step(11, _IN, 36.5, "refused", "over_limit"),
    Step(12, _IN, 36.3, "allowed"),
    Step(13, _IN, 36.5, "allowed"),
    Step(24, _IN, 36.5, "allowed", "no_open_trip"),
    Step(14, _IN, 36.6, "allowed"),
    Step(25, _OUT, 36.5, "allowed"),
)
