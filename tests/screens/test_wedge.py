"""A scanner that types, wherever the focus is: its scans reach the gate, its keys fire nothing, fingers are let be."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import ClassVar

import pytest
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input

from station.widgets.scan_field import PlainInput
from tests.screens.console import Console, gate

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)

    asyncio.run(told())


async def keys(console: Console, *typed: tuple[str, str | None], gap_s: float = 0.0) -> None:
    """Send keys with a scanner's rhythm."""
    start_s = monotonic()
    for number, (key, character) in enumerate(typed):
        event = events.Key(key, character)
        event.time = start_s + number * gap_s
        console.app.post_message(event)
    await console.pilot.pause()


def of(text: str) -> list[tuple[str, str | None]]:
    return [(char, char) for char in text]


ENTER, TAB = ("enter", "\r"), ("tab", "\t")


class Trap(ModalScreen[None]):
    """Everything that a careless scan could set off: a button with the focus, keys with actions, fields."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(key, "spring") for key in ("ctrl+b", "ctrl+right_square_bracket", "f8", "ctrl+q")
    ]

    def __init__(self) -> None:
        super().__init__()
        self.sprung: list[str] = []

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Button("OK")
            yield PlainInput("default", id="field")

    @on(Button.Pressed)
    @on(Input.Submitted)
    def _pressed(self) -> None:
        self.sprung.append("pressed")

    def action_spring(self) -> None:
        self.sprung.append("action")


SENT = {
    "enter": lambda token: [*of(token), ENTER],
    "line feed": lambda token: [*of(token), ("ctrl+j", "\n")],
    "tab and enter": lambda token: [*of(token), TAB, ENTER],
    "no terminator": of,
    "framed": lambda token: [("ctrl+b", "\x02"), *of("]Q1" + token), ("ctrl+c", "\x03")],
    "group separators": lambda token: [
        *of(token[:60]),
        ("ctrl+right_square_bracket", "\x1d"),
        *of(token[60:]),
        ("ctrl+right_square_bracket", None),
        ENTER,
    ],
    "named keys": lambda token: [("ctrl+b", None), *of(token[:9]), ("f8", None), *of(token[9:]), ("enter", None)],
    "leave inside": lambda token: [*of(token[:9]), ("ctrl+q", "\x11"), *of(token[9:]), ENTER],
    "caps lock": lambda token: [*of(token.swapcase()), ENTER],
    "full width": lambda token: [*of("".join(chr(ord(char) + 0xFEE0) for char in token)), ENTER],
    "input method": lambda token: [*of("'".join(token.lower())), ENTER],
    "twice": lambda token: [*of(token + token), ENTER],
}


@pytest.mark.parametrize("focus", ["Button", "PlainInput"])
@pytest.mark.parametrize("sent", SENT.values(), ids=SENT.keys())
def test_a_scan_fires_nothing_and_reaches_the_gate(
    tmp_path: Path, sent: Callable[[str], list[tuple[str, str | None]]], focus: str
) -> None:
    async def story(console: Console) -> None:
        trap, row = Trap(), console.issue()
        await console.app.push_screen(trap)
        trap.query_one(focus).focus()
        await console.pilot.pause()
        await keys(console, *sent(row.token), gap_s=0.004)
        await console.until(lambda: list(console.screen._lane.waiting) == [row.token])
        assert (trap.sprung, trap.query_one(PlainInput).value) == ([], "default")
        assert isinstance(console.app.focused, PlainInput if focus == "PlainInput" else Button)
        trap.dismiss()
        await console.until(lambda: console.colour == "-wait")

    play(tmp_path, story)


@pytest.mark.parametrize("gap_s", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("word", ["wangxiaoming", "幸福小区三号楼二单元", "aaaaaaaaaaaa", "[/]"])
def test_typing_lands_in_the_field_unharmed(tmp_path: Path, word: str, gap_s: float) -> None:
    """An input method hands a word over at once; that is no scan."""

    async def story(console: Console) -> None:
        await console.press("f9", "f10")
        line = console.app.screen.query_one("#incoming", Input)
        await keys(console, *of(word), gap_s=gap_s)
        await console.until(lambda: line.value == word)
        assert not console.screen._lane.waiting

    play(tmp_path, story)


def test_a_scan_that_came_too_slowly_is_taken_out_of_the_field_at_enter(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue("李小红")
        await console.scan(console.issue("王小明").token)
        await console.press("f7", "tab")
        line = console.app.screen.query_one("#reason", Input)
        line.value = row.token
        await console.press("enter")
        await console.until(lambda: list(console.screen._lane.waiting) == [row.token])
        assert line.value == "thermometer does not answer"

    play(tmp_path, story)


def test_a_full_field_loses_nothing_to_a_scan(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f9", "f10")
        line = console.app.screen.query_one("#incoming", Input)
        line.value = written = "x" * 2_000
        await console.wedge(console.issue().token)
        await console.until(lambda: console.colour == "-wait")
        await console.until(lambda: line.value == written)

    play(tmp_path, story)
