"""A program in a real pseudo-terminal, and a station for it to open."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from datetime import date
from pathlib import Path

import msgspec

from passes.keys import IssuingKey
from passes.kinds import PRESETS, Kind
from passes.trust import TrustedKey, sign_trust_list
from station import settings
from station.assembly import open_station
from station.clock import SystemClock
from station.feed import Feed
from station.issuing import Application, Desk
from station.journal import Journal
from station.shifts import open_shift
from sync.bodies import KindSet
from sync.events import OFFICE, canonical_json
from sync.wire import FeedAnswer, FeedItem

COMMUNITY = "999999000001"
PATIENCE_S = 30.0
ENV = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "GATEPOST_LANG": "en"}


class Terminal:
    """A program in a pseudo-terminal of 80 by 24."""

    def __init__(self, command: list[str]) -> None:
        self.began_s = time.perf_counter()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=ENV, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self.master = master

    def wait_for(self, mark: bytes) -> float:
        """Return the seconds from the start of the program until `mark` has been painted."""
        self.see(mark)
        return time.perf_counter() - self.began_s

    def answer(self, keys: bytes, mark: bytes) -> float:
        """Send keys in one piece, and return the seconds until `mark` has been painted."""
        began_s = time.perf_counter()
        self.send(keys)
        self.see(mark)
        return time.perf_counter() - began_s

    def send(self, keys: bytes) -> None:
        """Send keys in one piece."""
        os.write(self.master, keys)

    def see(self, *marks: bytes) -> bytes:
        """Wait for one of these to be painted and return it; raises `TimeoutError`."""
        seen, deadline_s = b"", time.perf_counter() + PATIENCE_S
        while not (found := [mark for mark in marks if mark in seen]):
            if time.perf_counter() > deadline_s:
                raise TimeoutError(f"{marks!r} was not painted: {seen[:2000]!r} … {seen[-1000:]!r}")
            if select.select([self.master], [], [], 0.5)[0]:
                seen += os.read(self.master, 65536)
        return found[0]

    def settle(self, quiet_s: float = 0.25) -> None:
        """Read until nothing has come for a while."""
        while select.select([self.master], [], [], quiet_s)[0]:
            os.read(self.master, 65536)

    def key_to_paint(self, key: bytes) -> float:
        """Press a key and return the seconds until the first byte of what it changed."""
        began_s = time.perf_counter()
        os.write(self.master, key)
        select.select([self.master], [], [], PATIENCE_S)
        spent_s = time.perf_counter() - began_s
        os.read(self.master, 65536)
        return spent_s

    def resident_bytes(self) -> int:
        """Return how much memory the program holds now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_s(self) -> float:
        """Return the seconds of processor time that the program has used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the program."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def gate_command(station: Path) -> list[str]:
    """Return the command that opens the gate of a station."""
    return [sys.executable, "-m", "station", "--dir", str(station)]


def make_station(folder: Path, port: str = "", passes: int = 0) -> list[str]:
    """Make a station that works alone, with a shift on duty, so that the gate is there without a dialog.

    `port` is that of a GY-MCU9061x, empty for none. Returns the tokens of so many passes without a limit and without a
    reading, whose addresses are R0000, R0001 and so on.
    """
    folder.mkdir()
    root, key = IssuingKey.generate(), IssuingKey.generate()
    trusted = TrustedKey(key_id=key.key_id, public_key=key.public_key, community=COMMUNITY)
    (folder / settings.TRUST_FILE).write_bytes(sign_trust_list(root, COMMUNITY, [trusted], 1))
    (folder / settings.ROOT_FILE).write_text(root.public_key.hex(), encoding="ascii")
    (folder / settings.SECRET_FILE).write_text("none", encoding="ascii")
    Journal(folder, "bench", SystemClock(), create=True).close()
    settings.save_settings(
        folder,
        settings.Settings(
            station=settings.StationSettings("bench", "READY-BENCH"),
            community=settings.CommunitySettings(COMMUNITY, "bench", "Asia/Shanghai"),
            gate=settings.GateSettings(language="en"),
            thermometer=settings.ThermometerSettings(port=port),
        ),
    )
    with open_station(folder) as station:
        open_shift(station.journal, station.register, station.clock, ["bench"])
        kind = Kind("volunteer", PRESETS["volunteer"].label, PRESETS["volunteer"].first_leg, None, reading="optional")
        _set_kind(folder, kind)
        desk = Desk(station.journal, station.register, key, COMMUNITY, station.clock)
        year = (date(2000, 1, 1), date(2999, 12, 31))
        return [
            desk.issue(Application(f"Bench {number}", f"R{number:04}", kind, *year)).token for number in range(passes)
        ]


def _set_kind(folder: Path, kind: Kind) -> None:
    """Let the office's word about a kind come by the feed, as it does."""
    with open_station(folder) as station:
        now_ms = station.clock.now_ms()
        item = FeedItem(
            station=OFFICE,
            epoch="bench",
            seq=1,
            id=f"{0:032}",
            kind="kind.set",
            at_ms=now_ms,
            body=msgspec.Raw(canonical_json(KindSet(kind=kind, effective_ms=0))),
        )
        answer = FeedAnswer(
            community=COMMUNITY,
            generation="bench",
            server_time_ms=now_ms,
            cursor="bench.1",
            items=[item],
            more=True,
            from_start=False,
        )
        zone = station.settings.zone
        Feed(station.journal.connection, station.journal.path, "bench", zone).take(answer, now_ms)
