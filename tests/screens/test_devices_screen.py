"""The devices screen, by keys alone: real lines behind it, the settings file and the gate after it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest

from station.app import GatepostApp
from station.assembly import open_station
from station.devices.guessing import Confidence
from station.devices.port import Port
from station.devices.ports import Likeness, PortInfo
from station.devices.simulator import SimulatedThermometer
from station.i18n import set_language
from station.screens.devices import DevicesScreen
from station.settings import FILE_NAME, load_settings
from station.widgets.device_rows import Choices, PortPanel, Rows
from station.widgets.lines import HintLine
from station.widgets.scan_field import PlainInput
from tests.devices.listening import hand_line
from tests.screens.console import Console, make_station, text_of
from tests.screens.test_hostile import HOSTILE, is_harmless
from tests.station.post import HandClock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

CABLE = PortInfo("/dev/ttyUSB9", Likeness.BRIDGE, maker="WCH", product="USB2.0-Serial")
Story = Callable[["Bench"], Awaitable[None]]


class Bench:
    """The guard before the devices screen."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.folder = console.station.folder

    @property
    def screen(self) -> DevicesScreen:
        screen = self.console.app.screen
        assert isinstance(screen, DevicesScreen)
        return screen

    @property
    def rows(self) -> list[str]:
        return text_of(self.screen.query_one(Rows)).splitlines()

    @property
    def marked(self) -> str:
        (row,) = [row for row in self.rows if row.startswith("> ")]
        return row

    @property
    def choices(self) -> str:
        return text_of(self.screen.query_one(Choices))

    @property
    def heard(self) -> str:
        return text_of(self.screen.query_one(PortPanel))

    @property
    def hint(self) -> str:
        return text_of(self.screen.query_one(HintLine))

    async def press(self, *keys: str) -> None:
        await self.console.pilot.press(*keys)
        await self.console.pilot.pause()

    async def go_to(self, label: str) -> None:
        """Mark the line of this name."""
        for _ in range(len(self.rows)):
            if self.marked.startswith(f"> {label}"):
                return
            await self.press("down")
        raise AssertionError(f"no line {label}: {self.rows}")

    async def type(self, label: str, value: str) -> None:
        await self.go_to(label)
        await self.press("ctrl+u", "ctrl+k")
        await self.console.paste(value)
        await self.press("enter")

    async def choose(self, label: str, value: str) -> None:
        await self.go_to(label)
        for _ in range(30):
            if value in self.marked:
                return
            await self.press("right")
        raise AssertionError(f"{value} cannot be chosen: {self.choices}")

    async def until(self, is_so: Callable[[], bool]) -> None:
        await self.console.until(is_so)


@asynccontextmanager
async def bench(
    folder: Path, *, port: str = "", language: Literal["zh", "en"] = "en", size: tuple[int, int] = (80, 24)
) -> AsyncIterator[Bench]:
    clock = HandClock()
    set_language(language)
    with open_station(make_station(folder, language=language, port=port), clock) as station:
        app = GatepostApp(station)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            yield Bench(Console(app, pilot, station, clock))


@pytest.fixture(autouse=True)
def _ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.screens.devices.list_ports", lambda: [CABLE])


def play(folder: Path, story: Story, *, port: str = "") -> None:
    async def told() -> None:
        async with bench(folder, port=port) as at:
            await at.press("f11")
            await story(at)

    asyncio.run(told())


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["Device", "Port", "Protocol", "thermometer", "none", "No port chosen"]),
        ("zh", ["设备", "串口", "协议", "体温计", "无", "没有选串口"]),
    ],
)
def test_it_opens_and_fits(
    tmp_path: Path, language: Literal["zh", "en"], words: list[str], size: tuple[int, int]
) -> None:
    async def told() -> None:
        async with bench(tmp_path, language=language, size=size) as at:
            await at.press("f11")
            shown = "\n".join([*at.rows, at.choices, at.heard])
            assert [word for word in words if word not in shown] == []
            assert at.screen.query_one(Rows).size.height >= 11
            for widget in at.screen.children:
                assert widget.region.bottom <= size[1]
            assert isinstance(at.console.app.focused, PlainInput)
            await at.press("escape")
            assert at.console.is_ready

    asyncio.run(told())


def test_ports_of_the_machine_can_be_chosen(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.go_to("Port")
        assert "/dev/ttyUSB9  a USB-serial c" in at.choices
        await at.press("right")
        assert "/dev/ttyUSB9" in at.marked
        await at.until(lambda: "/dev/ttyUSB9" in at.heard)  # there is none: told with its remedy
        assert "cable" in at.heard
        await at.press("left")
        assert "No port chosen" in at.heard

    play(tmp_path, story)


def test_a_device_is_found_taken_and_in_force(tmp_path: Path) -> None:
    with SimulatedThermometer(tmp_path / "line", protocol="gy-614v") as simulated:
        simulated.present(36.6)

        async def story(at: Bench) -> None:
            await at.type("Port", simulated.url)
            await at.until(lambda: "gy-614v" in at.heard)
            assert "A4 03 07 07" in at.heard
            await at.press("f5")
            assert any(row.startswith("  quantity") for row in at.rows)
            await at.type("Degrees to add", "0.2")
            await at.choose("Where", "wrist")
            await at.press("f10")
            assert "Saved" in at.hint
            saved = load_settings(at.folder).thermometer
            assert (saved.port, saved.protocol, saved.offset_celsius, saved.site) == (
                simulated.url,
                "gy-614v",
                0.2,
                "wrist",
            )
            await at.press("escape")
            console = at.console
            await console.until(lambda: console.is_ready and "thermometer OK" in console.health)
            await console.until(lambda: "36." in console.reading)
            assert console.station.settings.thermometer == saved

        play(tmp_path, story)


def test_an_asked_device_is_asked_only_after_it_was_chosen(tmp_path: Path) -> None:
    with SimulatedThermometer(tmp_path / "line", protocol="heimann-calct") as simulated:
        simulated.present(36.6)

        async def story(at: Bench) -> None:
            await at.type("Port", simulated.url)
            await at.until(lambda: "0 bytes heard" in at.heard)
            await at.press("f5")
            assert "choose it" in at.hint
            await at.choose("Protocol", "heimann-calct")
            await at.press("f6")
            await at.until(lambda: "C skin" in at.heard)
            await at.press("f6")
            await at.until(lambda: "bytes heard" in at.heard)

        play(tmp_path, story)


def test_nothing_is_written_while_listening(tmp_path: Path) -> None:
    with hand_line() as (master, name):
        os.set_blocking(master, False)

        async def story(at: Bench) -> None:
            await at.type("Port", name)
            await at.until(lambda: "0 bytes heard" in at.heard)
            await at.choose("Protocol", "optris")
            os.write(master, b"hello there")
            await at.until(lambda: "11 bytes heard" in at.heard)
            with pytest.raises(BlockingIOError):
                os.read(master, 1)

        play(tmp_path, story)


@pytest.mark.parametrize("text", [text for text in HOSTILE.values() if "\ud800" not in text])
def test_hostile_bytes_are_shown_as_harmless_text(tmp_path: Path, text: str) -> None:
    data = text.encode()[:90]
    with hand_line() as (master, name):

        async def story(at: Bench) -> None:
            await at.type("Port", name)
            await at.until(lambda: "0 bytes heard" in at.heard)
            os.write(master, data)
            await at.until(lambda: f"{len(data)} bytes heard" in at.heard)
            assert is_harmless(at.heard)
            assert data[-1:].hex().upper() in at.heard
            await at.choose("Device", "scanner")
            await at.press("f6")
            await at.until(lambda: "connected" in at.heard)
            os.write(master, data + b"\r")
            await at.until(lambda: "code read" in at.heard)
            assert is_harmless(at.heard)
            assert is_harmless("\n".join(at.rows))

        play(tmp_path, story)


@pytest.mark.parametrize(
    ("label", "value", "words"),
    [
        ("Degrees to add", "9", ["thermometer.offset_celsius", "9"]),
        ("Baud rate", "fast", ["thermometer.baud_rate", "fast"]),
        ("Degrees to add", "\x1b[2J[/]{x}", ["thermometer.offset_celsius"]),
    ],
)
def test_a_value_that_cannot_be_is_told_and_not_saved(tmp_path: Path, label: str, value: str, words: list[str]) -> None:
    async def story(at: Bench) -> None:
        before = (at.folder / FILE_NAME).read_bytes()
        await at.type(label, value)
        await at.press("f10")
        assert [word for word in words if word not in at.hint] == []
        assert is_harmless(at.hint)
        assert (at.folder / FILE_NAME).read_bytes() == before
        await at.press("f6")
        assert "Choose the port first" in at.hint

    play(tmp_path, story)


def test_leaving_unsaved_is_asked_once_and_leaves_everything_as_it_was(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        before = (at.folder / FILE_NAME).read_bytes()
        await at.type("Degrees to add", "0.4")
        await at.press("escape")
        assert "Not saved" in at.hint
        await at.press("escape")
        assert at.console.is_ready
        assert (at.folder / FILE_NAME).read_bytes() == before
        await at.press("f11")
        await at.go_to("Degrees to add")
        assert at.marked.split()[-1] == "0"

    play(tmp_path, story)


@pytest.mark.parametrize("label", ["Device", "Port", "Degrees to add"])
def test_a_scan_brings_the_gate_back_and_nothing_is_lost(tmp_path: Path, label: str) -> None:
    async def story(at: Bench) -> None:
        console = at.console
        await at.type("Degrees to add", "0.4")
        await at.go_to(label)
        await console.wedge(console.issue().token)
        await console.until(lambda: console.is_ready and "王*明" in console.verdict)
        await console.measure(36.5)
        await console.press("enter")
        assert console.rows() == ["王小明 allowed"]
        await at.press("f11")
        await at.go_to("Degrees to add")
        assert at.marked.split()[-1] == "0.4"

    play(tmp_path, story)


def test_whoever_waits_at_the_gate_is_still_there(tmp_path: Path) -> None:
    async def told() -> None:
        async with bench(tmp_path) as at:
            console = at.console
            await console.scan(console.issue("王小明").token)
            await at.press("f11")
            await at.type("Degrees to add", "0.5")
            await at.press("f10", "escape")
            await console.until(lambda: console.is_ready)
            assert (console.colour, "王*明" in console.verdict) == ("-wait", True)
            await console.measure(36.5)
            await console.press("enter")
            (body,) = console.passages()
            assert (body.attempts[0].celsius, body.attempts[0].raw_celsius) == (37.0, 36.5)

    asyncio.run(told())


def test_the_running_thermometer_lets_go_and_comes_back(tmp_path: Path) -> None:
    with SimulatedThermometer(tmp_path / "line") as simulated:

        async def told() -> None:
            async with bench(tmp_path, port=simulated.url) as at:
                console = at.console
                await console.until(lambda: "thermometer OK" in console.health)
                await at.press("f11")
                await at.until(lambda: "gy-mcu9061x" in at.heard)  # the screen itself could open it
                await at.choose("Port", "none")
                Port(simulated.url, 9600).close()
                await at.press("escape", "escape")
                await console.until(lambda: console.is_ready and "thermometer OK" in console.health)

        asyncio.run(told())


def test_help_names_the_keys(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.press("f1", "escape")
        assert at.marked.startswith("> Device")

    play(tmp_path, story)


def test_confidence_has_words_of_its_own() -> None:
    from station.wizard import CONFIDENCES

    assert set(CONFIDENCES) == set(Confidence)
