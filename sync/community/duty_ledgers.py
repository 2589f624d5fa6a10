"""The ledgers of what shifts record beside passages: their columns, and a generator of rows for each.

A matter and what was done about it are one row; what was done stands in the journal of the same station.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from passes.errors import N_
from sync.bodies import Body
from sync.community.instants import local_time
from sync.community.ledger_parts import ADDRESS, DATE, GUARD, NAME, NO, PASS, STATION, TIME, Ledger
from sync.community.ledger_rows import Reader
from sync.community.registers import Record, known_people
from sync.community.sheets import Column, Row
from sync.duty_bodies import (
    DisinfectionRecorded,
    ErrandAdded,
    HealthChecked,
    IncidentReported,
    InspectionRecorded,
    MatterStep,
    SuppliesCounted,
)
from sync.duty_words import CHANGES, INCIDENTS, POINTS, SOURCES
from sync.stock import Stock, moved


def incidents(reader: Reader) -> Iterator[Row]:
    """Yield each incident with what was done about it."""
    kinds = ("incident.reported", "incident.handled", "incident.closed")
    for row, body, steps in _matters(reader, IncidentReported, *kinds):
        handled, closed = (steps.get(kind) for kind in kinds[1:])
        yield {
            **row,
            "what": body.what,
            "account": reader.mask.text(body.account),
            "people": [reader.mask.name(name) for name in body.people],
            "pass_number": reader.mask.number(body.pass_number),
            "handled": reader.minute(handled.happened_ms) if handled else "",
            "measures": reader.mask.text(_note(handled)),
            "closed": reader.minute(closed.happened_ms) if closed else "",
            "note": reader.mask.text(_note(closed)),
        }


def inspections(reader: Reader) -> Iterator[Row]:
    """Yield each inspection with what was found, and when that was put right."""
    for row, body, steps in _matters(reader, InspectionRecorded, "inspection.recorded", "inspection.rectified"):
        rectified = steps.get("inspection.rectified")
        yield {
            **row,
            "inspector": body.inspector,
            **{point: getattr(body, point) for point in POINTS},
            "finding": reader.mask.text(body.finding),
            "rectified": reader.day(rectified.happened_ms) if rectified else "",
            "note": reader.mask.text(_note(rectified)),
        }


def errands(reader: Reader) -> Iterator[Row]:
    """Yield each errand, and when it was done."""
    for row, body, steps in _matters(reader, ErrandAdded, "errand.added", "errand.done"):
        done = steps.get("errand.done")
        yield {
            **row,
            "holder": reader.mask.name(body.name),
            "address": reader.mask.address(body.address),
            "wanted": reader.mask.text(body.wanted),
            "assignee": body.assignee,
            "due": body.due,
            "done": reader.minute(done.happened_ms) if done else "",
        }


def disinfections(reader: Reader) -> Iterator[Row]:
    """Yield what was disinfected."""
    for row, body, _steps in _matters(reader, DisinfectionRecorded, "disinfection.recorded"):
        yield {**row, "place": body.place, "agent": body.agent}


def supplies(reader: Reader) -> Iterator[Row]:
    """Yield what came in, was given out and was counted, with the stock of that station after it."""
    stocks: dict[tuple[str, str], Stock] = {}
    number = 0
    for record in reader.records("supplies.counted"):
        body = record.body
        if not isinstance(body, SuppliesCounted):
            continue
        key = record.station, body.item
        stocks[key] = moved(stocks.get(key), body)
        if reader.has(record.station, record.happened_ms):
            number += 1
            yield {
                **_row(reader, number, record),
                **{name: getattr(body, name) for name in ("item", "spec", "unit", "change", "quantity", "source")},
                **{name: getattr(body, name) for name in ("batch", "expiry", "issued_to", "approved_by")},
                "stock": stocks[key].quantity,
                "remark": reader.mask.text(body.remark),
            }


def health(reader: Reader) -> Iterator[Row]:
    """Yield a row for each day of each person who was asked, with the last reading of its morning and afternoon."""
    people = known_people(reader.connection, reader.community)
    addresses = {person.household: person.address for person in people.values()}
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for record in reader.records("health.checked"):
        body = record.body
        if not isinstance(body, HealthChecked) or not reader.has(record.station, record.happened_ms):
            continue
        moment = local_time(record.happened_ms, reader.zone)
        key = (body.holder_id or "", body.household or "", body.who, str(moment.date()))
        if key not in rows:
            person = people.get(body.holder_id or "")
            address = person.address if person else addresses.get(body.household or "", body.household or "")
            rows[key] = {
                **_row(reader, len(rows) + 1, record),
                "holder": "" if record.is_purged else reader.mask.name(body.who or (person.name if person else "")),
                "address": "" if record.is_purged else reader.mask.address(address),
                "morning": None,
                "afternoon": None,
                "symptoms": "",
                "checks": 0,
                "unreached": 0,
            }
        row = rows[key]
        row["checks" if body.reached else "unreached"] += 1
        if body.celsius is not None:
            row["morning" if moment.hour < 12 else "afternoon"] = body.celsius
        if body.symptoms:
            row["symptoms"] = reader.mask.text(body.symptoms)
    yield from rows.values()


def _matters(reader: Reader, opening: type[Body], *kinds: str) -> Iterator[tuple[Row, Any, dict[str, Record]]]:
    """Yield each selected matter as the beginning of its row, its body, and the newest step of each kind."""
    opened: list[Record] = []
    steps: defaultdict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
    for record in reader.records(*kinds):
        if isinstance(record.body, MatterStep):
            steps[record.station, record.body.matter_id][record.kind] = record
        elif isinstance(record.body, opening) and reader.has(record.station, record.happened_ms):
            opened.append(record)
    for number, record in enumerate(opened, 1):
        yield _row(reader, number, record), record.body, steps[record.station, record.id]


def _row(reader: Reader, number: int, record: Record) -> dict[str, Any]:
    day, minute = reader.minute(record.happened_ms).split(" ")
    about = {"station": record.station, "guard": record.guard, "purged": record.is_purged}
    return {"no": number, "date": day, "time": minute, **about}


def _note(record: Record | None) -> str:
    return record.body.note if record and isinstance(record.body, MatterStep) else ""


def _ledger(title: str, rows: Any, **columns: Column) -> Ledger:
    return Ledger(title, {"no": NO, "date": DATE, **columns, "station": STATION, "guard": GUARD}, rows)


_NOTE = Column(N_("Note"), 16, is_personal=True)

DUTY_LEDGERS: dict[str, Ledger] = {
    "incidents": _ledger(
        N_("Incidents"),
        incidents,
        time=TIME,
        what=Column(N_("What"), 12, INCIDENTS),
        account=Column(N_("What happened"), 24, is_personal=True),
        people=Column(N_("Who"), 12, is_personal=True),
        pass_number=PASS,
        handled=Column(N_("Handled"), 15),
        measures=Column(N_("Measures"), 18, is_personal=True),
        closed=Column(N_("Closed"), 15),
        note=_NOTE,
    ),
    "health": _ledger(
        N_("Health checks at home"),
        health,
        holder=NAME,
        address=ADDRESS,
        morning=Column(N_("Morning (°C)"), 9),
        afternoon=Column(N_("Afternoon (°C)"), 9),
        symptoms=Column(N_("Symptoms"), 18, is_personal=True),
        checks=Column(N_("Times asked"), 8),
        unreached=Column(N_("Not reached"), 8),
    ),
    "inspections": _ledger(
        N_("Inspections"),
        inspections,
        time=TIME,
        inspector=Column(N_("Inspector"), 11, is_personal=True),
        **{point: Column(title, 8) for point, title in POINTS.items()},
        finding=Column(N_("Finding"), 22, is_personal=True),
        rectified=Column(N_("Rectified on"), 11),
        note=_NOTE,
    ),
    "supplies": _ledger(
        N_("Supplies in and out"),
        supplies,
        item=Column(N_("Article"), 12),
        spec=Column(N_("Spec"), 9),
        unit=Column(N_("Unit"), 6),
        change=Column(N_("What"), 8, CHANGES),
        quantity=Column(N_("Quantity"), 8),
        source=Column(N_("Source"), 8, SOURCES),
        batch=Column(N_("Batch"), 9),
        expiry=Column(N_("Use before"), 11),
        stock=Column(N_("Stock"), 8),
        issued_to=Column(N_("To whom"), 11, is_personal=True),
        approved_by=Column(N_("Approved by"), 11, is_personal=True),
        remark=Column(N_("Remark"), 14, is_personal=True),
    ),
    "errands": _ledger(
        N_("Errands"),
        errands,
        holder=NAME,
        address=ADDRESS,
        wanted=Column(N_("What is needed"), 20, is_personal=True),
        assignee=Column(N_("Who does it"), 11, is_personal=True),
        due=Column(N_("When"), 11),
        done=Column(N_("Done"), 15),
    ),
    "disinfections": _ledger(
        N_("Disinfection"),
        disinfections,
        time=TIME,
        place=Column(N_("Place"), 22),
        agent=Column(N_("Agent"), 14),
    ),
}
"""Each by its name."""
