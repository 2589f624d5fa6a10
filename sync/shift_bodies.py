"""Who is on duty, and what a shift hands over to the next, as in `sync.bodies`."""

from typing import Literal

import msgspec

from sync.body import Body, Instant


class Handed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One outstanding matter at a hand-over: handed on to the next shift, or `closed` by this one.

    `what` is incident, inspection, errand, health, supplies, sync or note, and `about` the matter's id, the holder or
    household, or the item; empty for a note.
    """

    what: str
    text: str
    about: str = ""
    closed: bool = False


class Goods(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One kind of goods at a hand-over; where `counted` is not what was `expected`, `why` explains it."""

    item: str
    unit: str
    expected: float
    counted: float
    why: str = ""


class ShiftOpened(Body, frozen=True):
    """People took up duty at this station; the event's id is the shift's id from here on.

    `protected` says whether all of them wear what protects them. Who came after `due_ms`, when the shift was to begin,
    is late; `late_reason` says why. `signed` is how the first guard proved who they are.
    """

    guards: list[str]
    lead: str | None = None
    protected: bool | None = None
    due_ms: Instant | None = None
    late_reason: str = ""
    signed: Literal["name", "pin"] = "name"


class ShiftHandedOver(Body, frozen=True):
    """A shift ended and was handed over, with its counts and whatever the next shift must still do.

    Nobody `incoming` means that the post is left unmanned. `abnormal` tells what was out of the ordinary,
    `outstanding` what is to be done in the guard's own words; `matters` are all others that were open, `goods` what was
    handed over. `outgoing_signed` and `incoming_signed` say how each of the two signed.
    """

    outgoing: str
    incoming: str
    counts: dict[str, int]
    outstanding: str = ""
    abnormal: str = ""
    matters: list[Handed] = msgspec.field(default_factory=list)
    goods: list[Goods] = msgspec.field(default_factory=list)
    outgoing_signed: Literal["name", "pin"] = "name"
    incoming_signed: Literal["name", "pin"] = "name"
