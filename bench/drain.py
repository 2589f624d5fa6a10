"""A backlog leaves the station while the gate goes on: 100,000 events, and what a scan's verdict costs meanwhile.

Run: python -m bench.drain [EVENTS]. A real server process on PostgreSQL, a real station with its courier in the process
that scans, as at the gate. Scans come at a fixed pace and are timed, first with nothing to send, then while the backlog
leaves; the pass is scanned and verified, nothing is recorded. The 500-event batches and the claims of `bench.travel`
have the floor of that: one request to the same server that does nothing.
"""

import statistics
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from bench.ingest import postgresql, server
from passes.keys import IssuingKey
from passes.kinds import PRESETS
from passes.temperature import TemperatureRule
from passes.trips import Direction
from passes.trust import TrustedKey, read_trust_list, sign_trust_list
from station.clock import SystemClock
from station.deciding import Decider
from station.gate import Gate
from station.issuing import Application, Desk
from station.journal import Journal
from station.outbox import JournalOutbox
from station.parcels import open_parcels
from station.register import PassRow, Register
from station.shifts import open_shift
from sync.bodies import Attempt, PassageRecorded
from sync.community.database import open_engine
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.courier import Courier

COMMUNITY = "370212004001"
STATION = "east"
ZONE = ZoneInfo("Asia/Shanghai")
PACE_S = 0.02
IDLE_SCANS = 500
LONGEST_S = 120.0


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with postgresql() as uri, tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=Path.cwd()) as name:
        folder = Path(name)
        engine = open_engine(uri)
        migrate(engine)
        add_community(engine, COMMUNITY, "Bench", "Asia/Shanghai")
        secret = add_station(engine, COMMUNITY, STATION, "East", SystemClock().now_ms())
        engine.dispose()
        gate, rows = station(folder)
        fill(gate, count)
        with server(uri, 1) as address:
            courier = Courier(
                url=f"http://{address}",
                secret=secret,
                community=COMMUNITY,
                station=STATION,
                open_parcels=lambda: open_parcels(folder, STATION, ZONE),
                on_state=lambda _state: None,
                now_ms=SystemClock().now_ms,
            )
            idle = scans(gate, rows, threading.Event(), IDLE_SCANS)
            drained = threading.Event()
            watcher = threading.Thread(target=watch, args=(folder, drained), daemon=True)
            began_s = time.perf_counter()
            courier.start()
            watcher.start()
            busy = scans(gate, rows, drained, int(LONGEST_S / PACE_S))
            took_s = time.perf_counter() - began_s
            courier.stop(15)
        gate.journal.close()
    is_done = "drained" if drained.is_set() else "NOT drained"
    print(f"{count} events {is_done} in {took_s:.1f} s ({count / took_s:.0f}/s; target <= 30 s for 100,000)")
    for label, found in (("idle", idle), ("while it drains", busy)):
        print(f"verdict, {label}: p50 {p(found, 50):.2f} ms, p95 {p(found, 95):.2f} ms, {len(found)} scans")
    print(f"p95 while it drains / idle: {p(busy, 95) / p(idle, 95):.2f} (target <= 1.5)")


def station(folder: Path) -> tuple[Gate, list[PassRow]]:
    root, key, clock = IssuingKey.generate(), IssuingKey.generate(), SystemClock()
    entry = TrustedKey(key_id=key.key_id, public_key=key.public_key, community=COMMUNITY)
    trust = read_trust_list(sign_trust_list(root, COMMUNITY, [entry], 1), root.public_key)
    journal = Journal(folder, STATION, clock, create=True)
    register = Register(journal, ZONE)
    rule = TemperatureRule()
    decider = Decider(journal, register, lambda: trust, rule=rule, zone=ZONE)
    gate = Gate(journal, register, clock, decider, rule=rule, zone=ZONE)
    desk = Desk(journal, register, key, COMMUNITY, clock)
    open_shift(journal, register, clock, ["李师傅"])
    asked = Application("王小明", "3-2-501", PRESETS["resident"], date(2020, 1, 1), date(2099, 1, 1))
    return gate, [desk.issue(asked) for _ in range(100)]


def fill(gate: Gate, count: int) -> None:
    """Record passages as a gate does, a thousand in one transaction."""
    journal, at_ms = gate.journal, SystemClock().now_ms()
    for start in range(0, count, 1000):
        with journal.writing():
            for number in range(start, min(start + 1000, count)):
                body = PassageRecorded(
                    outcome="allowed",
                    direction="exit" if number % 2 else "entry",
                    verdict="allow",
                    leg="first" if number % 2 else "return",
                    pass_id=f"{number // 2:032x}",
                    pass_number="ABC-DEF-GHK",
                    pass_kind="resident",
                    holder=f"张{number}",
                    holder_id=f"p{number}",
                    household=f"h{number % 400}",
                    address=f"{number % 20}-2-501",
                    attempts=[Attempt(celsius=36.5, at_ms=at_ms, raw_celsius=36.4, offset_celsius=0.1)],
                )
                journal.append(body, at_ms=at_ms, shift=None, guard="李师傅")


def scans(gate: Gate, rows: list[PassRow], ended: threading.Event, most: int) -> list[float]:
    """Verify one pass after the other at a fixed pace; return the milliseconds of each."""
    found: list[float] = []
    next_s = time.perf_counter()
    for number in range(most):
        next_s += PACE_S
        if ended.wait(max(next_s - time.perf_counter(), 0)):
            break
        began_s = time.perf_counter()
        gate.verify(rows[number % len(rows)].token, Direction.EXIT)
        found.append((time.perf_counter() - began_s) * 1000)
    return found


def watch(folder: Path, drained: threading.Event) -> None:
    with open_parcels(folder, STATION, ZONE) as parcels:
        outbox = parcels.outbox
        assert isinstance(outbox, JournalOutbox)
        while outbox.backlog().pending:
            time.sleep(0.2)
    drained.set()


def p(found: list[float], percent: int) -> float:
    return statistics.quantiles(found, n=100)[percent - 1]


if __name__ == "__main__":
    main()
