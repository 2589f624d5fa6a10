"""Folding the journals into legs, lines, alerts and conflicts, in the order of the feed.

What a body names that no key column can hold stays in the journal and counts for nothing here.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import sqlalchemy as sa

from passes.reasons import NOTES, Reason
from sync.bodies import (
    ConflictClosed,
    ConflictFound,
    PassageMissed,
    PassageRecorded,
    PassageUndone,
    PassIssued,
    PassReplaced,
)
from sync.community.database import events
from sync.community.feed import happened, within_calendar
from sync.community.inserting import insert_unless_there
from sync.community.legs import enter_legs, enter_passes, join_lines, remove_legs
from sync.community.screening import MAX_NAME_CHARS
from sync.community.tables_feed import alerts, conflicts
from sync.events import OFFICE, read_body

logger = logging.getLogger("gatepost.community")

_ALARMING = frozenset({Reason.QUARANTINED, Reason.BANNED, Reason.WATCH_LISTED, Reason.FEVER})


def fold(connection: sa.Connection, community: str, start: int, end: int, limit: int) -> tuple[int, dict[str, int]]:
    """Take in what follows the feed number `start`, through `end`, at most `limit` events.

    Return the number reached, and the passes whose standing may have changed, with the earliest place of a change.
    """
    names = ("feed_no", "station", "epoch", "seq", "id", "kind", "at_ms", "drift_ms", "body")
    query = (
        sa.select(*(events.c[name] for name in names))
        .where(
            events.c.community == community,
            events.c.feed_no > start,
            events.c.feed_no <= end,
            events.c.kind.in_(_TAKERS),
        )
        .order_by(events.c.feed_no)
        .limit(limit)
    )
    rows = connection.execute(query).all()
    finds = _Finds()
    for row in rows:
        try:
            body = read_body(row.kind, row.body.encode())
        except msgspec.DecodeError as error:
            # Stored by an older version, which did not know this kind and could not check it.
            logger.warning("event %s of station %s: %s; it counts for nothing", row.id, row.station, error)
        else:
            _TAKERS[row.kind](finds, row, body)
    _keep(connection, community, finds)
    return (rows[-1].feed_no if len(rows) == limit else end), finds.since_ms


@dataclass
class _Finds:
    """What one piece of the feed adds, and since when each pass has to be looked at anew."""

    passes: dict[str, dict[str, Any]] = field(default_factory=dict)
    legs: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    joined: list[tuple[str, str]] = field(default_factory=list)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    found: list[tuple[int, ConflictFound]] = field(default_factory=list)
    closed: list[tuple[int, ConflictClosed]] = field(default_factory=list)
    since_ms: dict[str, int] = field(default_factory=dict)

    def recorded(self, row: Any, body: PassageRecorded) -> None:
        self._alert(row, body)
        if body.outcome == "allowed" and body.leg and body.pass_id and _fits(body.pass_id):
            order_ms = row.at_ms if body.order_ms is None else body.order_ms
            self._know(body.pass_id, body.pass_kind, body.household)
            self._leg(row, body, order_ms - (row.drift_ms or 0), happened(row), body.reasons)

    def missed(self, row: Any, body: PassageMissed) -> None:
        if _fits(body.pass_id):
            self._know(body.pass_id)
            self._leg(row, body, body.happened_ms, within_calendar(body.happened_ms))

    def undone(self, _row: Any, body: PassageUndone) -> None:
        if _fits(body.pass_id) and _fits(body.passage_id):
            self.removed.append(body.passage_id)
            self._touch(body.pass_id)

    def issued(self, _row: Any, body: PassIssued) -> None:
        if _fits(body.pass_id):
            self._know(body.pass_id, body.pass_kind, body.household, is_issued=True)
            self._touch(body.pass_id)

    def replaced(self, _row: Any, body: PassReplaced) -> None:
        if _fits(body.pass_id) and _fits(body.by):
            self._know(body.pass_id)
            self._know(body.by)
            self.joined.append((body.pass_id, body.by))
            self._touch(body.pass_id)

    def conflict_found(self, row: Any, body: ConflictFound) -> None:
        if row.station == OFFICE:
            self.found.append((row.at_ms, body))

    def conflict_closed(self, row: Any, body: ConflictClosed) -> None:
        if row.station == OFFICE:
            self.closed.append((row.at_ms, body))

    def _touch(self, pass_id: str, since_ms: int = 0) -> None:
        self.since_ms[pass_id] = min(since_ms, self.since_ms.get(pass_id, since_ms))

    def _know(
        self, pass_id: str, kind: str | None = None, household: str | None = None, *, is_issued: bool = False
    ) -> None:
        known = self.passes.setdefault(pass_id, {"kind": None, "household": None, "is_issued": False})
        if is_issued and not known["is_issued"]:
            known.update(kind=_fitting(kind), household=_fitting(household), is_issued=True)
        elif not known["is_issued"]:
            known["kind"] = known["kind"] or _fitting(kind)
            known["household"] = known["household"] or _fitting(household)

    def _leg(
        self,
        row: Any,
        body: PassageRecorded | PassageMissed,
        order_ms: int,
        at_ms: int,
        reasons: Sequence[str] = (),
    ) -> None:
        leg = {
            "event_id": row.id,
            "pass_id": body.pass_id,
            "station": row.station,
            "epoch": row.epoch,
            "seq": row.seq,
            "direction": body.direction,
            "leg": body.leg,
            "order_ms": within_calendar(order_ms),
            "at_ms": at_ms,
            "is_missed": isinstance(body, PassageMissed),
            "is_overridden": Reason.OVERRIDDEN in reasons,
            "is_unclaimed": Reason.UNCLAIMED in reasons,
        }
        self.legs.append(leg)
        self._touch(str(body.pass_id), leg["order_ms"])

    def _alert(self, row: Any, body: PassageRecorded) -> None:
        """Keep what staff must be told of: why a holder was refused, or what a return leg called attention to."""
        if body.outcome == "refused" and body.leg == "first":
            reasons = [reason for reason in body.reasons if reason in _ALARMING]
        elif body.leg == "return" and body.verdict == "attention":
            reasons = [reason for reason in body.reasons if reason not in NOTES]
        else:
            return
        if reasons:
            alert = {
                "feed_no": row.feed_no,
                "event_id": row.id,
                "station": row.station,
                "pass_id": _fitting(body.pass_id),
                "direction": body.direction,
                "at_ms": happened(row),
                "reasons": msgspec.json.encode(reasons).decode(),
            }
            self.alerts.append(alert)


_TAKERS: dict[str, Callable[[_Finds, Any, Any], None]] = {
    "passage.recorded": _Finds.recorded,
    "passage.undone": _Finds.undone,
    "passage.missed": _Finds.missed,
    "pass.issued": _Finds.issued,
    "pass.replaced": _Finds.replaced,
    "conflict.found": _Finds.conflict_found,
    "conflict.closed": _Finds.conflict_closed,
}


def _fits(text: str) -> bool:
    """Say whether a key column holds this."""
    return 1 <= len(text) <= MAX_NAME_CHARS and "\0" not in text


def _fitting(text: str | None) -> str | None:
    return text if text is not None and _fits(text) else None


def _keep(connection: sa.Connection, community: str, finds: _Finds) -> None:
    enter_passes(connection, community, finds.passes)
    for one, other in finds.joined:
        join_lines(connection, community, one, other)
    enter_legs(connection, community, finds.legs)
    remove_legs(connection, community, finds.removed)
    insert_unless_there(connection, alerts, [{"community": community, **alert} for alert in finds.alerts])
    for at_ms, found in finds.found:
        keep_found(connection, community, found, at_ms)
    for at_ms, closed in finds.closed:
        keep_closed(connection, community, closed, at_ms)


def keep_found(connection: sa.Connection, community: str, body: ConflictFound, at_ms: int) -> None:
    """Enter a conflict that the office's journal tells of."""
    row = {
        "community": community,
        "conflict_id": body.conflict_id,
        "excess_id": body.passages[-1],
        "rule": body.rule,
        "pass_id": body.pass_id,
        "passages": msgspec.json.encode(body.passages).decode(),
        "stations": msgspec.json.encode(body.stations).decode(),
        "found_at_ms": at_ms,
    }
    insert_unless_there(connection, conflicts, [row])


def keep_closed(connection: sa.Connection, community: str, body: ConflictClosed, at_ms: int) -> None:
    """Close a conflict as the office's journal tells, and let what was discarded count no more."""
    query = sa.update(conflicts).where(
        conflicts.c.community == community,
        conflicts.c.conflict_id == body.conflict_id,
        conflicts.c.closed_at_ms.is_(None),
    )
    connection.execute(query.values(closed_at_ms=at_ms))
    remove_legs(connection, community, body.discarded)
