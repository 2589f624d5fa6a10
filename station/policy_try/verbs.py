"""The steps of a scenario, one type for each form of verb, and what a step is expected to bring."""

from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, field

from passes.reasons import Reason
from passes.trips import Direction
from station.policy_try.model import Count, Kind, Name, NewPass, Number, Reading, Table, Token, Trips

COMMUNITY = "community"
"""What `where` says for the office; everything else is a gate."""


class Expect(Table, frozen=True, kw_only=True):
    """What a step should bring; None is not compared. `used_on` counts trips by the period of that day."""

    outcome: Literal["allow", "attention", "refuse", "again", "ignored", "accepted", "rejected"] | None = None
    verdict: Literal["allow", "attention", "refuse"] | None = None
    reasons: list[Reason] | None = None
    reasons_include: list[Reason] | None = None
    first: Reason | None = None
    used: Count | None = None
    used_on: dict[date, Count] | None = None
    trips: Trips | None = None
    open: bool | None = None
    inside: bool | int | None = None
    conflicts: Count | None = None
    alerts: list[str] | None = None
    alerts_include: list[str] | None = None
    recorded: Count | None = None
    reading: Reading | None = None


class Step(Table, frozen=True, kw_only=True):
    """One thing that happens; `do` is its verb."""

    do: str
    at: datetime
    expect: Expect = Expect()


class Presented(Step, frozen=True, kw_only=True):
    """Somebody shows a pass, a code or a number (exactly one of them). `id` None: nobody looked at the ID card."""

    gate: str
    direction: Direction
    pass_: str | None = field(name="pass", default=None)
    token: str | Token | None = None
    number: str | Number | None = None
    reading: Reading | list[Reading] = 36.5
    id: bool | None = None

    @property
    def attempts(self) -> list[Reading] | None:
        """The readings in their order; None when the guard cancelled."""
        if self.reading == "none":
            return None
        return self.reading if isinstance(self.reading, list) else [self.reading]


class Scan(Presented, frozen=True, kw_only=True):
    """Decide and record; with `hold`, a later `confirm` at this gate records."""

    hold: bool = False


class Verify(Presented, frozen=True, kw_only=True):
    """Decide only."""


class Override(Presented, frozen=True, kw_only=True):
    """Scan with the lead's override."""

    why: str | None = None


class Issue(Step, frozen=True, kw_only=True):
    """Issue `issue` now, as the pass named `pass_`."""

    pass_: str = field(name="pass")
    issue: NewPass


class AtGate(Step, frozen=True, kw_only=True):
    """`confirm`, `offline`, `online`, `confirm_clock`, `restart`: what needs no more than a gate."""

    gate: str


class Refuse(Step, frozen=True, kw_only=True):
    """The guard refuses."""

    gate: str
    pass_: str = field(name="pass")
    direction: Direction
    why: str | None = None


class Undo(Step, frozen=True, kw_only=True):
    """Take back this pass's last accepted passage."""

    gate: str
    pass_: str = field(name="pass")
    why: str | None = None


class Missed(Step, frozen=True, kw_only=True):
    """Write a leg by hand that happened at `time`."""

    gate: str
    pass_: str = field(name="pass")
    direction: Direction
    time: datetime
    why: str | None = None


class OnPass(Step, frozen=True, kw_only=True):
    """`revoke`, `restore`, `suspend`; `where` is `community` or a gate."""

    pass_: str = field(name="pass")
    why: str | None = None
    where: str = COMMUNITY


class Replace(OnPass, frozen=True, kw_only=True):
    """Replace the pass by `by`: one of the passes, or else a new name for a copy that is issued now."""

    by: str | None = None


class OnHolder(Step, frozen=True, kw_only=True):
    """`ban`, `unban`, `watch`, `clear`, `release`: the holder of a pass, or a whole household (exactly one)."""

    pass_: str | None = field(name="pass", default=None)
    household: str | None = None
    until: date | None = None
    why: str | None = None


class Quarantine(OnHolder, frozen=True, kw_only=True):
    """Quarantine through the day `until`, inclusive."""

    until: date


class ChangeKind(Step, frozen=True, kw_only=True):
    """From now on the kind `name` is `kind`, whole: what the step leaves out has stayed as it was."""

    name: str
    kind: Kind


class Mode(Step, frozen=True, kw_only=True):
    """Set the community's mode."""

    mode: Literal["open", "closed", "static", "no_visitors"]


class ChangeKey(Step, frozen=True, kw_only=True):
    """Trust or withdraw a key."""

    name: str
    state: Literal["trusted", "withdrawn", "unknown"]


class Sync(Step, frozen=True, kw_only=True):
    """Synchronise these gates, in this order."""

    gates: list[str]


class Clock(Step, frozen=True, kw_only=True):
    """Make a gate's device clock (`offset_s` from scenario time, or `set`) or its system zone wrong."""

    gate: str
    offset_s: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    set: datetime | None = None
    os_zone: str | None = None


class Clone(Step, frozen=True, kw_only=True):
    """Copy the gate's folder as a disk image would, and start it as the gate `as_`."""

    gate: str
    as_: Name = field(name="as")


class CloseConflict(Step, frozen=True, kw_only=True):
    """A person closes the pass's conflict, and may discard the leg that `discard` recorded."""

    pass_: str = field(name="pass")
    why: str | None = None
    discard: str | None = None


VERBS: dict[str, type[Step]] = {
    "scan": Scan,
    "verify": Verify,
    "issue": Issue,
    "refuse": Refuse,
    "undo": Undo,
    "missed": Missed,
    "override": Override,
    "replace": Replace,
    "quarantine": Quarantine,
    "kind": ChangeKind,
    "mode": Mode,
    "key": ChangeKey,
    "sync": Sync,
    "clock": Clock,
    "clone": Clone,
    "close_conflict": CloseConflict,
    **dict.fromkeys(("confirm", "offline", "online", "confirm_clock", "restart"), AtGate),
    **dict.fromkeys(("revoke", "restore", "suspend"), OnPass),
    **dict.fromkeys(("ban", "unban", "watch", "clear", "release"), OnHolder),
}
"""Every verb that `do` can say, and the step that it makes."""
