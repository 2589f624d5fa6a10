"""The reader thread: simulated thermometer to events, through every trouble a line can have."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from station.devices import PROTOCOLS
from station.devices.measurement import DeviceEvent, FaultCode, Link, Measurement
from station.devices.simulated_line import Transport
from station.devices.simulator import SimulatedThermometer
from station.devices.stability import Reading, StabilityRule
from station.devices.thermometer import Thermometer
from station.devices.voices import gy_mcu9061x_frame as encode_frame
from tests.devices.listening import Listener, hand_line, wait_until

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
GY = PROTOCOLS["gy-mcu9061x"].make_parser
TRANSPORTS: list[Transport] = ["socket"] if sys.platform == "win32" else ["pty", "socket"]


@pytest.fixture(params=TRANSPORTS)
def simulated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimulatedThermometer]:
    with SimulatedThermometer(tmp_path / "thermometer", seed=7, transport=request.param) as made:
        yield made


@pytest.fixture
def heard() -> Listener:
    return Listener()


@pytest.fixture
def reading_from() -> Iterator[Callable[..., Thermometer]]:
    """Start thermometers and stop them when the test ends."""
    started: list[Thermometer] = []

    def start(url: str, on_event: Callable[[DeviceEvent], None], **more: Callable[[], float]) -> Thermometer:
        started.append(Thermometer(url, GY, on_event, baud_rate=115200, **more))
        started[-1].start()
        return started[-1]

    yield start
    for thermometer in started:
        thermometer.stop()


def next_reading(rule: StabilityRule, heard: Listener) -> Reading:
    """Give the rule what comes from now on until it has a reading."""
    while rule.reading is None:
        for measurement in heard.wait_for_more(1):
            rule.add(measurement)
    return rule.reading


def descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


def reader_threads() -> int:
    return sum(thread.name == "thermometer" for thread in threading.enumerate())


def test_from_the_forehead_to_the_reading(
    simulated: SimulatedThermometer, heard: Listener, reading_from: Callable[..., Thermometer]
) -> None:
    rule = StabilityRule()
    reading_from(simulated.url, heard)
    heard.wait_for_link(Link.CONNECTED)
    rule.step_up(time.monotonic())
    simulated.present(36.6)
    reading = next_reading(rule, heard)
    assert reading.celsius == pytest.approx(36.6, abs=0.06)
    assert reading.ambient_celsius == pytest.approx(24.0, abs=0.06)


def test_the_person_before_is_never_used(
    simulated: SimulatedThermometer, heard: Listener, reading_from: Callable[..., Thermometer]
) -> None:
    rule = StabilityRule()
    reading_from(simulated.url, heard)
    for celsius in (38.9, 36.4, 39.5):
        rule.step_up(time.monotonic())
        simulated.present(celsius)
        # One frame of the person before may be on its way while the sensor is moved; five never are.
        assert next_reading(rule, heard).celsius == pytest.approx(celsius, abs=0.06)


@posix
def test_what_piled_up_before_opening_is_never_used(heard: Listener, reading_from: Callable[..., Thermometer]) -> None:
    with hand_line() as (master, name):
        os.write(master, encode_frame(38.9, 24.0) * 100)
        thermometer = reading_from(name, heard)
        wait_until(lambda: bool(heard.measurements) or os.write(master, encode_frame(36.4, 24.0)) == 0, "no frame")
        heard.wait(lambda: bool(heard.measurements))
        assert {one.celsius for one in heard.measurements} == {36.4}
        thermometer.stop()


@posix
def test_what_piled_up_while_the_reader_was_held_up_is_never_used(reading_from: Callable[..., Thermometer]) -> None:
    heard, go_on, is_held = Listener(), threading.Event(), threading.Event()

    def hold_up(event: DeviceEvent) -> None:
        heard(event)
        if isinstance(event, Measurement):
            is_held.set()
            assert go_on.wait(20)

    with hand_line() as (master, name):
        thermometer = reading_from(name, hold_up)
        wait_until(lambda: is_held.is_set() or os.write(master, encode_frame(38.9, 24.0)) == 0, "no frame")
        os.write(master, encode_frame(38.9, 24.0) * 20)
        rule = StabilityRule()
        rule.step_up(time.monotonic())
        go_on.set()
        heard.wait(lambda: len(heard.measurements) >= 20)
        os.write(master, encode_frame(36.4, 24.0))
        heard.wait(lambda: heard.measurements[-1].celsius == 36.4)
        for measurement in heard.measurements:
            rule.add(measurement)
        assert rule.reading is None
        assert rule.state.celsius in {None, 36.4}
        thermometer.stop()


def test_noise_is_never_a_reading(
    simulated: SimulatedThermometer, heard: Listener, reading_from: Callable[..., Thermometer]
) -> None:
    rule = StabilityRule()
    simulated.noise()
    reading_from(simulated.url, heard)
    rule.step_up(time.monotonic())
    heard.wait(lambda: len(heard.faults) >= 3)
    for measurement in heard.measurements:
        rule.add(measurement)
    assert rule.reading is None
    simulated.present(36.6)
    assert next_reading(rule, heard).celsius == pytest.approx(36.6, abs=0.06)


def test_pulled_and_put_back_twenty_times(tmp_path: Path, heard: Listener) -> None:
    before = descriptors(), reader_threads()
    with SimulatedThermometer(tmp_path / "thermometer", seed=3) as simulated:
        simulated.present(36.6)
        thermometer = Thermometer(simulated.url, GY, heard, baud_rate=115200)
        thermometer.start()
        heard.wait_for_link(Link.CONNECTED)
        open_once = descriptors()
        for _ in range(20):
            simulated.unplug()
            assert "check the cable" in str(heard.wait_for_link(Link.ABSENT).trouble)
            simulated.replug()
            heard.wait_for_link(Link.CONNECTED)
            heard.wait_for_more(1)
            assert reader_threads() == before[1] + 1
        wait_until(lambda: descriptors() <= open_once, "a file descriptor leaks with every replug")
        thermometer.stop()
    wait_until(lambda: (descriptors(), reader_threads()) == before, "a thread or file descriptor is left behind")


def test_a_replugged_socket_is_found_again(heard: Listener, reading_from: Callable[..., Thermometer]) -> None:
    with SimulatedThermometer(seed=3) as simulated:
        url = simulated.url
        assert url.startswith("socket://127.0.0.1:")
        reading_from(url, heard)
        heard.wait_for_link(Link.CONNECTED)
        simulated.unplug()
        heard.wait_for_link(Link.ABSENT)
        simulated.replug()
        assert simulated.url == url
        heard.wait_for_link(Link.CONNECTED)


def test_a_device_put_in_later_is_found(
    tmp_path: Path, heard: Listener, reading_from: Callable[..., Thermometer]
) -> None:
    with SimulatedThermometer(tmp_path / "thermometer", transport=TRANSPORTS[0]) as simulated:
        simulated.unplug()
        reading_from(simulated.url, heard)
        assert simulated.url in str(heard.wait_for_link(Link.ABSENT).trouble)
        simulated.replug()
        heard.wait_for_link(Link.CONNECTED)
        assert [link.state for link in heard.links] == [Link.ABSENT, Link.CONNECTED]


@posix
@pytest.mark.parametrize(
    ("sent", "remedy"), [(b"", "has power"), (b"\x11\x22\x33", "thermometer.baud_rate (now 115200)")]
)
def test_an_open_port_without_frames_is_silent(
    sent: bytes, remedy: str, heard: Listener, reading_from: Callable[..., Thermometer]
) -> None:
    with hand_line() as (master, name):
        thermometer = reading_from(name, heard, monotonic_s=lambda: time.monotonic() * 10)
        wait_until(lambda: bool(heard.links) or os.write(master, sent) < 0, "never told as silent")
        assert heard.links[0].state is Link.SILENT
        assert remedy in str(heard.links[0].trouble)
        wait_until(lambda: heard.links[-1].is_connected or os.write(master, encode_frame(36.5, 20)) < 0, "not heard")
        thermometer.stop()


@posix
def test_a_module_that_is_starting_is_connected(heard: Listener, reading_from: Callable[..., Thermometer]) -> None:
    with hand_line() as (master, name):
        thermometer = reading_from(name, heard)
        wait_until(lambda: bool(heard.links) or os.write(master, encode_frame(0.0, 20)) < 0, "not heard")
        assert heard.links[0].is_connected
        heard.wait(lambda: bool(heard.faults))
        assert heard.faults[0].code is FaultCode.NO_MEASUREMENT
        thermometer.stop()


@posix
def test_a_busy_port_is_told_and_taken_when_it_is_free(
    heard: Listener, reading_from: Callable[..., Thermometer], tmp_path: Path
) -> None:
    first = Listener()
    with SimulatedThermometer(tmp_path / "thermometer") as simulated:
        holder = reading_from(simulated.url, first)
        first.wait_for_link(Link.CONNECTED)
        reading_from(simulated.url, heard)
        assert "another program" in str(heard.wait_for_link(Link.BUSY).trouble)
        holder.stop()
        heard.wait_for_link(Link.CONNECTED)


@posix
def test_a_flood_of_faults_is_told_a_few_times_a_second(
    heard: Listener, reading_from: Callable[..., Thermometer]
) -> None:
    with hand_line() as (master, name):
        thermometer = reading_from(name, heard)
        wait_until(lambda: bool(heard.links) or os.write(master, encode_frame(36.5, 20)) < 0, "not heard")
        for _ in range(20):
            os.write(master, b"\x5a\x5a\x45\x04" * 200)
        os.write(master, b"\0" * 9 + encode_frame(39.9, 20))
        heard.wait(lambda: heard.measurements[-1].celsius == 39.9)
        assert 1 <= len(heard.faults) < 40
        thermometer.stop()


def test_stop_leaves_nothing_and_start_begins_again(simulated: SimulatedThermometer, heard: Listener) -> None:
    threads = reader_threads()
    thermometer = Thermometer(simulated.url, GY, heard, baud_rate=115200)
    thermometer.stop()
    thermometer.start()
    thermometer.start()
    heard.wait_for_link(Link.CONNECTED)
    thermometer.stop()
    thermometer.stop()
    told = len(heard.events)
    wait_until(lambda: reader_threads() == threads, "the reader goes on")
    assert len(heard.events) == told
    thermometer.start()
    heard.wait(lambda: len(heard.events) > told)
    thermometer.stop()
    wait_until(lambda: reader_threads() == threads, "the reader goes on")
