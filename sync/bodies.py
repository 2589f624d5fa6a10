"""The vocabulary: what a fact says, one frozen type per kind of event.

Instants are UTC milliseconds. Days are community-local, inclusive, written YYYY-MM-DD. A field that holds its default
is left out of the JSON. `order_ms` is a fact's place among those about the same pass or person where its station knew
the order better than its clock did; None means the event's own instant.
"""

from typing import Literal

import msgspec

from passes.kinds import Kind, Mode
from sync.body import Body as Body  # noqa: PLC0414 - the vocabulary is known by this module's name
from sync.body import Instant as Instant  # noqa: PLC0414 - as above
from sync.duty_bodies import DUTY_TYPES
from sync.order_bodies import (
    HolderBanned,
    HolderUnbanned,
    QuarantineOrdered,
    QuarantineReleased,
    WatchCleared,
    WatchListed,
)
from sync.order_bodies import Restriction as Restriction  # noqa: PLC0414 - as above
from sync.passage_bodies import Attempt as Attempt  # noqa: PLC0414 - as above
from sync.passage_bodies import Companion as Companion  # noqa: PLC0414 - as above
from sync.passage_bodies import PassageFollowed as PassageFollowed  # noqa: PLC0414 - as above
from sync.passage_bodies import PassageMissed as PassageMissed  # noqa: PLC0414 - as above
from sync.passage_bodies import PassageRecorded as PassageRecorded  # noqa: PLC0414 - as above
from sync.passage_bodies import PassageUndone as PassageUndone  # noqa: PLC0414 - as above
from sync.passage_bodies import Sealed as Sealed  # noqa: PLC0414 - as above
from sync.passage_bodies import Vehicle as Vehicle  # noqa: PLC0414 - as above
from sync.passage_bodies import Visit as Visit  # noqa: PLC0414 - as above
from sync.roster_bodies import HouseholdRegistered as HouseholdRegistered  # noqa: PLC0414 - as above
from sync.shift_bodies import ShiftHandedOver, ShiftOpened


class PassIssued(Body, frozen=True):
    """A pass came into being; `token` is its signed text form, or by the feed a mark (`passes.token.mark_of`).

    `requested` passes are not active until restored. `source` is the digest of the spreadsheet row it was issued
    from, so that a repeated run does not issue it twice.
    """

    pass_id: str
    number: str
    pass_kind: str
    holder: str
    holder_id: str
    household: str
    address: str
    valid_from: str
    valid_until: str
    key_id: str
    token: str
    state: Literal["active", "requested"] = "active"
    source: str | None = None


class PassReplaced(Body, frozen=True):
    """`by` takes the place of `pass_id`: from here on both are one line, whose trips are counted together."""

    pass_id: str
    by: str
    reason: str | None = None
    order_ms: Instant | None = None


class PassSuspended(Body, frozen=True):
    """A pass rests until it is restored."""

    pass_id: str
    reason: str
    order_ms: Instant | None = None


class PassRevoked(Body, frozen=True):
    """A pass ended: lost, withdrawn, void, destroyed (before a witness) or another stated reason."""

    pass_id: str
    reason: str
    witness: str | None = None
    order_ms: Instant | None = None


class PassRestored(Body, frozen=True):
    """A suspended, revoked or requested pass is good (again)."""

    pass_id: str
    reason: str | None = None
    order_ms: Instant | None = None


class PassPrinted(Body, frozen=True):
    """A printer took a pass: `printer` is its address, `layout` the form it was drawn in."""

    pass_id: str
    printer: str
    layout: str


class PersonRegistered(Body, frozen=True):
    """A person of the roster, living in `household` at `address`; a later event about the same id corrects it.

    A visitor has no household here, and the address is where they come from. What is None is not said: a number known
    from an earlier event stays. `document` is the paper that `id_number` stands on (`passes.identity.Document`).

    `role` is what somebody is to the household (`station.roster.ROLES`); only those who live here have one. `flags` are
    what a guard should know of them (`station.roster.FLAGS`). `source` is the digest of the spreadsheet row that said
    so, so that a repeated import says nothing twice.
    """

    person_id: str
    name: str
    household: str
    address: str
    document: str | None = None
    id_number: Sealed | None = None
    phone: Sealed | None = None
    role: str | None = None
    flags: list[str] | None = None
    source: str | None = None
    order_ms: Instant | None = None


class KindSet(Body, frozen=True):
    """The community set what a kind of pass allows, from `effective_ms` on."""

    kind: Kind
    effective_ms: Instant


class ModeSet(Body, frozen=True):
    """The community set how strictly its gates are kept, from `effective_ms` on."""

    mode: Mode
    effective_ms: Instant


class KeyAdded(Body, frozen=True):
    """The community trusts a further issuing key; `trust_list` is the whole new list, signed by the root, base64url."""

    key_id: str
    station: str
    trust_list: str


class KeyWithdrawn(Body, frozen=True):
    """A key is trusted no more, but for passes issued before `honoured_before_ms`; `trust_list` as in `KeyAdded`."""

    key_id: str
    trust_list: str
    honoured_before_ms: int | None = None


class ConflictFound(Body, frozen=True):
    """Passages of one pass (or household) that cannot all have been allowed by one who knew of all of them.

    `passages` are the events' ids in the order of happening, the last being the one too many; `stations` are theirs.
    """

    conflict_id: str
    rule: Literal["already_out", "already_in", "over_limit"]
    pass_id: str
    passages: list[str]
    stations: list[str]


class ConflictClosed(Body, frozen=True):
    """A person looked at a conflict; `discarded` are the passages that count no more."""

    conflict_id: str
    pass_id: str
    reason: str
    discarded: list[str] = msgspec.field(default_factory=list)


class ClockConfirmed(Body, frozen=True):
    """The lead accepted the device's time although it lies before the last record."""

    device_ms: int
    lead: str | None = None


class HeadDoubted(Body, frozen=True):
    """This gate has seen another station's journal reach to `seen_seq` of `epoch`, and now it is told otherwise.

    `cut`: it reaches to `told_seq` only. `fork`: it has another record there. `key`: somebody else signs for it.
    """

    station: str
    epoch: str
    doubt: Literal["cut", "fork", "key"]
    seen_seq: int
    told_seq: int


class StaffSet(Body, frozen=True):
    """Who works at this station and what they may do; not `active` means not any more. PINs are in no record."""

    name: str
    roles: list[Literal["guard", "lead", "issuer", "admin"]] = msgspec.field(default_factory=list)
    active: bool = True


class SettingsChanged(Body, frozen=True):
    """A setting that decides about people was changed at the station: key and new value, on whose word."""

    changes: dict[str, str]
    by: str


class NameUnmasked(Body, frozen=True):
    """A name that lists hide was shown whole on a screen of the station; `subject` is the id of whom or what it names.

    Who looked is in the header of the event: the guard on duty.
    """

    subject: str
    screen: str


class RetentionPurged(Body, frozen=True):
    """The community, or a station in its own journal, emptied old records of what names people: the certificate.

    `days` is how long each group of records is kept, `events` how many of each kind were emptied, and `rows` the rows
    taken out of or emptied in other tables. `digest` is the SHA-256 over a line `hash SP sha256-of-what-stays LF` for
    each emptied event, in the order of the feed; of a station's, in the order of its journal.
    """

    purge_id: str
    days: dict[str, int]
    events: dict[str, int]
    rows: dict[str, int]
    digest: str


BODY_TYPES: dict[str, type[Body]] = {
    "passage.recorded": PassageRecorded,
    "passage.undone": PassageUndone,
    "passage.missed": PassageMissed,
    "passage.followed": PassageFollowed,
    "pass.issued": PassIssued,
    "pass.replaced": PassReplaced,
    "pass.suspended": PassSuspended,
    "pass.revoked": PassRevoked,
    "pass.restored": PassRestored,
    "pass.printed": PassPrinted,
    "person.registered": PersonRegistered,
    "household.registered": HouseholdRegistered,
    "holder.banned": HolderBanned,
    "holder.unbanned": HolderUnbanned,
    "watch.listed": WatchListed,
    "watch.cleared": WatchCleared,
    "quarantine.ordered": QuarantineOrdered,
    "quarantine.released": QuarantineReleased,
    "kind.set": KindSet,
    "mode.set": ModeSet,
    "key.added": KeyAdded,
    "key.withdrawn": KeyWithdrawn,
    "conflict.found": ConflictFound,
    "conflict.closed": ConflictClosed,
    "clock.confirmed": ClockConfirmed,
    "head.doubted": HeadDoubted,
    "shift.opened": ShiftOpened,
    "shift.handed_over": ShiftHandedOver,
    "staff.set": StaffSet,
    "settings.changed": SettingsChanged,
    "name.unmasked": NameUnmasked,
    "retention.purged": RetentionPurged,
    **DUTY_TYPES,
}
KIND_OF: dict[type[Body], str] = {body_type: kind for kind, body_type in BODY_TYPES.items()}
