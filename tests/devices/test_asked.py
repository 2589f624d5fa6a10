"""Every protocol from the simulated device over a real line to the reading; settings with options."""

import sys
import time
from pathlib import Path

import pytest

from station.devices import PROTOCOLS, OptionValue
from station.devices.measurement import Link, Measurement
from station.devices.simulated_line import Transport
from station.devices.simulator import Scene, SimulatedThermometer
from station.devices.stability import StabilityRule
from station.devices.thermometer import Thermometer
from station.devices.voices import VOICES
from station.settings import (
    CommunitySettings,
    Settings,
    SettingsError,
    StationSettings,
    ThermometerSettings,
    load_settings,
    save_settings,
)
from tests.devices.listening import Listener, hand_line, wait_until
from tests.devices.test_protocols import every_kind

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


@posix
@every_kind
def test_from_the_forehead_to_the_reading(name: str, options: dict[str, OptionValue], tmp_path: Path) -> None:
    protocol, heard = PROTOCOLS[name], Listener()
    rule = StabilityRule(window_s=protocol.window_s)
    with SimulatedThermometer(tmp_path / "line", protocol=name, options=options) as simulated:
        simulated.present(36.6)
        thermometer = Thermometer(
            simulated.url, lambda: protocol.make_parser(options), heard, baud_rate=protocol.baud_rate
        )
        rule.step_up(time.monotonic())
        thermometer.start()
        while rule.reading is None:
            for measurement in heard.wait_for_more(1):
                rule.add(measurement)
        thermometer.stop()
    assert rule.reading.celsius == pytest.approx(36.6, abs=0.11)  # noise of 0.05, and tenths
    assert rule.reading.protocol == name


@pytest.mark.parametrize("transport", ["pty", "socket"] if sys.platform != "win32" else ["socket"])
def test_an_asked_device_is_found_again(transport: Transport, tmp_path: Path) -> None:
    protocol, heard = PROTOCOLS["heimann-calct"], Listener()
    with SimulatedThermometer(tmp_path / "line", protocol="heimann-calct", transport=transport) as simulated:
        thermometer = Thermometer(simulated.url, protocol.make_parser, heard, baud_rate=protocol.baud_rate)
        thermometer.start()
        for _ in range(2):
            heard.wait_for_link(Link.CONNECTED)
            heard.wait_for_more(2)
            simulated.unplug()
            heard.wait_for_link(Link.ABSENT)
            simulated.replug()
        thermometer.stop()


@posix
def test_a_device_that_does_not_answer_is_told() -> None:
    heard = Listener()
    with hand_line() as (_, name):
        thermometer = Thermometer(
            name,
            PROTOCOLS["optris"].make_parser,
            heard,
            baud_rate=115200,
            monotonic_s=lambda: time.monotonic() * 10,
        )
        thermometer.start()
        wait_until(lambda: bool(heard.links), "never told as silent")
        assert "does not answer" in str(heard.links[0].trouble)
        thermometer.stop()


@every_kind
def test_noise_of_the_simulator_is_no_reading(name: str, options: dict[str, OptionValue]) -> None:
    protocol = PROTOCOLS[name]
    voice = VOICES[name](protocol.read_options(options))
    scene, parser = Scene(3, 21.0, voice), protocol.make_parser(options)
    rule = StabilityRule(window_s=protocol.window_s)
    rule.step_up(0.0)
    scene.noise()
    for number in range(1000):
        now_s = 0.2 * (number + 1)
        said = scene.answer(parser.due(now_s)) if scene.is_asked else scene.next_bytes()
        for event in parser.feed(said, now_s):
            if isinstance(event, Measurement):
                rule.add(event)
    assert rule.reading is None


def settings_with(thermometer: ThermometerSettings) -> Settings:
    return Settings(
        StationSettings("east", "东门"),
        CommunitySettings("370212004001", "平安里", "Asia/Shanghai"),
        thermometer=thermometer,
    )


def test_options_are_saved_and_read_back(tmp_path: Path) -> None:
    modbus = ThermometerSettings(
        protocol="modbus-rtu", options={"register": 14, "scale": 0.01, "format": "uint16", "status_register": -1}
    )
    text = ThermometerSettings(protocol="text", options={"pattern": 't="([0-9.]+)"\\s', "unit": "F"})
    for thermometer in (modbus, text, ThermometerSettings()):
        save_settings(tmp_path, settings_with(thermometer))
        assert load_settings(tmp_path).thermometer == thermometer
    save_settings(tmp_path, settings_with(ThermometerSettings(options={'a"b': True})))
    with pytest.raises(SettingsError, match="unknown field"):
        load_settings(tmp_path)


def test_a_file_may_have_a_table_of_options(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    text = '[station]\nid = "east"\nname = "东门"\n[community]\nid = "1"\nname = "平安里"\nzone = "UTC"\n'
    path.write_text(text + '[thermometer]\nprotocol = "modbus-rtu"\n[thermometer.options]\nregister = 0x0E\n', "utf-8")
    assert load_settings(tmp_path).thermometer.options == {"register": 14}
    path.write_text(text + '[thermometer]\nprotocol = "optris"\noptions = { hs = "perhaps" }\n', "utf-8")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path)
    assert all(word in str(caught.value) for word in [str(path), "thermometer.options", "hs = perhaps", "correct"])
