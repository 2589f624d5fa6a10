"""What is said of somebody who passes a gate: readings, visit, vehicle, companions, and what became of the passage."""

from typing import Literal

import msgspec

from sync.body import Body, Instant

Way = Literal["entry", "exit"]


class Attempt(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One temperature reading of one person: the value decided on, and what the device really said.

    `celsius` = `raw_celsius` + `offset_celsius`; `surface` or `body` is what kind of temperature it is. A manual
    attempt was typed by the guard and says why.
    """

    celsius: float
    at_ms: int
    number: int = 1
    quantity: Literal["surface", "body"] = "surface"
    site: str = "forehead"
    manual: bool = False
    reason: str | None = None
    device: str | None = None
    raw_celsius: float | None = None
    offset_celsius: float = 0.0
    ambient_celsius: float | None = None
    raw: str | None = None


class Sealed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An ID or phone number that only the office can read (`sync.sealing`).

    `box` is sealed to the community's key. `tail` may be shown, `digest` says whether two numbers are the same; it is
    None where the station had no key for digests.
    """

    box: str
    tail: str = ""
    digest: str | None = None


class Visit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a visitor without a pass said: whom they visit, where they come from and what for."""

    host: str = ""
    host_id: str | None = None
    origin: str = ""
    purpose: str = ""


class Companion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One more person of a passage, such as a vehicle's passenger; nameless where nobody was asked."""

    name: str = ""
    attempts: list[Attempt] = []
    no_reading_reason: str | None = None


class Vehicle(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is said of a vehicle; its driver is the holder of the passage, its passengers the companions."""

    plate: str
    stops: str = ""
    destination: str = ""
    disinfected: bool = False


class PassageRecorded(Body, frozen=True):
    """Somebody was checked at a gate: let through, refused, or turned back by the guard.

    `leg` says what the passage is to its pass: the first leg of a trip or the return. `verdict` and `reasons` are
    the rules' answer at the moment of recording; `outcome` is what happened. `typed` is true when the pass number
    was entered by hand, `scan` an excerpt of a code that was no valid pass. `id_matches` tells what a look at the ID
    card said, where one was due. `override_reason` and `override_lead` say why and on whose word the rules' refusal
    was overruled; the overruled codes are among `reasons`.

    Somebody registered at the gate without a pass has a `visit` and no `pass_number`. The id of the person stands for
    the pass, so that the way in and the way out are paired; `household` and `address` are those of the host.

    A `vehicle` without a pass has an id made of its plate in the pass's place (`station.vehicles`).

    `attempts` are the readings of the pass's holder, or the driver; each of the `companions` has their own. `steps` are
    those of the checking `method` (`station.checklists`) that were done.
    """

    outcome: Literal["allowed", "refused", "turned_back"]
    direction: Way
    verdict: Literal["allow", "attention", "refuse"]
    reasons: list[str] = msgspec.field(default_factory=list)
    leg: Literal["first", "return"] | None = None
    order_ms: Instant | None = None
    subject: Literal["person", "vehicle"] = "person"
    pass_id: str | None = None
    pass_number: str | None = None
    pass_kind: str | None = None
    holder: str | None = None
    holder_id: str | None = None
    household: str | None = None
    address: str | None = None
    attempts: list[Attempt] = msgspec.field(default_factory=list)
    no_reading_reason: str | None = None
    id_matches: bool | None = None
    override_reason: str | None = None
    override_lead: str | None = None
    remark: str | None = None
    typed: bool = False
    scan: str | None = None
    visit: Visit | None = None
    vehicle: Vehicle | None = None
    companions: list[Companion] = msgspec.field(default_factory=list)
    method: str | None = None
    steps: list[str] = msgspec.field(default_factory=list)


class PassageUndone(Body, frozen=True):
    """An accepted passage did not happen: `passage_id` is its event, `pass_id` whose it was."""

    passage_id: str
    pass_id: str
    reason: str | None = None


class PassageFollowed(Body, frozen=True):
    """What was done about somebody who was not let through, or had a fever: kept at the gate, or reported.

    `passage_id` is the event of the passage, `pass_id` whose it was.
    """

    passage_id: str
    step: Literal["held", "reported"]
    pass_id: str | None = None
    remark: str | None = None


class PassageMissed(Body, frozen=True):
    """A leg that nobody recorded, written by hand: it happened at `happened_ms`."""

    pass_id: str
    direction: Way
    leg: Literal["first", "return"]
    happened_ms: Instant
    reason: str
