"""Where screens, dialogs, scanners and the desk meet: nobody is lost between them, and no number ends in a record."""

from pathlib import Path

import pytest

from passes.trips import Direction
from station.issuing import revoke
from station.screens.devices import DevicesScreen
from station.screens.gate import GateScreen
from station.screens.messages import CodeRead, ScannerSaid, ScreenWanted
from sync.bodies import PassageRecorded
from sync.events import read_body
from tests.screens.console import Console
from tests.screens.desk import NUMBER, field, play, trouble


def recorded(console: Console) -> list[PassageRecorded]:
    bodies = [read_body(event.kind, event.body) for _n, event in console.station.journal.read()]
    return [body for body in bodies if isinstance(body, PassageRecorded)]


async def scanned_behind(console: Console, *tokens: str) -> None:
    """Let a serial scanner read codes while something else is in front."""
    for token in tokens:
        console.screen.post_message(ScannerSaid(token, None))
    await console.pilot.pause()


@pytest.mark.parametrize("key", ["f3", "f1"])
def test_a_refusal_that_waited_behind_a_dialog_is_seen_before_the_next(tmp_path: Path, key: str) -> None:
    async def story(console: Console) -> None:
        refused, good = console.issue("王小明"), console.issue("李小红")
        station = console.station
        revoke(station.journal, station.register, console.clock, refused, reason="lost")
        await console.press(key)
        await scanned_behind(console, refused.token, good.token)
        await console.press("escape")
        await console.until(lambda: "REFUSE" in console.verdict)
        assert "王*明" in console.verdict
        await console.press("enter")
        await console.until(lambda: "李*红" in console.verdict)

    play(tmp_path, story)


def test_two_codes_of_one_burst_on_the_devices_screen(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        first, second = console.issue("王小明"), console.issue("李小红")
        await console.press("f11")
        screen = console.app.screen
        assert isinstance(screen, DevicesScreen)
        for row in (first, second):
            screen.post_message(CodeRead(row.token))
        await console.until(lambda: isinstance(console.app.screen, GateScreen) and "王*明" in console.verdict)
        assert "1 scanned behind" in console.verdict

    play(tmp_path, story)


def test_the_devices_screen_opens_once(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        for _ in range(2):
            console.screen.post_message(ScreenWanted("devices"))
        await console.until(lambda: isinstance(console.app.screen, DevicesScreen))
        await console.pilot.pause()
        assert [type(screen) for screen in console.app.screen_stack].count(DevicesScreen) == 1
        await console.press("escape")

    play(tmp_path, story)


def test_a_card_reader_that_types_fills_the_form(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2", "f3")
        await console.wedge(NUMBER)
        await console.until(lambda: field(console, "id_number").endswith("4477"))
        assert NUMBER not in field(console, "id_number")
        await console.wedge("110101198501010017")
        await console.until(lambda: "Another ID number" in trouble(console))
        await console.wedge(NUMBER[:-1] + "8")
        await console.until(lambda: "its check character is wrong" in trouble(console))
        await console.press("escape")
        assert recorded(console) == []

    play(tmp_path, story)


@pytest.mark.parametrize("direction", Direction)
def test_an_id_number_in_the_scan_field_says_who_it_is(tmp_path: Path, direction: Direction) -> None:
    async def story(console: Console) -> None:
        if direction is Direction.ENTRY:
            await console.press("f2")
        await console.scan(NUMBER)
        if direction is Direction.ENTRY:
            assert field(console, "id_number").endswith("4477")
            await console.press("escape")
        else:
            assert console.hints == ["No visitor with this ID number is inside"]
        assert recorded(console) == []

    play(tmp_path, story)


def test_an_id_number_with_a_slip_in_it_is_masked_where_it_is_kept_and_shown(tmp_path: Path) -> None:
    wrong = NUMBER[:-1] + "8"

    async def story(console: Console) -> None:
        await console.scan(wrong)
        assert wrong not in console.verdict
        (body,) = recorded(console)
        assert body.scan == "*" * 14 + "4478"

    play(tmp_path, story)


def test_another_site_of_the_settings_holds_at_once(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        settings = console.station.settings
        settings.thermometer.site = "wrist"
        console.app.resume_devices(settings)
        await console.scan(console.issue().token)
        await console.measure(36.5)
        await console.press("enter")
        (body,) = recorded(console)
        assert body.attempts[0].site == "wrist"

    play(tmp_path, story)
