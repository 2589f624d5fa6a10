"""The look at the ID card, and taking a passage back, as the guard sees them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.screens.console import Console, gate

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)
            assert console.is_ready

    asyncio.run(told())


def test_enter_says_that_the_id_card_matches(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue("赵小强", "visitor")
        await console.press("f2")
        await console.scan(row.token)
        await console.press("enter")
        assert console.rows() == []
        await console.measure(36.5)
        assert console.colour == "-wait"
        assert "LOOK AT THE ID CARD" in console.verdict
        await console.press("enter")
        assert (console.colour, console.rows()) == ("-allow", ["赵小强 allowed"])
        assert console.passages()[-1].id_matches is True

    play(tmp_path, story)


def test_ctrl_r_refuses_whoever_has_no_id_card(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2")
        await console.scan(console.issue("赵小强", "visitor").token)
        await console.press("ctrl+r")
        assert (console.colour, console.rows()) == ("-refuse", ["赵小强 refused"])
        assert console.passages()[-1].reasons == ["no_id"]
        assert "ID card" in console.verdict

    play(tmp_path, story)


def test_ctrl_r_asks_nobody_for_a_card_that_is_not_needed(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("ctrl+r")
        assert len(console.hints) == 1
        await console.scan(console.issue().token)
        await console.press("ctrl+r")
        assert "no ID card is asked for" in console.hints[0]
        assert console.rows() == []

    play(tmp_path, story)


def test_ctrl_z_takes_the_last_passage_back(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await console.admit(row.token)
        assert "1" in console.counts
        await console.press("ctrl+z")
        await console.fill_in(reason="wrong pass")
        assert [event.kind for _n, event in console.station.journal.read()][-1] == "passage.undone"
        counts = console.station.register.counts(console.station.gate.today())
        assert (counts.exits, counts.away) == (0, 0)
        assert "taken back" in console.hints[0]
        console.clock.move(60)
        await console.admit(row.token)
        assert console.rows() == ["王小明 allowed", "王小明 allowed"]

    play(tmp_path, story)


def test_what_is_too_old_is_not_taken_back(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("ctrl+z")
        await console.fill_in(reason="x")
        assert "no passage here" in console.hints[0]
        await console.admit(console.issue().token)
        console.clock.move(15 * 60 + 61)
        await console.press("ctrl+z")
        await console.fill_in(reason="x")
        assert "more than 15 minutes old" in console.hints[0]
        assert "passage.undone" not in [event.kind for _n, event in console.station.journal.read()]

    play(tmp_path, story)


def test_after_the_clock_went_back_the_lead_confirms_it(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("ctrl+t")
        assert "clock is right" in console.hints[0]
        row = console.issue()
        console.clock.move(-3600)
        await console.scan(row.token)
        assert console.colour == "-refuse"
        assert "Ctrl+T" in console.verdict
        await console.press("ctrl+t")
        await console.fill_in(lead="郑主任")
        console.clock.move(6)
        await console.scan(row.token)
        assert console.colour == "-wait"
        assert [event.kind for _n, event in console.station.journal.read()][-1] == "clock.confirmed"

    play(tmp_path, story)
