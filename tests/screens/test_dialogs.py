"""The gate's dialogs: what the guard answers, and what a scanner sends while one is open."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.screens.console import GUARD, Console, gate

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story, *, on_duty: bool = True) -> None:
    async def told() -> None:
        async with gate(folder, on_duty=on_duty) as console:
            await story(console)
            assert console.is_ready

    asyncio.run(told())


def test_turned_back_with_a_reason(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(36.5)
        await console.press("f6")
        await console.fill_in(remark="没戴口罩")
        (body,) = console.passages()
        assert (body.outcome, body.remark, console.colour) == ("turned_back", "没戴口罩", "-refuse")
        assert "没戴口罩" in console.recent

    play(tmp_path, story)


def test_dropped_scan_records_nothing(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f6", "f6")
        assert (console.colour, console.rows()) == ("", [])

    play(tmp_path, story)


@pytest.mark.parametrize("key", ["f1", "f6", "f7"])
def test_escape_changes_nothing(tmp_path: Path, key: str) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press(key, "escape", key, "escape")
        assert (console.colour, console.rows()) == ("-wait", [])

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("typed", "celsius"),
    [
        ("36.5", 36.5),
        ("３６．５", 36.5),
        ("36,5", 36.5),
        ("36，5", 36.5),
        ("36。5", 36.5),
        (" 36.5 ", 36.5),
        ("nonsense", None),
        ("99", None),
        ("365", None),
        ("-36.5", None),
        ("nan", None),
        ("inf", None),
        ("3_6.5", None),
        ("1e999", None),
        ("[/]", None),
        ("{celsius}", None),
        ("\x1b[2J36.5", None),
        ("9" * 5_000, None),
    ],
)
def test_typed_reading(tmp_path: Path, typed: str, celsius: float | None) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f7")
        await console.fill_in(celsius=typed, reason="battery empty")
        if celsius is None:
            assert (console.colour, len(console.hints)) == ("-wait", 1)
            assert "\x1b" not in console.hints[0]
            return
        assert (console.colour, console.hints) == ("-allow", [])
        assert "36.5" in console.reading
        await console.press("enter")
        (attempt,) = console.passages()[0].attempts
        assert (attempt.celsius, attempt.manual, attempt.reason) == (celsius, True, "battery empty")

    play(tmp_path, story)


def test_no_reading_needs_a_look(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f7")
        await console.fill_in(celsius="", reason="battery empty")
        assert console.colour == "-attention"
        await console.press("enter")
        assert console.rows() == []
        await console.press("f10")
        (body,) = console.passages()
        assert (body.outcome, body.reasons, body.no_reading_reason) == ("allowed", ["no_reading"], "battery empty")

    play(tmp_path, story)


def test_a_typed_reading_replaces_a_low_one(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.sees(33.0)
        await console.press("f7")
        await console.fill_in(celsius="36.6", reason="ice on the lens")
        await console.sees(33.0)
        assert (console.colour, "36.6" in console.reading) == ("-allow", True)

    play(tmp_path, story)


def test_reading_with_nobody_says_so(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f7")
        await console.fill_in(celsius="36.5")
        assert (len(console.hints), console.rows()) == (1, [])

    play(tmp_path, story)


def test_first_start_asks_who_is_on_duty(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        assert console.app.screen is not console.screen
        await console.press("enter")
        assert (len(console.hints), console.station.register.current_shift()) == (1, None)
        await console.press("f9", "f10")
        await console.fill_in(guards=GUARD, lead="吴组长")
        await console.press("escape")
        await console.until(lambda: console.is_ready)
        assert GUARD in console.status
        await console.admit(console.issue().token)
        assert console.rows() == ["王小明 allowed"]

    play(tmp_path, story, on_duty=False)


def test_escape_at_first_start_does_not_stop_the_gate(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("escape")
        assert len(console.hints) == 1
        await console.admit(console.issue().token)
        assert console.rows() == ["王小明 allowed"]

    play(tmp_path, story, on_duty=False)


@pytest.mark.parametrize("key", ["f1", "f6", "f7"])
def test_a_scan_into_a_dialog_comes_next(tmp_path: Path, key: str) -> None:
    """A wedge scanner types wherever the focus is, and presses Enter."""

    async def story(console: Console) -> None:
        first, second = console.issue("王小明"), console.issue("李小红")
        await console.scan(first.token)
        await console.press(key)
        await console.wedge(second.token)
        await console.until(lambda: console.verdict.splitlines()[-1].startswith("1 "))
        assert console.rows() == []
        await console.press("escape")
        await console.measure(36.5)
        await console.press("enter")
        assert (console.rows(), "李*红" in console.verdict) == (["王小明 allowed"], True)

    play(tmp_path, story)


def test_a_scan_at_first_start_is_no_guard(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.wedge(console.issue().token)
        await console.fill_in(guard=GUARD)
        await console.until(lambda: console.colour == "-wait")
        assert (console.rows(), GUARD in console.status) == ([], True)

    play(tmp_path, story, on_duty=False)


def test_a_scan_spoils_no_answer_and_no_other_person(tmp_path: Path) -> None:
    """The dialog is about the person with the fever; who is scanned meanwhile gets nothing of it."""

    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.measure(38.2)
        await console.press("f7", "3", "7", ".", "9")
        await console.wedge(console.issue("李小红").token)
        await console.press("enter")
        assert console.rows() == ["王小明 refused"] * 2
        assert [attempt.celsius for attempt in console.passages()[1].attempts] == [38.2, 37.9]
        assert ("李*红" in console.verdict, console.colour) == (True, "-wait")

    play(tmp_path, story)


def test_a_scan_keeps_the_default_it_overwrote(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.press("f7", "3", "6", ".", "5", "tab")
        await console.wedge(console.issue("李小红").token)
        await console.press("enter", "enter")
        assert console.rows() == ["王小明 allowed"]
        assert len(console.passages()[0].attempts[0].reason or "") > 1

    play(tmp_path, story)
