"""Devices as they are set up: from the settings to a draft and back, proposals, and what is shown of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from station.devices import PROTOCOLS
from station.devices.guessing import SCANNER, Confidence, Proposal
from station.devices.idcard.card import CardKind, IdCard, Sex
from station.devices.measurement import Fault, FaultCode, Measurement
from station.devices.ports import Likeness, PortInfo
from station.i18n import language, set_language
from station.settings import (
    FILE_NAME,
    IdCardSettings,
    ScannerSettings,
    Settings,
    SettingsError,
    ThermometerSettings,
    load_settings,
    save_settings,
)
from station.wizard import (
    Draft,
    Role,
    draft_of,
    dump,
    event_words,
    option_choices,
    option_default,
    parse_options,
    port_words,
    rates_of,
    save,
    settings_with,
    use_of,
    with_proposal,
    with_protocol,
)
from tests.screens.console import make_station

HOSTILE = "\x1b[2J[/]\u202e{x}"


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    before = language()
    set_language("en")
    yield
    set_language(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_station(tmp_path, port="/dev/ttyUSB0")


@pytest.mark.parametrize("role", Role)
def test_saving_what_is_set_changes_nothing(folder: Path, role: Role) -> None:
    settings = load_settings(folder)
    settings.scanners = [ScannerSettings("/dev/ttyACM0", 115200, "entry")]
    settings.idcard = IdCardSettings("/dev/ttyUSB1")
    settings.thermometer = ThermometerSettings("/dev/t", "modbus-rtu", 9600, -0.25, "wrist", {"register": 14})
    save_settings(folder, settings)
    assert save(folder, draft_of(settings, role)) == settings
    assert load_settings(folder) == settings


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_protocol_can_be_chosen_with_its_usual_options(folder: Path, protocol: str) -> None:
    draft = with_protocol(draft_of(load_settings(folder), Role.THERMOMETER), protocol)
    usual = {name: option_default(protocol, name) for name in option_choices(protocol)}
    for options in ({}, usual):
        saved = save(folder, replace(draft, options=options)).thermometer
        assert (saved.protocol, saved.baud_rate, saved.options) == (protocol, PROTOCOLS[protocol].baud_rate, {})
    assert list(usual) == list(PROTOCOLS[protocol].options.__struct_fields__)
    assert rates_of(draft)[0] == PROTOCOLS[protocol].baud_rate


def test_options_are_kept_as_what_they_are(folder: Path) -> None:
    typed = {"register": "0x0E", "status_register": "-1", "scale": "0.01", "format": "float32", "address": "1"}
    draft = replace(with_protocol(draft_of(load_settings(folder), Role.THERMOMETER), "modbus-rtu"), options=typed)
    save(folder, draft)
    saved = load_settings(folder).thermometer.options
    assert saved == {"register": 14, "status_register": -1, "scale": 0.01, "format": "float32"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"offset": "9"}, ["thermometer.offset_celsius", "9"]),
        ({"offset": "nan"}, ["thermometer.offset_celsius"]),
        ({"offset": "a lot"}, ["thermometer.offset_celsius", "a lot"]),
        ({"baud_rate": "fast"}, ["thermometer.baud_rate", "fast"]),
        ({"baud_rate": "-1"}, ["thermometer.baud_rate", "-1"]),
        ({"site": "knee"}, ["thermometer.site", "knee"]),
        ({"protocol": "x"}, ["thermometer.protocol", "x"]),
        ({"options": {"query": "perhaps"}}, ["query", "perhaps"]),
        ({"options": {"no": "1"}}, ["no"]),
        ({"role": Role.SCANNER, "direction": "up"}, ["direction", "up"]),
    ],
)
def test_what_cannot_be_is_told_and_not_saved(folder: Path, changes: dict[str, Any], words: list[str]) -> None:
    before = (folder / FILE_NAME).read_bytes()
    draft = replace(draft_of(load_settings(folder), Role.THERMOMETER), **changes)
    with pytest.raises(SettingsError) as refused:
        save(folder, draft)
    assert [word for word in [str(folder / FILE_NAME), *words] if word not in str(refused.value)] == []
    assert (folder / FILE_NAME).read_bytes() == before


def test_numbers_may_be_full_width(folder: Path) -> None:
    draft = replace(draft_of(load_settings(folder), Role.THERMOMETER), offset="-０．３", baud_rate="９６００")
    saved = save(folder, draft).thermometer
    assert (saved.offset_celsius, saved.baud_rate) == (-0.3, 9600)


def test_scanners_are_added_changed_and_removed(folder: Path) -> None:
    for port, direction in (("/dev/a", ""), ("/dev/b", "exit"), ("/dev/a", "entry")):
        save(folder, Draft(Role.SCANNER, port, "9600", direction=direction))
    scanners = load_settings(folder).scanners
    assert {(scanner.port, scanner.direction) for scanner in scanners} == {("/dev/a", "entry"), ("/dev/b", "exit")}
    assert save(folder, Draft(Role.SCANNER, "", "9600")).scanners == []
    assert load_settings(folder).thermometer.port == "/dev/ttyUSB0"


def test_what_an_editor_wrote_meanwhile_is_kept(folder: Path) -> None:
    draft = draft_of(load_settings(folder), Role.IDCARD)
    path = folder / FILE_NAME
    path.write_text(path.read_text("utf-8").replace('name = "North gate"', 'name = "South gate"'), "utf-8")
    save(folder, replace(draft, port="/dev/c"))
    assert (load_settings(folder).station.name, load_settings(folder).idcard.port) == ("South gate", "/dev/c")


def test_a_proposal_is_taken_over() -> None:
    draft = Draft(Role.THERMOMETER, "/dev/t", "9600", "text", offset="0.2", site="wrist", options={"unit": "F"})
    optris = Proposal("optris", Confidence.POSSIBLE, 9, 1.0, {"mode": "burst", "hs": True})
    assert with_proposal(draft, optris, 115200) == replace(
        draft, protocol="optris", baud_rate="115200", options={"mode": "burst", "hs": "true"}
    )
    scanner = Proposal(SCANNER, Confidence.SURE, 1, 1.0)
    assert with_proposal(draft, scanner, 9600) == Draft(Role.SCANNER, "/dev/t", "9600")


def test_ports_are_told_with_their_use(folder: Path) -> None:
    settings = load_settings(folder)
    by_name = PortInfo("/dev/ttyUSB0", Likeness.BRIDGE, maker="WCH", product="USB2.0-Serial")
    assert use_of(by_name, settings) is Role.THERMOMETER
    assert port_words(by_name, settings).startswith("/dev/ttyUSB0  [thermometer]  a USB-serial converter")
    settings.scanners = [ScannerSettings("usb:1EAB:1D06:NL1")]
    scanner = PortInfo("/dev/ttyACM0", Likeness.SCANNER, vid=0x1EAB, pid=0x1D06, serial_number="NL1")
    assert use_of(scanner, settings) is Role.SCANNER
    settings.idcard = IdCardSettings("/dev/serial/by-id/x")
    assert use_of(replace(by_name, device="/dev/z", by_id="/dev/serial/by-id/x"), settings) is Role.IDCARD
    assert use_of(PortInfo("/dev/ttyS0", Likeness.BUILT_IN), settings) is None


def test_what_devices_say_is_one_harmless_line() -> None:
    person = IdCard(
        CardKind.RESIDENT, "王小明", Sex.MALE, date(1990, 1, 1), "110101199001010010", date(2020, 1, 1), None
    )
    assert event_words(Measurement(36.69, "body", -12.4, b"", "x", 0.0)) == "36.6 C body   ambient -12.4"
    assert event_words(Fault(FaultCode.CHECKSUM, b"", 0.0)).startswith("the bytes were damaged")
    assert event_words(person) == "card read: 王*明"
    token = event_words("GP1" + "A" * 200)
    assert ("203 characters" in token, "A" * 20 in token) == (True, False)
    assert "\x1b" not in event_words(HOSTILE)


def test_bytes_are_shown_and_do_nothing() -> None:
    assert dump(b"\x5a\x5a\x1b[2J\xff") == ["5A 5A 1B 5B 32 4A FF" + " " * 29 + "ZZ.[2J."]
    assert [len(line) for line in dump(bytes(40))] == [65, 65, 57]
    assert dump(b"") == []


def test_options_in_words() -> None:
    assert parse_options(["mode=burst", " hs = true ", "pattern=T=([0-9]+)", "bare"]) == {
        "mode": "burst",
        "hs": "true",
        "pattern": "T=([0-9]+)",
        "bare": "",
    }


def test_settings_stay_whole_when_the_file_cannot_be_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_words: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("station.wizard.save_settings", full)
    before: Settings = load_settings(folder)
    with pytest.raises(SettingsError, match="No space left"):
        save(folder, Draft(Role.IDCARD, "/dev/c", "115200"))
    assert settings_with(folder, before, draft_of(before, Role.THERMOMETER)) == load_settings(folder)
