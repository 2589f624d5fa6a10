"""The daily report (日报告表): what the journals hold of one day, counted per station and in sum, zeros included.

A day runs from one cut-off to the next, in the community's zone and by drift-corrected time.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from passes.errors import N_, UsageError
from passes.reasons import Reason
from sync.bodies import PassageRecorded, PassageUndone, PassRevoked, QuarantineOrdered, QuarantineReleased, Restriction
from sync.community.database import events, happened_ms, stations
from sync.community.instants import MAX_AT_MS
from sync.community.kindbook import KindBook, read_kinds
from sync.community.registers import each_record
from sync.community.shiftlog import day_bounds_ms
from sync.community.shifts import duties, on_duty_between
from sync.community.streaming import streamed
from sync.duty_bodies import EffortCounted, SuppliesCounted
from sync.duty_words import EFFORTS
from sync.events import OFFICE, understood
from sync.stock import Stock, moved

_DAY_MS = 86_400_000
SILENT_MS = 3_600_000
"""A station that has not been heard for so long before the report's end may have more to tell."""

_PER_STATION = {
    "on_duty": N_("On duty"),
    "shifts": N_("Shifts"),
    "persons": N_("Persons checked"),
    "vehicles": N_("Vehicles checked"),
    "entries": N_("In"),
    "exits": N_("Out"),
    "visitors": N_("Visitors let in"),
    "allowed": N_("Allowed"),
    "refused": N_("Refused"),
    "turned_back": N_("Turned back"),
    "fevers": N_("Fevers"),
    "no_id": N_("Without ID card"),
    "overridden": N_("On the lead's word"),
    "no_reading": N_("Without a reading"),
    "undone": N_("Taken back"),
    "missed": N_("Written by hand later"),
    "followed": N_("Held or reported for a fever"),
    "passes_issued": N_("Passes issued"),
    "passes_replaced": N_("Passes replaced"),
    "passes_suspended": N_("Passes suspended"),
    "passes_revoked": N_("Passes revoked"),
    "passes_lost": N_("Passes lost"),
    "bans": N_("Bans ordered"),
    "watch_listed": N_("Put on the watch list"),
    "health_checks": N_("Health checks"),
    "incidents": N_("Incidents reported"),
    "inspections": N_("Inspections"),
    "disinfections": N_("Disinfections"),
    "errands": N_("Errands done"),
    **EFFORTS,
    "late_shifts": N_("Shifts begun late"),
    "unmanned": N_("Times unmanned"),
    "unmanned_minutes": N_("Minutes unmanned"),
    "supplies_low": N_("Supplies running low"),
}
_OF_COMMUNITY = {
    "checkpoints": N_("Checkpoints"),
    "checkpoints_heard": N_("Checkpoints with records"),
    "isolation_new": N_("Home isolation: new"),
    "isolation_total": N_("Home isolation: total"),
    "isolation_active": N_("Home isolation: active"),
    "isolation_released": N_("Home isolation: released"),
    "conflicts_found": N_("Double uses found"),
    "conflicts_closed": N_("Double uses closed"),
}
ORIGINS = "returnees_by_origin"
"""Counted by place, so no number: what is told of those who were ordered to stay at home on the day."""

ITEMS: dict[str, str] = {**_OF_COMMUNITY, **_PER_STATION, ORIGINS: N_("Returnees by origin")}
STATION_ITEMS = tuple(_PER_STATION)

_COUNTED_KINDS = {
    "passage.missed": "missed",
    "passage.followed": "followed",
    "pass.issued": "passes_issued",
    "pass.replaced": "passes_replaced",
    "pass.suspended": "passes_suspended",
    "pass.revoked": "passes_revoked",
    "holder.banned": "bans",
    "watch.listed": "watch_listed",
    "health.checked": "health_checks",
    "incident.reported": "incidents",
    "inspection.recorded": "inspections",
    "disinfection.recorded": "disinfections",
    "errand.done": "errands",
    "conflict.found": "conflicts_found",
    "conflict.closed": "conflicts_closed",
}
_STANDS = frozenset({"checkpoints", "on_duty", "shifts", "isolation_total", "isolation_active", "supplies_low"})
"""What is there without anything having happened on the day."""


@dataclass(slots=True)
class StationDay:
    """One station's day. `last_contact_ms` is None for one that was never heard, and for the office.

    `is_silent` says that it was not heard up to the end: its counts may be incomplete.
    """

    station: str
    name: str
    last_contact_ms: int | None = None
    is_silent: bool = False
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_zero(self) -> bool:
        """Say whether nothing happened there, which is a report too (零报告)."""
        return not any(count for name, count in self.counts.items() if name not in _STANDS)


@dataclass(frozen=True, slots=True)
class DailyReport:
    """The report of `day`: from `start_ms` up to `end_ms` (UTC milliseconds, exclusive), drawn up at `made_ms`.

    `total` has a number for each of `ITEMS` but `ORIGINS`, for which `origins` says how many came from where.
    """

    day: date
    start_ms: int
    end_ms: int
    made_ms: int
    stations: list[StationDay]
    total: dict[str, int]
    origins: dict[str, int]

    @property
    def is_zero(self) -> bool:
        """Say whether this is a zero report (零报告)."""
        return not any(count for name, count in self.total.items() if name not in _STANDS)

    @property
    def is_running(self) -> bool:
        """Say whether the day has not ended yet."""
        return self.made_ms < self.end_ms


def make_report(
    connection: sa.Connection,
    community: str,
    zone: ZoneInfo,
    day: date,
    cut_off: time,
    now_ms: int,
    station: str | None = None,
) -> DailyReport:
    """Count one day, of all stations or of one; raises `UsageError` for a day to come or a station that is unknown."""
    start_ms, end_ms = period_of(day, cut_off, zone)
    if start_ms > now_ms:
        raise UsageError(N_("--day {day}: that day has not begun yet"), day=day)
    found = _stations(connection, community, start_ms, end_ms, now_ms)
    if station is not None and station not in found:
        raise UsageError(N_("--station {station}: no such checkpoint on that day"), station=station[:64])
    kinds = read_kinds(connection, community)
    for row in _rows(connection, community, start_ms, end_ms, station):
        one = found.get(row.station)
        if one is None:
            one = found[row.station] = StationDay(row.station, row.station)
        _count(one.counts, row, kinds)
    _take_back(connection, community, found, start_ms, end_ms, kinds)
    _count_duties(connection, community, found, start_ms, min(end_ms, now_ms))
    _count_low_supplies(connection, community, found, end_ms)
    shown = [one for one in found.values() if station in {None, one.station}]
    total = _sum(shown)
    total["checkpoints"] = sum(one.station != OFFICE for one in shown)
    total["checkpoints_heard"] = sum(one.station != OFFICE and not one.is_zero for one in shown)
    isolation, origins = _isolation(connection, community, zone, start_ms, end_ms)
    total.update(isolation)
    return DailyReport(
        day=day,
        start_ms=start_ms,
        end_ms=end_ms,
        made_ms=now_ms,
        stations=[one for one in shown if one.station != OFFICE or not one.is_zero],
        total={name: total[name] for name in ITEMS if name != ORIGINS},
        origins=origins,
    )


def period_of(day: date, cut_off: time, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first instant of a reporting day and the first after it, UTC milliseconds.

    With a cut-off at 16:00 the day begins at 16:00 of the day before; with 00:00 it is the calendar day.
    """
    last = day + timedelta(days=1) if cut_off == time.min else day
    starts = (datetime.combine(one, cut_off, zone) for one in (last - timedelta(days=1), last))
    start_ms, end_ms = (int(start.timestamp() * 1000) for start in starts)
    return start_ms, end_ms


def _stations(
    connection: sa.Connection, community: str, start_ms: int, end_ms: int, now_ms: int
) -> dict[str, StationDay]:
    query = sa.select(stations).where(
        stations.c.community == community,
        stations.c.added_at_ms < end_ms,
        sa.or_(stations.c.withdrawn_at_ms.is_(None), stations.c.withdrawn_at_ms > start_ms),
    )
    found = {}
    for row in connection.execute(query.order_by(stations.c.station)):
        heard_ms = row.last_contact_ms
        is_silent = heard_ms is None or heard_ms < min(end_ms, now_ms) - SILENT_MS
        found[row.station] = StationDay(row.station, row.name, heard_ms, is_silent)
    found[OFFICE] = StationDay(OFFICE, OFFICE)
    return found


def _rows(connection: sa.Connection, community: str, start_ms: int, end_ms: int, station: str | None) -> Iterator[Any]:
    query = sa.select(
        events.c.station, events.c.id, events.c.kind, events.c.body, happened_ms.label("happened_ms")
    ).where(events.c.community == community, happened_ms >= start_ms, happened_ms < end_ms)
    if station is not None:
        query = query.where(events.c.station == station)
    return streamed(connection, query)


def _count(counts: Counter[str], row: Any, kinds: KindBook, change: int = 1) -> None:
    if row.kind in _COUNTED_KINDS:
        counts[_COUNTED_KINDS[row.kind]] += change
    if row.kind == "passage.recorded":
        body = understood(row.kind, row.body.encode())
        if isinstance(body, PassageRecorded):
            for name in _counted_as(body, kinds, row.happened_ms):
                counts[name] += change
    elif row.kind == "pass.revoked":
        body = understood(row.kind, row.body.encode())
        counts["passes_lost"] += isinstance(body, PassRevoked) and body.reason == "lost"
    elif row.kind == "effort.counted":
        body = understood(row.kind, row.body.encode())
        if isinstance(body, EffortCounted):
            counts[body.what] += body.count


def _is_visitors(body: PassageRecorded, kinds: KindBook, at_ms: int) -> bool:
    kind = kinds.at(body.pass_kind, at_ms)
    return kind is not None and kind.visitor


def _counted_as(body: PassageRecorded, kinds: KindBook, happened_at_ms: int) -> Iterator[str]:
    yield "vehicles" if body.subject == "vehicle" else "persons"
    yield body.outcome
    if body.outcome == "allowed":
        yield "entries" if body.direction == "entry" else "exits"
        if body.direction == "entry" and _is_visitors(body, kinds, happened_at_ms):
            yield "visitors"
    for reason, name in (
        (Reason.FEVER, "fevers"),
        (Reason.NO_ID, "no_id"),
        (Reason.OVERRIDDEN, "overridden"),
        (Reason.NO_READING, "no_reading"),
    ):
        if reason in body.reasons:
            yield name


def _take_back(
    connection: sa.Connection,
    community: str,
    found: dict[str, StationDay],
    start_ms: int,
    end_ms: int,
    kinds: KindBook,
) -> None:
    """Count what a gate took back as not having happened, as the gate does itself."""
    undone: set[tuple[str, str]] = set()
    for record in each_record(connection, community, ("passage.undone",)):
        if isinstance(record.body, PassageUndone) and start_ms <= record.happened_ms < end_ms + _DAY_MS:
            undone.add((record.station, record.body.passage_id))
    for station, passage_id in undone:
        query = sa.select(events.c.kind, events.c.body, happened_ms.label("happened_ms")).where(
            events.c.community == community,
            events.c.station == station,
            events.c.id == passage_id,
            events.c.kind == "passage.recorded",
            happened_ms >= start_ms,
            happened_ms < end_ms,
        )
        row = connection.execute(query.limit(1)).one_or_none()
        if row is not None and station in found:
            _count(found[station].counts, row, kinds, -1)
            found[station].counts["undone"] += 1


def _count_duties(
    connection: sa.Connection, community: str, found: dict[str, StationDay], start_ms: int, end_ms: int
) -> None:
    people: dict[str, set[str]] = {}
    for duty in on_duty_between(duties(connection, community), start_ms, end_ms):
        if duty.station in found:
            found[duty.station].counts["shifts"] += 1
            people.setdefault(duty.station, set()).update({*duty.guards, duty.lead or ""} - {""})
            if duty.opened_ms >= start_ms:
                counts = found[duty.station].counts
                counts["late_shifts"] += duty.late_ms > 0
                counts["unmanned"] += bool(duty.gap_ms)
                counts["unmanned_minutes"] += (duty.gap_ms or 0) // 60_000
    for station, names in people.items():
        found[station].counts["on_duty"] = len(names)


def _count_low_supplies(connection: sa.Connection, community: str, found: dict[str, StationDay], end_ms: int) -> None:
    stocks: dict[tuple[str, str], Stock] = {}
    for record in each_record(connection, community, ("supplies.counted",)):
        if isinstance(record.body, SuppliesCounted) and record.happened_ms < end_ms:
            key = record.station, record.body.item
            stocks[key] = moved(stocks.get(key), record.body)
    for (station, _item), stock in stocks.items():
        if stock.is_low and station in found:
            found[station].counts["supplies_low"] += 1


def _sum(found: list[StationDay]) -> Counter[str]:
    total: Counter[str] = Counter()
    for one in found:
        total.update(one.counts)
    return total


def _isolation(
    connection: sa.Connection, community: str, zone: ZoneInfo, start_ms: int, end_ms: int
) -> tuple[dict[str, int], dict[str, int]]:
    """Follow who was ordered to stay at home, up to the end of the day; then, where the new ones came from."""
    origins: Counter[str] = Counter()
    standing: dict[tuple[str | None, str | None], QuarantineOrdered] = {}
    ever: set[tuple[str | None, str | None]] = set()
    new = released = 0
    records = each_record(connection, community, ("quarantine.ordered", "quarantine.released"))
    for record in sorted(records, key=lambda one: one.happened_ms):
        body = record.body
        if record.happened_ms >= end_ms or not isinstance(body, Restriction):
            continue
        subject = (body.holder_id, body.household)
        is_today = record.happened_ms >= start_ms
        if isinstance(body, QuarantineOrdered):
            if is_today and subject not in standing:
                new += 1
                origins[body.origin] += 1
            ever.add(subject)
            standing[subject] = body
        elif isinstance(body, QuarantineReleased) and subject in standing:
            del standing[subject]
            released += is_today
    # Who stays at home through a day is free when the next one begins.
    over = [free_ms for body in standing.values() if (free_ms := _free_ms(body.until, zone)) < end_ms]
    released += sum(free_ms >= start_ms for free_ms in over)
    counts = {
        "isolation_new": new,
        "isolation_total": len(ever),
        "isolation_active": len(standing) - len(over),
        "isolation_released": released,
    }
    return counts, dict(origins.most_common())


def _free_ms(until: str | None, zone: ZoneInfo) -> int:
    try:
        return day_bounds_ms(date.fromisoformat(until or ""), zone)[1]
    except (ValueError, OverflowError):
        # No last day, or none that is a day: until somebody says so.
        return MAX_AT_MS
