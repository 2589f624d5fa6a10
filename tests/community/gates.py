"""Gates whose journals meet at a community, without HTTP."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from sync.bodies import Body, PassageMissed, PassageUndone, PassIssued
from sync.community import journal
from sync.community.conflicts import Conflict, close_conflict, find_conflicts, open_conflicts
from sync.community.database import reading, writing
from sync.community.feed import MAX_ITEMS, read_feed
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.legs import lines_of, standing_legs
from sync.community.stations import add_station
from sync.events import Clock, Event, to_json
from sync.wire import FeedAnswer, FeedItem
from tests.community.conftest import COMMUNITY, NOW_MS, Chain, passage

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def push(engine: sa.Engine, station: str, sent: Sequence[Event], community: str = COMMUNITY) -> list[str]:
    """Store events as a batch of `station` and return what became of each."""
    batch = read_batch(engine, Setting(community, station, NOW_MS), [to_json(event) for event in sent])
    answers = store_batch(engine, batch).answers
    return [answer.status for answer in answers]


def order(engine: sa.Engine, body: Body, at_ms: int = NOW_MS, community: str = COMMUNITY) -> Event:
    """Write what the office orders."""
    with writing(engine) as connection:
        return journal.append(connection, community, body, at_ms, guard="孙主任")


def issued(pass_id: str, kind: str = "resident", household: str = "h1", holder: str = "王小明") -> PassIssued:
    """Return the issuing of a pass."""
    return PassIssued(
        pass_id=pass_id,
        number="ABC-DEF-GHK",
        pass_kind=kind,
        holder=holder,
        holder_id=f"p-{pass_id}",
        household=household,
        address="3-2-501",
        valid_from="2026-02-01",
        valid_until="2026-02-28",
        key_id="00" * 8,
        token="GP1AAAA",
    )


@dataclass
class Gate:
    """An enrolled gate that keeps its records until it is told to push them."""

    engine: sa.Engine
    station: str
    chain: Chain = field(init=False)
    unsent: list[Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        add_station(self.engine, COMMUNITY, self.station, self.station, NOW_MS)
        self.chain = Chain(self.station)

    def record(self, body: Body, at_ms: int = NOW_MS, drift_ms: int | None = 0) -> Event:
        """Write an event; `at_ms` is the device's time, `drift_ms` what it is known to be ahead."""
        event = self.chain.add(body, at_ms=at_ms, clock=Clock(device_ms=at_ms, drift_ms=drift_ms))
        self.unsent.append(event)
        return event

    def leg(self, pass_id: str, leg: str, at_ms: int, *reasons: str, drift_ms: int = 0, **fields: Any) -> Event:
        """Record a resident's accepted passage."""
        direction = "exit" if leg == "first" else "entry"
        body = passage(pass_id=pass_id, leg=leg, reasons=list(reasons), **{"direction": direction, **fields})
        return self.record(body, at_ms, drift_ms)

    def undo(self, event: Event, pass_id: str) -> Event:
        """Undo a passage."""
        return self.record(PassageUndone(passage_id=event.id, pass_id=pass_id, reason="误刷"))

    def missed(self, pass_id: str, happened_ms: int) -> Event:
        """Write a missed return by hand."""
        body = PassageMissed(pass_id=pass_id, direction="entry", leg="return", happened_ms=happened_ms, reason="漏记")
        return self.record(body)

    def push(self) -> None:
        """Send what was not sent yet."""
        sent, self.unsent = self.unsent, []
        assert set(push(self.engine, self.station, sent)) <= {"stored"}


def pull(engine: sa.Engine, after: str | None = None, **wish: Any) -> FeedAnswer:
    """Read a piece of the feed as gate west, which has no journal, sees it."""
    values = {"limit": MAX_ITEMS, "own_station": "west", "own_epoch": "01", "now_ms": NOW_MS, **wish}
    with reading(engine) as connection:
        return read_feed(connection, COMMUNITY, after=after, **values)


def pull_all(engine: sa.Engine, **wish: Any) -> list[FeedItem]:
    """Read the feed to its end, in pieces."""
    items: list[FeedItem] = []
    after = None
    while True:
        answer = pull(engine, after, **wish)
        items += answer.items
        after = answer.cursor
        if not answer.more:
            return items


def found(engine: sa.Engine) -> int:
    """Let the job run."""
    return find_conflicts(engine, COMMUNITY, NOW_MS)


def still_open(engine: sa.Engine) -> list[Conflict]:
    """Return the open conflicts."""
    with reading(engine) as connection:
        return open_conflicts(connection, COMMUNITY)


@dataclass
class Gates:
    """Two gates, east and west."""

    engine: sa.Engine
    east: Gate = field(init=False)
    west: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.east, self.west = Gate(self.engine, "east"), Gate(self.engine, "west")

    def meet(self) -> int:
        """Push both journals and return how many conflicts that brought to light."""
        self.east.push()
        self.west.push()
        return found(self.engine)

    def close(self, conflict_id: str, *discard: str, reason: str = "已核实") -> None:
        """Close a conflict."""
        with writing(self.engine) as connection:
            close_conflict(connection, COMMUNITY, conflict_id, reason, discard, NOW_MS, guard="孙主任")

    def counting(self, *pass_ids: str) -> list[str]:
        """Return the ids of the legs that count, in their order."""
        with reading(self.engine) as connection:
            lines = set(lines_of(connection, COMMUNITY, pass_ids).values())
            return [leg.event_id for leg in standing_legs(connection, COMMUNITY, lines)]
