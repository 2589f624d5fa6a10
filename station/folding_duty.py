"""The fold of what a shift records beside passages: each is a matter, opened by one event and ended by a later one.

What has no end of its own (a count of masks, a health check) is a matter that is closed from the beginning. All of this
concerns the station that wrote it, so the order is that of its journal, whatever its clock said.
"""

from typing import TYPE_CHECKING, Any

import msgspec

from sync import bodies
from sync import duty_bodies as duty
from sync.bodies import Body

if TYPE_CHECKING:
    from sqlite3 import Connection

    from station.folding import Fact

OPEN, HANDLED, CLOSED = "open", "handled", "closed"

OPENINGS: dict[type[Body], str] = {
    duty.IncidentReported: "incident",
    duty.InspectionRecorded: "inspection",
    duty.ErrandAdded: "errand",
    duty.SuppliesCounted: "supplies",
    duty.HealthChecked: "health",
    duty.DisinfectionRecorded: "disinfection",
    duty.EffortCounted: "effort",
}
"""What each event opens."""

STEPS: dict[type[duty.MatterStep], str] = {
    duty.IncidentHandled: HANDLED,
    duty.IncidentClosed: CLOSED,
    duty.InspectionRectified: CLOSED,
    duty.ErrandDone: CLOSED,
}
"""The state that each step leads to."""

ORDERS: dict[type[Body], str] = {bodies.QuarantineOrdered: "quarantine", bodies.WatchListed: "watch"}
"""Orders about people, of which the table of restrictions says whether they hold."""

_OPEN = "INSERT OR IGNORE INTO matters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_STEP = "INSERT OR IGNORE INTO matter_steps VALUES (?, ?, ?, ?, ?, ?, ?)"
# Closed is closed, whatever comes later; a step may come before what it is about.
_SETTLE = (
    "UPDATE matters SET state = (SELECT state FROM matter_steps WHERE matter_id = ?1"
    " ORDER BY state = 'closed' DESC, n DESC, id DESC LIMIT 1)"
    " WHERE id = ?1 AND EXISTS (SELECT 1 FROM matter_steps WHERE matter_id = ?1)"
)


def subject_of(holder_id: str | None, household: str | None) -> str:
    """Return under which name matters about a person or a household are kept."""
    return f"holder {holder_id}" if holder_id else f"household {household}"


def open_matter(connection: "Connection", n: int | None, event: "Fact", body: Any) -> None:
    """Take in what an event opens; `n` is its number in this station's journal."""
    what = OPENINGS.get(type(body)) or ORDERS[type(body)]
    guard = getattr(event, "guard", None)
    told = (event.at_ms, event.station, guard, msgspec.json.encode(body).decode())
    connection.execute(_OPEN, (event.id, n, what, _subject(body), _first_state(body), *told))
    connection.execute(_SETTLE, (event.id,))


def add_step(connection: "Connection", n: int | None, event: "Fact", body: duty.MatterStep) -> None:
    """Take in what was done about a matter."""
    guard = getattr(event, "guard", None)
    connection.execute(_STEP, (body.matter_id, event.id, n, STEPS[type(body)], event.at_ms, guard, body.note))
    connection.execute(_SETTLE, (body.matter_id,))


def _subject(body: Any) -> str:
    if isinstance(body, duty.SuppliesCounted):
        return body.item
    if isinstance(body, duty.HealthChecked | bodies.Restriction):
        return subject_of(body.holder_id, body.household)
    return ""


def _first_state(body: Any) -> str:
    has_finding = isinstance(body, duty.InspectionRecorded) and body.finding
    return OPEN if has_finding or isinstance(body, duty.IncidentReported | duty.ErrandAdded) else CLOSED
