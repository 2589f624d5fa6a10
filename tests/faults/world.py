"""A community with its stations, each in processes of its own, and the means to hurt them."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self

import msgspec
import psycopg
import sqlalchemy as sa

from passes.kinds import PRESETS
from station.assembly import open_station
from station.clock import SystemClock
from station.issuing import Application
from station.joining import join
from station.settings import SECRET_FILE, GateSettings, ThermometerSettings
from sync.community.database import open_engine
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
from sync.community.setup import enrol_station, set_up_community
from tests.faults.gate_process import Status, patience_at
from tests.faults.line import Line
from tests.faults.sticks import Sticks

ROOT = Path(__file__).parents[2]
COMMUNITY = "370212004001"
DEADLINE_S = 60
PASSES_A_STATION = 8
SERVER_PROCESSES = 2
TRIES = 20
FIRST = "gate-1"


@dataclass
class CommunityServer:
    """`gatepost community serve` in several processes on one port, killed and started again."""

    folder: Path
    port: int
    processes: int
    log: Path
    _process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it until it listens, as a service manager would: its database may be recovering from what we did."""
        for _ in range(TRIES):
            self._process = self._try_to_start()
            assert self._process.stdout is not None
            if "listening on" in self._process.stdout.readline():
                return
            self.end(signal.SIGKILL)
        raise AssertionError(f"the server did not start: see {self.log}")

    def _try_to_start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "station", "--lang", "en", "community", "serve", "--dir", str(self.folder)]
        command += ["--port", str(self.port), "--processes", str(self.processes)]
        with self.log.open("a") as log:
            return subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
            )

    def end(self, signal_number: int) -> None:
        """Send a signal to all its processes, or ask only the first to end, and wait until they are gone."""
        if self._process is None:
            return
        with suppress(ProcessLookupError):
            if signal_number == signal.SIGKILL:
                os.killpg(self._process.pid, signal_number)
            else:
                self._process.send_signal(signal_number)
        try:
            self._process.wait(DEADLINE_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def kill_one(self, dice: random.Random) -> None:
        """Kill one of its workers, in the middle of whatever it does."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if children:
            with suppress(ProcessLookupError):
                os.kill(int(dice.choice(children)), signal.SIGKILL)


@dataclass
class StationProcess:
    """One station, killed and started again."""

    name: str
    folder: Path
    pace_s: float
    starts: int = 0
    _process: subprocess.Popen[bytes] | None = None

    def start(self, seed: int) -> None:
        """Start it; what it says goes into its log."""
        self.starts += 1
        command = [sys.executable, "-m", "tests.faults.gate_process"]
        command += [str(self.folder), str(seed), str(self.pace_s)]
        with (self.folder / "log.txt").open("a") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)

    def kill(self) -> None:
        """End it without a warning."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def end(self) -> int:
        """Ask it to end, and return how it ended."""
        assert self._process is not None
        self._process.terminate()
        code = self._process.wait(DEADLINE_S)
        self._process = None
        return code

    def is_running(self) -> bool:
        """Say whether it runs; a station that ended by itself does not."""
        return self._process is not None and self._process.poll() is None

    @property
    def status(self) -> Status | None:
        """How far it has come, as it said last."""
        return Status.read(self.folder)

    @property
    def said(self) -> str:
        """What it has said: nothing, when all is well."""
        return (self.folder / "log.txt").read_text()


@dataclass
class World:
    """Everything that takes part, in `folder`."""

    folder: Path
    database_url: str
    engine: sa.Engine
    server: CommunityServer
    line: Line
    sticks: Sticks
    stations: list[StationProcess] = field(default_factory=list)
    deeds: Counter[str] = field(default_factory=Counter)

    def set_phase(self, phase: str) -> None:
        """Tell all stations what to do."""
        part = self.folder / "phase.part"
        part.write_text(phase)
        part.replace(self.folder / "phase")

    def kill_a_backend(self) -> None:
        """Kill one process of PostgreSQL: it ends all others, too, and recovers from its log."""
        with suppress(psycopg.OperationalError), psycopg.connect(self.database_url) as connection:
            os.kill(connection.info.backend_pid, signal.SIGKILL)


def found_community(folder: Path, database_url: str) -> CommunitySettings:
    """Set a community up in `folder` and on an empty database, and return its settings."""
    settings = CommunitySettings(
        CommunityTable(COMMUNITY, "平安里", _quiet_zone()),
        DatabaseTable(database_url),
        ServerTable("http://127.0.0.1:1"),
    )
    set_up_community(folder, settings, SystemClock().now_ms())
    return settings


@contextmanager
def open_world(folder: Path, database_url: str, count: int, seed: int, pace_s: float) -> Iterator[World]:
    """Found a community with `count` stations that know each other's passes, and start its server and the line."""
    community_folder = folder / "community"
    settings = found_community(community_folder, database_url)
    engine = open_engine(database_url)
    server = CommunityServer(community_folder, free_port(), SERVER_PROCESSES, folder / "server.txt")
    line = Line(server.port, seed, patience_at(pace_s))
    world = World(folder, database_url, engine, server, line, Sticks(folder / "sticks", community_folder))
    world.set_phase("faults")
    try:
        with world.line:
            for number in range(1, count + 1):
                name = f"gate-{number}"
                enrolment = enrol_station(
                    community_folder,
                    settings,
                    engine,
                    name,
                    name,
                    url=world.line.url,
                    issue=name == FIRST,
                    now_ms=SystemClock().now_ms(),
                )
                join(folder / name, enrolment, ThermometerSettings(), GateSettings())
                world.stations.append(StationProcess(name, folder / name, pace_s))
            _issue(folder, count)
            server.start()
            try:
                yield world
            finally:
                for station in world.stations:
                    station.kill()
                server.end(signal.SIGKILL)
    finally:
        engine.dispose()


def _issue(folder: Path, count: int) -> None:
    """Let the first station issue the passes that all of them will see, most of kinds without a limit."""
    kinds = ("courier", "courier", "volunteer", "resident", "tenant")
    with open_station(folder / FIRST) as station:
        desk, today = station.desk(), station.gate.today()
        tokens = [
            desk.issue(
                Application(
                    f"王{number}",
                    f"{number}-2-501",
                    PRESETS[kinds[number % len(kinds)]],
                    today - timedelta(days=1),
                    today + timedelta(days=30),
                )
            ).token
            for number in range(count * PASSES_A_STATION)
        ]
    (folder / "tokens.json").write_bytes(msgspec.json.encode(tokens))


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _quiet_zone() -> str:
    """Return a zone where it is day, so that no midnight is met."""
    hour = SystemClock().now_ms() // 3_600_000 % 24
    return "Asia/Shanghai" if hour < 12 else "America/New_York"


DEEDS = (*["station"] * 4, "worker", "server", "restart", "line", "database", "stick", "stick")


@dataclass
class Chaos:
    """Whoever kills processes and cuts lines at random times, until told to stop; everything runs when it has."""

    world: World
    seed: int
    pace_s: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _error: BaseException | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="chaos")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        assert self._thread is not None
        self._stop.set()
        self._thread.join(DEADLINE_S * 2)
        assert not self._thread.is_alive()
        if self._error:
            raise self._error

    def _run(self) -> None:
        try:
            dice = random.Random(self.seed)
            deck: list[str] = []
            while not self._stop.wait(dice.expovariate(1 / self.pace_s)):
                # Drawn from a deck, so that everything has its turn.
                deck = deck or dice.sample(DEEDS, len(DEEDS))
                self._hurt(deck.pop(), dice)
        except BaseException as error:
            self._error = error

    def check(self) -> None:
        """Raise what went wrong."""
        if self._error:
            raise self._error

    @property
    def has_done_all(self) -> bool:
        """Whether everything has been done once; raises what went wrong."""
        self.check()
        return set(DEEDS) <= self.world.deeds.keys()

    def _hurt(self, deed: str, dice: random.Random) -> None:
        world = self.world
        if deed == "station":
            station = dice.choice(world.stations)
            station.kill()
            self._stop.wait(dice.uniform(0, 1))
            station.start(dice.getrandbits(32))
        elif deed == "worker":
            world.server.kill_one(dice)
        elif deed in {"server", "restart"}:
            world.server.end(signal.SIGKILL if deed == "server" else signal.SIGTERM)
            self._stop.wait(dice.uniform(0, 2))
            world.server.start()
        elif deed == "line":
            world.line.is_down = True
            self._stop.wait(dice.uniform(0.5, 4))
            world.line.is_down = False
        elif deed == "stick" and not self._carry_a_stick(dice):
            return
        elif deed == "database":
            world.kill_a_backend()
        world.deeds[deed] += 1

    def _carry_a_stick(self, dice: random.Random) -> bool:
        """Race stick and network for the same records; say whether there were any."""
        world, station = self.world, dice.choice(self.world.stations)
        world.line.cut_off = (station.folder / SECRET_FILE).read_bytes()
        self._stop.wait(3 * station.pace_s)
        began_s = time.monotonic()
        try:
            stick = world.sticks.export(station.folder, dice)
        finally:
            # While the office's command starts or works, so that each of the two is the first now and then.
            took_s = time.monotonic() - began_s
            line_up = threading.Timer(dice.uniform(0, 2 * took_s), lambda: setattr(world.line, "cut_off", None))
            line_up.start()
        if stick:
            world.sticks.take_in(stick, dice)
        line_up.join()
        if stick is None:
            return False
        world.sticks.take_over(station.folder, stick, dice)
        return True
