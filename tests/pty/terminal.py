"""A program in a real pseudo-terminal of 80 by 24, looked at through a terminal emulator."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pyte

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
FINGERS_S = 0.04
"""From key to key of somebody who types fast."""

GREEN, RED = "1b5e20", "b71c1c"


def environment() -> dict[str, str]:
    """Return what a child needs: this source tree, English, and a terminal with colours; no user's settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GATEPOST_", "TEXTUAL"))}
    return {
        **kept,
        "PYTHONPATH": str(ROOT),
        "GATEPOST_LANG": "en",
        "TERM": "xterm-256color",
        "COLORTERM": "truecolor",
        "LC_ALL": "C.UTF-8",
    }


def gatepost(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "station", *arguments],
        env=environment(),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=PATIENCE_S,
    )


class Terminal:
    """One child with its own terminal; `told` is every byte that it has written."""

    def __init__(self, command: list[str], env: Mapping[str, str]) -> None:
        self.screen = pyte.Screen(80, 24)
        self.told = b""
        self._stream = pyte.ByteStream(self.screen)
        self._master, self._slave = pty.openpty()
        fcntl.ioctl(self._slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.modes_before = termios.tcgetattr(self._slave)
        self.process = subprocess.Popen(
            command, stdin=self._slave, stdout=self._slave, stderr=self._slave, env=env, start_new_session=True
        )

    @property
    def modes(self) -> list[object]:
        """How the terminal treats keys and echoes now."""
        return termios.tcgetattr(self._slave)

    @property
    def text(self) -> str:
        """What stands on the screen."""
        return "\n".join(self.screen.display)

    def has_colour(self, colour: str) -> bool:
        """Whether any cell has this background, as six hex digits."""
        return any(cell.bg == colour for row in self.screen.buffer.values() for cell in row.values())

    def type(self, text: str | bytes) -> None:
        """Send keys as one piece, as a wedge scanner does."""
        data = text.encode() if isinstance(text, str) else text
        while data:
            self.look(0)
            _readable, writable, _none = select.select([], [self._master], [], PATIENCE_S)
            assert writable, self.text
            data = data[os.write(self._master, data[:1024]) :]

    def write(self, text: str) -> None:
        """Type as fingers do, more slowly than any scanner."""
        for key in text:
            self.type(key)
            self.pause(FINGERS_S)

    def pause(self, seconds: float) -> None:
        """Send nothing for so long, as fingers do, or a machine that stands still."""
        ends_s = monotonic() + seconds
        while monotonic() < ends_s:
            self.look(seconds / 4)

    def look(self, timeout_s: float = 0.1) -> None:
        """Take in what the child has painted."""
        while select.select([self._master], [], [], timeout_s)[0]:
            data = os.read(self._master, 65536)
            self.told += data
            self._stream.feed(data)
            timeout_s = 0

    def until(self, is_so: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Wait for something to be seen; fails with the screen when it is not."""
        deadline_s = monotonic() + patience_s
        while not is_so():
            assert monotonic() < deadline_s, self.text
            assert self.process.poll() is None, f"ended with {self.process.returncode}\n{self.text}"
            self.look()

    def sees(self, text: str) -> None:
        """Wait for a text on the screen."""
        self.until(lambda: text in self.text)

    def end(self) -> int:
        """Wait for the child's own end and return its exit code."""
        deadline_s = monotonic() + PATIENCE_S
        while self.process.poll() is None:
            assert monotonic() < deadline_s, self.text
            self.look()
        self.look(0)
        return self.process.returncode

    def kill(self) -> None:
        """End the child at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.kill()
        os.close(self._slave)
        os.close(self._master)


@contextmanager
def opened(folder: Path) -> Iterator[Terminal]:
    """Open the gate of the station in `folder` and see that it is gone afterwards."""
    terminal = Terminal([sys.executable, "-m", "station", "--dir", str(folder)], environment())
    try:
        yield terminal
    finally:
        terminal.close()
