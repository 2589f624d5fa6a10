"""The counts on the gate's screen: kept in memory, made from journal and legs.

A table of counts would be one more page to write for every passage, and so make the green screen later. Reading what
came since costs the screen next to nothing; the first count of a day reads the day, and the legs once.
"""

from collections import Counter
from datetime import date, datetime, time, tzinfo
from typing import TYPE_CHECKING

import msgspec

from passes.reasons import Reason
from passes.trips import local_day
from station.logbook import counted_as, newest_with_id
from sync.bodies import Body, ConflictClosed, PassageMissed, PassageRecorded, PassageUndone, PassReplaced
from sync.events import understood

if TYPE_CHECKING:
    from sqlite3 import Connection

_EVENTS = "SELECT n, kind, at_ms, body FROM events WHERE n > ? ORDER BY n"
_FEED = "SELECT n, kind, at_ms, body FROM feed WHERE n > ? ORDER BY n"
_ENDS = "SELECT (SELECT coalesce(max(n), 0) FROM events), (SELECT coalesce(max(n), 0) FROM feed)"
# With max(), SQLite takes the other columns from the row that has it: the last leg of every line.
_LAST_LEGS = "SELECT line, direction, leg, max(order_ms) FROM legs WHERE id NOT IN undone GROUP BY line"
_LAST_LEG = (
    "SELECT line, direction, leg FROM legs WHERE line = coalesce((SELECT line FROM lines WHERE pass_id = ?1), ?1)"
    " AND id NOT IN undone ORDER BY order_ms DESC, id DESC LIMIT 1"
)
_DAY_MS = 86_400_000


_TALLIED = ("entries", "exits", "fevers", "refused", "turned_back", "overridden")


class Counts(msgspec.Struct, frozen=True):
    """What happened at this gate on one local day.

    Of the trips that are open now, `away` are those that began with an exit (residents out) and `inside` those that
    began with an entry (outsiders in); they are the whole community's as far as this gate knows.
    """

    entries: int = 0
    exits: int = 0
    away: int = 0
    inside: int = 0
    fevers: int = 0
    refused: int = 0
    turned_back: int = 0
    overridden: int = 0


class Counting:
    """Counts for one connection; every answer takes in what has come since the one before."""

    def __init__(self, connection: "Connection", zone: tzinfo) -> None:
        self._db = connection
        self._zone = zone
        self._day: date | None = None
        self._tally: Counter[str] = Counter()
        self._open: dict[str, str] = {}
        self._n = self._feed_n = 0

    def counts(self, day: date) -> Counts:
        """Count this gate's passages of one local day, and whose trips are open."""
        if self._day is None:
            self._load_open()
        if self._day != day:
            self._begin(day)
        self._catch_up()
        trips = Counter(self._open.values())
        tally = {
            name: self._tally[name] for name in ("entries", "exits", "fevers", "refused", "turned_back", "overridden")
        }
        return Counts(**tally, away=trips["exit"], inside=trips["entry"])

    def _load_open(self) -> None:
        # How far is read first: what comes in between is only looked at twice.
        self._n, self._feed_n = self._db.execute(_ENDS).fetchone()
        self._open = self._read_open()

    def _read_open(self) -> dict[str, str]:
        return {line: direction for line, direction, leg, _ms in self._db.execute(_LAST_LEGS) if leg == "first"}

    def _begin(self, day: date) -> None:
        """Go back to where this day's events begin; a clock that was wrong for less than a day is not the end of it."""
        self._day = day
        self._tally.clear()
        start = datetime.combine(day, time.min, self._zone).timestamp() * 1000 - _DAY_MS
        first_n = 0
        for n, at_ms in self._db.execute("SELECT n, at_ms FROM events ORDER BY n DESC"):
            if at_ms < start:
                first_n = n
                break
        self._n = first_n

    def _catch_up(self) -> None:
        own = self._db.execute(_EVENTS, (self._n,)).fetchall()
        others = self._db.execute(_FEED, (self._feed_n,)).fetchall()
        if own:
            self._n = own[-1][0]
        if others:
            self._feed_n = others[-1][0]
        bodies = [(at_ms, understood(kind, raw.encode())) for _n, kind, at_ms, raw in own]
        for at_ms, body in bodies:
            self._count(at_ms, body)
        self._follow([*(body for _at_ms, body in bodies), *(understood(row[1], row[3].encode()) for row in others)])

    def _follow(self, bodies: list[Body | None]) -> None:
        """See which trips are open after these events."""
        if any(isinstance(body, PassReplaced | ConflictClosed) for body in bodies):
            # Rare, and about more lines than they name.
            self._open = self._read_open()
            return
        legs = (body for body in bodies if isinstance(body, PassageRecorded | PassageUndone | PassageMissed))
        for pass_id in {body.pass_id for body in legs if body.pass_id}:
            self._look_at(pass_id)

    def _look_at(self, pass_id: str) -> None:
        self._open.pop(pass_id, None)
        last = self._db.execute(_LAST_LEG, (pass_id,)).fetchone()
        if last:
            line, direction, leg = last
            self._open.pop(line, None)
            if leg == "first":
                self._open[line] = direction

    def _count(self, at_ms: int, body: Body | None) -> None:
        if isinstance(body, PassageRecorded):
            self._add(at_ms, body, 1)
        elif isinstance(body, PassageUndone):
            passage = newest_with_id(self._db, body.passage_id)
            if passage:
                self._add(passage.at_ms, passage.body, -1)

    def _add(self, at_ms: int, body: PassageRecorded, change: int) -> None:
        if local_day(at_ms, self._zone) == self._day:
            self._tally[counted_as(body)] += change
            self._tally["fevers"] += change if Reason.FEVER in body.reasons else 0
            self._tally["overridden"] += change if Reason.OVERRIDDEN in body.reasons else 0
