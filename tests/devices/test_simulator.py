"""The simulated thermometer: repeatable, and as rude as a real one."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from station.devices import PROTOCOLS, OptionValue
from station.devices.gy_mcu9061x import GyMcu9061x, Options
from station.devices.measurement import DeviceError, Measurement
from station.devices.simulator import Scene, SimulatedThermometer
from station.devices.stability import StabilityRule
from station.devices.voices import VOICES

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")


def played(seed: int) -> list[bytes]:
    scene = Scene(seed, 24.0)
    sent = []
    acts: list[Callable[[], None]] = [scene.leave, lambda: scene.present(36.6), scene.noise, scene.leave]
    for act in acts:
        act()
        sent += [scene.next_bytes() for _ in range(20)]
    return sent


def test_the_same_seed_plays_the_same() -> None:
    assert played(1) == played(1)
    assert played(1) != played(2)


def test_a_forehead_and_the_wall() -> None:
    scene, parser = Scene(1, 21.0), GyMcu9061x(Options())
    for celsius in (None, 36.6, None):
        scene.leave() if celsius is None else scene.present(celsius)
        for _ in range(50):
            [event] = parser.feed(scene.next_bytes(), 0.0)
            assert isinstance(event, Measurement)
            assert event.celsius == pytest.approx(21.0 if celsius is None else celsius, abs=0.06)
            assert event.ambient_celsius == pytest.approx(21.0, abs=0.06)


def test_ten_to_fourteen_frames_a_second() -> None:
    scene = Scene(1, 24.0)
    pauses_s = [scene.next_pause_s() for _ in range(200)]
    assert 1 / 14 <= min(pauses_s) <= max(pauses_s) <= 1 / 10


@pytest.mark.parametrize("seed", range(5))
def test_hours_of_noise_make_no_reading(seed: int) -> None:
    scene, parser, rule = Scene(seed, 24.0), GyMcu9061x(Options()), StabilityRule()
    scene.present(36.6)
    scene.noise()
    rule.step_up(0.0)
    now_s, faults = 0.0, 0
    for _ in range(5_000):
        now_s += scene.next_pause_s()
        for event in parser.feed(scene.next_bytes(), now_s):
            if isinstance(event, Measurement):
                rule.add(event)
            else:
                faults += 1
    assert rule.reading is None
    assert faults > 1_000


@pytest.mark.parametrize(("protocol", "question"), [("gy-mcu9061x", b""), ("raytek", b"?T\r"), ("optris", b"\x01")])
def test_a_module_that_hangs_says_the_very_same(protocol: str, question: bytes) -> None:
    scene = Scene(1, 24.0, VOICES[protocol](PROTOCOLS[protocol].read_options({})))

    def next_said() -> bytes:
        return scene.answer(question) if scene.is_asked else scene.next_bytes()

    scene.present(36.6)
    last = next_said()
    scene.stick()
    assert {next_said() for _ in range(20)} == {last}
    scene.present(38.0)
    assert next_said() != last


def test_a_module_without_power_says_nothing() -> None:
    scene = Scene(1, 24.0)
    scene.fall_silent()
    assert [scene.next_bytes() for _ in range(3)] == [b""] * 3
    scene.leave()
    assert scene.next_bytes()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("options", [{}, {"scale": 0.001}, {"format": "uint16"}], ids=str)
def test_what_no_frame_holds_is_the_nearest_that_it_does(protocol: str, options: dict[str, OptionValue]) -> None:
    if options and protocol != "modbus-rtu":
        return
    voice = VOICES[protocol](PROTOCOLS[protocol].read_options(options))
    assert all(voice.say(celsius, celsius) for celsius in (-60.0, 300.0))


@pytest.mark.parametrize("celsius", [float("nan"), 301.0, -61.0])
def test_what_no_frame_can_say_is_not_presented(celsius: float) -> None:
    with pytest.raises(ValueError, match="degrees Celsius"):
        Scene(0, 24.0).present(celsius)


@posix
def test_the_link_names_a_new_terminal_after_a_replug(tmp_path: Path) -> None:
    link = tmp_path / "thermometer"
    with SimulatedThermometer(link) as simulated:
        assert simulated.url == str(link)
        held = os.open(link, os.O_RDWR | os.O_NOCTTY)  # as a reader that has not noticed yet
        first = link.readlink()
        simulated.unplug()
        simulated.unplug()
        assert not os.path.lexists(link)
        simulated.replug()
        simulated.replug()
        assert link.readlink() != first
        os.close(held)
    assert list(tmp_path.iterdir()) == []


@posix
def test_an_old_link_is_replaced_but_a_file_is_not(tmp_path: Path) -> None:
    link = tmp_path / "thermometer"
    link.symlink_to("nowhere")
    SimulatedThermometer(link).stop()
    link.write_text("mine")
    with pytest.raises(DeviceError, match="a file of this name exists"):
        SimulatedThermometer(link)
    assert link.read_text() == "mine"


@posix
def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="name a path in a folder you may write to"):
        SimulatedThermometer(tmp_path / "none" / "thermometer")


@posix
def test_a_link_that_another_program_has_taken_over_is_left_to_it(tmp_path: Path) -> None:
    link = tmp_path / "thermometer"
    first = SimulatedThermometer(link)
    with SimulatedThermometer(link) as second:
        first.stop()
        assert link.is_symlink()
        assert second.url == str(link)
    assert not os.path.lexists(link)


def test_a_port_may_be_chosen_and_a_taken_one_is_told() -> None:
    with SimulatedThermometer(transport="socket") as simulated:
        port = int(simulated.url.rpartition(":")[2])
        with pytest.raises(DeviceError, match=f"port {port} of 127.0.0.1"):
            SimulatedThermometer(port=port)
    with SimulatedThermometer(port=port) as again:
        assert again.url == simulated.url


def test_nobody_reading_does_no_harm(tmp_path: Path) -> None:
    simulated = SimulatedThermometer(tmp_path / "thermometer")
    simulated.stop()
    simulated.stop()
