"""Who answers for something: a name and a PIN, asked again with the reason, or a name alone where there are none."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest
from textual.widgets import Static

from station.access import Member, Role
from station.dialogs.pin import PinDialog
from station.screens.work import WorkScreen
from station.widgets.marked_lines import Lines
from tests.screens.console import Console, gate, text_of

Story = Callable[[Console, WorkScreen, list[Member]], Awaitable[None]]


def play(folder: Path, story: Story, pins: dict[str, str], language: Literal["zh", "en"] = "en") -> None:
    async def told() -> None:
        async with gate(folder, language=language) as console:
            for name, pin in pins.items():
                console.station.access.set_member(name, [Role.LEAD])
                console.station.access.set_pin(name, pin)
            await console.press("f11")
            screen = console.app.screen
            assert isinstance(screen, WorkScreen)
            proved: list[Member] = []
            screen.prove("Overrule the refusal", Role.LEAD, proved.append)
            await console.pilot.pause()
            await story(console, screen, proved)

    asyncio.run(told())


def shown(console: Console) -> str:
    assert isinstance(console.app.screen, PinDialog)
    return "\n".join(text_of(line) for line in console.app.screen.query(Static))


def test_a_name_is_chosen_and_its_pin_typed(tmp_path: Path) -> None:
    async def story(console: Console, screen: WorkScreen, proved: list[Member]) -> None:
        assert "Overrule the refusal" in shown(console)
        await console.press("down", *"1379", "enter")
        await console.until(lambda: console.app.screen is screen)
        assert [one.name for one in proved] == ["李主任"]

    play(tmp_path, story, {"张带班": "2580", "李主任": "1379"})


def test_a_wrong_pin_is_told_and_asked_for_again(tmp_path: Path) -> None:
    async def story(console: Console, screen: WorkScreen, proved: list[Member]) -> None:
        await console.press("down", *"2222", "enter")
        await console.until(lambda: "wrong PIN; try again" in shown(console))
        assert "2222" not in shown(console)
        assert text_of(console.app.screen.query_one(Lines)).splitlines()[1].startswith("> 李主任")
        await console.press(*"1379", "enter")
        await console.until(lambda: console.app.screen is screen)
        assert [one.name for one in proved] == ["李主任"]

    play(tmp_path, story, {"张带班": "2580", "李主任": "1379"})


def test_escape_does_nothing(tmp_path: Path) -> None:
    async def story(console: Console, screen: WorkScreen, proved: list[Member]) -> None:
        await console.press("escape")
        assert console.app.screen is screen
        assert proved == []

    play(tmp_path, story, {"张带班": "2580"})


@pytest.mark.parametrize(("language", "words"), [("en", "No PIN is set here for: lead"), ("zh", "设“带班”的密码")])
def test_without_any_pin_a_name_is_asked_for(tmp_path: Path, language: Literal["zh", "en"], words: str) -> None:
    async def story(console: Console, screen: WorkScreen, proved: list[Member]) -> None:
        assert words in shown(console)
        await console.press("enter")
        await console.until(lambda: isinstance(console.app.screen, PinDialog))
        await console.paste("[/]王\x1b五")
        await console.press("enter")
        await console.until(lambda: console.app.screen is screen)
        assert [one.name for one in proved] == ["[/]王\ufffd五"]

    play(tmp_path, story, {}, language)
