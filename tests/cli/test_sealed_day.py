"""A day with ID numbers, by card, typed and by list: in clear they are in no file of the gate or the office."""

import asyncio
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from station.app import GatepostApp
from station.assembly import open_station
from station.clock import SystemClock
from station.shifts import open_shift
from tests.cli.conftest import VALID, Run, rewrite
from tests.screens.console import Console
from tests.screens.desk import CARD, card, registered
from tests.station.post import COMMUNITY, HandClock

PASSWORD = "correct horse"
CARDED, TYPED, LISTED = CARD.id_number, "110101198501010017", "11010119900307993X"
PHONES = ("13800001234", "13900005678")


def contents(path: Path) -> Iterator[bytes]:
    """Yield what a file holds, and what is packed in it."""
    data = path.read_bytes()
    yield data
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            yield from (archive.read(name) for name in archive.namelist())
    at = data.find(b"\x78\x9c")
    while at >= 0:
        with suppress(zlib.error):
            yield zlib.decompressobj().decompress(data[at:])
        at = data.find(b"\x78\x9c", at + 1)


def check_no_number(folder: Path) -> None:
    """See that no number stands in any file below the folder, with its last four places or without."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    for path in files:
        for number in (CARDED, TYPED, LISTED, *PHONES):
            for data in contents(path):
                assert number[:-4].encode() not in data, path


async def play(folder: Path) -> None:
    clock = HandClock(SystemClock().now_ms())
    with open_station(folder, clock) as station:
        open_shift(station.journal, station.register, clock, ["周师傅"])
        app = GatepostApp(station)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            console = Console(app, pilot, station, clock)
            await console.press("f2", "f3")
            await card(console, CARD)
            await console.fill_in(phone=PHONES[0], host="王小明", purpose="修水管")
            await console.measure(36.5)
            await console.press("enter")
            clock.move(60)
            await console.press("f3")
            await console.fill_in(name="孙小圣", id_number=TYPED, phone=PHONES[1], host="王小明", purpose="送货")
            await console.measure(36.5)
            await console.press("enter")
            assert len(registered(station)) == 3
            # While it runs: write-ahead log and all.
            check_no_number(folder)


def test_numbers_are_nowhere_but_in_boxes_that_the_lead_opens(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEPOST_PASSWORD", PASSWORD)
    world = tmp_path / "world"
    office, station, stick = world / "office", world / "east", world / "stick"
    stick.mkdir(parents=True)
    assert run("community", "init", "--dir", office, "--id", COMMUNITY, "--name", "平安里").code == 0
    assert run("community", "station", "add", "--dir", office, "east", "--name", "东门", "--issue").code == 0
    for role in ("worker", "lead"):
        assert run("community", "staff", "add", "--dir", office, role, "--role", role).code == 0
    assert run("init", office / "east.enrolment.json", "--dir", station).code == 0
    rewrite(station, 'url = "http://127.0.0.1:8443"', 'url = ""')
    rows = tmp_path / "list.csv"
    rows.write_text(f"姓名,住址,类别,身份证号\n王小明,3-2-501,居民,{LISTED}\n", "utf-8")
    assert run("pass", "bulk", rows, "--dir", station, "--issue", *VALID).code == 0
    asyncio.run(play(station))

    for command in (
        ("sync", "export", stick, "--dir", station),
        ("community", "import", stick, "--dir", office),
        ("sync", "import", stick, "--dir", station),
        ("community", "pull", "--dir", office, "--shift", "latest", "--out", world / "shift.csv"),
        ("community", "pull", "--dir", office, "--shift", "latest", "--out", world / "shift.xlsx"),
        ("community", "report", "daily", "--dir", office, "--out", world / "day.xlsx"),
    ):
        told = run(*command)
        assert told.code == 0, told
        for number in (CARDED, TYPED, LISTED, *PHONES):
            assert number[:-4] not in told.out + told.err
    check_no_number(world)

    person = ("community", "person")
    for number in (CARDED, TYPED, LISTED):
        found = json.loads(run(*person, "find", number[-4:], "--dir", office, "--json").out)
        (one,) = [one for one in found if one["id_tail"] == number[-4:]]
        show = (*person, "show", one["person_id"], "--dir", office, "--unmask", "--as")
        assert number not in run(*show, "worker").out
        assert number in run(*show, "lead").out
