"""Verdict and admit at the gate, each against its floor in the same run (design section 10).

Verdict floor: one Ed25519 verification and one indexed lookup. Admit floor: one raw SQLite commit at FULL of as many
bytes as the event has, into the same file: in a fresh one every commit makes the write-ahead log grow, which costs the
file system as much again and flatters whatever is compared with it. Ours and the floor take turns, so a slow moment of
the machine hits both; figures are medians.

Run: python -m bench.gate [PASSAGES_IN_THE_FILE]
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from passes.keys import IssuingKey
from passes.kinds import PRESETS
from passes.temperature import TemperatureRule
from passes.trips import Direction
from passes.trust import TrustedKey, read_trust_list, sign_trust_list
from station.clock import SystemClock
from station.deciding import Decider, Scan
from station.gate import Gate
from station.issuing import Application, Desk
from station.journal import Journal
from station.register import PassRow, Register
from station.shifts import open_shift
from sync.bodies import Attempt
from sync.events import to_json

COMMUNITY = "999999000001"
ZONE = ZoneInfo("Asia/Shanghai")
ROUNDS = 400


def main() -> None:
    """Measure both and print a line each."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=Path.cwd()) as folder:
        gate, rows = _station(Path(folder))
        if size:
            _fill(gate, size)
        _report("verdict", *_verdicts(gate, rows), limit=3.0)
        _report_refusal(gate)
        _report("admit", *_admits(gate, rows), limit=2.0)
        gate.journal.close()


def _station(folder: Path) -> tuple[Gate, list[PassRow]]:
    root, key, clock = IssuingKey.generate(), IssuingKey.generate(), SystemClock()
    entry = TrustedKey(key_id=key.key_id, public_key=key.public_key, community=COMMUNITY)
    trust = read_trust_list(sign_trust_list(root, COMMUNITY, [entry], 1), root.public_key)
    journal = Journal(folder, "bench", clock, create=True)
    register = Register(journal, ZONE)
    rule = TemperatureRule()
    decider = Decider(journal, register, lambda: trust, rule=rule, zone=ZONE)
    gate = Gate(journal, register, clock, decider, rule=rule, zone=ZONE)
    desk = Desk(journal, register, key, COMMUNITY, clock)
    open_shift(journal, register, clock, ["李师傅"])
    asked = Application("王小明", "3-2-501", PRESETS["resident"], date(2020, 1, 1), date(2099, 1, 1))
    return gate, [desk.issue(asked) for _ in range(ROUNDS)]


def _fill(gate: Gate, passages: int) -> None:
    """Grow the file by plain inserts: what matters is how large its tables and indexes are."""
    connection = gate.journal.connection
    last = gate.journal.head()
    numbers = "WITH RECURSIVE numbers(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM numbers WHERE value < ?2)"
    connection.execute("BEGIN IMMEDIATE")
    connection.execute(
        f"{numbers} INSERT INTO events SELECT ?1 + value, epoch, ?1 + value, id, kind, at_ms, device_ms, drift_ms,"
        " suspect, shift, guard, body, body_sha256, prev, hash FROM events, numbers WHERE n = ?1",
        (last.n, passages),
    )
    connection.execute(
        f"{numbers} INSERT INTO legs SELECT hex(randomblob(16)), value * 1000, value, value * 1000, 'exit', 'bench',"
        " 'first', value FROM numbers",
        (last.n, passages),
    )
    connection.execute("COMMIT")


def _verdicts(gate: Gate, rows: list[PassRow]) -> tuple[list[float], list[float]]:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    message = b"m" * 160
    signature, public = private.sign(message), private.public_key()
    connection = gate.journal.connection

    def floor(row: PassRow) -> None:
        public.verify(signature, message)
        connection.execute("SELECT * FROM passes WHERE pass_id = ?", (row.pass_id,)).fetchone()

    return _in_turn(lambda row: gate.scan(row.token, Direction.EXIT), floor, rows)


def _admits(gate: Gate, rows: list[PassRow]) -> tuple[list[float], list[float]]:
    connection = gate.journal.connection
    connection.execute("CREATE TABLE raw (n INTEGER PRIMARY KEY, event BLOB)")
    event = next(event for _n, event in gate.journal.read())

    def stand(row: PassRow) -> Scan:
        """Bring a person before the guard as at a gate: scanned and measured, one after the other."""
        return gate.measured(gate.scan(row.token, Direction.EXIT), [Attempt(celsius=36.5, at_ms=0)])

    # What an event of a passage has, not of the shift or the pass: taken from the first that is admitted.
    first = gate.admit(stand(rows[0])).recorded
    content = to_json(first or event)

    def floor(_scan: Scan) -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO raw (event) VALUES (?)", (content,))
        connection.execute("COMMIT")

    return _in_turn(gate.admit, floor, rows[1:], stand)


def _report_refusal(gate: Gate) -> None:
    """Print how long the worst scans take until they are refused and the refusal is on disk."""
    for name, text in (("no prefix", "x" * 100_000), ("our prefix", "GP1" + "A" * 100_000)):
        began = time.perf_counter()
        gate.scan(text, Direction.EXIT)
        spent_ms = (time.perf_counter() - began) * 1000
        print(f"100,000 characters, {name}: refused and recorded in {spent_ms:.2f} ms (target < 100)")


def _in_turn(
    ours: Callable[[Any], object],
    floor: Callable[[Any], object],
    items: list[Any],
    prepare: Callable[[Any], Any] = lambda item: item,
) -> tuple[list[float], list[float]]:
    """Return the microseconds of ours and of the floor, item by item, one after the other; preparing is not timed."""
    ours_us: list[float] = []
    floor_us: list[float] = []
    for item in map(prepare, items):
        for work, spent in ((ours, ours_us), (floor, floor_us)):
            began = time.perf_counter()
            work(item)
            spent.append((time.perf_counter() - began) * 1e6)
    return ours_us, floor_us


def _report(name: str, ours_us: list[float], floor_us: list[float], limit: float) -> None:
    ours, floor = statistics.median(ours_us), statistics.median(floor_us)
    print(f"{name}: {ours:.0f} us, floor {floor:.0f} us, ratio {ours / floor:.2f} (target <= {limit})")


if __name__ == "__main__":
    main()
