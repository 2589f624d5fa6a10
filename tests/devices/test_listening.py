"""The listening thread over real lines: what it hears, that it goes round the rates, and that it never writes."""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from station.devices import PROTOCOLS, port
from station.devices.guessing import SCANNER, Confidence
from station.devices.listening import RECENT_BYTES, Heard, PortListener, rates_to_try
from station.devices.measurement import Link, LinkState
from station.devices.simulated_line import Transport
from station.devices.simulator import SimulatedThermometer
from tests.devices.listening import DEADLINE_S, hand_line
from tests.devices.test_guessing import TOKEN

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")
TRANSPORTS: list[Transport] = ["socket"] if sys.platform == "win32" else ["pty", "socket"]


class Ear:
    """Collects what the listener tells."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.links: list[LinkState] = []
        self._changed = threading.Condition()

    def __call__(self, event: Heard | LinkState) -> None:
        with self._changed:
            if isinstance(event, Heard):
                self.heard.append(event)
            else:
                self.links.append(event)
            self._changed.notify_all()

    def wait(self, is_so: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(is_so, DEADLINE_S), (self.heard[-5:], self.links)


def test_all_rates_of_all_protocols_are_tried() -> None:
    assert set(rates_to_try()) == {rate for protocol in PROTOCOLS.values() for rate in protocol.baud_rates}
    assert set(rates_to_try()[:2]) == {9600, 115200}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", ["gy-614v", "gy-mcu9061x"])
def test_a_thermometer_is_found(transport: Transport, name: str, tmp_path: Path) -> None:
    ear = Ear()
    with SimulatedThermometer(tmp_path / "line", protocol=name, transport=transport) as simulated:
        simulated.present(36.6)
        listener = PortListener(simulated.url, ear)
        listener.start()
        ear.wait(lambda: bool(ear.heard) and ear.heard[-1].is_sure)
        listener.stop()
    (proposal,) = ear.heard[-1].proposals
    assert (proposal.protocol, proposal.confidence) == (name, Confidence.SURE)
    assert ear.heard[-1].recent
    assert [link.state for link in ear.links] == [Link.CONNECTED]


@posix
def test_nothing_is_written_and_the_rates_go_round() -> None:
    ear = Ear()
    with hand_line() as (master, name):
        os.set_blocking(master, False)
        listener = PortListener(name, ear, seconds_per_rate=0.05)
        listener.start()
        ear.wait(lambda: {heard.baud_rate for heard in ear.heard} == set(rates_to_try()))
        listener.stop()
        with pytest.raises(BlockingIOError):
            os.read(master, 1)
    assert all(heard.count == 0 for heard in ear.heard)


@posix
def test_a_code_is_found_without_a_terminator() -> None:
    ear = Ear()
    with hand_line() as (master, name):
        listener = PortListener(name, ear, rates=[9600])
        listener.start()
        ear.wait(lambda: bool(ear.links))
        ear.wait(lambda: bool(ear.heard))
        os.write(master, TOKEN.encode())
        ear.wait(lambda: bool(ear.heard[-1].proposals))
        listener.stop()
    assert ear.heard[-1].proposals[0].protocol == SCANNER
    assert ear.heard[-1].recent == TOKEN.encode()[-RECENT_BYTES:]


@posix
def test_noise_is_told_and_proposes_nothing() -> None:
    ear = Ear()
    with hand_line() as (master, name):
        listener = PortListener(name, ear, rates=[115200])
        listener.start()
        ear.wait(lambda: bool(ear.heard))
        os.write(master, b"\x1b[2J\xff[/]\x00" * 30)
        ear.wait(lambda: ear.heard[-1].count == 270)
        listener.stop()
    assert ear.heard[-1].proposals == ()
    assert len(ear.heard[-1].recent) == RECENT_BYTES


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_an_unplugged_device_is_listened_to_again(transport: Transport, tmp_path: Path) -> None:
    ear = Ear()
    with SimulatedThermometer(tmp_path / "line", transport=transport) as simulated:
        listener = PortListener(simulated.url, ear)
        listener.start()
        ear.wait(lambda: bool(ear.heard) and ear.heard[-1].is_sure)
        simulated.unplug()
        ear.wait(lambda: ear.links[-1].state is Link.ABSENT)
        told = len(ear.heard)
        simulated.replug()
        ear.wait(lambda: len(ear.heard) > told and ear.heard[-1].is_sure)
        listener.stop()


def test_it_stops_at_once_and_says_nothing_any_more(tmp_path: Path) -> None:
    ear = Ear()
    with SimulatedThermometer(tmp_path / "line") as simulated:
        listener = PortListener(simulated.url, ear)
        listener.start()
        ear.wait(lambda: bool(ear.heard))
        began_s = time.monotonic()
        listener.stop()
        assert time.monotonic() - began_s < 1.0
        told = len(ear.heard)
        listener.stop()
        assert len(ear.heard) == told


def test_a_port_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    ear = Ear()
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        listener = PortListener(f"socket://127.0.0.1:{nobody.getsockname()[1]}", ear)
        listener.start()
        ear.wait(lambda: bool(ear.links))
        listener.stop()
    assert ear.links[0].state is Link.ABSENT


@posix
def test_a_rate_that_the_port_refuses_is_a_sentence() -> None:
    with hand_line() as (_, name):
        opened = port.Port(name, 9600)
        with pytest.raises(port.PortError):
            opened.change_rate(-1)
        opened.close()
