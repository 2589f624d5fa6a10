"""What the doctor says of facts that are given to it, and of a real station in a folder."""

import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from passes.trust import sign_trust_list
from station.devices.measurement import Link
from station.devices.port import PortError
from station.devices.ports import Likeness, PortInfo, try_port
from station.devices.simulator import SimulatedThermometer
from station.devices.thermometer import Thermometer
from station.doctor import Finding, State
from station.doctor.facts import (
    Machine,
    PortAccess,
    Terminal,
    gather,
    has_modem_rule,
    running_programs,
    terminal_of,
    why_unwritable,
)
from station.doctor.machine import judge_machine
from station.doctor.place import examine
from station.i18n import language, set_language
from station.settings import (
    FILE_NAME,
    SECRET_FILE,
    TRUST_FILE,
    IdCardSettings,
    ScannerSettings,
    Settings,
    load_settings,
    save_settings,
)
from station.storage import open_file
from sync.client import TransferError
from sync.wire import StationAnswer
from tests.devices.listening import wait_until
from tests.screens.console import make_station
from tests.station.post import COMMUNITY, ROOT, HandClock

GOOD_TERMINAL = Terminal(
    is_terminal=True, columns=80, lines=24, encoding="utf-8", name="xterm-256color", has_colours=True
)
GOOD = Machine(
    program="1.0",
    python="CPython 3.11",
    system="linux",
    is_root=False,
    groups=frozenset({"dialout"}),
    processes=frozenset({"systemd"}),
    has_modem_rule=False,
    sqlite=(3, 53, 0),
    free_bytes=50_000_000_000,
    unwritable="",
    has_chinese_font=True,
    terminal=GOOD_TERMINAL,
    ports=(),
)


def usb(device: str = "/dev/ttyUSB0", pid: int = 0x7523, *, may_use: bool = True, group: str = "dialout") -> PortAccess:
    return PortAccess(PortInfo(device, Likeness.BRIDGE, vid=0x1A86, pid=pid), may_use, group)


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    before = language()
    set_language("en")
    yield
    set_language(before)


def serious(findings: Iterable[Finding]) -> list[tuple[str, State]]:
    return [(finding.check, finding.state) for finding in findings if finding.state is not State.OK]


def text(findings: Iterable[Finding], check: str) -> str:
    return "\n".join(finding.text for finding in findings if finding.check == check)


def test_a_good_machine_has_nothing_to_put_right() -> None:
    findings = judge_machine(GOOD, has_devices=True)
    assert serious(findings) == []
    assert {finding.check for finding in findings} == {"program", "sqlite", "disk", "font", "terminal", "ports"}


@pytest.mark.parametrize(
    ("changes", "check", "state", "words"),
    [
        ({"sqlite": (3, 46, 1)}, "sqlite", State.NOTE, ["3.46.1", "DELETE", "pip install pysqlite3"]),
        ({"free_bytes": 150_000_000}, "disk", State.PROBLEM, ["150 MB", "free some space today"]),
        ({"free_bytes": 500_000_000}, "disk", State.NOTE, ["500 MB"]),
        ({"free_bytes": None}, "disk", State.NOTE, ["cannot be told"]),
        ({"unwritable": "Read-only file system"}, "disk", State.PROBLEM, ["Read-only file system", "permissions"]),
        ({"has_chinese_font": False}, "font", State.PROBLEM, ["pip install"]),
        ({"terminal": replace(GOOD_TERMINAL, columns=79)}, "terminal", State.PROBLEM, ["79 x 24", "80 x 24"]),
        ({"terminal": replace(GOOD_TERMINAL, lines=23)}, "terminal", State.PROBLEM, ["80 x 23"]),
        ({"terminal": replace(GOOD_TERMINAL, encoding="ascii")}, "terminal", State.PROBLEM, ["ascii", "LANG=C.UTF-8"]),
        ({"terminal": replace(GOOD_TERMINAL, name="linux")}, "terminal", State.PROBLEM, ["desktop"]),
        ({"terminal": replace(GOOD_TERMINAL, has_colours=False)}, "terminal", State.NOTE, ["NO_COLOR"]),
        ({"terminal": replace(GOOD_TERMINAL, is_terminal=False)}, "terminal", State.NOTE, ["not run in a terminal"]),
        ({"groups": frozenset({"users"})}, "permission", State.NOTE, ["usermod -aG dialout"]),
        ({"ports": (usb(may_use=False, group="uucp"),)}, "permission", State.PROBLEM, ["/dev/ttyUSB0", "-aG uucp"]),
        ({"ports": (usb(may_use=False, group=""),)}, "permission", State.PROBLEM, ["-aG dialout"]),
        ({"processes": frozenset({"brltty"}), "ports": (usb(),)}, "brltty", State.PROBLEM, ["1a86:7523", "apt remove"]),
        ({"processes": frozenset({"brltty"})}, "brltty", State.NOTE, ["brltty"]),
        ({"processes": frozenset({"ModemManager"})}, "modemmanager", State.NOTE, ["ID_MM_DEVICE_IGNORE"]),
        ({"system": "win32", "ports": (usb("COM3"),)}, "serial-mouse", State.NOTE, ["Serial BallPoint"]),
    ],
)
def test_every_fault_of_a_machine_is_told_with_its_remedy(
    changes: dict[str, Any], check: str, state: State, words: list[str]
) -> None:
    findings = judge_machine(replace(GOOD, **changes), has_devices=False)
    assert serious(findings) == [(check, state)]
    assert [word for word in words if word not in text(findings, check)] == []


def test_brltty_is_a_problem_where_devices_are_set_up() -> None:
    findings = judge_machine(replace(GOOD, processes=frozenset({"brltty"})), has_devices=True)
    assert serious(findings) == [("brltty", State.PROBLEM)]


def test_what_does_no_harm_is_not_told() -> None:
    machine = replace(
        GOOD,
        processes=frozenset({"ModemManager"}),
        has_modem_rule=True,
        groups=frozenset(),
        is_root=True,
        ports=(usb(),),
    )
    assert serious(judge_machine(machine, has_devices=True)) == []


def test_running_programs_are_read_from_proc(tmp_path: Path) -> None:
    for number, name in (("1", "systemd\n"), ("77", "brltty\n"), ("acpi", "none\n")):
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text(name)
    (tmp_path / "78").mkdir()
    assert running_programs(tmp_path) == {"systemd", "brltty"}
    assert running_programs(tmp_path / "none") == frozenset()


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ('ATTRS{idVendor}=="1a86", ENV{ID_MM_DEVICE_IGNORE}="1"\n', True),
        ('ENV{ID_MM_PORT_IGNORE}="1"\n', True),
        ('# ENV{ID_MM_DEVICE_IGNORE}="1"\n', False),
        ("", False),
    ],
)
def test_modem_rules(tmp_path: Path, rule: str, counts: bool) -> None:
    (tmp_path / "99-gatepost.rules").write_text(rule)
    assert has_modem_rule((tmp_path / "none", tmp_path)) is counts


def test_the_folder_is_tried_and_left_as_it_was(tmp_path: Path) -> None:
    assert why_unwritable(tmp_path / "not" / "yet") == ""
    assert list(tmp_path.iterdir()) == []
    a_file = tmp_path / "file"
    a_file.touch()
    assert why_unwritable(a_file / "below") == ""  # what would be made, is made in the folder above


@pytest.mark.parametrize(
    ("environ", "colours"),
    [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"TERM": "xterm", "NO_COLOR": "1"}, False)],
)
def test_a_terminal_is_described(environ: dict[str, str], colours: bool) -> None:
    terminal = terminal_of(environ, StringIO())
    assert (terminal.is_terminal, terminal.has_colours, terminal.name) == (False, colours, environ["TERM"])


def test_this_machine_can_be_gathered(tmp_path: Path) -> None:
    machine = gather(tmp_path, {"TERM": "xterm"}, sys.stdout)
    assert (machine.system, machine.has_chinese_font, machine.unwritable) == (sys.platform, True, "")
    assert machine.sqlite > (3, 0)
    assert machine.free_bytes is not None


def answer(station: str = "G1", ahead_ms: int = 0) -> Callable[[Settings, str], StationAnswer]:
    def ask(settings: Settings, _secret: str) -> StationAnswer:
        return StationAnswer(
            community=settings.community.id,
            community_name="x",
            zone="Asia/Shanghai",
            generation="g",
            server_time_ms=HandClock().now_ms() - ahead_ms,
            station=station,
            station_name="North gate",
        )

    return ask


def refused(_settings: Settings, _secret: str) -> StationAnswer:
    raise TransferError("{url}: the community cannot be reached", url="http://127.0.0.1:9")


def place(tmp_path: Path, *, url: str = "http://127.0.0.1:9", port: str = "") -> Path:
    folder = make_station(tmp_path, port=port)
    settings = load_settings(folder)
    settings.community.url = url
    save_settings(folder, settings)
    (folder / SECRET_FILE).write_text("gps_secret")
    (folder / SECRET_FILE).chmod(0o600)
    return folder


def found(folder: Path, clock: HandClock | None = None, **parts: Any) -> list[Finding]:
    given: dict[str, Any] = {"try_port": lambda _port, _rate: None, "ask": answer(), **parts}
    return examine(folder, GOOD, clock or HandClock(), **given)


def test_a_good_station(tmp_path: Path) -> None:
    findings = found(place(tmp_path, port="/dev/ttyUSB0"))
    assert serious(findings) == []
    assert "1 records" in text(findings, "journal")
    assert {finding.check for finding in findings} >= {"journal", "clock", "trust", "outbox", "server", "drift"}


def test_without_a_station_the_machine_is_looked_at(tmp_path: Path) -> None:
    findings = found(tmp_path / "none")
    assert serious(findings) == [("station", State.NOTE)]
    assert "gatepost init" in text(findings, "station")
    assert "sqlite" in {finding.check for finding in findings}


def test_settings_that_are_wrong_are_a_problem_and_the_machine_is_still_looked_at(tmp_path: Path) -> None:
    folder = place(tmp_path)
    (folder / FILE_NAME).write_text("[station]\nid = 3\n")
    findings = found(folder)
    assert serious(findings) == [("settings", State.PROBLEM)]
    assert "station.id" in text(findings, "settings")


@pytest.mark.parametrize(
    ("ask", "check", "words"),
    [
        (answer("S9"), "server", ["S9", "G1", "secret"]),
        (answer(ahead_ms=121_000), "drift", ["121 seconds ahead", "set the computer's time"]),
        (answer(ahead_ms=-121_000), "drift", ["121 seconds behind"]),
        (refused, "server", ["cannot be reached"]),
    ],
)
def test_troubles_with_the_community(tmp_path: Path, ask: object, check: str, words: list[str]) -> None:
    findings = found(place(tmp_path, port="x"), ask=ask)
    assert serious(findings) == [(check, State.PROBLEM)]
    assert [word for word in words if word not in text(findings, check)] == []


def test_two_minutes_of_drift_are_let_pass(tmp_path: Path) -> None:
    assert serious(found(place(tmp_path, port="x"), ask=answer(ahead_ms=120_000))) == []


def test_a_station_that_works_alone_is_not_asked(tmp_path: Path) -> None:
    assert serious(found(place(tmp_path, url="", port="x"), ask=refused)) == [("server", State.NOTE)]


def test_a_clock_that_went_back(tmp_path: Path) -> None:
    folder, clock = place(tmp_path, port="x"), HandClock()
    clock.move(-120)
    findings = found(folder, clock, ask=answer())
    assert ("clock", State.PROBLEM) in serious(findings)
    assert "F3" in text(findings, "clock")


def test_a_changed_journal(tmp_path: Path) -> None:
    folder = place(tmp_path, port="x")
    connection = open_file(folder)
    connection.executescript("DROP TRIGGER events_never_change; UPDATE events SET body = '{}' WHERE n = 1;")
    connection.close()
    assert serious(found(folder)) == [("journal", State.PROBLEM)]


def test_a_journal_that_is_no_database(tmp_path: Path) -> None:
    folder = place(tmp_path, port="x")
    for name in ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"):
        (folder / name).unlink(missing_ok=True)
    (folder / "journal.sqlite").write_bytes(b"no database at all" * 100)
    findings = found(folder)
    assert serious(findings) == [("station", State.PROBLEM)]
    assert "damaged" in text(findings, "station")


def test_no_key_is_good(tmp_path: Path) -> None:
    folder = place(tmp_path, port="x")
    (folder / TRUST_FILE).write_bytes(sign_trust_list(ROOT, COMMUNITY, [], 1))
    assert serious(found(folder)) == [("trust", State.PROBLEM), ("issuing-key", State.PROBLEM)]


def test_a_missing_trust_list(tmp_path: Path) -> None:
    folder = place(tmp_path, port="x")
    (folder / TRUST_FILE).unlink()
    findings = found(folder)
    assert serious(findings) == [("station", State.PROBLEM)]
    assert TRUST_FILE in text(findings, "station")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows keeps a user's folder by other means")
def test_a_secret_that_others_may_read(tmp_path: Path) -> None:
    folder = place(tmp_path, port="x")
    (folder / SECRET_FILE).chmod(0o644)
    findings = found(folder)
    assert serious(findings) == [("keys", State.PROBLEM)]
    assert "chmod 600" in text(findings, "keys")
    assert stat.S_IMODE((folder / SECRET_FILE).stat().st_mode) == 0o644


def with_devices(folder: Path, scanners: list[str], idcard: str) -> None:
    settings = load_settings(folder)
    settings.scanners = [ScannerSettings(port) for port in scanners]
    settings.idcard = IdCardSettings(idcard)
    save_settings(folder, settings)


def test_every_device_in_the_settings_is_tried(tmp_path: Path) -> None:
    folder = place(tmp_path, port="/dev/t")
    with_devices(folder, ["/dev/s1", "/dev/s2"], "/dev/c")
    tried: list[tuple[str, int]] = []

    def try_all(port: str, rate: int) -> PortError | None:
        tried.append((port, rate))
        state = {"/dev/t": Link.ABSENT, "/dev/s1": Link.BUSY, "/dev/c": Link.DENIED}.get(port)
        return None if state is None else PortError(state, "{port}: trouble", port=port)

    findings = found(folder, try_port=try_all)
    assert tried == [("/dev/t", 115200), ("/dev/s1", 9600), ("/dev/s2", 9600), ("/dev/c", 115200)]
    assert serious(findings) == [("thermometer", State.PROBLEM), ("idcard", State.PROBLEM)]
    assert "thermometer.port: /dev/t" in text(findings, "thermometer")
    assert "in use" in text(findings, "scanner")


def test_one_port_for_two_devices(tmp_path: Path) -> None:
    folder = place(tmp_path, port="/dev/t")
    with_devices(folder, ["/dev/t"], "")
    findings = found(folder)
    assert serious(findings) == [("ports", State.PROBLEM)]


def test_no_thermometer_is_a_note(tmp_path: Path) -> None:
    assert serious(found(place(tmp_path))) == [("thermometer", State.NOTE)]


def test_hostile_values_are_harmless(tmp_path: Path) -> None:
    findings = found(place(tmp_path, port="\x1b[2J[/]\u202e{x}"))
    assert "\x1b" not in text(findings, "thermometer")
    assert "[/]" in text(findings, "thermometer")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
def test_a_port_that_the_gate_holds_is_not_disturbed(tmp_path: Path) -> None:
    told: list[object] = []
    with SimulatedThermometer(tmp_path / "line") as simulated:
        assert try_port(simulated.url, 115200) is None
        from station.devices import PROTOCOLS

        gate = Thermometer(simulated.url, PROTOCOLS["gy-mcu9061x"].make_parser, told.append, baud_rate=115200)
        gate.start()
        wait_until(lambda: len(told) > 3, "the gate hears nothing")
        error = try_port(simulated.url, 9600)
        assert error is not None
        assert error.state is Link.BUSY
        before = len(told)
        wait_until(lambda: len(told) > before + 3, "the gate was disturbed")
        gate.stop()
    assert try_port(str(tmp_path / "line"), 9600) is not None
    assert try_port("socket://127.0.0.1:1", 9600) is None
