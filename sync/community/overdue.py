"""Which old records may be emptied: age alone is not enough where something is still in force."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from sync.community.database import events
from sync.community.instants import local_time
from sync.community.kindbook import read_kinds
from sync.community.registers import NO_PASSAGE
from sync.community.settings import RetentionTable
from sync.community.streaming import streamed
from sync.community.tables_feed import conflicts
from sync.retention import BEGINNINGS, DAY_MS, ENDINGS, rule_of

_ORDERS = (*BEGINNINGS, *ENDINGS)
_PARTS = ("name", "id_number", "phone", "role", "flags")
_OF_PASSES = frozenset({"pass.replaced", "pass.suspended", "pass.revoked", "pass.restored", "pass.printed"})


@dataclass(frozen=True, slots=True)
class Overdue:
    """What was in force at `now_ms`, when a purge began; what is not has to go when it is of before `before_ms`.

    `ended` and `running` are the ids of passes whose last day is longer ago than they are kept, or not; a pass of
    somebody whom something is ordered about is running, since it says who that is. `over` are the feed numbers of
    orders about people whom nothing is ordered about any more, and of replaced entries of the roster; `closed` are
    conflicts; trips of `long_counted` kinds are counted for longer than passages are kept.
    """

    now_ms: int
    before_ms: dict[str, int]
    ended: frozenset[str]
    running: frozenset[str]
    over: frozenset[int]
    closed: frozenset[str]
    long_counted: frozenset[str]

    def is_due(self, row: Any, fields: dict[str, Any]) -> bool:
        """Say whether a stored event, whose body has these fields, is to be emptied."""
        rule = rule_of(row.kind)
        if rule is None or counted_from(row, self.now_ms) >= self.before_ms[rule.group]:
            return False
        return rule.group == "other" or self._is_over(rule.group, row, fields)

    def _is_over(self, group: str, row: Any, fields: dict[str, Any]) -> bool:
        if row.kind == "pass.issued":
            return fields.get("pass_id") in self.ended
        if row.kind in _OF_PASSES:
            named = {fields.get("pass_id"), fields.get("by")} - {None}
            # What is said of a pass that has not been heard of yet holds until that can be long over.
            is_known = bool(named & self.ended)
            is_old = counted_from(row, self.now_ms) < self.before_ms["other"]
            return not named & self.running and (is_known or is_old)
        if group in {"orders", "roster"}:
            return row.feed_no in self.over
        if row.kind.startswith("conflict."):
            return fields.get("conflict_id") in self.closed
        # A gate that joins later must still learn that a pass of such a kind was used.
        is_counted = fields.get("pass_kind") in self.long_counted
        return not (is_counted and fields.get("pass_id") in self.running)


def find_overdue(
    connection: sa.Connection, community: str, days: RetentionTable, zone: ZoneInfo, now_ms: int
) -> Overdue:
    """Look at what is in force at `now_ms`."""
    before_ms = {group: now_ms - kept * DAY_MS for group, kept in msgspec.to_builtins(days).items()}
    today = local_time(now_ms, zone).date()
    last_day = str(today - timedelta(days=days.passes))
    over, held = _orders(connection, community, now_ms, before_ms["orders"], str(today))
    ended, running = _passes(connection, community, last_day, held)
    query = sa.select(conflicts.c.conflict_id).where(
        conflicts.c.community == community, conflicts.c.closed_at_ms.is_not(None)
    )
    return Overdue(
        now_ms=now_ms,
        before_ms=before_ms,
        ended=ended - running,
        running=running,
        over=over | _replaced(connection, community),
        closed=frozenset(connection.execute(query).scalars()),
        long_counted=read_kinds(connection, community).counted_longer_than(days.passages),
    )


def counted_from(row: Any, now_ms: int) -> int:
    """Return the instant from which a stored event's age counts: when it came, or the later one that its gate names.

    A server whose clock stood in the past wrote that it came long ago. What a gate dates into the future is of now.
    """
    return max(int(row.received_at_ms), min(int(row.at_ms), now_ms))


def fields_of(body: str) -> dict[str, Any]:
    """Return the fields of a stored body; none when it is no JSON object."""
    try:
        return msgspec.json.decode(body.encode(), type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _passes(
    connection: sa.Connection, community: str, last_day: str, held: frozenset[str]
) -> tuple[frozenset[str], frozenset[str]]:
    ended: set[str] = set()
    running: set[str] = set()
    for row in _rows(connection, community, ("pass.issued",)):
        fields = fields_of(row.body)
        is_over = str(fields.get("valid_until")) < last_day
        is_held = not held.isdisjoint((str(fields.get("holder_id")), str(fields.get("household"))))
        (ended if is_over and not is_held else running).add(str(fields.get("pass_id")))
    return frozenset(ended), frozenset(running)


def _orders(
    connection: sa.Connection, community: str, now_ms: int, before_ms: int, today: str
) -> tuple[frozenset[int], frozenset[str]]:
    """Return the orders about each person or household whose newest one is old and does not hold; and whom one holds.

    The first are feed numbers, the second ids of people and households.
    """
    about: dict[tuple[str, str, str], list[tuple[tuple[int, int], Any, dict[str, Any]]]] = {}
    for row in _rows(connection, community, _ORDERS):
        fields = fields_of(row.body)
        what = BEGINNINGS.get(row.kind) or ENDINGS[row.kind]
        order_ms = fields.get("order_ms") or row.at_ms
        subject = (what, str(fields.get("holder_id")), str(fields.get("household")))
        about.setdefault(subject, []).append(((order_ms - (row.drift_ms or 0), row.feed_no), row, fields))
    over: set[int] = set()
    held: set[str] = set()
    for (_what, holder_id, household), orders in about.items():
        _place, newest, fields = max(orders, key=lambda one: one[0])
        if newest.kind in BEGINNINGS and str(fields.get("until") or today) >= today:
            held |= {holder_id, household}
        elif max(counted_from(row, now_ms) for _, row, _ in orders) < before_ms:
            over |= {row.feed_no for _, row, _ in orders}
    return frozenset(over), frozenset(held - {"None"})


def _replaced(connection: sa.Connection, community: str) -> frozenset[int]:
    """Return the entries of the roster of which every part has come again in a newer one about the same one."""
    newest: dict[tuple[str, str], int] = {}
    entries: set[int] = set()
    for row in _rows(connection, community, ("person.registered", "household.registered")):
        fields = fields_of(row.body)
        entries.add(row.feed_no)
        if row.kind == "household.registered":
            newest["household", str(fields.get("household"))] = row.feed_no
            continue
        # Household and address go with the name; a sealed number is written once, and not again with a new name.
        for part in _PARTS:
            if part == "name" or fields.get(part) is not None:
                newest[str(fields.get("person_id")), part] = row.feed_no
    return frozenset(entries.difference(newest.values()))


def _rows(connection: sa.Connection, community: str, kinds: tuple[str, ...]) -> Iterator[sa.Row[Any]]:
    names = ("feed_no", "kind", "at_ms", "drift_ms", "received_at_ms", "body")
    query = sa.select(*(events.c[name] for name in names)).where(
        events.c.community == community, NO_PASSAGE, events.c.kind.in_(kinds), events.c.purge_id.is_(None)
    )
    return streamed(connection, query.order_by(events.c.feed_no))
