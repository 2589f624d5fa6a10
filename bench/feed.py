"""A new station's first feed: 43 stations with 5,000 passages each, fetched and applied from nothing.

Run: python -m bench.feed [STATIONS [PASSAGES]]. The community is a real server process on PostgreSQL, the station a
real folder. The floor writes the same rows into the same tables of an empty file, in transactions as large as the
pieces of the feed, and does nothing else.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.ingest import postgresql, server
from station.clock import SystemClock
from station.journal import Journal
from station.parcels import open_parcels
from station.register import Register
from station.storage import open_file
from sync.bodies import Attempt, PassageRecorded, PassIssued
from sync.client import connect
from sync.community.database import Engine, open_engine
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.courier import fetch_once
from sync.events import GENESIS, Clock, Event, seal, to_json
from sync.wire import MAX_EVENTS

COMMUNITY = "370212004001"
ZONE = ZoneInfo("Asia/Shanghai")
DAY_MS = 86_400_000
PASSES = 400
"""Of each station; every pass goes out and comes home in turn."""


def main() -> None:
    gates = int(sys.argv[1]) if len(sys.argv) > 1 else 43
    passages = int(sys.argv[2]) if len(sys.argv) > 2 else 5000
    now_ms = SystemClock().now_ms()
    with postgresql() as uri, tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=Path.cwd()) as folder:
        engine = open_engine(uri)
        migrate(engine)
        add_community(engine, COMMUNITY, "Bench", "Asia/Shanghai")
        secret = add_station(engine, COMMUNITY, "new", "New", now_ms)
        for number in range(gates):
            fill(engine, f"gate{number}", passages, now_ms)
        engine.dispose()
        with server(uri, 1) as address:
            took_s, items = first_fetch(Path(folder) / "new", f"http://{address}", secret)
        floor_s = floor(Path(folder) / "new", Path(folder) / "floor")
    print(f"feed of {gates} stations with {passages} passages each, applied from nothing: {took_s:.1f} s", end=" ")
    print(f"for {items} events ({took_s / items * 1e6:.0f} us each; target <= 60 s)")
    print(f"floor, the same rows inserted: {floor_s:.1f} s, ratio {took_s / floor_s:.2f}")


@dataclass
class Chain:
    """A station's journal in the making."""

    station: str
    seq: int = 0
    prev: str = GENESIS

    def add(self, body: PassageRecorded | PassIssued, at_ms: int) -> Event:
        """Append an event."""
        self.seq += 1
        event = seal(
            body,
            station=self.station,
            epoch="01",
            seq=self.seq,
            at_ms=at_ms,
            clock=Clock(device_ms=at_ms),
            shift=None,
            guard="王五",
            prev=self.prev,
        )
        self.prev = event.hash
        return event


def fill(engine: Engine, station: str, passages: int, now_ms: int) -> None:
    add_station(engine, COMMUNITY, station, station, now_ms)
    chain, batch = Chain(station), list[Event]()
    for event in day(chain, passages, now_ms):
        batch.append(event)
        if len(batch) == MAX_EVENTS:
            store(engine, station, batch, now_ms)
            batch.clear()
    store(engine, station, batch, now_ms)


def store(engine: Engine, station: str, batch: list[Event], now_ms: int) -> None:
    store_batch(engine, read_batch(engine, Setting(COMMUNITY, station, now_ms), [to_json(event) for event in batch]))


def day(chain: Chain, passages: int, now_ms: int) -> Iterator[Event]:
    at_ms = now_ms - 10 * 3_600_000
    for number in range(PASSES):
        yield chain.add(issued(chain.station, number), at_ms)
    for number in range(passages):
        yield chain.add(passage(chain.station, number), at_ms + number * 5000)


def issued(station: str, number: int) -> PassIssued:
    return PassIssued(
        pass_id=f"{station}-{number:04d}".ljust(32, "0"),
        number="ABC-DEF-GHK",
        pass_kind="resident",
        holder=f"张{number}",
        holder_id=f"{station}-p{number}",
        household=f"{station}-h{number // 3}",
        address=f"{number % 20}-2-501",
        valid_from="2026-01-01",
        valid_until="2026-12-31",
        key_id="00" * 8,
        token="GP1" + "A" * 230,
    )


def passage(station: str, number: int) -> PassageRecorded:
    is_first = number // PASSES % 2 == 0
    return PassageRecorded(
        outcome="allowed",
        direction="exit" if is_first else "entry",
        verdict="allow",
        leg="first" if is_first else "return",
        pass_id=f"{station}-{number % PASSES:04d}".ljust(32, "0"),
        pass_number="ABC-DEF-GHK",
        pass_kind="resident",
        holder=f"张{number}",
        address="3-2-501",
        attempts=[Attempt(celsius=36.5, at_ms=0, device="1", raw_celsius=36.4, offset_celsius=0.1)],
    )


def first_fetch(folder: Path, url: str, secret: str) -> tuple[float, int]:
    folder.mkdir()
    clock = SystemClock()
    journal = Journal(folder, "new", clock, create=True)
    Register(journal, ZONE)
    items, has_more = 0, True
    began_s = time.perf_counter()
    with open_parcels(folder, "new", ZONE) as parcels, connect(url, secret, 60.0) as client:
        while has_more:
            answer, new = fetch_once(client, parcels.feed, COMMUNITY, clock.now_ms)
            items, has_more = items + new, answer.more
    took_s = time.perf_counter() - began_s
    journal.close()
    return took_s, items


def floor(filled: Path, empty: Path) -> float:
    empty.mkdir()
    Journal(empty, "new", SystemClock(), create=True).close()
    source, target = open_file(filled), open_file(empty)
    tables = {"feed": 8, "legs": 8, "passes": 12}
    took_s = 0.0
    for table, columns in tables.items():
        rows = source.execute(f"SELECT * FROM {table}").fetchall()
        insert = f"INSERT INTO {table} VALUES ({', '.join('?' * columns)})"
        began_s = time.perf_counter()
        for start in range(0, len(rows), 1000):
            target.execute("BEGIN IMMEDIATE")
            target.executemany(insert, rows[start : start + 1000])
            target.execute("COMMIT")
        took_s += time.perf_counter() - began_s
    return took_s


if __name__ == "__main__":
    main()
