"""Cold start and key-to-paint of the gate screen, each against a minimal Textual app through a real pseudo-terminal.

Cold start: from the start of the process until the scan field is on the terminal. Key to paint: from a key pressed to
the first byte that the terminal gets. Ours and the minimal app take turns; figures are medians.

Run: python -m bench.screen
"""

import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from passes.keys import IssuingKey
from passes.trust import sign_trust_list
from station import settings
from station.assembly import open_station
from station.clock import SystemClock
from station.journal import Journal
from station.shifts import open_shift

MINIMAL = """
from textual.app import App
from textual.widgets import Input, Static
class Minimal(App):
    def compose(self):
        yield Static("READY-MARK")
        yield Input()
Minimal().run()
"""
STARTS = 15
KEYS = 60
PATIENCE_S = 20.0


class Terminal:
    """A program in a pseudo-terminal of 80 by 24."""

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        self.began_s = time.perf_counter()
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True, close_fds=True
        )
        os.close(slave)
        self.master = master

    def wait_for(self, mark: bytes) -> float:
        """Return the seconds from the start until `mark` has been painted."""
        seen, deadline_s = b"", time.perf_counter() + PATIENCE_S
        while mark not in seen:
            if time.perf_counter() > deadline_s:
                raise TimeoutError(seen[-2000:])
            if select.select([self.master], [], [], 0.5)[0]:
                seen += os.read(self.master, 65536)
        return time.perf_counter() - self.began_s

    def settle(self) -> None:
        """Read until nothing has come for a while."""
        while select.select([self.master], [], [], 0.25)[0]:
            os.read(self.master, 65536)

    def key_to_paint(self, key: bytes) -> float:
        """Press a key and return the seconds until the first byte of what it changed."""
        began_s = time.perf_counter()
        os.write(self.master, key)
        select.select([self.master], [], [], PATIENCE_S)
        spent_s = time.perf_counter() - began_s
        os.read(self.master, 65536)
        return spent_s

    def close(self) -> None:
        """End the program."""
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def main() -> None:
    """Measure both and print a line each."""
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as folder:
        station = Path(folder) / "station"
        make_station(station)
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "GATEPOST_LANG": "en"}
        ours = ([sys.executable, "-m", "station", "--dir", str(station)], b"READY-BENCH")
        minimal = ([sys.executable, "-c", MINIMAL], b"READY-MARK")
        starts: tuple[list[float], list[float]] = ([], [])
        keys: tuple[list[float], list[float]] = ([], [])
        for turn in range(STARTS):
            for (command, mark), start, key in zip((ours, minimal), starts, keys, strict=True):
                terminal = Terminal(command, env)
                start.append(terminal.wait_for(mark))
                terminal.settle()
                if turn >= STARTS - 3:
                    key += [_pressed(terminal, number) for number in range(KEYS // 3)]
                terminal.close()
        _report("cold start to painted gate screen", *starts, limit=2.0)
        _report("key to paint", *keys, limit=2.0)


def make_station(folder: Path, port: str = "") -> None:
    """Make a station that works alone, with a shift on duty, so that the gate is there without a dialog.

    `port` is that of a GY-MCU9061x; empty for none.
    """
    folder.mkdir()
    root, community = IssuingKey.generate(), "999999000001"
    (folder / settings.TRUST_FILE).write_bytes(sign_trust_list(root, community, [], 1))
    (folder / settings.ROOT_FILE).write_text(root.public_key.hex())
    (folder / settings.SECRET_FILE).write_text("none")
    Journal(folder, "bench", SystemClock(), create=True).close()
    settings.save_settings(
        folder,
        settings.Settings(
            station=settings.StationSettings("bench", "READY-BENCH"),
            community=settings.CommunitySettings(community, "bench", "Asia/Shanghai"),
            gate=settings.GateSettings(language="en"),
            thermometer=settings.ThermometerSettings(port=port),
        ),
    )
    with open_station(folder) as station:
        open_shift(station.journal, station.register, station.clock, ["bench"])


def _pressed(terminal: Terminal, number: int) -> float:
    spent_s = terminal.key_to_paint(b"%d" % (number % 10))
    terminal.settle()
    return spent_s


def _report(name: str, ours_s: list[float], floor_s: list[float], limit: float) -> None:
    ours, floor = statistics.median(ours_s) * 1000, statistics.median(floor_s) * 1000
    print(f"{name}: {ours:.1f} ms, minimal app {floor:.1f} ms, ratio {ours / floor:.2f} (target <= {limit})")


if __name__ == "__main__":
    main()
