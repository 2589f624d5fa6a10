"""The settings screen: taste at once, what is more than taste on a lead's word and in the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from station.access import Role
from station.assembly import Station
from station.screens.settings import SettingsScreen
from station.setting_rows import SETTINGS, key_settings
from station.settings import FILE_NAME, SettingsError, load_settings, save_settings
from station.widgets.device_rows import Choices, Rows
from station.widgets.lines import HintLine
from sync.bodies import SettingsChanged
from sync.events import read_body
from tests.screens.console import Console, gate, text_of

Story = Callable[[Console], Awaitable[None]]


def with_lead(station: Station) -> None:
    station.access.set_member("张带班", [Role.LEAD])
    station.access.set_pin("张带班", "2580")


def play(folder: Path, story: Story, language: Literal["zh", "en"] = "en") -> None:
    async def told() -> None:
        async with gate(folder, before=with_lead, language=language) as console:
            save_settings(console.station.folder, console.station.settings)
            await console.press("f8", "ctrl+o")
            await console.until(lambda: isinstance(console.app.screen, SettingsScreen))
            await console.pilot.pause()
            await story(console)

    asyncio.run(told())


def rows(console: Console) -> list[str]:
    return text_of(console.app.screen.query_one(Rows)).splitlines()


def hint(console: Console) -> str:
    return text_of(console.app.screen.query_one(HintLine))


def said(console: Console) -> list[SettingsChanged]:
    bodies = [read_body(event.kind, event.body) for _n, event in console.station.journal.read()]
    return [body for body in bodies if isinstance(body, SettingsChanged)]


@pytest.mark.parametrize(("language", "words"), [("en", "Theme           night"), ("zh", "配色            夜间")])
def test_it_shows_every_setting(tmp_path: Path, language: Literal["zh", "en"], words: str) -> None:
    async def story(console: Console) -> None:
        assert any(words in row for row in rows(console))
        await console.press("up")
        assert "Ctrl+L" in next(row for row in rows(console) if row.startswith("> "))
        assert "Ctrl+A" in text_of(console.app.screen.query_one(Choices))
        assert {one.name for one in SETTINGS} >= {
            *("gate.language", "gate.sound", "gate.method", "temperature.rest_minutes", "screen.theme"),
            *("screen.idle_lock_minutes", "printer.address"),
        }

    play(tmp_path, story, language)


def test_a_theme_needs_nobody_and_holds_at_once(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("down", "right", "f10")
        assert console.app.theme == "day"
        assert load_settings(console.station.folder).screen.theme == "day"
        assert said(console) == []
        await console.press("right", "f10")
        assert console.app.has_class("-contrast")
        await console.press("f10")
        assert hint(console) == "Nothing was changed"

    play(tmp_path, story)


def test_the_fever_threshold_is_changed_on_a_leads_word(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        for _step in range([one.name for one in SETTINGS].index("temperature.fever_celsius")):
            await console.press("down")
        await console.press("ctrl+u")
        await console.paste("\uff13\uff17.5")
        await console.press("f10", *"2580", "enter")
        await console.until(lambda: "next start: Fever" in hint(console))
        assert load_settings(console.station.folder).temperature.fever_celsius == 37.5
        assert said(console) == [SettingsChanged(changes={"temperature.fever_celsius": "37.5"}, by="张带班")]
        await console.press("ctrl+u")
        await console.paste("[/]\x1b55")
        await console.press("f10", *"2580", "enter")
        await console.until(lambda: "temperature.fever_celsius" in hint(console))
        assert load_settings(console.station.folder).temperature.fever_celsius == 37.5
        assert len(said(console)) == 1

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ('turn_back = "f9"', "another action is on this key"),
        ('turn_back = "q"', "write f1 to f12"),
        ('turn_back = "ctrl+m"', "write f1 to f12"),
        ('fly = "f9"', "no such action"),
        ('leave = "f9"', "no such action"),
    ],
)
def test_a_wrong_key_is_one_sentence(tmp_path: Path, keys: str, words: str) -> None:
    async def story(console: Console) -> None:
        path = console.station.folder / FILE_NAME
        path.write_text(path.read_text("utf-8").replace("[keys]", f"[keys]\n{keys}"), "utf-8")
        with pytest.raises(SettingsError) as told:
            load_settings(console.station.folder)
        assert words in str(told.value)
        assert f"keys.{keys.split(maxsplit=1)[0]} = " in str(told.value)

    play(tmp_path, story)


def at(name: str) -> int:
    return [one.name for one in (*SETTINGS, *key_settings())].index(name)


def test_the_bell_is_off_at_once_and_a_key_after_the_next_start(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        for _step in range(at("gate.sound")):
            await console.press("down")
        await console.press("right")
        for _step in range(at("keys.turn_back") - at("gate.sound")):
            await console.press("down")
        assert "F6" in next(row for row in rows(console) if row.startswith("> "))
        await console.press("right", "f10")
        await console.until(lambda: "another action is on this key" in hint(console))
        assert load_settings(console.station.folder).gate.sound
        for _step in range(6):
            await console.press("right")
        await console.press("f10")
        await console.until(lambda: "next start: Key: Turn back" in hint(console))
        written = load_settings(console.station.folder)
        assert (written.gate.sound, written.keys) == (False, {"turn_back": "ctrl+a"})
        assert not console.station.settings.gate.sound
        # On its usual key again, nothing of it stays in the file.
        for _step in range(7):
            await console.press("left")
        await console.press("f10")
        await console.until(lambda: load_settings(console.station.folder).keys == {})

    play(tmp_path, story)
