"""The gate with a real community server beside it that is stopped and started again."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from station import shifts
from station.assembly import open_station
from tests.pty.terminal import PATIENCE_S, RED, environment, gatepost, opened
from tests.screens.console import GUARD

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")


@dataclass
class Community:
    """A community's folder and its server, which keeps its port from start to start."""

    folder: Path
    port: int = 0
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "station", "community", "serve", "--dir", str(self.folder)]
        self.process = subprocess.Popen(
            [*command, "--port", str(self.port)], env=environment(), stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        self.port = int(_line(self.process.stdout).rsplit(":", 1)[1])

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE_S)
            finally:
                self.process.kill()
                assert self.process.stdout is not None
                self.process.stdout.close()
                self.process = None


def _line(stream: IO[str] | None) -> str:
    assert stream is not None
    return stream.readline()


def run(*arguments: str) -> str:
    done = gatepost(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def community(tmp_path: Path) -> Iterator[Community]:
    folder = tmp_path / "community"
    run("community", "init", "--dir", str(folder), "--id", "999999000002", "--name", "Test")
    made = Community(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def station(community: Community, tmp_path: Path) -> Path:
    """A station with a shift on duty that has joined."""
    url = f"http://127.0.0.1:{community.port}"
    run("community", "station", "add", "--dir", str(community.folder), "east", "--name", "East gate", "--url", url)
    (enrolment,) = [path for path in community.folder.rglob("*east*") if path.is_file()]
    folder = tmp_path / "station"
    run("init", "--dir", str(folder), str(enrolment))
    with open_station(folder) as opened_station:
        shifts.open_shift(opened_station.journal, opened_station.register, opened_station.clock, [GUARD])
    return folder


def stored(community: Community) -> list[int]:
    rows = json.loads(run("community", "pull", "--dir", str(community.folder), "--station", "east", "--json"))
    return [row["seq"] for row in rows]


def test_a_stopped_server_stops_nobody_and_the_backlog_drains(community: Community, station: Path) -> None:
    with opened(station) as terminal:
        terminal.sees("all sent")
        community.stop()
        for number in range(3):
            terminal.type(f"not a pass {number}\r")
            terminal.sees(f"not a pass {number}")
            terminal.until(lambda: terminal.has_colour(RED))
            terminal.sees(f"unsent {number + 1} ")
        terminal.sees(f"127.0.0.1:{community.port}")

        community.start()
        # The courier may just have begun its longest pause of 30 s.
        terminal.until(lambda: "all sent" in terminal.text, 2 * PATIENCE_S)
        terminal.until(lambda: f"127.0.0.1:{community.port}" not in terminal.text)
    assert stored(community) == [2, 3, 4]
    assert gatepost("log", "verify", "--dir", str(station)).returncode == 0
