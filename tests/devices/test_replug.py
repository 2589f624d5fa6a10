"""Cables pulled and put back a hundred times while people go through: nothing left over, nobody missed."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from passes.trips import Direction
from station.devices.manager import CodeScanned, Device, DeviceChanged, DeviceManager, DeviceNews, Measured
from station.devices.measurement import Measurement
from station.devices.voices import gy_mcu9061x_frame as frame
from station.settings import ScannerSettings, ThermometerSettings
from tests.devices.listening import hand_line, wait_until
from tests.devices.test_manager import left_behind, settings_with
from tests.station.post import Post
from tests.station.stand import Stand

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

TIMES = 100
WALL, FOREHEAD = frame(21.0, 22.0), frame(36.5, 22.0)


class Plug:
    """A cable: a new pseudo-terminal behind the same link each time it is put in."""

    def __init__(self, link: Path) -> None:
        self._link = link
        self.line = -1

    @contextmanager
    def put_in(self) -> Iterator[None]:
        with hand_line() as (self.line, name):
            self._link.symlink_to(name)
            try:
                yield
            finally:
                self._link.unlink()


class Checkpoint:
    """A lane behind a manager, as the gate screen has it, with the news taken on the test's own thread."""

    def __init__(self, folder: Path) -> None:
        self.stand = Stand(Post(folder))
        self.thermometer, self.scanner = Plug(folder / "thermometer"), Plug(folder / "scanner")
        self.scanned: list[str] = []
        self._news: SimpleQueue[DeviceNews] = SimpleQueue()
        settings = settings_with(
            thermometer=ThermometerSettings(port=str(folder / "thermometer")),
            scanners=[ScannerSettings(str(folder / "scanner"))],
        )
        clock = self.stand.post.clock
        self.manager = DeviceManager(settings, self._news.put, monotonic_s=clock.monotonic_s)

    def take(self) -> None:
        """Do what the gate screen does with news."""
        lane = self.stand.lane
        try:
            while True:
                news = self._news.get_nowait()
                if isinstance(news, CodeScanned):
                    self.scanned.append(news.code)
                    lane.scan(news.code)
                elif isinstance(news, Measured) and isinstance(news.event, Measurement):
                    lane.measured(news.event)
                elif isinstance(news, DeviceChanged) and news.state.device is Device.THERMOMETER:
                    lane.sight.lose()
        except Empty:
            return

    def scan(self, code: str) -> None:
        """Hold a pass before the scanner until it beeps: what comes before the port is open is lost, as on a wire."""
        seen = len(self.scanned)

        def is_read() -> bool:
            self.take()
            if len(self.scanned) == seen:
                os.write(self.scanner.line, code.encode() + b"\r")
            return len(self.scanned) > seen

        wait_until(is_read, "the scanner is not heard")

    def measure(self) -> None:
        """Stand before the thermometer until there is a reading."""

        def is_measured() -> bool:
            self.stand.post.clock.move(0.1)
            os.write(self.thermometer.line, FOREHEAD)
            self.take()
            return bool(self.stand.celsius)

        wait_until(is_measured, "the thermometer is not heard")


def test_a_hundred_times_and_nobody_is_missed(tmp_path: Path) -> None:
    before = left_behind()
    checkpoint = Checkpoint(tmp_path)
    token = checkpoint.stand.post.issue(kind="exempt").token
    opened = left_behind()
    checkpoint.manager.start()
    most = 0
    for number in range(TIMES):
        lane = checkpoint.stand.lane
        lane.direction = (Direction.EXIT, Direction.ENTRY)[number % 2]
        with checkpoint.thermometer.put_in(), checkpoint.scanner.put_in():
            checkpoint.scan(token)
            checkpoint.measure()
            assert lane.record(), lane.current
            checkpoint.stand.post.clock.move(60)
            threads, descriptors = left_behind()
            assert threads == before[0] + 2
            # Both cables of the last round may not be noticed yet.
            most = most or descriptors
            assert descriptors <= most + 4
    checkpoint.manager.stop()
    assert [passage.outcome for passage in checkpoint.stand.passages] == ["allowed"] * TIMES
    assert checkpoint.stand.post.journal.verify() > 0
    wait_until(lambda: left_behind() == opened, "a thread or file descriptor is left behind")
    assert not [thread for thread in threading.enumerate() if thread.name in {"thermometer", "scanner"}]
    checkpoint.stand.post.journal.close()
