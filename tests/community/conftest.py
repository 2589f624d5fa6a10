"""A community on SQLite and on PostgreSQL, stations that make events, and a real server on loopback."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
import sqlalchemy as sa
import uvicorn
from starlette.types import ASGIApp

from sync.bodies import Attempt, Body, PassageRecorded
from sync.community.api import make_app
from sync.community.database import open_engine, reading
from sync.community.registry import add_community
from sync.community.stations import add_station
from sync.events import GENESIS, Clock, Event, seal, to_json
from sync.wire import MEDIA_TYPE, EventAnswer, JournalAnswer
from tests.web import web

COMMUNITY = "370212004001"
NOW_MS = 1_770_422_400_000
"""2026-02-07 08:00 in Shanghai."""

DEADLINE_S = 20


@dataclass
class Chain:
    """A station's journal in the making: every event follows the one before."""

    station: str
    epoch: str = "01"
    seq: int = 0
    prev: str = GENESIS
    shift: str | None = None
    guard: str | None = "王五"
    at_ms: int = NOW_MS

    def add(self, body: Body | None = None, **header: Any) -> Event:
        """Append an event, by default a passage; `header` changes what the chain would put in."""
        self.seq += 1
        self.at_ms += 1000
        values: dict[str, Any] = {
            "station": self.station,
            "epoch": self.epoch,
            "seq": self.seq,
            "at_ms": self.at_ms,
            "clock": Clock(device_ms=self.at_ms + 7, drift_ms=-7),
            "shift": self.shift,
            "guard": self.guard,
            "prev": self.prev,
        }
        event = seal(body or passage(f"张{self.seq}"), **{**values, **header})
        self.prev = event.hash
        return event

    def many(self, count: int) -> list[Event]:
        """Append `count` passages."""
        return [self.add() for _ in range(count)]


def passage(holder: str = "张三", **fields: Any) -> PassageRecorded:
    """Return an allowed passage with one reading."""
    values: dict[str, Any] = {
        "outcome": "allowed",
        "direction": "exit",
        "verdict": "allow",
        "leg": "first",
        "pass_id": "0" * 32,
        "pass_number": "ABC-DEF-GHK",
        "pass_kind": "resident",
        "holder": holder,
        "address": "3-2-501",
        "attempts": [Attempt(celsius=36.5, at_ms=NOW_MS)],
    }
    return PassageRecorded(**{**values, **fields})


def lines_of(events: list[Event]) -> bytes:
    """Return events as the body of a batch."""
    return b"".join(to_json(event) + b"\n" for event in events)


@dataclass
class Server:
    """A community's server on loopback and the secrets of its stations."""

    url: str
    engine: sa.Engine
    secrets: dict[str, str] = field(default_factory=dict)

    def headers(self, station: str) -> dict[str, str]:
        """Return the headers of a batch from `station`."""
        return {
            "authorization": f"Bearer {self.secrets[station]}",
            "content-type": MEDIA_TYPE,
            "content-encoding": "gzip",
        }

    def post(self, station: str, body: bytes) -> httpx2.Response:
        """Send a body as a gzip-compressed batch of `station`."""
        return web.post(
            f"{self.url}/v1/journal", content=gzip.compress(body), headers=self.headers(station), timeout=DEADLINE_S
        )

    def send(self, station: str, events: list[Event]) -> list[EventAnswer]:
        """Send events and return the answers."""
        return answers_of(self.post(station, lines_of(events)))

    def rows(self, table: sa.Table) -> list[sa.Row[Any]]:
        """Return all rows of a table."""
        with reading(self.engine) as connection:
            return list(connection.execute(sa.select(table)))


def answers_of(response: httpx2.Response) -> list[EventAnswer]:
    """Return the answers of a batch that was taken."""
    assert response.status_code == 200, response.text
    return msgspec.json.decode(response.content, type=JournalAnswer).results


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port of loopback in a thread; yield its address."""
    listening = threading.Event()

    class _Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            listening.set()

    server = _Server(uvicorn.Config(app, port=0, log_level="critical", lifespan="off", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        assert listening.wait(DEADLINE_S)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the address of an empty database, once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/community.sqlite"
    url: str = request.getfixturevalue("postgresql_database")
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of a database with the community's tables, once on each kind."""
    url: str = request.getfixturevalue(f"migrated_{request.param}")
    return url


@pytest.fixture
def engine(database_url: str) -> Iterator[sa.Engine]:
    """Return the engine of a migrated database that holds the community."""
    opened = open_engine(database_url)
    try:
        add_community(opened, COMMUNITY, "平安里", "Asia/Shanghai")
        yield opened
    finally:
        opened.dispose()


@pytest.fixture
def app(engine: sa.Engine) -> ASGIApp:
    """Return the community's application at a fixed time."""
    return make_app(engine, COMMUNITY, lambda: NOW_MS)


@pytest.fixture
def server(engine: sa.Engine, app: ASGIApp) -> Iterator[Server]:
    """Serve the community with two stations, east and west."""
    secrets = {name: add_station(engine, COMMUNITY, name, f"{name} gate", NOW_MS) for name in ("east", "west")}
    with serving(app) as url:
        yield Server(url, engine, secrets)


StationMaker = Callable[[str], Chain]
