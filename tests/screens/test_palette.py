"""The palette finds what can be done now; keys can be others than the usual ones."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from textual.widgets import Static

from station import actions
from station.dialogs.palette import PaletteDialog
from station.screens.devices import DevicesScreen
from station.widgets.marked_lines import Lines
from tests.screens.console import Console, gate, text_of


@pytest.fixture(autouse=True)
def _usual_keys() -> Iterator[None]:
    yield
    actions.use_keys({})


def found(console: Console) -> str:
    assert isinstance(console.app.screen, PaletteDialog)
    return text_of(console.app.screen.query_one(Lines))


@pytest.mark.parametrize(("language", "typed", "words"), [("en", "meas again", "Temp"), ("zh", "设置体温计", "设备")])
def test_it_finds_by_all_words(tmp_path: Path, language: Literal["zh", "en"], typed: str, words: str) -> None:
    async def told() -> None:
        async with gate(tmp_path, language=language) as console:
            await console.press("ctrl+p")
            await console.paste(typed)
            assert words in found(console)
            assert len(found(console).splitlines()) == 1
            await console.paste("\x1b[/]")
            await console.press("enter", "escape")
            assert console.is_ready

    asyncio.run(told())


def test_only_what_can_be_done_now_is_listed_and_done(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            await console.press("ctrl+p")
            await console.paste("turn back")
            assert "F6" not in found(console)
            await console.press("escape")
            await console.scan(console.issue().token)
            await console.press("ctrl+p")
            await console.paste("not let through")
            assert "F6" in found(console)
            await console.press("enter")
            await console.until(lambda: console.app.screen.query("#remark").results().__next__() is not None)
            await console.press("escape", "ctrl+p")
            await console.paste("ID card reader")
            await console.press("enter")
            await console.until(lambda: isinstance(console.app.screen, DevicesScreen))
            await console.press("ctrl+p")
            await console.paste("only listen")
            assert "F6" in found(console)
            await console.press("escape", "escape")
            await console.until(lambda: console.is_ready)

    asyncio.run(told())


def test_other_keys_hold_everywhere(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path, keys={"devices": "ctrl+y", "take": "f9"}) as console:
            await console.press("f11")
            assert console.is_ready
            await console.press("f1")
            assert any("Ctrl+Y  " in text_of(line) for line in console.app.screen.query(Static))
            await console.press("escape", "f8")
            assert "Ctrl+Y Devices" in text_of(console.app.screen.query_one(Lines))
            await console.press("ctrl+y")
            await console.until(lambda: isinstance(console.app.screen, DevicesScreen))
            await console.press("f9")
            assert "Nothing was recognised" in text_of(console.app.screen.query_one("HintLine", Static))
            await console.press("escape")

    asyncio.run(told())
