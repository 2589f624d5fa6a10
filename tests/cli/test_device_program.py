"""`gatepost device list`, and what its commands say to wrong use."""

import json
from pathlib import Path

import pytest

from station.devices import ports
from station.devices.ports import Likeness, PortInfo
from tests.cli.conftest import Run

FOUND = [
    PortInfo(
        "/dev/ttyUSB0",
        Likeness.BRIDGE,
        by_id="/dev/serial/by-id/usb-1a86-if00",
        vid=0x1A86,
        pid=0x7523,
        location="1-1.2",
        maker="[red]QinHeng",
        product="\x1b[2J",
    ),
    PortInfo("/dev/ttyACM0", Likeness.SCANNER, vid=0x1EAB, pid=0x1D06, serial_number="A1", location="1-2:1.0"),
    PortInfo("/dev/ttyS0", Likeness.BUILT_IN),
]


def test_ports_are_named_with_what_to_write(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "list_ports", lambda: FOUND)
    assert run("device", "list").out.splitlines() == [
        "/dev/ttyUSB0  a USB-serial converter: a thermometer, an ID card reader or a scanner  ([red]QinHeng \ufffd[2J)",
        "    for settings.toml: usb:1A86:7523@1-1.2",
        "    /dev/serial/by-id/usb-1a86-if00",
        "/dev/ttyACM0  a code scanner",
        "    for settings.toml: usb:1EAB:1D06:A1@:1.0",
        "/dev/ttyS0  a serial port of this computer",
    ]
    told = json.loads(run("device", "list", "--json").out)
    assert [one["address"] for one in told] == ["usb:1A86:7523@1-1.2", "usb:1EAB:1D06:A1@:1.0", "/dev/ttyS0"]
    assert told[1] | {"likeness": "scanner", "sentence": "a code scanner", "vid": 0x1EAB} == told[1]


def test_no_port_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "list_ports", list)
    assert "No serial port" in run("device", "list").out
    assert json.loads(run("device", "list", "--json").out) == []


def test_the_ports_of_this_machine_can_be_listed(run: Run) -> None:
    assert isinstance(json.loads(run("device", "list", "--json").out), list)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["simulate"], ["gy-mcu9061x", "scanner"]),
        (["simulate", "--protocol", "thermo"], ["thermo", "gy-mcu9061x"]),
        (["simulate", "--protocol", "optris", "scanner"], ["scanner", "behind it"]),
        (["simulate", "--protocol", "optris", "--link", "x", "--tcp", "0"], ["--link", "--tcp"]),
        (["simulate", "--protocol", "optris", "--option", "hs=perhaps"], ["hs = perhaps"]),
        (["simulate", "--protocol", "optris", "--script", "none"], ["none", "cannot be read"]),
        (["simulate", "scanner", "--codes", "none"], ["none", "cannot be read"]),
        (["simulate", "scanner", "--codes", "empty"], ["empty", "no code"]),
        (["simulate", "idcard", "--script", "empty"], ["empty", "place resident 3s"]),
        (["watch", "usb:zz", "--protocol", "optris"], ["usb:zz", "gatepost device list"]),
        (["watch", "usb:zz", "--protocol", "scanner"], ["usb:zz", "gatepost device list"]),
        (["watch", "nonsense://", "--protocol", "text", "--seconds", "9"], ["nonsense://", "no serial port"]),
        (["watch", "x", "--protocol", "thermo"], ["thermo", "samv"]),
    ],
    ids=str,
)
def test_wrong_use_is_one_sentence(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").write_text("")
    run("device", *words).refused(2, *expected)


@pytest.mark.parametrize(
    "words",
    [["watch", "x"], ["watch", "--protocol", "text"], ["simulate", "--tcp", "70000"], ["simulate", "printer"]],
)
def test_what_click_refuses(run: Run, words: list[str]) -> None:
    assert run("device", *words).code == 2


def test_a_link_that_cannot_be_made_is_told(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine"
    file.write_text("mine")
    for words in (["--protocol", "text"], ["scanner"], ["idcard"]):
        run("device", "simulate", *words, "--link", file).refused(1, str(file), "a file of this name exists")
    assert file.read_text() == "mine"
