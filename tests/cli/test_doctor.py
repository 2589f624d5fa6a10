"""`gatepost doctor` as users call it: lines and JSON, exit codes, and the wizard with and without questions."""

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from station.devices.simulator import SimulatedThermometer
from station.settings import FILE_NAME, load_settings
from tests.cli.conftest import Run, rewrite

SYMBOLS = {"OK", "!!", "XX"}
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@pytest.fixture
def line(tmp_path: Path) -> Iterator[SimulatedThermometer]:
    with SimulatedThermometer(tmp_path / "line", protocol="gy-614v") as simulated:
        simulated.present(36.6)
        yield simulated


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[SimulatedThermometer]:
    with SimulatedThermometer(tmp_path / "asked", protocol="modbus-rtu") as simulated:
        simulated.present(36.6)
        yield simulated


def test_each_check_is_one_line_and_a_problem_is_exit_1(run: Run, folder: Path) -> None:
    rewrite(folder, 'port = ""\nprotocol', f'port = "{folder}/nothing"\nprotocol')
    told = run("doctor", "--dir", folder)
    *lines, summary = told.out.splitlines()
    assert {one[:2] for one in lines} <= SYMBOLS
    assert all(one[2:4] == "  " for one in lines)
    troubles = [one for one in lines if one.startswith("XX")]
    assert any("thermometer.port" in one for one in troubles)
    assert any("cannot be reached" in one for one in troubles)
    assert (told.code, summary.startswith(f"problems: {len(troubles)}")) == (1, True)


def test_json_says_the_same(run: Run, folder: Path) -> None:
    lines, told = run("doctor", "--dir", folder).out.splitlines(), run("doctor", "--dir", folder, "--json")
    answer = json.loads(told.out)
    assert len(answer["findings"]) == len(lines) - 1
    assert {one["state"] for one in answer["findings"]} <= {"ok", "note", "problem"}
    assert answer["problems"] == sum(one["state"] == "problem" for one in answer["findings"]) > 0
    assert told.code == 1


def test_a_machine_without_a_station(run: Run, tmp_path: Path) -> None:
    told = run("doctor", "--dir", tmp_path / "none")
    assert "no station is set up here" in told.out
    assert not (tmp_path / "none").exists()


def test_the_doctor_speaks_the_station_s_language_unless_told(run: Run, folder: Path, tmp_path: Path) -> None:
    assert "问题" in run("--lang", "zh", "doctor", "--dir", folder).out
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / FILE_NAME).write_text("no toml")
    told = run("doctor", "--dir", tmp_path / "broken")
    assert (told.code, "this is not valid TOML" in told.out) == (1, True)


@posix
def test_listening_without_questions(run: Run, line: SimulatedThermometer, tmp_path: Path) -> None:
    told = run("doctor", "devices", "--port", line.url, "--listen", "3", "--json", "--dir", tmp_path / "none")
    (heard,) = json.loads(told.out)["heard"]
    (proposal,) = heard["proposals"]
    assert (told.code, proposal["protocol"], proposal["confidence"]) == (0, "gy-614v", "sure")
    assert heard["bytes"] > 0
    assert bytes.fromhex(heard["recent"])
    shown = run("doctor", "devices", "--port", line.url)
    assert (shown.code, "seems to be: gy-614v" in shown.out, "A4 03 07 07" in shown.out) == (0, True, True)


@posix
def test_a_device_that_speaks_only_when_asked_is_not_asked_by_listening(run: Run, asked: SimulatedThermometer) -> None:
    told = run("doctor", "devices", "--port", asked.url, "--listen", "0.3", "--json")
    answer = json.loads(told.out)
    assert (told.code, [one["bytes"] for one in answer["heard"]]) == (1, [0, 0, 0, 0])
    assert "Nothing is understood" in run("doctor", "devices", "--port", asked.url, "--listen", "0.2").out


@posix
def test_a_chosen_device_is_tried_and_saved(run: Run, folder: Path, asked: SimulatedThermometer) -> None:
    words = ("doctor", "devices", "--dir", folder, "--port", asked.url, "--protocol", "modbus-rtu")
    tried = run(*words, "--json")
    assert (tried.code, json.loads(tried.out)["answers"], json.loads(tried.out)["saved"]) == (0, True, False)
    assert load_settings(folder).thermometer.port == ""
    saved = run(*words, "--offset", "-0.2", "--site", "wrist", "--option", "address=1", "--save")
    assert (saved.code, "Saved." in saved.out, "36." in saved.out) == (0, True, True)
    thermometer = load_settings(folder).thermometer
    assert (thermometer.port, thermometer.protocol, thermometer.baud_rate) == (asked.url, "modbus-rtu", 9600)
    assert (thermometer.offset_celsius, thermometer.site) == (-0.2, "wrist")


@posix
def test_a_device_that_does_not_answer_is_not_saved(run: Run, folder: Path, line: SimulatedThermometer) -> None:
    before = (folder / FILE_NAME).read_bytes()
    words = ("doctor", "devices", "--dir", folder, "--port", line.url, "--protocol", "text", "--listen", "0.5")
    told = run(*words, "--save")
    assert (told.code, "Not saved" in told.out) == (1, True)
    assert (folder / FILE_NAME).read_bytes() == before


@posix
def test_a_scanner_may_be_saved_before_a_scan(run: Run, folder: Path, asked: SimulatedThermometer) -> None:
    words = ("doctor", "devices", "--dir", folder, "--port", asked.url, "--role", "scanner", "--listen", "0.5")
    assert run(*words, "--direction", "entry", "--save").code == 0
    (scanner,) = load_settings(folder).scanners
    assert (scanner.port, scanner.direction) == (asked.url, "entry")


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        ([], 2, ["--port"]),
        (["--port", "x", "--save"], 2, ["--role"]),
        (["--port", "x", "--protocol", "gy"], 2, ["--protocol", "gy", "gy-614v"]),
        (["--port", "x", "--protocol", "text", "--offset", "99"], 2, ["thermometer.offset_celsius"]),
        (["--port", "x", "--protocol", "optris", "--option", "mode=loud"], 2, ["mode", "loud"]),
        (["--port", "/dev/no-such-port", "--listen", "0.2"], 1, ["/dev/no-such-port", "cable"]),
        (["--port", "usb:zz", "--listen", "0.2"], 1, ["usb:VID:PID"]),
    ],
    ids=str,
)
def test_wrong_use_is_one_sentence(run: Run, folder: Path, words: list[str], code: int, expected: list[str]) -> None:
    run("doctor", "devices", "--dir", folder, *words).refused(code, *expected)


def test_ports_are_listed_for_machines(run: Run, folder: Path) -> None:
    told = run("doctor", "devices", "--dir", folder, "--json")
    assert (told.code, isinstance(json.loads(told.out), list)) == (0, True)


class Answers(io.StringIO):
    """What somebody types, at a terminal."""

    def isatty(self) -> bool:
        return True


@posix
def test_the_questions_lead_to_a_saved_device(
    folder: Path, line: SimulatedThermometer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from station.cli.doctor_dialogue import ask_through
    from station.devices.ports import list_ports
    from station.i18n import language, set_language

    before = language()
    set_language("en")
    another = len(list_ports()) + 1
    typed = [str(another), line.url, "1", "", "surface", "", "0.3", "2", "1"]
    monkeypatch.setattr(sys, "stdin", Answers("".join(f"{one}\n" for one in typed)))
    ask_through(folder)
    set_language(before)
    thermometer = load_settings(folder).thermometer
    assert (thermometer.port, thermometer.protocol, thermometer.offset_celsius) == (line.url, "gy-614v", 0.3)
    assert (thermometer.site, thermometer.options) == ("wrist", {"quantity": "surface"})
    out = capsys.readouterr().out
    assert "gy-614v 115200  for sure" in out
    assert "C skin" in out
