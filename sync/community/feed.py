"""The feed: all journals in one order, cut down to what another gate needs.

Everything up to the feed's end is there (see `numbering`), so the end is read first. A station gets no sealed number,
no reading and nothing of others' shifts. Who lives here it is told: residents are asked for at every gate, and have a
role in the roster. A visitor's name it is not told: the token of a visitor's pass holds it, so only its digest travels,
by which a scanned code is known again. Kinds of events that this version does not know are passed on whole.
"""

import logging
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa
from msgspec import structs

from passes.reasons import Reason
from passes.token import mark_of
from sync.bodies import BODY_TYPES, PassageRecorded, PassIssued, PersonRegistered, Sealed, Visit
from sync.community.database import events, stations
from sync.community.instants import MAX_AT_MS
from sync.community.journal import generation
from sync.community.kindbook import KindBook, read_kinds
from sync.community.numbering import feed_end
from sync.community.snapshot import KEPT_DAYS, Snapshot, begin, read_snapshot
from sync.community.stations import signed_head
from sync.events import OFFICE, canonical_json, read_body
from sync.wire import BRANCH_MARK, FeedAnswer, FeedHead, FeedItem

logger = logging.getLogger("gatepost.community")

MAX_ITEMS = 1000
PAGE_BYTES = 1024 * 1024
"""An answer ends with the body that reaches this size, so that a slow line gets it in time."""

STAYS_HOME = (
    *("shift.opened", "shift.handed_over", "clock.confirmed", "pass.printed", "supplies.counted", "staff.set"),
    *("incident.reported", "incident.handled", "incident.closed", "inspection.recorded", "inspection.rectified"),
    *("disinfection.recorded", "health.checked", "errand.added", "errand.done", "name.unmasked"),
    *("retention.purged", "passage.followed", "effort.counted", "settings.changed", "head.doubted"),
)
"""Kinds that concern a station and the office, not the other gates."""

OFFICE_ONLY = ("kind.set", "mode.set", "key.added", "key.withdrawn", "conflict.found", "conflict.closed")
"""What only the office may order: from a gate's journal it goes to no other gate."""

_CASE_NOTES = ("origin", "responsible", "letter_signed")
"""What a case of isolation says for the gate that ordered it and the office."""


def read_feed(
    connection: sa.Connection,
    community: str,
    *,
    after: str | None,
    limit: int = MAX_ITEMS,
    own_station: str,
    own_epoch: str,
    now_ms: int,
) -> FeedAnswer:
    """Return the piece of the feed that follows the cursor `after` (None = the beginning), at most `limit` items.

    Left out are the events of the asking station's own present epoch; those of its earlier lives are sent. A cursor of
    another generation, beyond the end, of no known form, or from before the database was restored from a backup is
    answered from the beginning, `from_start`.
    """
    end = feed_end(connection, community)
    own_generation = generation(connection, community)
    found = None if after is None else position_of(connection, community, after, own_generation)
    is_known = found is not None and found[0] <= end
    start, snapshot = found if found and is_known else (0, begin(connection, community, now_ms))
    query = _query(community, start, end, own_station, own_epoch)
    if snapshot:
        query = query.where(snapshot.is_needed(read_kinds(connection, community).counted_longer_than(KEPT_DAYS - 2)))
    rows = connection.execute(query.limit(limit))
    cut = _Cutter(own_station, lambda: read_kinds(connection, community))
    items: list[FeedItem] = []
    read = size = 0
    for row in rows:
        read, start = read + 1, row.feed_no
        item = cut.item(row)
        if item is not None:
            items.append(item)
            size += len(bytes(item.body))
            if size >= PAGE_BYTES:
                break
    rows.close()
    more = start < end and (read == limit or size >= PAGE_BYTES)
    return FeedAnswer(
        community=community,
        generation=own_generation,
        server_time_ms=now_ms,
        cursor=_cursor(connection, community, own_generation, start if more else end, snapshot if more else None),
        items=items,
        more=more,
        from_start=after is not None and not is_known,
        heads=[] if more else _heads(connection, community),
    )


def position_of(
    connection: sa.Connection, community: str, cursor: str, own_generation: str
) -> tuple[int, Snapshot | None] | None:
    """Return the feed number that a cursor stands for, and what is left out where a new station has not come further.

    None when it is not a cursor of this database as it is now.
    """
    named, number, mark, bounds, *_ = [*cursor.split(".", 3), "", "", ""]
    if named != own_generation or not (number.isascii() and number.isdecimal() and len(number) < 19):
        return None
    return (int(number), read_snapshot(bounds)) if mark == _mark_at(connection, community, int(number)) else None


def _cursor(
    connection: sa.Connection, community: str, own_generation: str, number: int, snapshot: Snapshot | None
) -> str:
    bounds = f".{snapshot.text()}" if snapshot else ""
    return f"{own_generation}.{number}.{_mark_at(connection, community, number)}{bounds}"


def _mark_at(connection: sa.Connection, community: str, number: int) -> str:
    """Return what tells the feed up to a number from that of a restored database, which went on in another way."""
    last = (
        sa.select(events.c.hash)
        .where(events.c.community == community, events.c.feed_no <= number)
        .order_by(events.c.feed_no.desc())
        .limit(1)
    )
    return (connection.execute(last).scalar_one_or_none() or "")[:12]


def happened(row: Any) -> int:
    """Return when an event happened, UTC milliseconds, corrected by its drift and kept inside the calendar."""
    return within_calendar(row.at_ms - (row.drift_ms or 0))


def within_calendar(at_ms: int) -> int:
    """Return the instant, or the calendar's nearest: a station's clock and drift can be anything."""
    return min(max(at_ms, 0), MAX_AT_MS)


def _query(community: str, start: int, end: int, own_station: str, own_epoch: str) -> sa.Select[Any]:
    columns = (events.c[name] for name in ("feed_no", "station", "epoch", "seq", "id", "kind", "at_ms", "drift_ms"))
    is_own = sa.and_(events.c.station == own_station, events.c.epoch == own_epoch)
    is_not_theirs_to_say = sa.and_(events.c.kind.in_(OFFICE_ONLY), events.c.station != OFFICE)
    return (
        sa.select(*columns, events.c.body)
        .where(
            events.c.community == community,
            events.c.feed_no > start,
            events.c.feed_no <= end,
            events.c.kind.not_in(STAYS_HOME),
            # What retention has emptied is over, and says nothing any more.
            events.c.purge_id.is_(None),
            ~is_own,
            ~is_not_theirs_to_say,
        )
        .order_by(events.c.feed_no)
    )


class _Cutter:
    """Cuts events down to what another gate needs; asks for the community's kinds when a pass comes by."""

    def __init__(self, own_station: str, ask_kinds: Callable[[], KindBook]) -> None:
        self._own_station = own_station
        self._ask_kinds = ask_kinds
        self._kinds: KindBook | None = None

    def item(self, row: Any) -> FeedItem | None:
        """Return what travels of an event; None when nothing does."""
        try:
            body = self._body(row) if row.kind in BODY_TYPES else row.body.encode()
        except msgspec.DecodeError as error:
            # Stored by an older version, which did not know this kind and could not check it.
            logger.warning("event %s of station %s: %s; no gate is told of it", row.id, row.station, error)
            return None
        if body is None:
            return None
        return FeedItem(
            station=row.station,
            epoch=row.epoch,
            seq=row.seq,
            id=row.id,
            kind=row.kind,
            at_ms=happened(row),
            body=msgspec.Raw(body),
        )

    def _body(self, row: Any) -> bytes | None:
        body = read_body(row.kind, row.body.encode())
        if isinstance(body, PassageRecorded):
            return _leg_only(body, row.drift_ms)
        if isinstance(body, PersonRegistered) and not body.role and row.station not in (OFFICE, self._own_station):
            return _number_only(body)
        changed: dict[str, Any] = {}
        order_ms = getattr(body, "order_ms", None)
        if order_ms is not None and row.drift_ms:
            changed["order_ms"] = within_calendar(order_ms - row.drift_ms)
        if row.kind in {"passage.undone", "passage.missed"}:
            changed["reason"] = ""
        if isinstance(body, PassIssued) and row.station != self._own_station and self._is_visitors(body, row):
            changed |= {"holder": "", "token": mark_of(body.token)}
        if isinstance(body, PersonRegistered):
            # A box is for the office; whoever has a stolen station's secret need not collect them.
            numbers = {"id_number": body.id_number, "phone": body.phone}
            changed |= {name: structs.replace(number, box="") for name, number in numbers.items() if number}
        dropped = _CASE_NOTES if row.kind == "quarantine.ordered" and row.station != self._own_station else ()
        if not changed and not dropped:
            return bytes(row.body.encode())
        # As raw fields, so that those of a newer version stay.
        fields = msgspec.json.decode(row.body.encode(), type=dict[str, msgspec.Raw])
        return canonical_json({name: value for name, value in {**fields, **changed}.items() if name not in dropped})

    def _is_visitors(self, body: PassIssued, row: Any) -> bool:
        self._kinds = self._kinds or self._ask_kinds()
        kind = self._kinds.at(body.pass_kind, happened(row))
        return kind is None or kind.visitor


def _leg_only(body: PassageRecorded, drift_ms: int | None) -> bytes | None:
    """Return an accepted passage as the leg that it is: no names, no readings, no reasons but an override."""
    if body.outcome != "allowed" or body.pass_id is None:
        return None
    leg = PassageRecorded(
        outcome="allowed",
        direction=body.direction,
        # The field has to be there; what called for attention is between that gate and the office.
        verdict="allow",
        reasons=[reason for reason in body.reasons if reason == Reason.OVERRIDDEN],
        leg=body.leg,
        order_ms=None if body.order_ms is None else within_calendar(body.order_ms - (drift_ms or 0)),
        # A vehicle is inside among vehicles; its plate stays here, and its id is a digest of it.
        subject=body.subject,
        pass_kind=body.pass_kind if body.subject == "vehicle" else None,
        pass_id=body.pass_id,
        # Empty: it only says that there is no pass, and that whoever leaves is found among the visitors inside.
        visit=Visit() if body.visit else None,
    )
    return canonical_json(leg)


def _number_only(body: PersonRegistered) -> bytes | None:
    """Return by which number somebody of another gate is known again, and nothing else; None where there is none.

    So the same person is one person at every gate, and whoever was banned at one is banned at all.
    """
    if body.id_number is None or body.id_number.digest is None:
        return None
    number = Sealed(box="", digest=body.id_number.digest)
    return canonical_json(
        PersonRegistered(person_id=body.person_id, name="", household="", address="", id_number=number)
    )


def _heads(connection: sa.Connection, community: str) -> list[FeedHead]:
    """Return how far each station that takes part has been heard, and the community's own journal."""
    enrolled = sa.select(stations).where(stations.c.community == community, stations.c.withdrawn_at_ms.is_(None))
    rows = connection.execute(enrolled.order_by(stations.c.station)).all()
    told = [(row.station, row.last_contact_ms, signed_head(row)) for row in rows]
    heads = []
    for station, contact_ms, signed in [*told, (OFFICE, None, None)]:
        # Within a station the order is (epoch, seq), and the primary key has its last row at once.
        newest = (
            sa.select(events.c.epoch, events.c.seq, events.c.hash)
            .where(
                events.c.community == community,
                events.c.station == station,
                ~events.c.epoch.contains(BRANCH_MARK, autoescape=True),
            )
            .order_by(events.c.epoch.desc(), events.c.seq.desc())
            .limit(1)
        )
        if station == OFFICE:
            newest = newest.where(events.c.epoch == generation(connection, community))
        head = connection.execute(newest).one_or_none()
        if head is not None:
            heads.append(FeedHead(station=station, contact_ms=contact_ms, signed=signed, **head._asdict()))
    return heads
