"""The front desk as tests meet it: a visitor's data, two cards, and the forms."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

from textual.widgets import Input, Static

from station.assembly import Station
from station.devices.idcard.card import CardError, CardKind, IdCard, Sex
from station.screens.messages import CardSaid
from sync.bodies import PersonRegistered
from sync.events import read_body
from tests.screens.console import Console, gate, text_of

NUMBER = "110101199003074477"
PHONE = "13800001234"
CARD = IdCard(
    kind=CardKind.RESIDENT,
    name="钱多多",
    sex=Sex.MALE,
    birth=date(1990, 3, 7),
    id_number=NUMBER,
    valid_from=date(2020, 1, 1),
    valid_until=None,
    address="某市某区一号",
)
OTHER_CARD = IdCard(
    kind=CardKind.RESIDENT,
    name="孙小圣",
    sex=Sex.MALE,
    birth=date(1985, 1, 1),
    id_number="110101198501010019",
    valid_from=date(2010, 1, 1),
    valid_until=date(2020, 1, 1),
    address="某市某区二号",
)
Story = Callable[[Console], Awaitable[None]]
VISIT = {"name": "钱多多", "id_number": NUMBER, "phone": PHONE, "host": "王小明", "purpose": "修水管"}


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)
            assert console.is_ready

    asyncio.run(told())


async def let_in(console: Console, **visit: str) -> None:
    """Register a visitor at a gate that looks at those who come in, measure, Enter."""
    await console.press("f3")
    await console.fill_in(**{**VISIT, **visit})
    await console.measure(36.5)
    await console.press("enter")
    console.clock.move(60)


async def card(console: Console, event: IdCard | CardError) -> None:
    console.screen.post_message(CardSaid(event))
    await console.pilot.pause()
    await console.pilot.pause()


def registered(station: Station) -> list[PersonRegistered]:
    bodies = [read_body(event.kind, event.body) for _n, event in station.journal.read()]
    return [body for body in bodies if isinstance(body, PersonRegistered)]


def trouble(console: Console) -> str:
    return text_of(console.app.screen.query_one("#trouble", Static))


def field(console: Console, name: str) -> str:
    return console.app.screen.query_one(f"#{name}", Input).value
