"""What staff pull out of the journals: the shifts of the stations, and the passages of a shift, a day or a station."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from passes.errors import N_, GatepostError, UsageError
from sync.bodies import PassageRecorded, ShiftOpened
from sync.community.database import events, happened_ms, reading
from sync.community.streaming import streamed
from sync.events import read_body

MAX_SHIFTS = 200
"""Shifts in one listing; PostgreSQL and SQLite both take that many values in one query."""

_PASSAGE_COLUMNS = (
    *(events.c[name] for name in ("station", "epoch", "seq", "id", "at_ms", "shift", "guard", "body", "purge_id")),
    happened_ms.label("happened_ms"),
)


class UnreadableEventError(GatepostError):
    """An event whose body this version does not understand."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One shift at one station: its id, people, and drift-corrected instants as UTC milliseconds."""

    id: str
    station: str
    guards: tuple[str, ...]
    lead: str | None
    opened_at_ms: int
    handed_over_at_ms: int | None
    passages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which passages; what is given must all hold.

    Of one station, of one shift, of one community-local `day` or from one day through another (both inclusive), of one
    person by their id, of one pass by its number.
    """

    station: str | None = None
    shift: str | None = None
    day: date | None = None
    from_day: date | None = None
    until_day: date | None = None
    holder_id: str | None = None
    pass_number: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """One recorded passage with its place in the station's journal.

    `at_ms` is what the station recorded, `happened_ms` the same less the drift of its clock; both UTC milliseconds.
    When it is purged, retention has left in the body only what names nobody.
    """

    station: str
    epoch: str
    seq: int
    id: str
    at_ms: int
    happened_ms: int
    shift: str | None
    guard: str | None
    body: PassageRecorded
    is_purged: bool = False


def list_shifts(
    engine: sa.Engine, community: str, *, station: str | None = None, limit: int = MAX_SHIFTS
) -> list[Shift]:
    """Return the shifts that were opened, the last received first, at one station or at all.

    The order is that of arrival, because a station's clock may be wrong by years.
    """
    query = (
        sa.select(events.c.id, events.c.station, happened_ms.label("opened_ms"), events.c.body)
        .where(events.c.community == community, *_is_opening())
        .order_by(events.c.feed_no.desc())
        .limit(min(limit, MAX_SHIFTS))
    )
    if station is not None:
        query = query.where(events.c.station == station)
    with reading(engine) as connection:
        opened = connection.execute(query).all()
        ids = [row.id for row in opened]
        counts = _counts(connection, community, ids)
        ends = _ends(connection, community, ids)
    return [
        Shift(
            id=row.id,
            station=row.station,
            guards=tuple(body.guards),
            lead=body.lead,
            opened_at_ms=row.opened_ms,
            handed_over_at_ms=ends.get((row.station, row.id)),
            passages=counts.get((row.station, row.id), 0),
        )
        for row in opened
        if isinstance(body := read_recorded(row.station, row.id, "shift.opened", row.body), ShiftOpened)
    ]


def latest_shift(engine: sa.Engine, community: str, station: str | None = None) -> str:
    """Return the id of the shift whose opening was received last; raises `UsageError` when there is none."""
    shifts = list_shifts(engine, community, station=station, limit=1)
    if not shifts:
        raise UsageError(
            N_("shift latest: station {station} has sent no shift yet; see: gatepost community shifts"),
            station=station or "*",
        )
    return shifts[0].id


def list_passages(engine: sa.Engine, community: str, selection: Selection, zone: ZoneInfo) -> list[Passage]:
    """Return the selected passages in the order (station, epoch, seq); see `each_passage`."""
    with reading(engine) as connection:
        return list(each_passage(connection, community, selection, zone))


def each_passage(connection: sa.Connection, community: str, selection: Selection, zone: ZoneInfo) -> Iterator[Passage]:
    """Yield the selected passages in the order (station, epoch, seq); days are cut in `zone` by corrected time.

    A shift's passages are those of the station that opened it, so no other station can write into its log. The rows
    are read in pieces while `connection` stays open. Raises `UsageError` for a shift that nobody opened.
    """
    query = (
        sa.select(*_PASSAGE_COLUMNS)
        .where(events.c.community == community, events.c.kind == "passage.recorded", *within(selection, zone))
        .order_by(events.c.station, events.c.epoch, events.c.seq)
    )
    if selection.shift is not None:
        owner = _owner(connection, community, selection.shift)
        query = query.where(events.c.shift == selection.shift, events.c.station == owner)
    for text in (selection.holder_id, selection.pass_number):
        # The body is text: this finds every body that could be meant, and the decoded one says whether it is.
        query = query if text is None else query.where(events.c.body.contains(text, autoescape=True))
    for row in streamed(connection, query):
        body = read_recorded(row.station, row.id, "passage.recorded", row.body)
        if isinstance(body, PassageRecorded) and _is_of(body, selection):
            yield Passage(
                *(row.station, row.epoch, row.seq, row.id, row.at_ms, row.happened_ms, row.shift, row.guard),
                body=body,
                is_purged=row.purge_id is not None,
            )


def within(selection: Selection, zone: ZoneInfo) -> list[sa.ColumnElement[bool]]:
    """Return the conditions on station and time that `selection` sets for any kind of event."""
    found: list[sa.ColumnElement[bool]] = []
    if selection.station is not None:
        found.append(events.c.station == selection.station)
    first, last = selection.day or selection.from_day, selection.day or selection.until_day
    if first is not None:
        found.append(happened_ms >= day_bounds_ms(first, zone)[0])
    if last is not None:
        found.append(happened_ms < day_bounds_ms(last, zone)[1])
    return found


def _is_of(body: PassageRecorded, selection: Selection) -> bool:
    return selection.holder_id in {None, body.holder_id} and selection.pass_number in {None, body.pass_number}


def day_bounds_ms(day: date, zone: ZoneInfo) -> tuple[int, int]:
    """Return the first instant of `day` in `zone` and the first of the next day, as UTC milliseconds."""
    starts = (datetime.combine(moment, time.min, zone) for moment in (day, day + timedelta(days=1)))
    start_ms, end_ms = (int(start.timestamp() * 1000) for start in starts)
    return start_ms, end_ms


def _is_opening() -> tuple[sa.ColumnElement[bool], ...]:
    """Return the conditions of an event that opened a shift: the first that was received with its id.

    Who has read another gate's shift id can send an opening with it, but not before that gate has.
    """
    # No parameter, so that both databases see that the index of openings is enough.
    opening: sa.ColumnElement[str] = sa.literal_column("'shift.opened'")
    earlier = events.alias()
    is_taken = sa.exists().where(
        earlier.c.community == events.c.community,
        earlier.c.kind == opening,
        earlier.c.id == events.c.id,
        earlier.c.feed_no < events.c.feed_no,
    )
    return events.c.kind == opening, ~is_taken


def _owner(connection: sa.Connection, community: str, shift: str) -> str:
    query = sa.select(events.c.station).where(events.c.community == community, events.c.id == shift, *_is_opening())
    owner: str | None = connection.execute(query).scalar_one_or_none()
    if owner is None:
        raise UsageError(
            N_("shift {shift!r}: no station has sent a shift with this id; see: gatepost community shifts"),
            shift=shift[:64],
        )
    return owner


def _counts(connection: sa.Connection, community: str, ids: Sequence[str]) -> dict[tuple[str, str | None], int]:
    query = (
        sa.select(events.c.station, events.c.shift, sa.func.count())
        .where(events.c.community == community, events.c.kind == "passage.recorded", events.c.shift.in_(ids))
        .group_by(events.c.station, events.c.shift)
    )
    return {(station, shift): count for station, shift, count in connection.execute(query)}


def _ends(connection: sa.Connection, community: str, ids: Sequence[str]) -> dict[tuple[str, str | None], int]:
    query = (
        sa.select(events.c.station, events.c.shift, sa.func.min(happened_ms))
        .where(events.c.community == community, events.c.kind == "shift.handed_over", events.c.shift.in_(ids))
        .group_by(events.c.station, events.c.shift)
    )
    return {(station, shift): ended_ms for station, shift, ended_ms in connection.execute(query)}


def read_recorded(station: str, event_id: str, kind: str, body: str) -> object:
    """Return a stored event's decoded body; raises `UnreadableEventError`."""
    try:
        return read_body(kind, body.encode())
    except msgspec.DecodeError as error:
        raise UnreadableEventError(
            N_("event {event_id} of station {station}: {error}; this version cannot read it, install a newer one"),
            event_id=event_id,
            station=station,
            error=error,
        ) from error
