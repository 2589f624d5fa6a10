"""The staff screen: entered, given roles and a PIN, removed, by keys alone; admins on an admin's word."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from station.access import Role
from station.screens.staff import StaffScreen
from station.widgets.lines import HintLine
from tests.screens.console import Console, gate, text_of

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await console.press("f8", "ctrl+u")
            await console.until(lambda: isinstance(console.app.screen, StaffScreen))
            await story(console)

    asyncio.run(told())


def rows(console: Console) -> str:
    screen = console.app.screen_stack[0]
    assert isinstance(screen, StaffScreen)
    return text_of(screen.list)


def hint(console: Console) -> str:
    return text_of(console.app.screen_stack[0].query_one(HintLine))


def test_from_nobody_to_a_lead_with_a_pin(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        assert "F5 = add the lead" in rows(console)
        await console.press("f5")
        await console.fill_in(name="张带班[/]", roles="\uff12 3")
        assert "张带班[/]" in rows(console)
        assert "lead, issuer" in rows(console)
        await console.press("f6")
        await console.fill_in(pin="2580", again="2581")
        assert "not the same" in hint(console)
        await console.press("f6")
        await console.fill_in(pin="2580", again="2580")
        assert "with PIN" in rows(console)
        await console.press("enter")
        await console.fill_in(roles="9")
        assert "write numbers from 1 to 4" in hint(console)
        await console.press("f9", *"2580", "enter")
        await console.until(lambda: "F5 = add the lead" in rows(console))
        kinds = [event.kind for _n, event in console.station.journal.read()]
        assert kinds.count("staff.set") == 2

    play(tmp_path, story)


def test_a_lead_makes_no_admins_where_there_is_one(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        access = console.station.access
        access.set_member("李主任", [Role.ADMIN])
        access.set_pin("李主任", "1379")
        await console.press("f5")
        await console.fill_in(name="周师傅", roles="4")
        await console.press("escape")
        assert [one.name for one in access.members()] == ["李主任"]
        await console.press("f5")
        await console.fill_in(name="周师傅", roles="4")
        await console.press(*"1379", "enter")
        await console.until(lambda: len(access.members()) == 2)

    play(tmp_path, story)
