"""The rows of the ledgers, one generator for each."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from passes.errors import N_
from passes.reasons import Reason
from sync.bodies import (
    ConflictClosed,
    ConflictFound,
    HolderUnbanned,
    PassageUndone,
    PassIssued,
    PassReplaced,
    PassRestored,
    PassRevoked,
    PassSuspended,
    QuarantineOrdered,
    QuarantineReleased,
    Restriction,
    ShiftHandedOver,
    WatchCleared,
    WatchListed,
)
from sync.community.exports import Mask, passage_row
from sync.community.instants import local_time
from sync.community.kindbook import read_kinds
from sync.community.registers import Person, Record, each_record, known_people
from sync.community.shiftlog import Passage, Selection, day_bounds_ms, each_passage
from sync.community.shifts import duties
from sync.events import OFFICE
from sync.shift_bodies import Goods

PASS_STATES = {
    "active": N_("active"),
    "requested": N_("asked for, not yet granted"),
    "suspended": N_("suspended"),
    "revoked": N_("revoked"),
    "replaced": N_("replaced"),
    "expired": N_("expired"),
}
STATED = {
    "lost": N_("lost"),
    "withdrawn": N_("withdrawn by the office"),
    "void": N_("void"),
    "destroyed": N_("destroyed"),
}
ORDERS = {"ban": N_("banned"), "watch": N_("watch list")}
SIGNED = {"name": N_("by name"), "pin": N_("by PIN")}


@dataclass(frozen=True, slots=True)
class Reader:
    """What a ledger is read from: an open connection, the selection, how people are shown, and the present time."""

    connection: sa.Connection
    community: str
    selection: Selection
    zone: ZoneInfo
    mask: Mask
    now_ms: int

    def day(self, at_ms: int | None) -> str:
        """Return the local day of an instant, empty for None."""
        return "" if at_ms is None else str(local_time(at_ms, self.zone).date())

    def minute(self, at_ms: int | None) -> str:
        """Return the local day and time of an instant, empty for None."""
        return "" if at_ms is None else f"{local_time(at_ms, self.zone):%Y-%m-%d %H:%M}"

    def passages(self) -> Iterator[Passage]:
        """Yield the selected passages in the order of their journals."""
        return each_passage(self.connection, self.community, self.selection, self.zone)

    def records(self, *kinds: str) -> Iterator[Record]:
        """Yield all events of these kinds: what ends something may lie outside the selected days."""
        return each_record(self.connection, self.community, kinds)

    def has(self, station: str, at_ms: int) -> bool:
        """Say whether something at a station is selected."""
        first = self.selection.day or self.selection.from_day
        last = self.selection.day or self.selection.until_day
        return (
            self.selection.station in {None, station}
            and (first is None or at_ms >= day_bounds_ms(first, self.zone)[0])
            and (last is None or at_ms < day_bounds_ms(last, self.zone)[1])
        )


def passages(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield every passage."""
    return _passages(reader, lambda _one: True)


def vehicles(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield the passages of vehicles, with all who were in them."""
    number = 0
    for one in reader.passages():
        if one.body.subject != "vehicle":
            continue
        number += 1
        vehicle, companions = one.body.vehicle, one.body.companions
        series = [one.body.attempts, *(companion.attempts for companion in companions)]
        yield {
            **passage_row(number, one, reader.zone, reader.mask),
            "plate": reader.mask.plate(vehicle.plate if vehicle else ""),
            "people": 1 + len(companions),
            "readings": [str(attempts[-1].celsius) for attempts in series if attempts],
            "stops": reader.mask.text(vehicle.stops if vehicle else ""),
            "destination": reader.mask.text(vehicle.destination if vehicle else ""),
            "disinfected": bool(vehicle and vehicle.disinfected),
        }


def refused(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield who was refused or turned back."""
    return _passages(reader, lambda one: one.body.outcome != "allowed")


def fevers(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield who had a fever, let through or not."""
    return _passages(reader, lambda one: Reason.FEVER in one.body.reasons)


def overrides(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield who was let through on a lead's word, and why."""
    number = 0
    for one in reader.passages():
        if Reason.OVERRIDDEN in one.body.reasons:
            number += 1
            why = reader.mask.text(one.body.override_reason)
            lead = one.body.override_lead
            yield {**passage_row(number, one, reader.zone, reader.mask), "override_reason": why, "override_lead": lead}


def visitors(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield each stay of a visitor: the way in, and the way out of the same pass that follows it."""
    kinds = read_kinds(reader.connection, reader.community)
    taken_back = {
        (record.station, record.body.passage_id)
        for record in reader.records("passage.undone")
        if isinstance(record.body, PassageUndone)
    }
    stays: list[dict[str, Any]] = []
    inside: dict[str, dict[str, Any]] = {}
    came = [
        one
        for one in reader.passages()
        if one.body.outcome == "allowed"
        and (kind := kinds.at(one.body.pass_kind, one.happened_ms)) is not None
        and kind.visitor
        and (one.station, one.id) not in taken_back
    ]
    for one in sorted(came, key=lambda one: one.happened_ms):
        row = passage_row(len(stays) + 1, one, reader.zone, reader.mask)
        pass_id = one.body.pass_id or one.id
        if one.body.direction == "exit" and pass_id in inside:
            stay = inside.pop(pass_id)
            is_same_day = stay["date"] == row["date"]
            stay["time_out"] = row["time"] if is_same_day else f"{row['date'][5:]} {row['time']}"
            continue
        is_entry = one.body.direction == "entry"
        stay = {**row, "time_in": row["time"] if is_entry else "", "time_out": "" if is_entry else row["time"]}
        stays.append(stay)
        if is_entry:
            inside[pass_id] = stay
    yield from stays


def passes(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield every pass that was issued, with what has become of it since."""
    issued: dict[str, tuple[Record, PassIssued]] = {}
    states: dict[str, tuple[str, int, str]] = {}
    kinds = ("pass.issued", "pass.replaced", "pass.suspended", "pass.revoked", "pass.restored")
    for record in reader.records(*kinds):
        body = record.body
        if isinstance(body, PassIssued):
            issued.setdefault(body.pass_id or record.id, (record, body))
        elif isinstance(body, PassRestored):
            states[body.pass_id] = ("active", record.happened_ms, body.reason or "")
        elif isinstance(body, PassReplaced | PassSuspended | PassRevoked):
            state = record.kind.removeprefix("pass.")
            states[body.pass_id] = (state, record.happened_ms, body.reason or "")
    today, number = reader.day(reader.now_ms), 0
    for pass_id, (record, body) in issued.items():
        if not reader.has(record.station, record.happened_ms):
            continue
        number += 1
        state, since_ms, reason = states.get(pass_id, (body.state, None, ""))
        if state == "active" and body.valid_until < today:
            state, since_ms, reason = "expired", None, ""
        yield {
            "no": number,
            "date": reader.day(record.happened_ms),
            "pass_number": reader.mask.number(body.number),
            "pass_kind": body.pass_kind,
            "holder": reader.mask.name(body.holder),
            "address": reader.mask.address(body.address),
            "valid_from": body.valid_from,
            "valid_until": body.valid_until,
            "state": state,
            "state_date": reader.day(since_ms),
            "reason": reason if reason in STATED else reader.mask.text(reason),
            "station": record.station,
            "guard": record.guard,
            "purged": record.is_purged,
        }


def quarantine(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield each order to stay at home, and when it ended."""
    found = _orders(reader, {"quarantine.ordered": "quarantine"}, {"quarantine.released": "quarantine"})
    for number, row in enumerate(found, 1):
        yield {**row, "no": number}


def bans(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield each ban and each entry on the watch list, and when it ended."""
    found = _orders(
        reader,
        {"holder.banned": "ban", "watch.listed": "watch"},
        {"holder.unbanned": "ban", "watch.cleared": "watch"},
    )
    for number, row in enumerate(found, 1):
        yield {**row, "no": number}


def shifts(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield the shifts with their hand-overs, and how long the gate was without one before."""
    chosen = (one for one in duties(reader.connection, reader.community) if reader.has(one.station, one.opened_ms))
    for number, duty in enumerate(chosen, 1):
        told = duty.handed_over
        yield {
            "no": number,
            "station": duty.station,
            "guards": list(duty.guards),
            "lead": duty.lead,
            "opened": reader.minute(duty.opened_ms),
            "ended": reader.minute(duty.ended_ms),
            "gap_minutes": None if duty.gap_ms is None else duty.gap_ms // 60_000,
            "late_minutes": duty.late_ms // 60_000,
            "incoming": told.incoming if told else "",
            **{name: duty.counts.get(name) for name in ("exits", "entries", "refused", "turned_back", "fevers")},
            "vehicles": sum(duty.counts.get(name, 0) for name in ("vehicle_entries", "vehicle_exits")),
            "abnormal": reader.mask.text(told.abnormal) if told else "",
            "outstanding": reader.mask.text(_outstanding(told)) if told else "",
            "goods": [_goods(one) for one in told.goods] if told else [],
            "signed": [told.outgoing_signed, told.incoming_signed] if told else [],
            "purged": duty.is_purged,
        }


def _outstanding(told: ShiftHandedOver) -> str:
    """Return what is still to do, in one line; what was closed then is not."""
    return "; ".join(filter(None, (told.outstanding, *(one.text for one in told.matters if not one.closed))))


def _goods(one: Goods) -> str:
    counted = f"{one.item} {one.counted:g} {one.unit}"
    return f"{counted} ({one.expected:g}: {one.why})" if one.why else counted


def conflicts(reader: Reader) -> Iterator[dict[str, Any]]:
    """Yield double uses, and what became of them."""
    found: dict[str, tuple[Record, ConflictFound]] = {}
    closed: dict[str, tuple[Record, ConflictClosed]] = {}
    for record in reader.records("conflict.found", "conflict.closed"):
        body = record.body
        if record.station != OFFICE:
            continue
        if isinstance(body, ConflictFound):
            found.setdefault(body.conflict_id, (record, body))
        elif isinstance(body, ConflictClosed):
            closed.setdefault(body.conflict_id, (record, body))
    holders = {
        record.body.pass_id: record.body
        for record in reader.records("pass.issued")
        if isinstance(record.body, PassIssued)
    }
    number = 0
    for conflict_id, (record, body) in found.items():
        is_there = reader.selection.station in {None, *body.stations}
        if not is_there or not reader.has(reader.selection.station or record.station, record.happened_ms):
            continue
        number += 1
        holder = holders.get(body.pass_id) if body.pass_id else None
        end, said = closed.get(conflict_id, (None, None))
        yield {
            "no": number,
            "date": reader.day(record.happened_ms),
            "rule": [body.rule],
            "pass_number": reader.mask.number(holder.number if holder else ""),
            "holder": reader.mask.name(holder.holder if holder else ""),
            "stations": list(body.stations),
            "closed": reader.day(end.happened_ms) if end else "",
            "discarded": len(said.discarded) if said else None,
            "reason": reader.mask.text(said.reason) if said else "",
            "guard": end.guard if end else "",
            "purged": record.is_purged,
        }


def _passages(reader: Reader, is_one: Callable[[Passage], bool]) -> Iterator[dict[str, Any]]:
    chosen = (one for one in reader.passages() if is_one(one))
    for number, one in enumerate(chosen, 1):
        yield passage_row(number, one, reader.zone, reader.mask)


def _orders(reader: Reader, begins: dict[str, str], ends: dict[str, str]) -> Iterator[dict[str, Any]]:
    """Yield what was ordered about people in the order of happening, each with its end."""
    people = known_people(reader.connection, reader.community)
    households: dict[str, str] = {person.household: person.address for person in people.values()}
    open_rows: dict[tuple[str, str | None, str | None], dict[str, Any]] = {}
    found: list[tuple[Record, dict[str, Any]]] = []
    for record in sorted(reader.records(*begins, *ends), key=lambda one: one.happened_ms):
        body = record.body
        if not isinstance(body, Restriction):
            continue
        what = begins.get(record.kind) or ends[record.kind]
        subject = (what, body.holder_id, body.household)
        if isinstance(body, HolderUnbanned | WatchCleared | QuarantineReleased):
            if row := open_rows.pop(subject, None):
                row["released"] = reader.day(record.happened_ms)
            continue
        order = open_rows[subject] = {**_order_row(reader, record, body, people, households), "what": what}
        found.append((record, order))
    for record, row in found:
        if reader.has(record.station, record.happened_ms):
            yield row


def _order_row(
    reader: Reader, record: Record, body: Restriction, people: dict[str, Person], households: dict[str, str]
) -> dict[str, Any]:
    person = people.get(body.holder_id or "")
    is_purged = record.is_purged
    address = person.address if person else households.get(body.household or "", body.household or "")
    name = person.name if person else body.holder_id or ""
    if isinstance(body, WatchListed):
        name, address = body.name or name, address or body.address
    order = body if isinstance(body, QuarantineOrdered) else None
    return {
        "holder": "" if is_purged else reader.mask.name(name),
        "address": "" if is_purged else reader.mask.address(address),
        "household": bool(body.household),
        "date": (order.since if order else None) or reader.day(record.happened_ms),
        "until": (order.until or "") if order else "",
        "origin": reader.mask.text(order.origin) if order else "",
        "responsible": order.responsible if order else "",
        "letter_signed": bool(order and order.letter_signed),
        "source": body.source if isinstance(body, WatchListed) else "",
        "released": "",
        "reason": reader.mask.text(body.reason),
        "station": record.station,
        "guard": record.guard,
        "purged": is_purged,
    }
