"""Bundles of 100,000 records against the plain gzip of the same bytes, and against the same batches stored directly.

Run: python bench/bundle.py [RECORDS]. A gate exports its journal to a folder, the office imports it into a SQLite file.
The floor of the export is gzip at the same level of the records' JSON, in pieces as big as those of a bundle; that of
the import is reading and storing the same batches, as the server does with what comes over HTTP. Peak memory is that
of a process which does nothing else, less what it had before it began.
"""

import gzip
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from passes.trust import read_trust_list
from station.bundles import Carrier, export_to
from station.clock import SystemClock
from station.journal import Journal
from sync.bodies import Attempt, PassageRecorded
from sync.bundlefiles import bundles_in
from sync.community.bundles import Desk, import_bundles
from sync.community.database import Engine, open_engine
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.keys import Office, record_office_key, start_sealing
from sync.community.office import create_keys, load_root, load_root_public, load_trust_list
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.events import to_json
from sync.wire import MAX_EVENTS

COMMUNITY, ZONE = "370212004001", ZoneInfo("Asia/Shanghai")
RECORDS = 100_000


def main(records: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        secret = _prepare(folder, records)
        batches = list(_batches(folder))
        size = sum(len(line) + 1 for lines in batches for line in lines)
        gzip_s = _timed(lambda: [gzip.compress(b"\n".join(lines), 6) for lines in batches])
        export_s, export_mb = _alone("export", folder, secret)
        packed = sum(path.stat().st_size for path in bundles_in([folder / "stick"], "community"))
        import_s, import_mb = _alone("import", folder, secret)
        direct_s = _timed(lambda: _store(_database(folder, "direct"), batches))
        print(f"{records} records, {size / 1e6:.0f} MB of JSON, {packed / 1e6:.1f} MB of bundles")
        print(f"export   {export_s:6.2f} s = {export_s / gzip_s:.2f} × gzip ({gzip_s:.2f} s), peak {export_mb:+.0f} MB")
        print(f"import   {import_s:6.2f} s = {import_s / direct_s:.2f} × the same batches, peak {import_mb:+.0f} MB")


def _prepare(folder: Path, records: int) -> str:
    """Make an office and a gate with a journal; return the gate's secret."""
    for name in ("office", "gate", "stick"):
        (folder / name).mkdir()
    now_ms = SystemClock().now_ms()
    key = create_keys(folder / "office", COMMUNITY, now_ms)
    engine = _database(folder, "office")
    record_office_key(engine, folder / "office", COMMUNITY, key, now_ms)
    start_sealing(Office(engine, folder / "office", COMMUNITY, load_root(folder / "office")), now_ms)
    secret = add_station(engine, COMMUNITY, "north", "北门", now_ms)
    engine.dispose()
    journal = Journal(folder / "gate", "north", SystemClock(), create=True)
    for start in range(0, records, 10_000):
        with journal.writing():
            for number in range(start, min(start + 10_000, records)):
                at_ms = now_ms + number * 1000
                body = PassageRecorded(
                    outcome="allowed",
                    direction="exit" if number % 2 else "entry",
                    verdict="allow",
                    leg="first",
                    pass_id=f"{number * 7919 % 5000:032x}",
                    pass_number="ABC-DEF-GHK",
                    pass_kind="resident",
                    holder=f"居民{number * 7919 % 5000}",
                    address="3-2-501",
                    attempts=[Attempt(celsius=36.0 + number % 13 / 10, at_ms=at_ms)],
                )
                journal.append(body, at_ms=at_ms, shift="s", guard="周师傅")
    journal.close()
    return secret


def _database(folder: Path, name: str) -> Engine:
    engine = open_engine(f"sqlite:///{folder}/{name}.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    if name != "office":
        add_station(engine, COMMUNITY, "north", "北门", 0)
    return engine


def _batches(folder: Path) -> Iterator[list[bytes]]:
    journal = Journal(folder / "gate", "north", SystemClock())
    lines = [to_json(event) for _n, event in journal.read()]
    journal.close()
    for start in range(0, len(lines), MAX_EVENTS):
        yield lines[start : start + MAX_EVENTS]


def _store(engine: Engine, batches: list[list[bytes]]) -> None:
    for lines in batches:
        store_batch(engine, read_batch(engine, Setting(COMMUNITY, "north", 1), lines))
    engine.dispose()


def _timed(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _alone(what: str, folder: Path, secret: str) -> tuple[float, float]:
    """Run one half in a process of its own; return its seconds and by how many megabytes it grew."""
    command = [sys.executable, __file__, what, str(folder), secret]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(told[0]), float(told[1])


def _half(what: str, folder: Path, secret: str) -> None:
    office, now_ms = folder / "office", SystemClock().now_ms
    before = _peak_mb()
    if what == "export":
        root = load_root_public(office)
        trust = read_trust_list(load_trust_list(office), root)
        carrier = Carrier(folder / "gate", "north", COMMUNITY, ZONE, secret, trust, root, now_ms, 0)
        seconds = _timed(lambda: export_to(carrier, folder / "stick"))
    else:
        desk = Desk(open_engine(f"sqlite:///{folder}/office.sqlite"), office, COMMUNITY, now_ms)
        seconds = _timed(lambda: import_bundles(desk, [folder / "stick"]))
    print(seconds, _peak_mb() - before)


def _peak_mb() -> float:
    """Return the most memory that this program has had; unlike `getrusage` Linux counts it from its own start."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    if len(sys.argv) == 4:
        _half(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS)
