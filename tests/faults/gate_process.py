"""A station in a process of its own that lets people through until it is told to stop or killed.

Run as: python -m tests.faults.gate_process FOLDER SEED PACE, the last in seconds between two deeds. Every line in
FOLDER/promised.txt was written, and synced, after the station had said that the event is recorded. The file `phase`
beside FOLDER says what to do: `faults`, or `quiet`, in which nothing is recorded any more; FOLDER/status.json tells how
far the station has come.
"""

import json
import os
import random
import resource
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import msgspec

from passes.errors import GatepostError
from passes.reasons import Reason
from passes.trips import Direction
from station.assembly import Station, open_station
from station.clock import SystemClock
from station.corrections import CorrectionError, confirm_clock, undo
from station.deciding import Scan
from station.notes import CURSOR, read_note
from station.parcels import open_parcels
from station.shifts import open_shift
from station.storage import FILE_NAME, StorageError
from sync import courier
from sync.bodies import Attempt
from sync.claiming import HttpClaims
from sync.courier import Courier, CourierState
from sync.events import Event

WELCOME_PAUSE_S = 2.0
NO_LIMIT = resource.RLIM_INFINITY


def patience_at(pace_s: float) -> float:
    """Return for how long a station of this pace waits for an answer, and at most between two tries."""
    return max(pace_s, 1.0)


@dataclass
class JumpingClock:
    """The system's time, off by what somebody set it to."""

    off_ms: int = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.off_ms

    def monotonic_s(self) -> float:
        return SystemClock().monotonic_s()


class Status(msgspec.Struct, frozen=True):
    """How far a station has come; `met` counts what it has gone through since its first start."""

    phase: str
    pending: int
    stuck: int
    cursor: str | None
    promised: int
    met: dict[str, int]

    @classmethod
    def read(cls, folder: Path) -> "Status | None":
        """Return what the station in `folder` said last."""
        try:
            return msgspec.json.decode((folder / "status.json").read_bytes(), type=cls)
        except FileNotFoundError:
            return None


@dataclass
class Driver:
    """Whoever works at the gate: guard, lead, full disk and wrong clock."""

    station: Station
    clock: JumpingClock
    promised: IO[str]
    tokens: list[str]
    dice: random.Random
    met: Counter[str]
    told: set[str] = field(default_factory=set)
    _limited_for: int = 0

    def work(self) -> None:
        """Do one thing that is done at a gate."""
        self._fill_or_free_the_disk()
        if self.dice.random() < 0.02:
            self.met["clock set"] += 1
            self.clock.off_ms = self.dice.choice((0, 0, self.dice.randint(-900_000, 900_000)))
        try:
            self._do_something()
        except StorageError:
            self.met["record refused by a full disk"] += 1
            if not self._limited_for:
                raise

    def promise(self, event: Event | None) -> None:
        """Write down that this event was said to be recorded."""
        if event is None or event.id in self.told:
            return
        self.told.add(event.id)
        line = f"{event.epoch} {event.seq} {event.id} {event.hash}\n"
        try:
            self._write(line)
        except OSError:
            # The full disk is the station's, not the witness's.
            self.free_the_disk()
            self._write(line)

    def free_the_disk(self) -> None:
        """Let files grow again."""
        self._limited_for = 0
        resource.setrlimit(resource.RLIMIT_FSIZE, (NO_LIMIT, NO_LIMIT))

    def _write(self, line: str) -> None:
        self.promised.write(line)
        self.promised.flush()
        os.fsync(self.promised.fileno())

    def _fill_or_free_the_disk(self) -> None:
        if self._limited_for:
            self._limited_for -= 1
            if not self._limited_for:
                self.free_the_disk()
        elif self.dice.random() < 0.01:
            self._limited_for = 15
            self.met["disk filled up"] += 1
            sizes = [path.stat().st_size for path in self.station.folder.glob(f"{FILE_NAME}*")]
            resource.setrlimit(resource.RLIMIT_FSIZE, (max(sizes) + self.dice.randint(0, 30_000), NO_LIMIT))

    def _do_something(self) -> None:
        station, dice = self.station, self.dice.random()
        if station.register.current_shift() is None:
            open_shift(station.journal, station.register, station.clock, ["周师傅"], "李组长")
        else:
            self._let_through(self.dice.choice(self.tokens), self.dice.choice(list(Direction)), undoes=dice < 0.05)

    def _let_through(self, token: str, direction: Direction, *, undoes: bool) -> None:
        gate = self.station.gate
        scan = gate.scan(token, direction)
        self.promise(scan.recorded)
        if Reason.CLOCK in scan.verdict.reasons:
            self.promise(confirm_clock(self.station.journal, self.station.register, self.clock, "李组长"))
        if scan.recorded:
            if self.dice.random() > 0.05:
                return
            scan = gate.override(self._measured(scan), lead="李组长", reason="急事")
        else:
            scan = self._measured(scan)
            scan = gate.admit(scan, acknowledged=True)
        self.promise(scan.recorded)
        if undoes and scan.person and scan.outcome == "allowed":
            with suppress(CorrectionError):
                journal, register = self.station.journal, self.station.register
                self.promise(undo(journal, register, self.clock, scan.person.pass_id))

    def _measured(self, scan: Scan) -> Scan:
        if scan.verdict.needs_id:
            scan = self.station.gate.check_id(scan, matches=True)
        celsius = 38.4 if self.dice.random() < 0.01 else 36.5
        scan = self.station.gate.measured(scan, [Attempt(celsius=celsius, at_ms=self.clock.now_ms())])
        self.promise(scan.recorded)
        return scan


@contextmanager
def travelling(station: Station, patience_s: float) -> Iterator[tuple[Courier, list[CourierState]]]:
    """Send and fetch for as long as the block runs, and claim first legs, as the app does."""
    state = [CourierState()]
    settings = station.settings
    courier._WELCOME_PAUSE_S = WELCOME_PAUSE_S
    carrier = Courier(
        url=settings.community.url,
        secret=station.secret(),
        community=settings.community.id,
        station=settings.station.id,
        open_parcels=lambda: open_parcels(station.folder, settings.station.id, settings.zone),
        on_state=lambda said: state.__setitem__(0, said),
        now_ms=station.clock.now_ms,
        longest_wait_s=patience_s,
        timeout_s=patience_s,
        wait_s=1,
    )
    claims = HttpClaims(
        settings.community.url,
        station.secret(),
        lambda: state[0].trouble is None and state[0].last_contact_ms is not None,
    )
    station.gate.claims = claims
    carrier.start()
    try:
        yield carrier, state
    finally:
        claims.close()
        carrier.stop(5.0)


def main(folder: Path, seed: int, pace_s: float) -> None:
    is_over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: is_over.set())
    clock = JumpingClock()
    tokens = json.loads((folder.parent / "tokens.json").read_text())
    dice = random.Random(seed)
    before = Status.read(folder)
    with (
        open_station(folder, clock) as station,
        (folder / "promised.txt").open("a") as promised,
        travelling(station, patience_at(pace_s)) as (carrier, state),
    ):
        driver = Driver(station, clock, promised, tokens, dice, Counter(before.met if before else ()))
        while not is_over.is_set():
            phase = (folder.parent / "phase").read_text()
            if state[0].drift_ms is not None:
                station.journal.drift_ms = state[0].drift_ms
            if phase == "faults":
                with suppress(StorageError):
                    driver.work()
            else:
                driver.free_the_disk()
                clock.off_ms = 0
            carrier.nudge()
            _tell(folder, driver, phase)
            is_over.wait(dice.expovariate(1 / pace_s))
        driver.free_the_disk()


def _tell(folder: Path, driver: Driver, phase: str) -> None:
    station = driver.station
    with suppress(GatepostError, OSError):
        backlog = station.outbox.backlog()
        cursor = read_note(station.journal.connection, CURSOR)
        status = Status(phase, backlog.pending, backlog.stuck, cursor, len(driver.told), dict(driver.met))
        part = folder / "status.part"
        part.write_bytes(msgspec.json.encode(status))
        part.replace(folder / "status.json")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
