"""The demo's world: a community with its server, one station that joined it, a thermometer and a scanner."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from itertools import cycle
from pathlib import Path

from passes.errors import N_, GatepostError
from passes.trips import Direction
from station import issuing
from station.assembly import Station, open_station
from station.clock import SystemClock
from station.demo.people import MORNING, REVOKED, Step, applications
from station.devices.simulator import SimulatedThermometer
from station.joining import join
from station.register import PassRow
from station.settings import GateSettings, ThermometerSettings

COMMUNITY = "999999000001"
STATION = "east-1"
_ZONES = ("Asia/Shanghai", "Asia/Urumqi")


class DemoError(GatepostError):
    """The demo could not be set up, or did not do what it must."""


@dataclass
class Server:
    """The community's server in a process of its own; `port` stays the same over restarts."""

    folder: Path
    port: int = 0
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """The address on loopback."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it and wait until it listens; raises `DemoError` with what it said when it does not."""
        # -P: the folder that the demo was started in must not be taken for the installed program.
        command = [sys.executable, "-P", "-m", "station", "--lang", "en", "community", "serve"]
        command += ["--dir", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self._process.stdout is not None  # noqa: S101 - asked for one line above
        said = self._process.stdout.readline()
        address = said.split("http://127.0.0.1:")
        if len(address) != 2:
            rest = self._process.stdout.read()
            raise DemoError(N_("the community's server did not start: {said}"), said=said + rest)
        self.port = int("".join(char for char in address[1] if char.isdigit()))

    def stop(self) -> None:
        """End it and wait until it has ended."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()
        self._process = None


@dataclass
class World:
    """Everything that runs in the demo."""

    folder: Path
    community_folder: Path
    server: Server
    station: Station
    thermometer: SimulatedThermometer
    passes: list[PassRow]


class Scanner:
    """The simulated scanner: each deal is the next visitor of the morning, with a forehead of their own."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._steps: Iterator[Step] = cycle(step for step in MORNING if not step.special)

    def deal(self, direction: Direction) -> str:
        """Return the code of the next visitor who goes this way, and put them before the thermometer."""
        step = next(step for step in self._steps if step.way is direction)
        self._world.thermometer.present(step.celsius)
        return self._world.passes[step.who].token

    def leave(self) -> None:
        """Let the visitor go on: nobody is before the thermometer."""
        self._world.thermometer.leave()


@contextmanager
def open_world(folder: Path | None) -> Iterator[World]:
    """Set the demo up in `folder`, or in a temporary one that is deleted afterwards, and take it down again.

    Raises `DemoError` and whatever setting up a community or a station raises.
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-demo-")))
        community_folder, station_folder = folder / "community", folder / "station"
        server = Server(community_folder)
        stack.callback(server.stop)
        enrolment = _found_community(server)
        thermometer = stack.enter_context(SimulatedThermometer(folder / "thermometer"))
        join(station_folder, enrolment, ThermometerSettings(port=thermometer.url), GateSettings())
        enrolment.unlink()
        station = stack.enter_context(open_station(station_folder))
        passes = _issue_passes(station)
        yield World(folder, community_folder, server, station, thermometer, passes)


def _found_community(server: Server) -> Path:
    """Make the community, start its server, enrol the station, and return the enrolment file."""
    from sync.community.database import open_engine
    from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
    from sync.community.setup import enrol_station, set_up_community

    now_ms = SystemClock().now_ms()
    settings = CommunitySettings(
        CommunityTable(COMMUNITY, "海棠社区", _quiet_zone()),
        DatabaseTable("sqlite:///community.sqlite"),
        ServerTable("http://127.0.0.1:1"),
    )
    set_up_community(server.folder, settings, now_ms)
    server.start()
    engine = open_engine(settings.database_url(server.folder))
    try:
        return enrol_station(
            server.folder, settings, engine, STATION, "东门 1 号岗", url=server.url, issue=True, now_ms=now_ms
        )
    finally:
        engine.dispose()


def _quiet_zone() -> str:
    """Return a zone whose midnight is not near: the demo's once-a-day rules must not meet a new day half-way."""
    from zoneinfo import ZoneInfo

    from station.clock import local_time

    now_ms = SystemClock().now_ms()
    return next(zone for zone in _ZONES if local_time(now_ms, ZoneInfo(zone)).hour != 23)


def _issue_passes(station: Station) -> list[PassRow]:
    desk = station.desk()
    today: date = station.gate.today()
    rows = [desk.issue(asked) for asked in applications(today)]
    issuing.revoke(station.journal, station.register, station.clock, rows[REVOKED], reason="lost")
    return rows
