"""What the pictures show: every screen of the catalogue, the gate in its colours, and what it asks."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

from textual.widgets import Input

from docs.sample import PIN, Morning, said
from passes.errors import N_
from station.assembly import Station
from station.devices.manager import Device, DeviceState
from station.devices.measurement import Link, LinkState
from station.devices.ports import Likeness, PortInfo
from station.dialogs.pin import PinDialog
from station.i18n import Language
from station.screens.catalogue import SCREENS, entry
from station.screens.messages import CourierSaid, DeviceSaid
from station.screens.work import WorkScreen
from sync.client import TransferError
from sync.courier import CourierState
from tests.screens.console import Console, gate

SIZES = ((80, 24), (120, 40))
Take = Callable[[Console, str], Awaitable[None]]
"""Takes the picture of that name of what is on the screen now."""


_PORTS = (
    PortInfo("/dev/ttyUSB0", Likeness.BRIDGE),
    PortInfo("/dev/ttyACM0", Likeness.SCANNER),
)
"""What is plugged in, whatever the machine has that takes the pictures."""


@asynccontextmanager
async def morning(folder: Path, language: Language, size: tuple[int, int]) -> AsyncIterator[tuple[Console, Morning]]:
    """Open the gate of `docs.sample` with devices and community well; chance gives the same every time."""
    rng = random.Random(7)  # noqa: S311 - for pictures that stay the same
    stories: list[Morning] = []

    def before(station: Station) -> None:
        stories.append(Morning(station))
        stories[0].live()

    with (
        patch("secrets.token_bytes", rng.randbytes),
        patch("os.urandom", rng.randbytes),
        patch("station.screens.devices.list_ports", lambda: list(_PORTS)),
    ):
        async with gate(folder, size=size, language=language, on_duty=False, before=before) as console:
            await devices_say(console, Link.CONNECTED)
            console.screen.post_message(CourierSaid(CourierState(console.clock.ms, 0)))
            await console.pilot.pause()
            yield console, stories[0]


async def devices_say(console: Console, thermometer: Link) -> None:
    """Let thermometer and scanner say how they fare."""
    for device, setting, state in (
        (Device.THERMOMETER, "thermometer.port", thermometer),
        (Device.SCANNER, "scanners.1.port", Link.CONNECTED),
    ):
        console.screen.post_message(DeviceSaid(DeviceState(device, setting, LinkState(state, ""))))
    await console.pilot.pause()


async def play(console: Console, story: Morning, take: Take) -> None:
    """Go through everything that there is to see, and let `take` take each picture."""
    await _at_the_gate(console, story, take)
    await _questions(console, story, take)
    story.send(set_aside=1)
    story.hear()
    for one in SCREENS:
        await _opened(console, one.name)
        await take(console, one.name)
        for name, keys in _ON_SCREENS.get(one.name, ()):
            await console.press(*keys)
            await take(console, name)
            await console.press("escape")
        await (_unlocked(console) if one.name == "lock" else console.press("escape"))
        await console.until(lambda: console.is_ready)
    await _trouble(console, story, take)


_ON_SCREENS: dict[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "roster": (("roster-add", ("f6",)),),
    "passes": (("passes-change", ("f6",)),),
    "log": (("log-passage", ("down", "down", "down", "enter")), ("log-filter", ("f6",))),
    "shift": (("shift-sign", ("f4", "f10")),),
    "incidents": (("incidents-new", ("f5",)),),
    "isolation": (("isolation-check", ("f6",)),),
    "travel": (("travel-stick", ("f10",)),),
    "staff": (("staff-add", ("f5",)),),
}
"""What is asked on a screen, and the keys that lead there."""


async def _at_the_gate(console: Console, story: Morning, take: Take) -> None:
    """Show the gate in all its colours."""
    rows = story.rows
    await take(console, "gate")
    await console.scan(rows[0].token)
    await take(console, "gate-measure")
    await console.measure(36.5)
    await take(console, "gate-allow")
    await console.press("f6")
    await take(console, "gate-turn-back")
    await console.press("escape", "enter")
    await take(console, "gate-recorded")
    await console.scan(rows[7].token)
    await console.measure(38.1)
    await take(console, "gate-fever")
    await console.press("f6")
    await take(console, "gate-fever-next")
    await console.press("escape")
    console.clock.move(20)
    await console.scan(rows[1].token)
    await take(console, "gate-refuse")
    await console.press("f6", "f5")
    await console.fill_in(reason=said("急诊", "to the hospital"))
    await take(console, "gate-override")
    await console.press("escape", "f6", "f4")
    await take(console, "gate-missed")
    await console.press("escape", "f2")  # whoever is out already comes in
    await console.measure(36.4)
    await console.press("enter")
    console.clock.move(20)
    await console.scan(rows[8].token)
    await take(console, "gate-quarantine")
    console.clock.move(20)
    await console.scan(rows[9].token)
    await console.measure(36.4)
    await take(console, "gate-attention")
    await console.press("f10")


async def _questions(console: Console, story: Morning, take: Take) -> None:
    """Show what the gate asks, and its pages of keys; people are coming in."""
    console.clock.move(20)
    await console.press("f3")
    await console.write(**story.visit)
    await take(console, "visitor")
    await console.press("enter")
    await console.measure(36.6)
    await take(console, "gate-id-card")
    await console.press("f7")
    await take(console, "temperature")
    await console.press("escape", "enter")
    console.clock.move(20)
    await console.press("f4")
    await take(console, "vehicle-plate")
    await console.fill_in(plate="鲁B24680")
    await console.write(**story.ride)
    await take(console, "vehicle")
    await console.press("escape", "f2", "f3")
    await take(console, "visitor-leaves")
    await console.press("escape")
    for name, key in (("undo", "ctrl+z"), ("new-pass", "ctrl+n"), ("keys", "f1"), ("menu", "f8"), ("find", "ctrl+p")):
        await console.press(key)
        await take(console, name)
        await console.press("escape")


async def _opened(console: Console, name: str) -> None:
    """Open a screen from the menu, with a PIN where one is asked for."""
    await console.press("f8", entry(name).key)
    await console.pilot.pause()
    if isinstance(console.app.screen, PinDialog):
        await _prove(console)
    await console.until(lambda: isinstance(console.app.screen_stack[0], WorkScreen))
    await console.pilot.pause()


async def _prove(console: Console) -> None:
    console.app.screen.query_one("#pin", Input).value = PIN
    await console.press("enter")


async def _unlocked(console: Console) -> None:
    await console.press("enter")
    await _prove(console)


async def _trouble(console: Console, story: Morning, take: Take) -> None:
    """Show a gate that is cut off from thermometer and network, and a post that nobody keeps."""
    await devices_say(console, Link.ABSENT)
    down = TransferError(N_("the community cannot be reached; records stay here and are sent later"))
    console.clock.move(300)
    console.screen.post_message(CourierSaid(CourierState(console.clock.ms - 300_000, 0, down)))
    await console.scan(story.rows[3].token)
    await take(console, "gate-trouble")
    await console.press("f6", "f6")
    story.leave()
    await _opened(console, "shift")
    await take(console, "shift-unmanned")
    await console.press("f10")
    await take(console, "shift-take-up")
    await console.press("escape", "escape")
