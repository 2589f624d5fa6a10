"""The lock: by key or when idle, away for a PIN only, and nobody who was scanned meanwhile is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.widgets import Static

from station.access import Role
from station.assembly import Station
from station.screens.catalogue import entry
from station.screens.devices import DevicesScreen
from station.screens.lock import LockScreen
from station.settings import ScreenSettings
from station.widgets.verdict_panel import VerdictPanel
from tests.screens.console import Console, gate, text_of

PIN = "2580"
Story = Callable[[Console], Awaitable[None]]


def with_pin(station: Station) -> None:
    station.access.set_member("周师傅", [Role.GUARD])
    station.access.set_pin("周师傅", PIN)


def play(folder: Path, story: Story, screen: ScreenSettings | None = None) -> None:
    async def told() -> None:
        async with gate(folder, before=with_pin, screen=screen) as console:
            await story(console)

    asyncio.run(told())


def is_locked(console: Console) -> bool:
    return isinstance(console.app.screen_stack[0], LockScreen)


def said(console: Console) -> str:
    return text_of(console.app.screen_stack[0].query_one("#locked", Static))


async def unlock(console: Console) -> None:
    await console.press("enter", *PIN, "enter")
    await console.until(lambda: not is_locked(console))


def test_only_a_pin_unlocks_and_who_was_scanned_is_called_then(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        token = console.issue().token
        await console.press("ctrl+l")
        await console.until(lambda: is_locked(console))
        await console.press("escape", "f3", "f8", "f11")
        assert is_locked(console)
        await console.wedge(token)
        await console.until(lambda: "meanwhile: 1" in said(console))
        assert "王" not in said(console)
        assert not console.app.screen.query_one(VerdictPanel).display
        await console.press("enter", *"1111", "enter")
        assert is_locked(console)
        await console.press("escape")
        await unlock(console)
        await console.until(lambda: console.is_ready and "王*明" in console.verdict)
        await console.measure(36.5)
        await console.press("enter")
        assert console.rows() == ["王小明 allowed"]

    play(tmp_path, story)


def test_a_verdict_is_shown_behind_the_lock_where_that_is_set(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("ctrl+l")
        await console.until(lambda: is_locked(console))
        await console.wedge(console.issue().token)
        panel = console.app.screen_stack[0].query_one(VerdictPanel)
        await console.until(lambda: "王*明" in text_of(panel) and panel.display)
        assert console.rows() == []
        await unlock(console)
        await console.until(lambda: "王*明" in console.verdict)

    play(tmp_path, story, ScreenSettings(lock_shows_verdict=True))


def test_it_locks_when_idle_and_what_was_in_front_comes_back(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f11")
        screen = console.app.screen
        assert isinstance(screen, DevicesScreen)
        console.clock.move(4 * 60)
        console.app.lock_when_idle()
        assert not is_locked(console)
        await console.press("down")
        console.clock.move(4 * 60)
        console.app.lock_when_idle()
        assert not is_locked(console)
        console.clock.move(60)
        console.app.lock_when_idle()
        await console.until(lambda: is_locked(console))
        await unlock(console)
        await console.until(lambda: console.app.screen is screen)

    play(tmp_path, story, ScreenSettings(idle_lock_minutes=5))


def test_a_station_without_pins_locks_nobody_out(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path, screen=ScreenSettings(idle_lock_minutes=5)) as console:
            console.clock.move(3600)
            console.app.lock_when_idle()
            assert console.is_ready
            await console.press("ctrl+l")
            await console.until(lambda: is_locked(console))
            assert "Nobody has a PIN here" in said(console)
            await console.press("enter")
            await console.until(lambda: console.is_ready)

    asyncio.run(told())


def test_a_screen_with_a_role_asks_for_its_pin(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        object.__setattr__(entry("devices"), "role", Role.GUARD)
        try:
            await console.press("f11", *"1111", "enter")
            assert not isinstance(console.app.screen_stack[0], DevicesScreen)
            await console.press(*PIN, "enter")
            await console.until(lambda: isinstance(console.app.screen_stack[0], DevicesScreen))
        finally:
            object.__setattr__(entry("devices"), "role", None)

    play(tmp_path, story)
