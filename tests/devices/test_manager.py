"""The manager of a station's devices: what each says, how each fares, one thread a port, and a clean end."""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serial.tools import list_ports as listing

from passes.trips import Direction
from station.devices.idcard.simulator import PEOPLE, SimulatedCardReader, encode_card
from station.devices.manager import CardRead, CodeScanned, Device, DeviceChanged, DeviceManager, DeviceNews, Measured
from station.devices.measurement import Link, Measurement
from station.devices.voices import gy_mcu9061x_frame as frame
from station.settings import (
    CommunitySettings,
    IdCardSettings,
    ScannerSettings,
    Settings,
    StationSettings,
    ThermometerSettings,
)
from tests.devices.listening import DEADLINE_S, hand_line, wait_until
from tests.devices.test_ports import found

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

NAMES = {"thermometer", "scanner", "idcard"}


def settings_with(**devices: Any) -> Settings:
    return Settings(
        StationSettings("east", "东门"), CommunitySettings("370212004001", "平安里", "Asia/Shanghai"), **devices
    )


class News:
    """What a manager tells, from any of its threads."""

    def __init__(self) -> None:
        self.told: list[DeviceNews] = []
        self._changed = threading.Condition()

    def __call__(self, news: DeviceNews) -> None:
        with self._changed:
            self.told.append(news)
            self._changed.notify_all()

    def of(self, kind: type[Any]) -> list[Any]:
        return [news for news in list(self.told) if isinstance(news, kind)]

    def wait_for(self, *states: Link | None, manager: DeviceManager) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: links(manager) == list(states), DEADLINE_S), self.told[-20:]


def links(manager: DeviceManager) -> list[Link | None]:
    return [state.link.state if state.link else None for state in manager.states]


def left_behind() -> tuple[int, int]:
    return sum(thread.name in NAMES for thread in threading.enumerate()), len(list(Path("/dev/fd").iterdir()))


@contextmanager
def managed(settings: Settings, news: News) -> Iterator[DeviceManager]:
    manager = DeviceManager(settings, news)
    manager.start()
    try:
        yield manager
    finally:
        manager.stop()


def test_no_device_no_thread() -> None:
    before, news = left_behind(), News()
    with managed(settings_with(), news) as manager:
        assert (manager.states, left_behind(), news.told) == ((), before, [])


@posix
def test_every_device_says_what_it_has_to_say_and_nothing_is_left_behind(tmp_path: Path) -> None:
    before, news = left_behind(), News()
    with hand_line() as (thermometer, one), hand_line() as (out, two), hand_line() as (in_, three):
        settings = settings_with(
            thermometer=ThermometerSettings(port=one),
            scanners=[ScannerSettings(two, direction="exit"), ScannerSettings(three)],
            idcard=IdCardSettings(port=str(tmp_path / "idcard")),
        )
        with SimulatedCardReader(tmp_path / "idcard") as reader, managed(settings, news) as manager:
            manager.start()  # once more does nothing
            wait_until(lambda: bool(news.of(Measured)) or os.write(thermometer, frame(36.5, 20)) == 0, "no frame")
            news.wait_for(*[Link.CONNECTED] * 4, manager=manager)
            assert [state.device for state in manager.states] == [
                Device.THERMOMETER,
                Device.SCANNER,
                Device.SCANNER,
                Device.IDCARD,
            ]
            assert not any(state.is_in_trouble or state.trouble for state in manager.states)
            os.write(out, b"ABC\r")
            os.write(in_, b"DEF\r")
            reader.place(encode_card(PEOPLE[0]))
            wait_until(lambda: len(news.of(CodeScanned)) == 2 and bool(news.of(CardRead)), "a device is not heard")
    measured: Measurement = news.of(Measured)[0].event
    assert measured.celsius == 36.5
    assert {(said.code, said.direction) for said in news.of(CodeScanned)} == {("ABC", Direction.EXIT), ("DEF", None)}
    assert [said.event for said in news.of(CardRead)] == [PEOPLE[0]]
    wait_until(lambda: left_behind() == before, "a thread or file descriptor is left behind")


@posix
def test_two_devices_on_one_port_are_told_with_both_settings_and_the_first_works(tmp_path: Path) -> None:
    news, link = News(), tmp_path / "by-id"
    with hand_line() as (master, name):
        link.symlink_to(name)
        settings = settings_with(
            thermometer=ThermometerSettings(port=name), scanners=[ScannerSettings(str(link)), ScannerSettings("COM9")]
        )
        with managed(settings, news) as manager:
            wait_until(lambda: bool(news.of(Measured)) or os.write(master, frame(36.5, 20)) == 0, "no frame")
            news.wait_for(Link.CONNECTED, Link.UNUSABLE, Link.ABSENT, manager=manager)
            sentence = str(manager.states[1].trouble)
            assert "scanners[0].port and thermometer.port name the same port" in sentence
            assert "settings.toml" in sentence
            assert sum(thread.name in NAMES for thread in threading.enumerate()) == 2


@posix
def test_found_again_under_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A replugged USB device may come back as ttyUSB1; its mark stays the same."""
    plugged: list[Any] = []
    monkeypatch.setattr(listing, "comports", lambda: plugged)
    news = News()
    settings = settings_with(
        thermometer=ThermometerSettings(port="usb:1A86:7523:T1"), scanners=[ScannerSettings("usb:1EAB:1D06:S1")]
    )
    with managed(settings, news) as manager:
        news.wait_for(Link.ABSENT, Link.ABSENT, manager=manager)
        assert "usb:1A86:7523:T1" in str(manager.states[0].trouble)
        for code in ("ONE", "TWO"):
            with hand_line() as (thermometer, here), hand_line() as (scanner, there):
                plugged[:] = [
                    found(here, vid=0x1A86, pid=0x7523, serial_number="T1"),
                    found(there, vid=0x1EAB, pid=0x1D06, serial_number="S1"),
                ]
                heard = len(news.of(Measured))
                wait_until(
                    lambda heard=heard, line=thermometer: (
                        len(news.of(Measured)) > heard  # type: ignore[misc]  # bound
                        or os.write(line, frame(36.5, 20)) == 0
                    ),
                    "the thermometer is not found again",
                )
                news.wait_for(Link.CONNECTED, Link.CONNECTED, manager=manager)
                os.write(scanner, code.encode() + b"\r")
                wait_until(lambda code=code: news.of(CodeScanned)[-1:] == [CodeScanned(code, None)], "not heard")  # type: ignore[misc]  # bound
                plugged.clear()
            news.wait_for(Link.ABSENT, Link.ABSENT, manager=manager)


def test_ports_that_hang_do_not_hold_up_the_stop() -> None:
    """Hosts that do not answer: every port hangs while it is being opened."""
    news = News()
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"socket://127.0.0.1:{listener.getsockname()[1]}"
        # Who fills the queue of a listener that accepts nobody makes everybody else wait.
        filled = [socket.socket() for _ in range(3)]
        for one in filled:
            one.settimeout(0)
            one.connect_ex(listener.getsockname())
        hanging = {f"{url}/?logging={level}" for level in ("debug", "info", "warning")}
        thermometer, *scanners = sorted(hanging)
        settings = settings_with(
            thermometer=ThermometerSettings(port=thermometer), scanners=[ScannerSettings(port) for port in scanners]
        )
        manager = DeviceManager(settings, news)
        manager.start()
        wait_until(lambda: left_behind()[0] >= 3, "not started")
        began_s = time.monotonic()
        manager.stop()
        assert 0.3 < time.monotonic() - began_s < 0.5
        assert left_behind()[0] >= 3
        manager.stop()
        told = len(news.told)
        for one in filled:
            one.close()
    wait_until(lambda: left_behind()[0] == 0, "a thread never ends")
    assert len(news.told) == told


@posix
def test_a_dead_device_holds_up_no_other(tmp_path: Path) -> None:
    news = News()
    with hand_line() as (scanner, name), hand_line() as (_silent, mute):
        settings = settings_with(
            thermometer=ThermometerSettings(port=mute),
            scanners=[ScannerSettings(name)],
            idcard=IdCardSettings(port=str(tmp_path / "nothing")),
        )
        with managed(settings, news) as manager:
            news.wait_for(None, Link.CONNECTED, Link.ABSENT, manager=manager)
            assert manager.states[2].is_in_trouble
            assert isinstance(news.of(DeviceChanged)[-1], DeviceChanged)
            os.write(scanner, b"ABC\r")
            wait_until(lambda: bool(news.of(CodeScanned)), "the scanner is held up")
