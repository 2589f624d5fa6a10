"""The gate in terminals that know little, and in two of them at once."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.terminal import make_station
from station.assembly import open_station
from station.logbook import recent
from tests.pty.terminal import Terminal, environment, opened

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals of this kind")

F2 = "\x1b[12~"
STALL_S = 0.3
"""Three times what ends a scan."""


@pytest.fixture
def station(tmp_path: Path) -> tuple[Path, list[str]]:
    """A station and passes that need no reading."""
    folder = tmp_path / "station"
    return folder, make_station(folder, passes=2)


@contextmanager
def poor_terminal(folder: Path) -> Iterator[Terminal]:
    """Open the gate where there is neither colour nor a character beyond ASCII."""
    env = {name: value for name, value in environment().items() if name not in {"COLORTERM", "PYTHONUTF8"}}
    poor = {**env, "LC_ALL": "C", "LANG": "C", "NO_COLOR": "1", "TERM": "vt100"}
    terminal = Terminal([sys.executable, "-m", "station", "--dir", str(folder)], poor)
    try:
        yield terminal
    finally:
        terminal.close()


def is_grey(colour: str) -> bool:
    return colour in {"default", "black", "white", "brightblack", "brightwhite"} or len(set(bytes.fromhex(colour))) == 1


def outcomes(folder: Path) -> list[str]:
    with open_station(folder) as station:
        return [f"{row.body.address} {row.body.outcome}" for row in reversed(recent(station.journal.connection, 10))]


def test_locale_c_and_no_colour(station: tuple[Path, list[str]]) -> None:
    folder, tokens = station
    with poor_terminal(folder) as terminal:
        terminal.sees("READY-BENCH")
        terminal.type(f"\x1b[200~{tokens[0]}\x1b[201~\r")
        terminal.sees("OK  ALLOW")
        terminal.type("\r")
        terminal.sees("recorded ")
        terminal.type("\x1b[200~no pass\x1b[201~\r")
        terminal.sees("XX  REFUSE")
        used = {cell.bg for row in terminal.screen.buffer.values() for cell in row.values()}
        assert all(is_grey(colour) for colour in used), used
    assert outcomes(folder) == ["R0000 allowed", "None refused"]


def test_a_scan_that_the_machine_cut_in_pieces_is_one(station: tuple[Path, list[str]]) -> None:
    folder, tokens = station
    with opened(folder) as terminal:
        terminal.sees("READY-BENCH")
        for piece in (tokens[0][:2], tokens[0][2:90], tokens[0][90:-1]):
            terminal.type(piece)
            terminal.pause(STALL_S)
        terminal.type(tokens[0][-1] + "\r")
        terminal.sees("R0000")
        terminal.pause(STALL_S)
        terminal.type("\r")
        terminal.sees("recorded ")
        terminal.pause(STALL_S)
        terminal.type(tokens[1])
        terminal.sees("R0001")
        # The scanner's Enter is late, and records nothing; the guard's does.
        terminal.type("\r")
        terminal.pause(STALL_S)
        assert outcomes(folder) == ["R0000 allowed"]
        terminal.type("\r")
        terminal.until(lambda: outcomes(folder)[1:] == ["R0001 allowed"])


def test_two_terminals_on_one_station(station: tuple[Path, list[str]]) -> None:
    folder, tokens = station
    with opened(folder) as one, opened(folder) as other:
        for terminal in (one, other):
            terminal.sees("READY-BENCH")
            terminal.type(f"\x1b[200~{tokens[0]}\x1b[201~\r")
            terminal.sees("OK  ALLOW")
        one.type("\r")
        one.sees("recorded ")
        # The other one's green is older than the record: Enter decides anew and finds the passage already there.
        other.type("\r")
        other.sees("Read twice: already recorded")
        other.type(F2)
        other.sees("Direction IN")
        other.type(f"\x1b[200~{tokens[1]}\x1b[201~\r")
        other.sees("R0001")
        other.type("\r")
        other.sees("recorded ")
        one.type(f"\x1b[200~{tokens[1]}\x1b[201~\r")
        one.sees("OK  ALLOW")
        one.type("\r")
        one.until(lambda: one.text.count("R0001") >= 2)
    assert outcomes(folder) == ["R0000 allowed", "R0001 allowed", "R0001 allowed"]
