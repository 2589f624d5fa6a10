"""One person after another at the gate screen: what the guard sees, and what the journal holds."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from passes.kinds import PRESETS
from passes.trips import Direction
from station import issuing
from tests.screens.console import Console, gate

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)
            assert console.is_ready
            assert console.station.journal.verify() > 0

    asyncio.run(told())


def test_scan_reading_enter(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await console.scan(row.token)
        assert (console.colour, console.rows()) == ("-wait", [])
        await console.measure(36.5)
        assert (console.colour, console.rows()) == ("-allow", [])
        assert "36.5" in console.reading
        await console.press("enter")
        assert (console.colour, console.rows()) == ("-allow", ["王小明 allowed"])
        assert "08:00:" in console.verdict
        assert "王*明" in console.recent
        assert "36.5" in console.recent

    play(tmp_path, story)


def test_a_scanner_that_types(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.wedge(console.issue().token)
        await console.until(lambda: console.colour == "-wait")

    play(tmp_path, story)


def test_enter_without_a_reading_says_so(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("enter", "enter", "f10")
        assert (console.colour, console.rows()) == ("-wait", [])
        assert len(console.hints) == 1

    play(tmp_path, story)


def test_enter_with_nobody_says_so(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("enter", "f10")
        assert (console.colour, console.rows(), len(console.hints)) == ("", [], 1)

    play(tmp_path, story)


def test_enter_twice_records_once(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(36.5)
        await console.press("enter", "enter", "f10", "enter")
        assert console.rows() == ["王小明 allowed"]
        assert console.colour == "-allow"

    play(tmp_path, story)


def test_amber_needs_its_own_key(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await console.admit(row.token)
        issuing.revoke(console.station.journal, console.station.register, console.clock, row, reason="lost")
        await console.press("f2")
        await console.scan(row.token)
        await console.measure(36.5)
        assert console.colour == "-attention"
        await console.press("enter")
        assert console.rows() == ["王小明 allowed"]
        await console.press("f10")
        assert console.rows() == ["王小明 allowed"] * 2

    play(tmp_path, story)


def test_red_is_recorded_by_itself_and_enter_does_nothing(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan("no pass")
        assert (console.colour, console.rows()) == ("-refuse", ["no pass refused"])
        await console.press("enter", "f10")
        assert (console.colour, console.rows()) == ("-refuse", ["no pass refused"])

    play(tmp_path, story)


def test_a_second_scan_waits_and_comes_next(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        first, second = console.issue("王小明"), console.issue("李小红")
        await console.scan(first.token)
        await console.scan(second.token)
        assert "王*明" in console.verdict
        assert console.verdict.splitlines()[-1].startswith("1 ")
        await console.measure(36.5)
        await console.press("enter")
        assert "李*红" in console.verdict
        assert (console.colour, console.rows()) == ("-wait", ["王小明 allowed"])
        await console.measure(36.6)
        await console.press("enter")
        assert [body.attempts[-1].celsius for body in console.passages()] == [36.5, 36.6]

    play(tmp_path, story)


def test_more_than_five_waiting_are_told_not_dropped_silently(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        for number in range(7):
            await console.scan(console.issue(f"王{number}号").token)
        assert console.verdict.splitlines()[-1].startswith("5 ")
        assert len(console.hints) == 1

    play(tmp_path, story)


def test_who_waits_behind_a_fever_is_not_jumped_over(tmp_path: Path) -> None:
    """A fever ends the first person's turn without Enter; the second must still come before the third."""

    async def story(console: Console) -> None:
        names = ("王小明", "李小红", "张小刚")
        tokens = [console.issue(name).token for name in names]
        await console.scan(tokens[0])
        await console.scan(tokens[1])
        await console.measure(38.2)
        assert console.rows() == ["王小明 refused"]
        await console.scan(tokens[2])
        assert "李*红" in console.verdict
        for celsius in (36.5, 36.6):
            await console.measure(celsius)
            await console.press("enter")
        assert console.rows() == ["王小明 refused", "李小红 allowed", "张小刚 allowed"]

    play(tmp_path, story)


def test_enter_on_red_calls_who_waits(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.scan(console.issue("李小红").token)
        await console.measure(38.2)
        await console.press("enter")
        assert "李*红" in console.verdict
        assert console.rows() == ["王小明 refused"]

    play(tmp_path, story)


def test_a_reading_is_never_the_next_persons(tmp_path: Path) -> None:
    """Who has just been recorded still stands before the thermometer when the next one is called."""

    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.scan(console.issue("李小红").token)
        await console.sees(36.5)
        await console.press("enter")
        assert "李*红" in console.verdict
        await console.sees(36.5, frames=20)
        assert console.colour == "-wait"
        await console.sees(23.0, frames=1)
        await console.sees(37.9)
        assert console.rows() == ["王小明 allowed", "李小红 refused"]

    play(tmp_path, story)


def test_a_cable_that_comes_back_waits_for_nobody_to_step_away(tmp_path: Path) -> None:
    from station.devices.measurement import CONNECTED_SENTENCE, Link, LinkState

    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.sees(36.5)
        await console.press("enter")
        await console.say(LinkState(Link.ABSENT, "{port}: gone", {"port": "X"}))
        await console.scan(console.issue("李小红").token)
        await console.say(LinkState(Link.CONNECTED, CONNECTED_SENTENCE, {"port": "X"}))
        await console.sees(36.7)
        assert (console.colour, "36.7" in console.reading) == ("-allow", True)

    play(tmp_path, story)


def test_low_reading_then_another_site(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(33.4)
        assert (console.colour, console.rows()) == ("-wait", [])
        await console.press("enter")
        await console.measure(36.4)
        await console.press("enter")
        assert [attempt.celsius for attempt in console.passages()[0].attempts] == [33.4, 36.4]

    play(tmp_path, story)


def test_fever_then_measured_again(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(38.2)
        assert (console.colour, console.rows()) == ("-refuse", ["王小明 refused"])
        await console.press("enter", "f7", "f7")
        await console.measure(36.8)
        assert console.colour == "-allow"
        await console.press("enter")
        assert console.rows() == ["王小明 refused", "王小明 allowed"]
        assert [attempt.celsius for attempt in console.passages()[1].attempts] == [38.2, 36.8]

    play(tmp_path, story)


def test_a_fever_is_not_cooled_by_the_next_forehead(tmp_path: Path) -> None:
    """The next in the queue steps up before scanning: nobody asked to measure the feverish one again."""

    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(38.2)
        await console.measure(36.5)
        await console.press("enter", "f10")
        assert (console.colour, console.rows()) == ("-refuse", ["王小明 refused"])

    play(tmp_path, story)


def test_measuring_again_replaces_a_normal_reading(tmp_path: Path) -> None:
    """The guard mistrusts a normal reading: the new one must decide, not only be shown."""

    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(36.2)
        await console.press("f7", "f7")
        await console.measure(38.0)
        assert (console.colour, console.rows()) == ("-refuse", ["王小明 refused"])

    play(tmp_path, story)


def test_the_same_code_twice_is_one_passage(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await console.scan(row.token)
        await console.scan(row.token)
        await console.measure(36.5)
        await console.press("enter")
        console.clock.move(4)
        await console.scan(row.token)
        assert console.colour == "-allow"
        await console.press("enter", "f10")
        assert console.rows() == ["王小明 allowed"]

    play(tmp_path, story)


def test_direction_in_the_middle_of_a_scan(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(36.5)
        await console.press("f2")
        assert console.colour == "-allow"
        await console.press("f2", "f2", "enter")
        (body,) = console.passages()
        assert (body.direction, [attempt.celsius for attempt in body.attempts]) == ("entry", [36.5])
        assert body.reasons == ["no_open_trip"]

    play(tmp_path, story)


def test_direction_that_refuses_is_recorded_once(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await console.admit(row.token)
        await console.press("f2")
        await console.admit(row.token)
        await console.scan(row.token)
        await console.measure(36.5)
        await console.press("f2")
        assert console.colour == "-refuse"
        assert [body.outcome for body in console.passages()] == ["allowed", "allowed", "refused"]

    play(tmp_path, story)


def test_direction_keeps_the_reason_for_no_reading(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f7")
        await console.fill_in(celsius="", reason="battery empty")
        await console.press("f2", "f10")
        (body,) = console.passages()
        assert (body.direction, body.no_reading_reason) == ("entry", "battery empty")

    play(tmp_path, story)


@pytest.mark.parametrize("kind", PRESETS)
def test_every_kind_goes_both_ways(tmp_path: Path, kind: str) -> None:
    async def story(console: Console) -> None:
        row = console.issue(kind=kind)
        if PRESETS[kind].first_leg is Direction.ENTRY:
            await console.press("f2")
        await console.admit(row.token)
        await console.press("f2")
        await console.admit(row.token)
        assert [body.leg for body in console.passages()] == ["first", "return"]

    play(tmp_path, story)
