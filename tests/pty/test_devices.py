"""The real program with every device on a real line: pulled, put back, hanging, and typing into dialogs."""

import os
import socket
import sys
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest

from passes.kinds import PRESETS
from station.assembly import open_station
from station.clock import SystemClock
from station.devices.idcard.simulator import PEOPLE, SimulatedCardReader, encode_card
from station.devices.simulator import SimulatedThermometer
from station.issuing import Application, Desk
from station.logbook import recent
from station.settings import (
    IdCardSettings,
    ScannerSettings,
    ThermometerSettings,
    load_settings,
    save_settings,
)
from station.shifts import open_shift
from tests.pty.terminal import GREEN, opened
from tests.screens.console import GUARD, make_station
from tests.station.post import COMMUNITY, KEY

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

CTRL_Q = "\x11"
F6, F9, F10 = "\x1b[17~", "\x1b[20~", "\x1b[21~"


def station(
    folder: Path, thermometer: ThermometerSettings, scanners: list[ScannerSettings], idcard: str = ""
) -> tuple[Path, list[str]]:
    """Make a station with such devices, and return its folder and two passes that are valid today."""
    at = make_station(folder, on_duty=False)
    settings = load_settings(at)
    settings.thermometer, settings.scanners, settings.idcard = thermometer, scanners, IdCardSettings(port=idcard)
    save_settings(at, settings)
    with open_station(at, SystemClock()) as opened_station:
        open_shift(opened_station.journal, opened_station.register, opened_station.clock, [GUARD])
        desk = Desk(opened_station.journal, opened_station.register, KEY, COMMUNITY, opened_station.clock)
        today = opened_station.gate.today()
        return at, [
            desk.issue(Application(name, "3-2-501", PRESETS["resident"], today, today + timedelta(days=1))).token
            for name in ("Ann Lee", "Bob Ray")
        ]


def passages(folder: Path) -> list[tuple[str | None, str, str]]:
    with open_station(folder) as opened_station:
        rows = reversed(recent(opened_station.journal.connection, 100))
        return [(row.body.holder, row.body.direction, row.body.outcome) for row in rows]


class Line:
    """A scanner's cable; pulled and put in again it has another pseudo-terminal behind the same link."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self._ends: tuple[int, ...] = ()
        self.plug()

    def plug(self) -> None:
        self._ends = os.openpty()
        tty.setraw(self._ends[1])
        self.link.symlink_to(os.ttyname(self._ends[1]))

    def send(self, data: bytes) -> None:
        os.write(self._ends[0], data)

    def pull(self) -> None:
        self.link.unlink()
        for end in self._ends:
            os.close(end)


@contextmanager
def hanging_port() -> Iterator[str]:
    """A host that does not answer: whoever opens it waits."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filled = [socket.socket() for _ in range(3)]
        for one in filled:
            one.settimeout(0)
            one.connect_ex(listener.getsockname())
        try:
            yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for one in filled:
                one.close()


def test_serial_scanners_pulled_and_put_back_while_people_pass(tmp_path: Path) -> None:
    out, in_ = Line(tmp_path / "out"), Line(tmp_path / "in")
    with SimulatedThermometer(tmp_path / "thermometer", protocol="heimann-calct") as thermometer:
        folder, tokens = station(
            tmp_path,
            ThermometerSettings(port=thermometer.url, protocol="heimann-calct"),
            [ScannerSettings(str(out.link), direction="exit"), ScannerSettings(str(in_.link), direction="entry")],
        )

        def passed(line: Line, token: str, name: str, way: str) -> None:
            terminal.sees("scanner OK")
            terminal.sees("thermometer OK")
            line.send(token.encode() + b"\r")
            terminal.until(lambda: name in terminal.text and not terminal.has_colour(GREEN))
            terminal.sees(f"Direction {way}")
            terminal.until(lambda: "step off" not in terminal.text)
            thermometer.present(36.5)
            terminal.until(lambda: terminal.has_colour(GREEN))
            terminal.type("\r")
            terminal.sees("recorded ")
            thermometer.leave()

        with opened(folder) as terminal:
            passed(out, tokens[0], "A** L**", "OUT")
            out.pull()
            thermometer.unplug()
            terminal.sees("scanner off")
            terminal.sees("thermometer silent")
            terminal.sees("is gone: push its plug in")
            out.plug()
            thermometer.replug()
            passed(out, tokens[1], "B** R**", "OUT")
            passed(in_, tokens[0], "A** L**", "IN")
            terminal.type(CTRL_Q)
            assert terminal.end() == 0
    for line in (out, in_):
        line.pull()
    assert passages(folder) == [
        ("Ann Lee", "exit", "allowed"),
        ("Bob Ray", "exit", "allowed"),
        ("Ann Lee", "entry", "allowed"),
    ]


def test_a_scanner_that_types_and_presses_enter_answers_no_dialog(tmp_path: Path) -> None:
    folder, tokens = station(tmp_path, ThermometerSettings(), [])
    with opened(folder) as terminal:
        terminal.type(F9)
        terminal.sees("Nothing is left to do")
        terminal.type(F10)
        terminal.sees("Takes over (names)")
        terminal.write("Dan")
        terminal.type("\x02]Q1" + tokens[0].lower() + "\x1d\r")
        terminal.sees("A** L**")
        assert tokens[0][:20].lower() not in terminal.text
        terminal.type(F9)
        terminal.sees("Takes over (names)")
        terminal.sees("Dan")
        assert tokens[0][:20].lower() not in terminal.text
        terminal.write(" Poe\t\r")
        terminal.sees("Dan Poe since")


def test_an_id_card_is_told(tmp_path: Path) -> None:
    with SimulatedCardReader(tmp_path / "idcard") as reader:
        folder, _tokens = station(tmp_path, ThermometerSettings(), [], reader.url)
        with opened(folder) as terminal:
            terminal.sees("ID reader OK")
            reader.place(encode_card(PEOPLE[2]))
            terminal.sees("No visitor with this ID number is inside")
            assert PEOPLE[2].id_number not in terminal.text


def test_dead_devices_hold_up_no_key_and_no_exit(tmp_path: Path) -> None:
    with hanging_port() as one, hanging_port() as two:
        folder, tokens = station(
            tmp_path,
            ThermometerSettings(port=one),
            [ScannerSettings(two), ScannerSettings(str(tmp_path / "nothing"))],
            idcard=str(tmp_path / "no-reader"),
        )
        with opened(folder) as terminal:
            terminal.sees("thermometer starting")
            terminal.sees("scanner off")
            terminal.type(tokens[0] + "\r")
            terminal.until(lambda: "A** L**" in terminal.text, patience_s=2.0)
            terminal.type(F6)
            terminal.until(lambda: "Not let through" in terminal.text, patience_s=2.0)
            terminal.write("no mask\r")
            terminal.sees("recorded ")
            began_s = monotonic()
            terminal.type(CTRL_Q)
            assert terminal.end() == 0
            # Devices have half a second together; the rest is the interpreter's own end.
            assert monotonic() - began_s < 3.0
    assert passages(folder) == [("Ann Lee", "exit", "turned_back")]


def test_two_devices_on_one_port_are_told(tmp_path: Path) -> None:
    with SimulatedThermometer(tmp_path / "thermometer") as thermometer:
        folder, _tokens = station(
            tmp_path, ThermometerSettings(port=thermometer.url), [ScannerSettings(thermometer.url)]
        )
        with opened(folder) as terminal:
            terminal.sees("thermometer OK")
            terminal.sees("scanners.port and thermometer.port are the same port")
