"""A machine that stands still or sleeps while somebody is at the gate: what nobody looked at is not recorded."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual import events

from station.access import Role
from station.screens.lock import LockScreen
from station.settings import ScreenSettings
from station.widgets.lines import HealthLine
from tests.screens.console import Console, gate


def play(folder: Path, story: Callable[[Console], Awaitable[None]]) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)
            assert console.is_ready

    asyncio.run(told())


async def press_before_it_was_shown(console: Console, key: str, character: str | None) -> None:
    """Press a key while the disk keeps the program waiting: it is looked at when something else stands there."""
    event = events.Key(key, character)
    event.time = console.screen._view.shown_at_s - 0.01
    console.app.post_message(event)
    await console.pilot.pause()


def test_an_enter_from_before_the_verdict_was_seen_records_nothing(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        first, second = console.issue("王小明"), console.issue("李小红")
        await console.scan(first.token)
        await console.scan(second.token)
        await console.measure(36.5)
        await press_before_it_was_shown(console, "enter", "\r")
        assert (console.rows(), len(console.hints)) == ([], 1)
        await console.press("enter")
        assert console.rows() == ["王小明 allowed"]
        assert "李*红" in console.verdict
        await press_before_it_was_shown(console, "f10", None)
        assert console.rows() == ["王小明 allowed"]
        await console.press("f6", "f6")

    play(tmp_path, story)


def test_who_stood_here_before_the_machine_slept_is_scanned_again(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        first, second = console.issue("王小明"), console.issue("李小红")
        await console.scan(first.token)
        await console.scan(second.token)
        await console.measure(36.5)
        console.clock.sleep(60)
        console.screen._tick()
        assert console.colour == "-allow"
        console.clock.sleep(3600)
        console.screen._tick()
        assert "60 min" in console.hints[0]
        await console.press("enter")
        assert console.rows() == []
        await console.admit(second.token)
        assert console.rows() == ["李小红 allowed"]

    play(tmp_path, story)


def test_a_machine_that_wakes_is_locked(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path, screen=ScreenSettings(idle_lock_minutes=5)) as console:
            console.station.access.set_member("周师傅", [Role.GUARD])
            console.station.access.set_pin("周师傅", "2580")
            console.clock.sleep(3600)
            console.app.lock_when_idle()
            await console.until(lambda: isinstance(console.app.screen, LockScreen))

    asyncio.run(told())


def test_a_disk_that_refuses_is_red_until_something_is_recorded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(console: Console) -> None:
        line = console.screen.query_one(HealthLine)
        await console.scan(console.issue("王小明").token)
        await console.measure(36.5)
        connection = console.station.journal.connection
        connection.execute("PRAGMA query_only = ON")
        await console.press("enter")
        assert "-risk" in line.classes
        connection.execute("PRAGMA query_only = OFF")
        await console.press("enter")
        assert console.rows() == ["王小明 allowed"]
        assert "-risk" not in line.classes
        monkeypatch.setattr("station.storage.LEAST_FREE_BYTES", 1 << 60)
        console.clock.move(60)
        console.screen._tick()
        assert "-risk" in line.classes
        assert "free some space" in console.health

    play(tmp_path, story)
