"""Thousands of passages in one run of the app, through a real pseudo-terminal: it neither grows nor slows down.

Each passage is a pass pasted as a scanner's terminal does, Enter, the verdict on the screen, Enter, and its record on
the screen; the direction turns when everybody has passed. Each tenth pass comes key by key as from a keyboard-wedge
scanner, and now and then a code is refused. Memory is compared with that after the first fifty passages, speed is the
95th percentile of the last tenth against that of the first. Exit 1 when something does not hold.

Run: python -m bench.soak_gate [PASSAGES]
"""

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.terminal import Terminal, gate_command, make_station
from station.assembly import open_station
from station.devices.scanner.wedge import END_GAP_S
from sync.bodies import PassageRecorded
from sync.events import read_body

PASSAGES = 5000
MOST_GROWTH_BYTES = 20_000_000
MOST_SLOWER = 1.3
_PASSES = 125
_WARM = 50
F2 = b"\x1b[12~"


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a run came to: seconds of each passage, memory, and how many passages the journal says were let through."""

    spent_s: list[float]
    growth_bytes: int
    allowed: int
    refused: int

    @property
    def slower(self) -> float:
        """How many times as long the slow ones of the last tenth took as those of the first."""
        tenth = max(2, len(self.spent_s) // 10)
        first, last = (statistics.quantiles(part, n=20)[-1] for part in (self.spent_s[:tenth], self.spent_s[-tenth:]))
        return last / first


def soak(folder: Path, passages: int) -> Soaked:
    """Let so many people pass at a new station in `folder`."""
    tokens = make_station(folder, passes=_PASSES)
    terminal = Terminal(gate_command(folder))
    spent_s, warm_bytes = [], 0
    try:
        terminal.wait_for(b"READY-BENCH")
        terminal.settle()
        for number in range(passages):
            turn, who = divmod(number, _PASSES)
            if turn and not who:
                terminal.answer(F2, b"Direction IN" if turn % 2 else b"Direction OUT")
            if number % 40 == 39:
                terminal.answer(f"\x1b[200~no pass {number}\x1b[201~\r".encode(), b"REFUSE")
            spent_s.append(_passage(terminal, tokens[who], f"R{who:04}".encode(), is_wedge=number % 10 == 9))
            if number == _WARM:
                warm_bytes = terminal.resident_bytes()
        growth_bytes = terminal.resident_bytes() - warm_bytes
    finally:
        terminal.close()
    with open_station(folder) as station:
        station.journal.verify()
        bodies = [read_body(event.kind, event.body) for _n, event in station.journal.read()]
    outcomes = [body.outcome for body in bodies if isinstance(body, PassageRecorded)]
    return Soaked(spent_s, growth_bytes, outcomes.count("allowed"), outcomes.count("refused"))


def _passage(terminal: Terminal, token: str, mark: bytes, *, is_wedge: bool) -> float:
    """Let one person pass; return the seconds that the screen took for it."""
    if is_wedge:
        spent_s = terminal.answer(f"{token}\r".encode(), mark)
        # What comes sooner is still the scanner's.
        time.sleep(END_GAP_S * 1.2)
    else:
        spent_s = terminal.answer(f"\x1b[200~{token}\x1b[201~\r".encode(), mark)
    terminal.settle(0)
    return spent_s + terminal.answer(b"\r", b"recorded ")


def main() -> None:
    """Run and say what it came to."""
    passages = int(sys.argv[1]) if len(sys.argv) > 1 else PASSAGES
    with tempfile.TemporaryDirectory(prefix="gatepost-soak-") as folder:
        began_s = time.perf_counter()
        done = soak(Path(folder) / "station", passages)
    print(
        f"{passages} passages in {time.perf_counter() - began_s:.0f} s, {done.allowed} let through, {done.refused}"
        f" refused; memory {done.growth_bytes / 1e6:+.1f} MB (target < {MOST_GROWTH_BYTES / 1e6:.0f});"
        f" p95 of the last tenth {done.slower:.2f} x the first (target <= {MOST_SLOWER})"
    )
    is_fine = done.allowed == passages and done.growth_bytes < MOST_GROWTH_BYTES and done.slower <= MOST_SLOWER
    print("everything holds" if is_fine else "NOT everything holds")
    sys.exit(not is_fine)


if __name__ == "__main__":
    main()
