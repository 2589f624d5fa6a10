"""Serial scanners, ID card reader, thermometer and health line, as the guard meets them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest
from textual.widgets import Input, Static

from passes.trips import Direction
from station.devices.idcard.card import CardError
from station.devices.idcard.simulator import PEOPLE
from station.devices.manager import CardRead, CodeScanned, Device, DeviceChanged, DeviceState
from station.devices.measurement import CONNECTED_SENTENCE, Fault, FaultCode, Link, LinkState, Measurement
from station.screens.messages import DeviceSaid
from station.widgets.lines import HealthLine
from station.widgets.scan_field import ScanField
from tests.screens.console import Console, gate, text_of

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)

    asyncio.run(told())


async def serial(console: Console, code: str, direction: Direction | None = None) -> None:
    """Let a serial scanner read a code, as its thread tells it."""
    console.app._device_said(CodeScanned(code, direction))
    await console.pilot.pause()


def test_a_serial_scanner_needs_no_focus_and_no_key(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("a")
        await serial(console, console.issue().token)
        assert console.colour == "-wait"
        assert console.screen.query_one(ScanField).value == "a"

    play(tmp_path, story)


@pytest.mark.parametrize("key", ["f1", "f6", "f7"])
def test_a_serial_scan_into_a_dialog_waits_for_its_end(tmp_path: Path, key: str) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.press(key)
        await serial(console, console.issue("李小红").token)
        assert "王*明" in console.verdict
        await console.press("escape")
        await console.measure(36.5)
        await console.press("enter")
        assert (console.rows(), "李*红" in console.verdict) == (["王小明 allowed"], True)

    play(tmp_path, story)


def test_whoever_is_scanned_while_the_help_is_open_comes_when_it_is_closed(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f1")
        await serial(console, console.issue().token)
        assert console.colour == ""
        await console.press("escape")
        await console.until(lambda: console.colour == "-wait")

    play(tmp_path, story)


def test_two_scanners_tell_the_direction(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        first, second = console.issue("王小明"), console.issue("李小红")
        await serial(console, first.token, Direction.ENTRY)
        assert "IN" in console.status
        await serial(console, second.token, Direction.EXIT)
        assert "IN" in console.status  # the person at the gate is still on the way in
        await console.measure(36.5)
        await console.press("enter")
        assert "OUT" in console.status
        await console.measure(36.6)
        await console.press("enter")
        assert [(body.holder, body.direction) for body in console.passages()] == [
            ("王小明", "entry"),
            ("李小红", "exit"),
        ]

    play(tmp_path, story)


def test_the_other_scanner_corrects_the_direction_of_the_same_pass(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await serial(console, row.token, Direction.EXIT)
        await console.measure(36.5)
        await serial(console, row.token, Direction.ENTRY)
        await console.press("enter")
        assert [(body.direction, len(body.attempts)) for body in console.passages()] == [("entry", 1)]

    play(tmp_path, story)


def test_both_kinds_of_scanner_at_once_are_one_passage(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await console.wedge(row.token)
        await serial(console, row.token)
        await console.measure(36.5)
        await console.press("enter")
        assert console.rows() == ["王小明 allowed"]

    play(tmp_path, story)


def test_an_id_card_that_nobody_wants_is_a_hint(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.app._device_said(CardRead(PEOPLE[0]))
        await console.until(lambda: bool(console.hints))
        assert console.hints == ["No visitor with this ID number is inside"]
        console.app._device_said(CardRead(CardError("lift it and put it on again")))
        await console.until(lambda: console.hints == ["lift it and put it on again"])

    play(tmp_path, story)


ALL = [
    DeviceState(Device.THERMOMETER, "thermometer.port"),
    DeviceState(Device.SCANNER, "scanners[0].port"),
    DeviceState(Device.SCANNER, "scanners[1].port"),
    DeviceState(Device.IDCARD, "idcard.port"),
]


def faring(state: DeviceState, link: Link) -> DeviceState:
    return DeviceState(state.device, state.setting, LinkState(link, CONNECTED_SENTENCE, {"port": "X"}))


async def fare(console: Console, *states: DeviceState) -> None:
    for state in states:
        console.app._device_said(DeviceChanged(state))
    await console.pilot.pause()


def test_nothing_is_said_of_a_device_that_there_is_not(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        assert not any(name in console.health for name in ("thermometer", "scanner", "ID reader"))

    play(tmp_path, story)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_health_line_fits(tmp_path: Path, language: Literal["zh", "en"]) -> None:
    async def told() -> None:
        async with gate(tmp_path, language=language) as console:
            line = console.screen.query_one(HealthLine)
            await fare(console, *(faring(state, Link.CONNECTED) for state in ALL))
            await console.until(lambda: line.region.height == 1)
            assert console.health.count("正常" if language == "zh" else " OK") == 3
            assert "-trouble" not in line.classes
            for link in set(Link) - {Link.CONNECTED}:
                for state in ALL:
                    await fare(console, faring(state, link))
                    rows = console.health.splitlines()
                    await console.until(lambda: line.region.height == len(console.health.splitlines()))
                    assert len(rows) == 2, rows
                    assert "-trouble" not in line.classes
                    console.clock.move(60)
                    console.screen._view.health()
                    assert "-trouble" in line.classes
                    await fare(console, faring(state, Link.CONNECTED))
            shared = LinkState(Link.UNUSABLE, "", {"port": "X", "other": "thermometer.port"})
            await fare(console, DeviceState(Device.SCANNER, "scanners[1].port", shared))
            assert "scanners[1].port" in console.health.splitlines()[-1]
            assert "thermometer.port" in console.health.splitlines()[-1]

    asyncio.run(told())


def test_the_worst_scanner_is_told(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await fare(console, *ALL)
        assert "scanner starting" in console.health
        await fare(console, faring(ALL[1], Link.CONNECTED), faring(ALL[2], Link.ABSENT))
        assert "scanner off" in console.health
        assert console.health.splitlines()[-1].startswith("scanner is gone")

    play(tmp_path, story)


def test_a_fault_of_the_thermometer_changes_no_reading(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.say(Fault(FaultCode.CHECKSUM, b"", console.clock.monotonic_s()))
        await console.measure(36.5)
        assert console.colour == "-allow"

    play(tmp_path, story)


def test_another_site_for_whoever_stands_here_only(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.measure(33.4)
        assert "F7" in console.verdict
        await console.press("f7")
        assert isinstance(console.app.focused, Input)
        assert console.app.focused.id == "site"
        await console.fill_in(site="２")
        assert "wrist" in console.reading
        await console.sees(36.4)
        await console.press("enter")
        await console.measure(23.0)
        await console.scan(console.issue("李小红").token)
        assert "forehead" in console.reading
        await console.measure(36.6)
        await console.press("enter")
        first, second = console.passages()
        assert [(one.celsius, one.site) for one in first.attempts] == [(33.4, "forehead"), (36.4, "wrist")]
        assert [one.site for one in second.attempts] == ["forehead"]

    play(tmp_path, story)


def test_a_typed_reading_names_its_site(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f7")
        await console.fill_in(celsius="36.4", site="5")
        await console.press("enter")
        assert [(one.site, one.manual) for one in console.passages()[0].attempts] == [("ear", True)]

    play(tmp_path, story)


@pytest.mark.parametrize("typed", ["", "0", "6", "knee", "[/]", "\x1b[2J", "11"])
def test_what_is_no_site_is_told(tmp_path: Path, typed: str) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f7")
        await console.fill_in(site=typed)
        assert (console.colour, len(console.hints), "1 to 5" in console.hints[0]) == ("-wait", 1, True)

    play(tmp_path, story)


def test_the_person_before_is_never_shown_for_the_next(tmp_path: Path) -> None:
    """The program was held up for 40 s while the thermometer went on sending; then all comes at once."""

    async def story(console: Console) -> None:
        await console.scan(console.issue("王小明").token)
        await console.sees(36.9)
        await console.press("enter")
        held_up = []
        for _ in range(400):
            console.clock.move(0.1)
            held_up.append(Measurement(38.8, "surface", 23.0, b"\x5a", "test", console.clock.monotonic_s()))
        await console.scan(console.issue("李小红").token)
        for measurement in held_up:
            await console.say(measurement)
            assert "38.8" not in console.reading
        assert (console.colour, console.rows()) == ("-wait", ["王小明 allowed"])
        # Whoever was measured still stands there: what is seen now is not the next one's either.
        await console.sees(38.8, frames=20)
        assert ("38.8" in console.reading, "step off" in console.reading, console.colour) == (False, True, "-wait")
        await console.sees(23.0, frames=2)
        await console.sees(36.3)
        assert ("36.3" in console.reading, console.colour) == (True, "-allow")

    play(tmp_path, story)


def test_what_the_thermometer_said_long_ago_is_not_shown_as_now(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        old = Measurement(36.9, "surface", 23.0, b"\x5a", "test", console.clock.monotonic_s())
        console.clock.move(40)
        await console.say(old)
        assert "36.9" not in console.reading
        await console.sees(36.7, frames=1)
        assert "36.7" in console.reading

    play(tmp_path, story)


def test_health_is_text(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        hostile = LinkState(Link.UNUSABLE, "", {"port": "[/]\x1b[2J", "other": "[@click=app.quit]x[/]"})
        console.screen.post_message(DeviceSaid(DeviceState(Device.SCANNER, "scanners.port", hostile)))
        await console.pilot.pause()
        assert "[@click" in console.health
        assert all(isinstance(text_of(line), str) for line in console.screen.query(Static).results(Static))

    play(tmp_path, story)
