"""The gate screen as a whole: the field keeps the focus, sizes, languages, lists, and a disk that is full."""

import asyncio
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Literal

import pytest
from textual.widgets import Static

from passes.trips import Direction
from station.assembly import Station
from station.storage import StorageError
from station.widgets.lines import PassageList, StatusLine
from station.widgets.reading_panel import ReadingPanel
from station.widgets.scan_field import ScanField
from station.widgets.verdict_panel import VerdictPanel
from sync.bodies import PassRevoked
from tests.screens.console import GUARD, gate, text_of

NO_LIMIT_PAGES = 1_073_741_823


def test_the_field_keeps_the_focus(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            assert console.is_ready
            for key in ("tab", "shift+tab", "escape", "up", "f2", "pagedown", "enter"):
                await console.press(key)
                assert console.is_ready, key
            for widget in (VerdictPanel, ReadingPanel, PassageList, StatusLine, ScanField):
                await console.pilot.click(widget)
                assert console.is_ready, widget
            for key in ("f1", "f6", "f7"):
                await console.scan(console.issue(f"王{key}").token)
                await console.press(key, "tab", "escape")
                assert console.is_ready, key
            # What Textual does when the terminal says that its window lost the focus.
            console.screen.set_focus(None)
            await console.until(lambda: console.is_ready)

    asyncio.run(told())


def test_a_smaller_terminal_and_back(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            row = console.issue()
            await console.scan(row.token)
            await console.pilot.resize_terminal(40, 12)
            await console.measure(36.5)
            await console.press("enter")
            assert (console.rows(), console.is_ready) == (["王小明 allowed"], True)
            assert console.screen.query_one(ScanField).region.bottom <= 12
            assert console.screen.query_one(VerdictPanel).region.y < 12
            await console.pilot.resize_terminal(80, 24)
            assert console.is_ready
            assert GUARD in console.status

    asyncio.run(told())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_both_languages(tmp_path: Path, language: Literal["zh", "en"]) -> None:
    async def told() -> None:
        async with gate(tmp_path, language=language) as console:
            console.issue()
            await console.admit(console.issue().token)
            await console.scan("no pass")
            for key in ("f1", "f7"):
                await console.press(key, "escape")
            seen = console.verdict + console.recent + console.counts + console.health + console.reading
            assert any("\u4e00" <= char <= "\u9fff" for char in seen.replace("王*明", "")) is (language == "zh")
            assert console.is_ready

    asyncio.run(told())


def test_every_line_fits(tmp_path: Path) -> None:
    """At 80 columns nothing of the gate's own text is wider than its place, in either language."""

    async def told() -> None:
        for language in ("zh", "en"):
            folder = tmp_path / language
            folder.mkdir()
            async with gate(folder, language=language) as console:
                await console.admit(console.issue("Anna-Maria Wilhelmina Overlongfamilyname").token)
                await console.scan("no pass")
                for widget in (StatusLine, PassageList):
                    shown = console.screen.query_one(widget)
                    assert shown.region.right <= 80
                    assert shown.region.bottom <= 24
                assert console.screen.query_one(ScanField).region.height == 1

    asyncio.run(told())


def test_no_passage_yet(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            assert console.recent
            assert "08:0" not in console.recent

    asyncio.run(told())


def test_many_passages(tmp_path: Path) -> None:
    def write_many(station: Station) -> None:
        for number in range(300):
            station.gate.scan(f"not a pass {number}", Direction.EXIT)

    async def told() -> None:
        async with gate(tmp_path, before=write_many) as console:
            assert "300" in console.counts
            assert len(console.recent.splitlines()) <= 8
            await console.admit(console.issue().token)
            assert "王*明" in console.recent.splitlines()[0]

    asyncio.run(told())


def test_a_new_day_starts_from_nothing(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            row = console.issue()
            await console.admit(row.token)
            before = console.counts
            console.clock.move(timedelta(days=1).total_seconds())
            await console.until(lambda: console.counts != before)

    asyncio.run(told())


def fill_up(station: Station) -> None:
    """Leave no room in the file: SQLite then answers as it does when the disk is full."""
    connection = station.journal.connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages}")
    _until_full(lambda: station.gate.scan(secrets.token_hex(8), Direction.EXIT))
    # The tables fill at different times; the events are what every record needs.
    _until_full(lambda: _write_small(station))


def _write_small(station: Station) -> None:
    with station.journal.writing():
        station.register.record(PassRevoked(pass_id="0" * 32, reason="void"), station.clock.now_ms())


def _until_full(write: Callable[[], object]) -> None:
    for _number in range(1_000):
        try:
            write()
        except StorageError:
            return
    pytest.fail("the file took a thousand records without growing")


def make_room(station: Station) -> None:
    station.journal.connection.execute(f"PRAGMA max_page_count = {NO_LIMIT_PAGES}")


def test_full_disk(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            row, other = console.issue(), console.issue("李小红")
            await console.scan(row.token)
            await console.measure(36.5)
            await console.scan(other.token)
            fill_up(console.station)
            before = console.rows()
            for key in ("enter", "f10", "enter"):
                await console.press(key)
                assert (console.colour, console.rows()) == ("-refuse", before)
                assert str(console.station.journal.path) in console.verdict
            make_room(console.station)
            await console.press("enter")
            assert console.rows()[len(before) :] == ["王小明 allowed"]
            assert "李*红" in console.verdict
            await console.measure(36.5)
            await console.press("enter")
            assert (console.colour, console.rows()[-1]) == ("-allow", "李小红 allowed")
            assert console.station.journal.verify() > 0
            assert console.is_ready

    asyncio.run(told())


def test_full_disk_loses_nobody_who_waits(tmp_path: Path) -> None:
    """The one who waits would be refused, and that cannot be written: they stay in the queue."""

    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.scan(console.issue().token)
            await console.scan("no pass at all")
            fill_up(console.station)
            await console.press("f6", "f6")
            assert (console.colour, "no pass at all refused" in console.rows()) == ("-refuse", False)
            make_room(console.station)
            await console.press("enter")
            assert (console.colour, console.rows()[-1]) == ("-refuse", "no pass at all refused")

    asyncio.run(told())


def test_a_journal_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            connection = console.station.journal.db.conn
            connection.execute("ALTER TABLE shifts RENAME TO elsewhere")
            await console.scan(console.issue().token)
            for key in ("enter", "f2", "f6"):
                await console.press(key, "escape")
                assert str(console.station.journal.path) in console.verdict
                assert (console.colour, console.is_ready) == ("-refuse", True)
            connection.execute("ALTER TABLE elsewhere RENAME TO shifts")
            # Whoever stood here through all that is still the first.
            await console.admit(console.issue("李小红").token)
            assert console.rows() == ["王小明 allowed"]

    asyncio.run(told())


def test_a_full_screen_keeps_the_line_of_who_waits(tmp_path: Path) -> None:
    """The longest verdict still shows that somebody was scanned behind."""

    async def told() -> None:
        async with gate(tmp_path) as console:
            row = console.issue("Anna-Maria Wilhelmina Overlongfamilyname")
            await console.scan(row.number)
            await console.press("f2")
            await console.scan(console.issue().token)
            panel = console.screen.query_one(VerdictPanel)
            assert console.verdict.splitlines()[-1].startswith("1 ")
            assert panel.get_content_height(panel.size, panel.size, panel.content_size.width) <= panel.size.height

    asyncio.run(told())


class Dealer:
    """A scanner that deals one pass again and again."""

    def __init__(self) -> None:
        self.token = ""
        self.dealt = 0
        self.left = 0

    def deal(self, direction: Direction) -> str:
        self.dealt += 1
        return self.token

    def leave(self) -> None:
        self.left += 1


def test_the_simulated_scanner_deals_one_at_a_time(tmp_path: Path) -> None:
    async def told() -> None:
        dealer = Dealer()
        async with gate(tmp_path, scanner=dealer) as console:
            dealer.token = console.issue().token
            await console.press("f12", "f12")
            assert (dealer.dealt, len(console.hints)) == (1, 1)
            await console.measure(36.5)
            left = dealer.left
            await console.press("enter")
            assert (dealer.left, console.rows()) == (left + 1, ["王小明 allowed"])

    asyncio.run(told())


def test_help_names_every_key(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.press("f1")
            shown = "\n".join(text_of(line) for line in console.app.screen.query("Static").results(Static))
            for key in ("Enter", "F1", "F2", "F6", "F7", "F8", "F9", "F10", "Ctrl+Q"):
                assert f"{key}  " in shown
            await console.press("f1")
            assert console.is_ready

    asyncio.run(told())
