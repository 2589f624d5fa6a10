"""What stays of an old event, and when it is old: the rules of retention.

Each kind names the fields that stay, not those that go: what a newer version has added goes too. The digest of the
whole body stands in the event's header and is what its hash covers, so the chain verifies as before. Counts stay, since
what is counted stays: outcomes, directions, reasons, kinds of passes, readings without their people.
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from sync.bodies import Body, ConflictClosed, ConflictFound, PassageUndone, Restriction
from sync.events import canonical_json

DAY_MS = 86_400_000

NOBODY = "purged"
"""Stands for a person, household or reason where something has to stand."""

_READING_KEEPS = frozenset({"celsius", "at_ms", "number", "quantity", "site", "manual"})
_STATED_REASONS = frozenset({"lost", "withdrawn", "void", "destroyed"})


@dataclass(frozen=True, slots=True)
class Rule:
    """The group of a kind, the fields of its body that stay, and what fills those that it cannot be without."""

    group: str
    keeps: frozenset[str] = frozenset()
    fills: Mapping[str, str] = field(default_factory=dict)


def _rule(group: str, keeps: str = "", fills: str = "") -> Rule:
    return Rule(group, frozenset(keeps.split()), dict.fromkeys(fills.split(), ""))


_ORDER = _rule("orders", "until holder_id household")

RULES: dict[str, Rule | None] = {
    "passage.recorded": _rule(
        "passages",
        "outcome direction verdict reasons leg order_ms subject pass_kind attempts id_matches typed companions method"
        " steps vehicle",
    ),
    "passage.undone": _rule("passages", "passage_id", "pass_id"),
    "passage.missed": _rule("passages", "direction leg happened_ms", "pass_id reason"),
    "passage.followed": _rule("passages", "passage_id step"),
    "conflict.found": _rule("passages", "conflict_id rule passages stations", "pass_id"),
    "conflict.closed": _rule("passages", "conflict_id discarded", "pass_id reason"),
    "pass.issued": _rule(
        "passes",
        "pass_kind valid_from valid_until state key_id",
        "pass_id number holder holder_id household address token",
    ),
    "pass.replaced": _rule("passes", "", "pass_id by"),
    "pass.suspended": _rule("passes", "", "pass_id reason"),
    "pass.revoked": _rule("passes", "reason", "pass_id reason"),
    "pass.restored": _rule("passes", "", "pass_id"),
    "pass.printed": _rule("passes", "printer layout", "pass_id"),
    "person.registered": _rule("roster", "", "person_id name household address"),
    "household.registered": _rule("roster", "", "household address"),
    "holder.banned": _ORDER,
    "holder.unbanned": _ORDER,
    "watch.listed": _ORDER,
    "watch.cleared": _ORDER,
    "quarantine.ordered": _ORDER,
    "quarantine.released": _ORDER,
    "name.unmasked": _rule("shifts", "screen", "subject"),
    "shift.handed_over": _rule("shifts", "outgoing incoming counts outgoing_signed incoming_signed"),
    "incident.reported": _rule("shifts", "what happened_ms", "account"),
    "incident.handled": _rule("shifts", "matter_id"),
    "incident.closed": _rule("shifts", "matter_id"),
    "inspection.recorded": _rule(
        "shifts", "on_post register_kept thermometer_works disinfected notices_shown", "inspector"
    ),
    "inspection.rectified": _rule("shifts", "matter_id"),
    "errand.added": _rule("shifts", "due", "wanted address"),
    "errand.done": _rule("shifts", "matter_id"),
    "supplies.counted": _rule("shifts", "item unit change quantity low spec batch expiry"),
    "health.checked": _rule("passages", "holder_id household how reached celsius"),
    "disinfection.recorded": _rule("shifts", "place agent"),
    "effort.counted": _rule("shifts", "what count"),
    # These name nobody but the staff who answer for them, as the header of every event does.
    "shift.opened": None,
    "staff.set": None,
    "settings.changed": None,
    "clock.confirmed": None,
    "head.doubted": None,
    "kind.set": None,
    "mode.set": None,
    "key.added": None,
    "key.withdrawn": None,
    "retention.purged": None,
}
"""Every kind of the vocabulary; None for those that are kept whole."""

OTHER = Rule("other")
"""Of a kind that this version does not know nothing stays, since nobody knows what names people."""

ENDINGS = {"holder.unbanned": "ban", "watch.cleared": "watch", "quarantine.released": "quarantine"}
BEGINNINGS = {"holder.banned": "ban", "watch.listed": "watch", "quarantine.ordered": "quarantine"}


def rule_of(kind: str) -> Rule | None:
    """Return the rule for a kind of event; None when it is kept whole."""
    return RULES.get(kind, OTHER)


class Pseudonyms:
    """Names for people and households that say which orders were about the same one, and nobody can undo.

    They are made with a key that is never written down, so they tell nothing beyond the purge that made them.
    """

    def __init__(self) -> None:
        self._key = os.urandom(32)

    def of(self, subject: str) -> str:
        """Return what stands in the place of an id."""
        return f"{NOBODY}-{hmac.new(self._key, subject.encode(), hashlib.sha256).hexdigest()[:16]}"


def names_nobody(body: Body) -> bool:
    """Say whether retention has taken out of a body whom it is about, so that it says nothing any more.

    What was undone and what became of a conflict is still said.
    """
    if isinstance(body, PassageUndone | ConflictFound | ConflictClosed):
        return False
    if isinstance(body, Restriction):
        return (body.holder_id or body.household or "").startswith(f"{NOBODY}-")
    return "" in (getattr(body, "pass_id", None), getattr(body, "person_id", None))


def emptied(kind: str, body: str, pseudonyms: Pseudonyms) -> str:
    """Return the body with only what may stay, as canonical JSON that `sync.bodies` still reads as this kind."""
    rule = rule_of(kind)
    if rule is None:
        return body
    try:
        fields = msgspec.json.decode(body.encode(), type=dict[str, Any])
    except msgspec.DecodeError:
        return "{}"
    kept = {name: _kept(kind, name, value, pseudonyms) for name, value in fields.items() if name in rule.keeps}
    return canonical_json({**rule.fills, **kept}).decode()


def _kept(kind: str, name: str, value: Any, pseudonyms: Pseudonyms) -> Any:
    if name == "attempts" and isinstance(value, list):
        return [
            {key: one for key, one in attempt.items() if key in _READING_KEEPS}
            for attempt in value
            if isinstance(attempt, dict)
        ]
    if name == "companions" and isinstance(value, list):
        readings = (companion.get("attempts") for companion in value if isinstance(companion, dict))
        return [{"attempts": _kept(kind, "attempts", attempts or [], pseudonyms)} for attempts in readings]
    if name == "vehicle":
        return {"plate": "", "disinfected": isinstance(value, dict) and value.get("disinfected") is True}
    if name in {"holder_id", "household"}:
        return pseudonyms.of(str(value)) if value else value
    if kind == "pass.revoked" and value not in _STATED_REASONS:
        return ""
    return value
