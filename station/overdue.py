"""Which of a station's old records may be emptied: age alone is not enough where something is still in force.

Age is counted up to the last contact with the community, by the community's clock, so that a device's clock that has
jumped ahead empties nothing. What the community has not acknowledged is young, whatever its date.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from passes.trips import local_day
from station.folding import MODE
from sync.retention import BEGINNINGS, DAY_MS, ENDINGS, NOBODY, rule_of

if TYPE_CHECKING:
    from sqlite3 import Connection

LONG_DAYS = 365
"""What this version does not know, or has no rule of its own for here, stays so long at least."""

Table = Literal["events", "feed"]
TABLES: tuple[Table, ...] = ("events", "feed")
Place = tuple[int, str]

_OF_PASSES = frozenset(
    {"pass.issued", "pass.replaced", "pass.suspended", "pass.revoked", "pass.restored", "pass.printed"}
)
_PARTS = ("name", "id_number", "phone", "role", "flags")
_LEGS = "SELECT line, order_ms, id, leg, id IN undone FROM legs ORDER BY line, order_ms, id"
_AT = {"events": "at_ms - coalesce(drift_ms, 0)", "feed": "at_ms"}


class Record(msgspec.Struct, frozen=True):
    """One record, of the journal or of the feed: its number there, when it happened, and the fields of its body."""

    table: Table
    n: int
    id: str
    kind: str
    at_ms: int
    drift_ms: int
    fields: dict[str, Any]

    @property
    def order(self) -> Place:
        """Where the fold puts it among those about the same thing."""
        order_ms = self.fields.get("happened_ms") if self.kind == "passage.missed" else self.fields.get("order_ms")
        if order_ms is None:
            return self.at_ms, self.id
        return int(order_ms) - (0 if self.kind == "passage.missed" else self.drift_ms), self.id


@dataclass(slots=True)
class Overdue:
    """What is old and over at `now_ms`: records of before `before_ms`, as far as nothing below keeps them.

    `answered_n` is the last record of the journal that the community has acknowledged. `lines` names the line of each
    pass that has one; of a line in `kept_from` what begins there stays, of one in `long_lines` everything. `others` are
    the records, by table, that are no passages and are over.
    """

    now_ms: int
    before_ms: int
    answered_n: int
    lines: dict[str, str]
    kept_from: dict[str, Place] = field(default_factory=dict)
    long_lines: frozenset[str] = frozenset()
    others: dict[Table, list[int]] = field(default_factory=lambda: {"events": [], "feed": []})

    def is_due(self, record: Record) -> bool:
        """Say whether a passage is to be emptied."""
        fields = record.fields
        if record.at_ms >= self.before_ms or (record.table == "events" and record.n > self.answered_n):
            return False
        is_leg = record.kind == "passage.missed" or (fields.get("outcome") == "allowed" and fields.get("leg"))
        if not is_leg or not fields.get("pass_id"):
            return True
        line = self.line_of(fields["pass_id"])
        is_old = record.order[0] < self.before_ms and line not in self.long_lines
        return is_old and not (line in self.kept_from and record.order >= self.kept_from[line])

    def line_of(self, pass_id: str) -> str:
        """Return the line that a pass belongs to."""
        return self.lines.get(pass_id, pass_id)


def find_overdue(connection: "Connection", zone: tzinfo, days: int, now_ms: int, answered_n: int) -> Overdue:
    """Look at what is in force at `now_ms`, the community's time at the last contact; changes nothing."""
    before_ms = now_ms - days * DAY_MS
    unsent = connection.execute(f"SELECT min({_AT['events']}) FROM events WHERE n > ?", (answered_n,)).fetchone()[0]  # noqa: S608 - our own words
    if unsent is not None:
        before_ms = min(before_ms, unsent)
    lines = dict(connection.execute("SELECT pass_id, line FROM lines"))
    found = Overdue(now_ms, before_ms, answered_n, lines)
    found.long_lines = _long_counted(connection, found, days)
    _look_at_lines(connection, found)
    _look_at_others(
        connection, found, str(local_day(now_ms, zone)), str(local_day(now_ms, zone) - timedelta(days=days))
    )
    return found


def records(
    connection: "Connection", table: Table, where: str, values: tuple[object, ...] = (), limit: int = -1
) -> Iterator[Record]:
    """Yield records of the journal or the feed that have not been emptied, in the order of their numbers."""
    not_purged, drift = ("purge_id IS NULL AND ", "coalesce(drift_ms, 0)") if table == "events" else ("", "0")
    rows = connection.execute(
        f"SELECT n, id, kind, {_AT[table]}, {drift}, body FROM {table} WHERE {not_purged}{where} ORDER BY n LIMIT ?",  # noqa: S608 - our own words
        (*values, limit),
    )
    for n, event_id, kind, at_ms, drift_ms, body in rows:
        yield Record(table, n, event_id, kind, at_ms, drift_ms, _fields(body))


def _fields(body: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body.encode(), type=dict[str, Any])
    except msgspec.DecodeError:
        return {}


def _long_counted(connection: "Connection", found: Overdue, days: int) -> frozenset[str]:
    """Return the lines of passes of a kind whose trips are counted for longer than records are kept."""
    rows = connection.execute("SELECT name, body FROM rules WHERE name <> ?", (MODE,))
    kinds = [name for name, body in rows if (_fields(body).get("period_days") or 1) > days]
    if not kinds:
        return frozenset()
    passes = connection.execute(
        "SELECT pass_id FROM passes WHERE kind IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(kinds).decode(),),
    )
    return frozenset(found.line_of(pass_id) for (pass_id,) in passes)


def _look_at_lines(connection: "Connection", found: Overdue) -> None:
    """Find from where on the legs of each line stay: from the first that is young, or from the one that is open then.

    What goes of a line is thus its beginning, and what stays is paired as before.
    """
    young = _placed_before(connection, found)
    line, opened, is_over = "", None, False
    for of_line, order_ms, event_id, leg, is_undone in connection.execute(_LEGS):
        if of_line != line:
            if opened and not is_over:
                found.kept_from[line] = opened
            line, opened, is_over = of_line, None, False
        if is_over:
            continue
        place = (order_ms, event_id)
        if order_ms >= found.before_ms or event_id in young:
            found.kept_from[line], is_over = opened or place, True
        elif not is_undone:
            opened = None if leg == "return" else opened or place
    if opened and not is_over:
        found.kept_from[line] = opened


def _placed_before(connection: "Connection", found: Overdue) -> frozenset[str]:
    """Return the ids of young records that stand among the old legs, as one written by hand for an earlier day."""
    placed = "kind = 'passage.missed' OR (kind = 'passage.recorded' AND body ->> '$.order_ms' IS NOT NULL)"
    ids = (
        row[0]
        for table in TABLES
        for row in connection.execute(
            f"SELECT id FROM {table} WHERE {_AT[table]} >= ? AND ({placed})",  # noqa: S608 - our own words
            (found.before_ms,),
        )
    )
    return frozenset(ids)


def _look_at_others(connection: "Connection", found: Overdue, today: str, last_day: str) -> None:
    others = [
        record
        for table in TABLES
        for record in records(connection, table, "kind NOT LIKE 'passage.%'")
        if rule_of(record.kind) is not None
    ]
    held = _held(connection, today)
    ended = _ended_passes(connection, found, others, last_day, held)
    due = [
        *(record for record in others if record.kind in _OF_PASSES and _passes_of(record) <= ended),
        *_orders_that_are_over(others, found, today),
        *_roster_that_is_over(connection, others, found, held, ended),
        *_closed_conflicts(connection, others, found),
        *[record for record in others if record.kind == "shift.handed_over"][:-1],
        *(record for record in others if _has_no_rule_here(record) and _is_long_ago(record, found)),
    ]
    for record in due:
        is_answered = record.table == "feed" or record.n <= found.answered_n
        if record.at_ms < found.before_ms and is_answered:
            found.others[record.table].append(record.n)


def _has_no_rule_here(record: Record) -> bool:
    known = {*_OF_PASSES, *BEGINNINGS, *ENDINGS, "person.registered", "shift.handed_over"}
    return record.kind not in known and not record.kind.startswith("conflict.")


def _is_long_ago(record: Record, found: Overdue) -> bool:
    return record.at_ms < found.now_ms - LONG_DAYS * DAY_MS


def _held(connection: "Connection", today: str) -> frozenset[str]:
    """Return the people and households whom something is ordered about."""
    rows = connection.execute(
        "SELECT subject FROM restrictions WHERE is_on AND (until IS NULL OR until >= ?)", (today,)
    )
    return frozenset(row[0] for row in rows)


def _passes_of(record: Record) -> set[str]:
    return {str(record.fields[name]) for name in ("pass_id", "by") if record.fields.get(name)}


def _ended_passes(
    connection: "Connection", found: Overdue, others: list[Record], last_day: str, held: frozenset[str]
) -> frozenset[str]:
    """Return the passes of lines in which every pass has ended, nothing is young, and nobody is on the way."""
    running = {
        found.line_of(pass_id) for record in others if record.at_ms >= found.before_ms for pass_id in _passes_of(record)
    }
    running |= found.kept_from.keys() | found.long_lines
    ended: dict[str, str] = {}
    for pass_id, holder_id, household, valid_until in connection.execute(
        "SELECT pass_id, holder_id, household, valid_until FROM passes"
    ):
        line = found.line_of(pass_id)
        if valid_until < last_day and held.isdisjoint((holder_id, household)):
            ended[pass_id] = line
        else:
            running.add(line)
    return frozenset(pass_id for pass_id, line in ended.items() if line not in running)


def _orders_that_are_over(others: list[Record], found: Overdue, today: str) -> list[Record]:
    """Return the orders about each person or household whose newest one is old and does not hold."""
    about: dict[tuple[str, str], list[Record]] = {}
    for record in others:
        what = BEGINNINGS.get(record.kind) or ENDINGS.get(record.kind)
        subject = str(record.fields.get("holder_id") or record.fields.get("household") or NOBODY)
        if what and not subject.startswith(NOBODY):
            about.setdefault((what, subject), []).append(record)
    over: list[Record] = []
    for orders in about.values():
        newest = max(orders, key=lambda one: one.order)
        holds = newest.kind in BEGINNINGS and str(newest.fields.get("until") or today) >= today
        if not holds and max(one.at_ms for one in orders) < found.before_ms:
            over += orders
    return over


def _roster_that_is_over(
    connection: "Connection", others: list[Record], found: Overdue, held: frozenset[str], ended: frozenset[str]
) -> list[Record]:
    """Return the entries of which every part has come again in a newer one, and those of visitors who are gone."""
    rows = connection.execute("SELECT holder_id, pass_id FROM passes")
    here = held | {holder_id for holder_id, pass_id in rows if pass_id not in ended}
    newest: dict[tuple[str, str], Record] = {}
    entries = [record for record in others if record.kind == "person.registered" and record.fields.get("person_id")]
    for record in entries:
        for part in _PARTS:
            place = (str(record.fields["person_id"]), part)
            if record.fields.get(part) and (place not in newest or newest[place].order < record.order):
                newest[place] = record
    kept = {id(record) for record in newest.values()}

    def is_gone(record: Record) -> bool:
        person_id = str(record.fields["person_id"])
        return not record.fields.get("household") and person_id not in here and person_id not in found.kept_from

    return [record for record in entries if id(record) not in kept or is_gone(record)]


def _closed_conflicts(connection: "Connection", others: list[Record], found: Overdue) -> list[Record]:
    rows = connection.execute("SELECT conflict_id FROM conflicts WHERE closed_ms < ?", (found.before_ms,))
    closed = {row[0] for row in rows}
    return [one for one in others if one.kind.startswith("conflict.") and one.fields.get("conflict_id") in closed]
