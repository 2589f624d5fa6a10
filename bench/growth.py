"""What an event costs the community when there are many already: 10,000, 1,000,000, and as many as are asked for.

Run: python bench/growth.py [SIZE ...], by default 10000 1000000; 10000000 needs some 12 GB and half an hour. For every
size a database of its own is filled by SQL with the events and legs of 43 stations, vacuumed and checkpointed. Then
batches of 1,000 events of stations that are in it are read and stored, the job that looks for double use takes them in,
the feed's last 1,000 items are read, and first legs are claimed, in turn. Medians are printed, and how far those of the
sizes lie apart.
"""

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import psycopg
import sqlalchemy as sa

from bench.ingest import AT_MS, COMMUNITY, Chain, postgresql
from sync.community.claims import claim
from sync.community.conflicts import find_conflicts
from sync.community.database import open_engine, reading, writing
from sync.community.feed import read_feed
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.events import to_json
from sync.wire import MAX_EVENTS

SIZES = (10_000, 1_000_000)
STATIONS = 43
ROUNDS = 15
CLAIMS = 50

INGEST, FOLD, FEED, CLAIM = "ingest, an event", "double use, an event", "feed, an item", "a claim"

# Every row as long as a real one; `n` runs through the feed's numbers, the stations take turns.
_FILL_EVENTS = """
INSERT INTO events (community, station, epoch, seq, feed_no, id, kind, at_ms, device_ms, drift_ms, suspect, shift,
    guard, body, body_sha256, prev, hash, received_at_ms)
SELECT %(community)s, 'gate-' || n %% %(stations)s, '01', n / %(stations)s + 1, n + 1, md5(n::text), 'passage.recorded',
    %(at_ms)s + n * 20, %(at_ms)s + n * 20, 0, false, 'shift-' || n / 5000, '王五',
    format('{"outcome":"allowed","direction":"%%s","verdict":"allow","leg":"%%s","pass_id":"%%s","pass_number":'
        '"ABC-DEF-GHK","pass_kind":"courier","holder":"张%%s","holder_id":"p%%s","household":"h%%s","address":'
        '"%%s-2-501","reasons":[],"attempts":[{"celsius":36.5,"at_ms":%%s,"device":"1","raw_celsius":36.4}]}',
        (ARRAY['entry', 'exit'])[n %% 2 + 1], (ARRAY['first', 'return'])[n %% 2 + 1], md5((n / 50)::text), n / 50,
        n / 50, n / 200, n / 200, %(at_ms)s + n * 20),
    repeat(md5(n::text), 2), repeat(md5((n - 1)::text), 2), repeat(md5((n + 1)::text), 2), %(at_ms)s
FROM generate_series(0, %(size)s - 1) AS n
"""
_FILL_LEGS = """
INSERT INTO legs (community, event_id, line, pass_id, station, epoch, seq, direction, leg, order_ms, at_ms, is_missed,
    is_overridden, is_unclaimed)
SELECT %(community)s, md5(n::text), md5((n / 50)::text), md5((n / 50)::text), 'gate-' || n %% %(stations)s, '01',
    n / %(stations)s + 1, (ARRAY['entry', 'exit'])[n %% 2 + 1], (ARRAY['first', 'return'])[n %% 2 + 1],
    %(at_ms)s + n * 20, %(at_ms)s + n * 20, false, false, false
FROM generate_series(0, %(size)s - 1) AS n
"""
_FILL_PASSES = """
INSERT INTO known_passes (community, pass_id, line, kind, household, is_issued)
SELECT DISTINCT community, pass_id, pass_id, 'courier', NULL, false FROM legs
"""
_HEADS = """
UPDATE stations SET head_epoch = '01', head_seq = (SELECT max(seq) FROM events WHERE events.station = stations.station)
"""


@dataclass
class Filled:
    """A database with many events, and what each of its works costs, in seconds."""

    size: int
    engine: sa.Engine
    chains: list[Chain]
    costs: dict[str, list[float]] = field(default_factory=dict)

    def measure(self, number: int) -> None:
        """Do everything once."""
        chain = self.chains[number % len(self.chains)]
        lines = [to_json(chain.append()) for _ in range(MAX_EVENTS)]
        setting = Setting(COMMUNITY, chain.station, AT_MS)
        self._time(INGEST, MAX_EVENTS, lambda: store_batch(self.engine, read_batch(self.engine, setting, lines)))
        self._time(FOLD, MAX_EVENTS, lambda: find_conflicts(self.engine, COMMUNITY, AT_MS))
        self._time(FEED, MAX_EVENTS, lambda: self._read_feed(chain.station))
        self._time(CLAIM, CLAIMS, lambda: self._claim(number))

    def _time(self, what: str, count: int, work: Callable[[], object]) -> None:
        started_s = time.perf_counter()
        work()
        self.costs.setdefault(what, []).append((time.perf_counter() - started_s) / count)

    def _read_feed(self, station: str) -> None:
        with reading(self.engine) as connection:
            cursor = read_feed(
                connection, COMMUNITY, after=None, limit=1, own_station="", own_epoch="", now_ms=AT_MS
            ).cursor
            generation = cursor.partition(".")[0]
            end = connection.exec_driver_sql("SELECT last_feed_no FROM feed_counters").scalar_one()
            answer = read_feed(
                connection,
                COMMUNITY,
                after=f"{generation}.{end - MAX_EVENTS}",
                own_station="",
                own_epoch="",
                now_ms=AT_MS,
            )
        assert len(answer.items) == MAX_EVENTS, station

    def _claim(self, number: int) -> None:
        for i in range(CLAIMS):
            with writing(self.engine) as connection:
                assert claim(
                    connection, COMMUNITY, "gate-1", f"{number}-{i}", [f"line:{number}-{i}:after:-"], AT_MS
                ).granted


def fill(uri: str, size: int) -> Filled:
    name = f"size_{size}"
    with psycopg.connect(uri, autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name}")
    url = uri.replace("/postgres?", f"/{name}?")
    engine = open_engine(url)
    migrate(engine)
    add_community(engine, COMMUNITY, "Bench", "Asia/Shanghai")
    for number in range(STATIONS):
        add_station(engine, COMMUNITY, f"gate-{number}", f"gate-{number}", AT_MS)
    with psycopg.connect(url, autocommit=True) as database:
        values = {"community": COMMUNITY, "stations": STATIONS, "at_ms": AT_MS, "size": size}
        database.execute("SET synchronous_commit = off")
        for statement in (_FILL_EVENTS, _FILL_LEGS):
            database.execute(statement, values)
        for statement in (_FILL_PASSES, _HEADS):
            database.execute(statement)
        database.execute("UPDATE feed_counters SET last_feed_no = %s", (size,))
        database.execute("INSERT INTO fold_cursors (community, last_feed_no) VALUES (%s, %s)", (COMMUNITY, size))
        database.execute("VACUUM ANALYZE")
        database.execute("CHECKPOINT")
    # Numbers apart from each other, since the bench makes passes of them.
    chains = [Chain(f"gate-{number}", seq=-(-size // STATIONS) + number * 1_000_000) for number in range(4)]
    return Filled(size, engine, chains)


def main() -> None:
    sizes = [int(size) for size in sys.argv[1:]] or list(SIZES)
    with postgresql() as uri:
        filled = []
        for size in sizes:
            started_s = time.perf_counter()
            filled.append(fill(uri, size))
            print(f"filled with {size:,} events in {time.perf_counter() - started_s:.0f} s", flush=True)
        # The first round warms everything up; the sizes take turns, so that the machine's mood is the same for all.
        for number in range(ROUNDS + 1):
            for one in filled if number % 2 else reversed(filled):
                one.measure(number)
        print(f"{ROUNDS} rounds of {MAX_EVENTS} events and {CLAIMS} claims; medians in microseconds")
        for what in (INGEST, FOLD, FEED, CLAIM):
            medians = [statistics.median(one.costs[what][1:]) * 1e6 for one in filled]
            shown = "  ".join(f"{one.size:>10,}: {median:7.1f}" for one, median in zip(filled, medians, strict=True))
            print(f"{what:22s} {shown}   apart {max(medians) / min(medians):.2f} (at most 1.5)")
        for one in filled:
            one.engine.dispose()


if __name__ == "__main__":
    main()
