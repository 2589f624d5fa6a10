"""What a shift records beside passages: one frozen type per kind of event, as in `sync.bodies`.

An incident, a finding of an inspection and an errand are matters: one event opens them, a `MatterStep` takes them on or
ends them, naming the event that opened them.
"""

from typing import Annotated, Literal, get_args

import msgspec

from sync.body import Body, Instant

IncidentKind = Literal["refusal", "forced_entry", "abuse", "assault", "forgery", "lent_pass", "fever", "tip_off"]
EffortKind = Literal["publicity", "patrol", "dissuasion", "households_visited", "people_visited"]
SupplySource = Literal["reserve", "own", "bought", "allocated", "donated"]

INCIDENT_KINDS: tuple[IncidentKind, ...] = get_args(IncidentKind)
EFFORT_KINDS: tuple[EffortKind, ...] = get_args(EffortKind)
SUPPLY_SOURCES: tuple[SupplySource, ...] = get_args(SupplySource)

Quantity = Annotated[float, msgspec.Meta(ge=0, le=1_000_000)]


class MatterStep(Body, frozen=True):
    """Something was done about the matter that the event `matter_id` opened; `note` says what."""

    matter_id: str
    note: str = ""


class IncidentReported(Body, frozen=True):
    """Something happened at the gate, told in `account`; `happened_ms` is None where it was the event's own instant.

    `people` are the names of those who took part, `pass_number` and `holder_id` tell of one who has a pass here.
    """

    what: IncidentKind
    account: str
    happened_ms: Instant | None = None
    people: list[str] = msgspec.field(default_factory=list)
    pass_id: str | None = None
    pass_number: str | None = None
    holder_id: str | None = None


class IncidentHandled(MatterStep, frozen=True):
    """Measures were taken."""


class IncidentClosed(MatterStep, frozen=True):
    """Nothing more is to be done about it."""


class InspectionRecorded(Body, frozen=True):
    """An inspector looked at the post (督查); a `finding` is open until it is rectified, without one all was well."""

    inspector: str
    on_post: bool
    register_kept: bool
    thermometer_works: bool
    disinfected: bool
    notices_shown: bool
    finding: str = ""


class InspectionRectified(MatterStep, frozen=True):
    """What an inspection had found was put right."""


class ErrandAdded(Body, frozen=True):
    """Something is to be done for a household that cannot leave home: meals, medicine, water, rubbish.

    `assignee` is who sees to it, `due` the shift or time in which they do.
    """

    wanted: str
    address: str
    name: str = ""
    assignee: str = ""
    due: str = ""


class ErrandDone(MatterStep, frozen=True):
    """An errand was done, or is wanted no more."""


class SuppliesCounted(Body, frozen=True):
    """A supply came in, was given out, or was counted: then `quantity` is what is there.

    `low` is the quantity below which there is too little; None leaves it as it was. `source`, `spec`, `batch` and
    `expiry` (YYYY-MM-DD) are those of what came in, `issued_to` and `approved_by` of what was given out.
    """

    item: str
    unit: str
    change: Literal["stock_in", "issue", "count"]
    quantity: Quantity
    low: Quantity | None = None
    source: SupplySource | None = None
    spec: str = ""
    batch: str = ""
    expiry: str = ""
    issued_to: str = ""
    approved_by: str = ""
    remark: str = ""


class HealthChecked(Body, frozen=True):
    """Somebody in isolation, or their household, was asked how they are; exactly one of the two is named.

    `who` says whom of a household the reading is of. `reached` is false where nobody answered: that is no check.
    """

    holder_id: str | None = None
    household: str | None = None
    who: str = ""
    how: Literal["remote", "door"] = "remote"
    reached: bool = True
    celsius: float | None = None
    symptoms: str = ""

    def __post_init__(self) -> None:
        """Raise ValueError, which becomes a `msgspec.ValidationError` where a body is read."""
        if bool(self.holder_id) == bool(self.household):
            raise ValueError("name either holder_id or household")


class DisinfectionRecorded(Body, frozen=True):
    """A place was disinfected, with an agent."""

    place: str
    agent: str = ""


class EffortCounted(Body, frozen=True):
    """So many banners and letters, patrols, people dissuaded, households and people visited: for the daily report."""

    what: EffortKind
    count: Annotated[int, msgspec.Meta(ge=1, le=100_000)]
    remark: str = ""


DUTY_TYPES: dict[str, type[Body]] = {
    "incident.reported": IncidentReported,
    "incident.handled": IncidentHandled,
    "incident.closed": IncidentClosed,
    "inspection.recorded": InspectionRecorded,
    "inspection.rectified": InspectionRectified,
    "errand.added": ErrandAdded,
    "errand.done": ErrandDone,
    "supplies.counted": SuppliesCounted,
    "health.checked": HealthChecked,
    "disinfection.recorded": DisinfectionRecorded,
    "effort.counted": EffortCounted,
}
