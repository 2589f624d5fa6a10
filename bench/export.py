"""Pulling 100,000 passages as XLSX, CSV and JSON, against xlsxwriter alone writing the same cells.

Each measurement runs in a process of its own that reads the same SQLite community; the floor is given the finished
cells and writes them row by row with `constant_memory`. Ours reads the database, decodes, masks and writes; its file is
read back once and compared with the floor's. Medians of the rounds are printed; the peak of memory is that of a whole
process.

Run: python -m bench.export [PASSAGES]
"""

import io
import json
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PASSAGES = 100_000
ROUNDS = 3
COMMUNITY = "370212004001"
AT_MS = 1_770_422_400_000
PER_BATCH = 1000
LIMIT_S, LIMIT_MB = 15, 150


def main() -> None:
    """Measure and print, or, as a child, do one part and report."""
    if len(sys.argv) > 2:
        _child(sys.argv[1], Path(sys.argv[2]))
        return
    passages = int(sys.argv[1]) if len(sys.argv) == 2 else PASSAGES
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as name:
        folder = Path(name)
        _record(folder, passages)
        _run("cells", folder)
        told: dict[str, list[dict[str, float]]] = {}
        for _ in range(ROUNDS):
            for what in ("floor", "xlsx", "csv", "json"):
                told.setdefault(what, []).append(_run(what, folder))
        _compare(folder)
    floor_s = statistics.median(one["seconds"] for one in told["floor"])
    for what, runs in told.items():
        seconds = statistics.median(one["seconds"] for one in runs)
        peak_mb = max(one["peak_mb"] for one in runs)
        size_mb, ratio = runs[0]["bytes"] / 1e6, seconds / floor_s
        print(f"{what:<6} {seconds:6.1f} s  {ratio:5.2f} x floor  peak {peak_mb:4.0f} MB  file {size_mb:.1f} MB")
    print(f"{passages} passages; limits for xlsx: {LIMIT_S} s, {LIMIT_MB} MB")


def _run(what: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.export", what, str(folder)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(run.stdout)
    return told


def _child(what: str, folder: Path) -> None:
    began_s = time.perf_counter()
    path = folder / f"out.{what}"
    if what == "cells":
        _save_cells(folder)
    elif what == "floor":
        began_s = _write_bare(folder, path)
    else:
        _pull(folder, path, what)
    seconds = time.perf_counter() - began_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    size = path.stat().st_size if path.exists() else 0
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb, "bytes": size}))


def _pull(folder: Path, path: Path, what: str) -> None:
    """Do what `gatepost community pull --out` does, its words included, from opening the database on."""
    from station.cli.community_reports import in_words
    from sync.community.database import open_engine
    from sync.community.pulling import Asking, Office, pull_passages
    from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
    from sync.community.shiftlog import Selection

    settings = CommunitySettings(
        CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"),
        DatabaseTable("sqlite:///x"),
        ServerTable("http://127.0.0.1"),
    )
    engine = open_engine(f"sqlite:///{folder}/community.sqlite")
    office = Office(engine, settings, AT_MS, in_words)
    pull_passages(office, Selection(station="east"), Asking(file_format=what), path)
    engine.dispose()


def _save_cells(folder: Path) -> None:
    """Put the cells of every row into a file that can be read row by row."""
    from zoneinfo import ZoneInfo

    from station.cli.community_reports import in_words
    from sync.community.database import open_engine
    from sync.community.exports import make_sheet
    from sync.community.sheets import cells_of
    from sync.community.shiftlog import Selection, each_passage
    from sync.community.streaming import streaming

    zone = ZoneInfo("Asia/Shanghai")
    engine = open_engine(f"sqlite:///{folder}/community.sqlite")
    with streaming(engine) as connection, (folder / "cells").open("wb") as file:
        passages = each_passage(connection, COMMUNITY, Selection(station="east"), zone)
        for cells in cells_of(make_sheet(passages, zone), in_words):
            pickle.dump(cells, file)
    engine.dispose()


def _write_bare(folder: Path, path: Path) -> float:
    import xlsxwriter

    began_s = time.perf_counter()
    waited_s = 0.0
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book, (folder / "cells").open("rb") as file:
        page = book.add_worksheet()
        write_string, write_number = page.write_string, page.write_number
        line = 1
        while True:
            reads_s = time.perf_counter()
            try:
                cells = pickle.load(file)
            except EOFError:
                break
            # Reading the cells is not the floor's work.
            waited_s += time.perf_counter() - reads_s
            for place, cell in enumerate(cells):
                if isinstance(cell, str):
                    if cell:
                        write_string(line, place, cell)
                elif cell is not None:
                    write_number(line, place, cell)
            line += 1
    return began_s + waited_s


def _compare(folder: Path) -> None:
    import openpyxl

    files = [io.BytesIO((folder / name).read_bytes()) for name in ("out.xlsx", "out.floor")]
    pages = [openpyxl.load_workbook(file, read_only=True).worksheets[0] for file in files]
    rows = [page.iter_rows(min_row=2, values_only=True) for page in pages]
    for ours, floor in zip(*rows, strict=True):
        if ours != floor:
            raise SystemExit(f"not the same cells: {ours} {floor}")


def _record(folder: Path, passages: int) -> None:
    """Fill a community's database with the passages of one gate, as batches bring them."""
    from sync.bodies import Attempt, PassageRecorded
    from sync.community.database import open_engine
    from sync.community.ingest import read_batch, store_batch
    from sync.community.inserting import Setting
    from sync.community.registry import add_community
    from sync.community.schema import migrate
    from sync.community.stations import add_station
    from sync.events import GENESIS, Clock, seal, to_json

    engine = open_engine(f"sqlite:///{folder}/community.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    add_station(engine, COMMUNITY, "east", "东门", AT_MS)
    prev, lines = GENESIS, []
    for seq in range(1, passages + 1):
        at_ms = AT_MS + seq * 1000
        body = PassageRecorded(
            outcome="refused" if seq % 20 == 0 else "allowed",
            direction="exit" if seq % 2 else "entry",
            verdict="allow",
            reasons=["over_limit"] if seq % 20 == 0 else [],
            pass_id=f"{seq % 5000:032x}",
            pass_number=f"ABC-{seq % 1000:03}-GHK",
            pass_kind="resident",
            holder=chr(0x4E00 + seq % 3000) + "小" + chr(0x4E00 + seq % 2000),
            holder_id=f"p{seq % 5000}",
            household=f"h{seq % 1500}",
            address=f"{seq % 30 + 1}号楼{seq % 4 + 1}单元{seq % 17 + 1}01室",
            attempts=[Attempt(celsius=36 + seq % 12 / 10, at_ms=at_ms)],
        )
        clock = Clock(device_ms=at_ms, drift_ms=0)
        event = seal(
            body, station="east", epoch="01", seq=seq, at_ms=at_ms, clock=clock, shift="s", guard="王五", prev=prev
        )
        prev = event.hash
        lines.append(to_json(event))
        if len(lines) == PER_BATCH or seq == passages:
            store_batch(engine, read_batch(engine, Setting(COMMUNITY, "east", at_ms), lines))
            lines = []
    engine.dispose()


if __name__ == "__main__":
    main()
