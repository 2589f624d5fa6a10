"""The real program in a real terminal, with a thermometer that speaks real frames over a real line."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from passes.kinds import PRESETS
from passes.trips import Direction
from station import shifts, visiting
from station.assembly import open_station
from station.clock import SystemClock
from station.devices.simulator import SimulatedThermometer
from station.issuing import Application, Desk
from station.logbook import recent
from station.visiting import Registration
from sync.bodies import ShiftHandedOver
from sync.events import read_body
from tests.pty.terminal import GREEN, RED, Terminal, gatepost, opened
from tests.screens.console import GUARD, make_station
from tests.screens.desk import NUMBER
from tests.station.post import COMMUNITY, KEY, HandClock
from tests.station.town import lives

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

CTRL_Q = "\x11"
F2, F3 = "\x1b[12~", "\x1b[13~"
F6, F7, F9, F10 = "\x1b[17~", "\x1b[18~", "\x1b[20~", "\x1b[21~"


@dataclass
class Site:
    """A station's folder, its thermometer, and passes that are valid today."""

    folder: Path
    thermometer: SimulatedThermometer
    tokens: list[str]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with SimulatedThermometer(tmp_path / "thermometer") as thermometer:
        folder = make_station(tmp_path, on_duty=False, port=thermometer.url)
        yield Site(folder, thermometer, begun(folder))


def begun(folder: Path) -> list[str]:
    """Take up duty and issue two passes; return their tokens."""
    with open_station(folder, SystemClock()) as station:
        shifts.open_shift(station.journal, station.register, station.clock, [GUARD])
        desk = Desk(station.journal, station.register, KEY, COMMUNITY, station.clock)
        today = station.gate.today()
        return [
            desk.issue(Application(name, "3-2-501", PRESETS["resident"], today, today + timedelta(days=1))).token
            for name in ("Ann Lee", "Bob Ray")
        ]


def passages(folder: Path) -> list[str]:
    with open_station(folder) as station:
        return [f"{row.body.holder} {row.body.outcome}" for row in reversed(recent(station.journal.connection, 100))]


def measured(terminal: Terminal, site: Site, celsius: float) -> None:
    """Put a forehead before the thermometer until the reading stands there."""
    site.thermometer.present(celsius)
    terminal.until(lambda: terminal.has_colour(GREEN))
    site.thermometer.leave()


def admitted(terminal: Terminal, site: Site, token: str, name: str) -> None:
    terminal.type(token + "\r")
    # Half a picture may already hold the new name and still the green of the person before.
    terminal.until(lambda: name in terminal.text and not terminal.has_colour(GREEN))
    measured(terminal, site, 36.5)
    terminal.type("\r")
    terminal.sees("recorded ")


def test_scan_reading_enter_and_a_power_cut(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        admitted(terminal, site, site.tokens[0], "A** L**")
        assert terminal.has_colour(GREEN)
        terminal.kill()

    verified = gatepost("log", "verify", "--dir", str(site.folder), "--json")
    assert (verified.returncode, verified.stderr) == (0, "")
    assert json.loads(verified.stdout)["events"] == 4
    assert passages(site.folder) == ["Ann Lee allowed"]
    with opened(site.folder) as terminal:
        terminal.sees("A** L**")
        terminal.sees("thermometer OK")
        admitted(terminal, site, site.tokens[1], "B** R**")
        terminal.type(CTRL_Q)
        assert terminal.end() == 0
    assert passages(site.folder) == ["Ann Lee allowed", "Bob Ray allowed"]


class Hand:
    """Presses keys and counts them."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.keys = 0

    def press(self, key: str) -> None:
        self.keys += 1
        self.terminal.type(key)


def came_yesterday(folder: Path) -> None:
    """Let a visitor come in and go home, the day before."""
    clock = HandClock(SystemClock().now_ms() - 86_400_000)
    with open_station(folder, clock) as station:
        lives(station, "王小明", "3-2-501")
        asked = Registration("钱多多", id_number=NUMBER, host="王小明", purpose="repair")
        for direction in (Direction.ENTRY, Direction.EXIT):
            scan = station.gate.visit(visiting.register(station, asked).visitor, direction)
            scan = station.gate.check_id(station.gate.skip_reading(scan, "test"), matches=True)
            assert station.gate.admit(scan, acknowledged=True).outcome == "allowed"
            clock.move(60)


def test_a_pass_holder_costs_one_key_and_a_visitor_seen_before_four(tmp_path: Path) -> None:
    with SimulatedThermometer(tmp_path / "thermometer") as thermometer:
        folder = make_station(tmp_path, on_duty=False, port=thermometer.url)
        came_yesterday(folder)
        costs(Site(folder, thermometer, begun(folder)))


def costs(site: Site) -> None:
    """Let a pass holder out and a visitor in, and count the keys."""
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        hand = Hand(terminal)
        terminal.type(site.tokens[0] + "\r")
        terminal.sees("A** L**")
        measured(terminal, site, 36.5)
        hand.press("\r")
        terminal.sees("recorded ")
        assert hand.keys == 1
        terminal.type(F2)
        terminal.sees("Direction IN")
        hand = Hand(terminal)
        hand.press(F3)
        terminal.sees("change it first")
        hand.press("q")
        terminal.sees("*4477")
        hand.press("\r")
        terminal.sees("TAKE THE TEMPERATURE")
        site.thermometer.present(36.5)
        terminal.sees("LOOK AT THE ID CARD")
        hand.press("\r")
        terminal.until(lambda: terminal.has_colour(GREEN) and "recorded " in terminal.text)
        assert hand.keys == 4
    assert passages(site.folder)[-2:] == ["Ann Lee allowed", "钱多多 allowed"]


def test_killed_before_enter_records_nothing(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        terminal.type(site.tokens[0] + "\r")
        measured(terminal, site, 36.5)
        terminal.kill()
    assert passages(site.folder) == []
    assert gatepost("log", "verify", "--dir", str(site.folder)).returncode == 0


def test_unplugged_typed_and_plugged_in_again(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        site.thermometer.unplug()
        terminal.sees("thermometer silent")
        terminal.type(site.tokens[0] + "\r")
        terminal.sees("A** L**")
        terminal.type(F7)
        terminal.sees("Temperature by hand")
        terminal.type("36.4\r")
        terminal.until(lambda: terminal.has_colour(GREEN))
        terminal.type("\r")
        terminal.sees("recorded ")
        site.thermometer.replug()
        terminal.sees("thermometer OK")
        admitted(terminal, site, site.tokens[1], "B** R**")
    assert passages(site.folder) == ["Ann Lee allowed", "Bob Ray allowed"]


def test_noise_is_no_reading(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        terminal.type(site.tokens[0] + "\r")
        terminal.sees("A** L**")
        site.thermometer.noise()
        terminal.sees("thermometer silent")
        assert not terminal.has_colour(GREEN)
        measured(terminal, site, 36.6)


@pytest.mark.parametrize("text", ["[/]", "[@click=app.quit]x[/]", "\u202egnp", "x" * 20_000])
def test_hostile_keys(site: Site, text: str) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        terminal.type(text + "\r")
        terminal.until(lambda: terminal.has_colour(RED))
        assert "\u202e".encode() not in terminal.told
        admitted(terminal, site, site.tokens[0], "A** L**")


def test_a_pasted_control_sequence_does_not_reach_the_terminal(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        terminal.type(b"\x1b[200~\x1b]0;owned\x07\x1b[7;7Hgone\x1b[201~")
        terminal.sees("owned")
        assert b"\x1b]0;owned" not in terminal.told
        assert b"\x1b[7;7Hgone" not in terminal.told
        terminal.type("\r")
        terminal.until(lambda: terminal.has_colour(RED))
        admitted(terminal, site, site.tokens[0], "A** L**")


def test_a_scan_while_a_dialog_is_open(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        terminal.type(site.tokens[0] + "\r")
        terminal.sees("A** L**")
        terminal.type(F6)
        terminal.sees("Not let through")
        terminal.type(site.tokens[1] + "\r")
        # The dialog lies over the rest of "1 scanned behind".
        terminal.sees("  1 sca")
        terminal.type(F6)
        terminal.sees("B** R**")
    assert passages(site.folder) == []


def test_leaving_restores_the_terminal(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.sees("thermometer OK")
        assert terminal.modes != terminal.modes_before
        terminal.type(CTRL_Q)
        assert terminal.end() == 0
        assert terminal.modes == terminal.modes_before
        left = terminal.told[terminal.told.rindex(b"\x1b[?1049l") :]
        for on, off in ((b"?25l", b"?25h"), (b"?1000h", b"?1000l"), (b"?2004h", b"?2004l"), (b"?1004h", b"?1004l")):
            assert terminal.told.rfind(b"\x1b[" + on) < terminal.told.rfind(b"\x1b[" + off), on
        assert b"Traceback" not in left


def test_a_hand_over_typed_fast_keeps_its_fields_apart(site: Site) -> None:
    with opened(site.folder) as terminal:
        terminal.type(F9)
        terminal.sees("Nothing is left to do")
        terminal.type(F10)
        terminal.sees("Takes over (names)")
        terminal.write("Dan Poe\t\tdog on the road\tcable is loose\r")
        terminal.sees("Dan Poe since")
        terminal.type(CTRL_Q)
        assert terminal.end() == 0

    with open_station(site.folder) as station:
        handed_over = [event for _n, event in station.journal.read() if event.kind == "shift.handed_over"]
    body = read_body("shift.handed_over", handed_over[0].body)
    assert isinstance(body, ShiftHandedOver)
    assert (body.incoming, body.abnormal, body.outstanding) == ("Dan Poe", "dog on the road", "cable is loose")
