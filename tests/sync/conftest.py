"""A station with a journal, its community, and couriers between them."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from station.clock import SystemClock
from station.outbox import Backlog, JournalOutbox
from station.parcels import open_parcels
from sync.bodies import PassageRecorded
from sync.client import connect
from sync.community.api import make_app
from sync.community.database import open_engine
from sync.community.registry import add_community
from sync.community.stations import add_station
from sync.courier import Courier, CourierState, carry_once
from tests.community.conftest import COMMUNITY, NOW_MS, Server, serving
from tests.station.post import SHANGHAI, Post
from tests.sync.servers import DEADLINE_S

STATION = "G1"


@dataclass
class Sender:
    """A station with records to send, and what its couriers have said."""

    post: Post
    outbox: JournalOutbox
    states: list[CourierState] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def record(self, count: int, guard: str = "周师傅") -> None:
        """Record passages, all in one transaction."""
        body = PassageRecorded(outcome="refused", direction="exit", verdict="refuse", reasons=["not_a_pass"])
        with self.post.journal.writing():
            for _ in range(count):
                self.post.clock.move(1)
                self.post.journal.append(body, at_ms=self.post.clock.now_ms(), shift=None, guard=guard)

    @property
    def backlog(self) -> Backlog:
        return self.outbox.backlog()

    def table(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the station's file."""
        return [tuple(row) for row in self.post.journal.connection.execute(sql)]

    def carry(self, url: str, secret: str = "s", timeout_s: float = DEADLINE_S) -> int:
        """Send one batch here and now."""
        with connect(url, secret, timeout_s) as client:
            return carry_once(client, self.outbox, COMMUNITY, self.post.clock.now_ms)

    @contextmanager
    def courier(self, url: str, secret: str = "s", **options: Any) -> Iterator[Courier]:
        """Run a courier that tries again at once."""
        courier = Courier(
            url=url,
            secret=secret,
            community=COMMUNITY,
            station=STATION,
            on_state=self._said,
            now_ms=SystemClock().now_ms,
            **{
                "open_parcels": lambda: open_parcels(self.post.folder, STATION, SHANGHAI),
                "longest_wait_s": 0.02,
                "timeout_s": DEADLINE_S,
                "wait_s": 0,
                **options,
            },
        )
        courier.start()
        try:
            yield courier
        finally:
            courier.stop(DEADLINE_S)
        assert not any(thread.is_alive() for thread in courier._threads)

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Wait until `is_so`, looking again whenever a courier says something; some news it only writes down."""
        with self.changed:
            waits = (self.changed.wait_for(is_so, 0.05) for _ in range(int(DEADLINE_S / 0.05)))
            assert any(waits), self.states[-3:]

    def wait_for_trouble(self) -> CourierState:
        """Wait until a courier complains, and return what it said."""
        self.wait(lambda: any(state.trouble for state in self.states))
        return next(state for state in self.states if state.trouble)

    def _said(self, state: CourierState) -> None:
        with self.changed:
            self.states.append(state)
            self.changed.notify_all()


@pytest.fixture
def sender(tmp_path: Path) -> Iterator[Sender]:
    """A station without records."""
    folder = tmp_path / "station"
    folder.mkdir()
    post = Post(folder)
    yield Sender(post, JournalOutbox(post.journal.connection, post.journal.path, STATION))
    post.journal.close()


@pytest.fixture
def community(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The community's real server; on SQLite unless a test asks for `postgresql` by its parameter."""
    engine = open_engine(request.getfixturevalue(f"migrated_{getattr(request, 'param', 'sqlite')}"))
    try:
        add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
        secret = add_station(engine, COMMUNITY, STATION, "东门", NOW_MS)
        with serving(make_app(engine, COMMUNITY, lambda: NOW_MS)) as address:
            yield Server(address, engine, {STATION: secret})
    finally:
        engine.dispose()
