"""Who was on duty where, and when a gate was without anybody: the shifts as their stations have told of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import sqlalchemy as sa

from sync.bodies import ShiftHandedOver, ShiftOpened
from sync.community.registers import each_record


@dataclass(slots=True)
class Duty:
    """One shift: `opened_ms` and `ended_ms` are drift-corrected; `ended_ms` is None while it lasts.

    A shift that nobody handed over ended when the next one at its station was opened (`handed_over` stays None).
    `late_ms` is how much later than planned it began.
    `gap_ms` is how long the station was without a shift before this one; None before the first.
    """

    id: str
    station: str
    guards: tuple[str, ...]
    lead: str | None
    opened_ms: int
    ended_ms: int | None = None
    gap_ms: int | None = None
    late_ms: int = 0
    handed_over: ShiftHandedOver | None = None
    counts: dict[str, int] = field(default_factory=dict)
    is_purged: bool = False


def duties(connection: sa.Connection, community: str) -> list[Duty]:
    """Return all shifts in the order of their beginning."""
    opened: dict[tuple[str, str], Duty] = {}
    for record in each_record(connection, community, ("shift.opened", "shift.handed_over")):
        body = record.body
        if isinstance(body, ShiftOpened):
            duty = Duty(record.id, record.station, tuple(body.guards), body.lead, record.happened_ms)
            if body.due_ms is not None:
                # Both by the station's own clock.
                duty.late_ms = max(record.at_ms - body.due_ms, 0)
            # The first to come with its id; who has read another gate's id cannot be earlier there.
            opened.setdefault((record.station, record.id), duty)
        elif isinstance(body, ShiftHandedOver) and (record.station, record.shift or "") in opened:
            duty = opened[record.station, record.shift or ""]
            duty.ended_ms, duty.handed_over, duty.counts = record.happened_ms, body, body.counts
            duty.is_purged = record.is_purged
    found = sorted(opened.values(), key=lambda duty: (duty.opened_ms, duty.id))
    before: dict[str, Duty] = {}
    for duty in found:
        last = before.get(duty.station)
        if last is not None:
            if last.ended_ms is None:
                last.ended_ms = duty.opened_ms
            duty.gap_ms = max(duty.opened_ms - last.ended_ms, 0)
        before[duty.station] = duty
    return found


def on_duty_between(found: Iterable[Duty], start_ms: int, end_ms: int) -> Iterator[Duty]:
    """Yield the shifts that lasted into the time from `start_ms` up to `end_ms`."""
    for duty in found:
        if duty.opened_ms < end_ms and (duty.ended_ms is None or duty.ended_ms > start_ms):
            yield duty
