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
_MOST_CUT = 5
F2, CTRL_U = b"\x1b[12~", b"\x15"


@dataclass(frozen=True, slots=True)
class Soaked:
    """What a run came to: seconds of each passage, memory, and how many passages the journal says were let through.

    `work` is how much more processor time the last tenth needed than the second, which no other program disturbs.
    `cut` scans came in two: on a machine so busy that it stands still for longer than a scanner's pause.
    """

    spent_s: list[float]
    growth_bytes: int
    allowed: int
    refused: int
    cut: int
    work: float

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
    spent_s, used_s, warm_bytes, cut = [], [], 0, 0
    tenth = passages // 10
    ends = {tenth, 2 * tenth, passages - tenth, passages}
    try:
        terminal.wait_for(b"READY-BENCH")
        terminal.settle()
        for number in range(passages):
            turn, who = divmod(number, _PASSES)
            if turn and not who:
                terminal.answer(F2, b"Direction IN" if turn % 2 else b"Direction OUT")
            if number % 40 == 39:
                terminal.answer(f"\x1b[200~no pass {number}\x1b[201~\r".encode(), b"REFUSE")
            mark = f"R{who:04}".encode()
            if number % 10 == 9:
                cut += _scanned(terminal, tokens[who], mark)
                terminal.answer(b"\r", b"recorded ")
            else:
                scan_s = terminal.answer(f"\x1b[200~{tokens[who]}\x1b[201~\r".encode(), mark)
                spent_s.append(scan_s + terminal.answer(b"\r", b"recorded "))
            if number == _WARM:
                warm_bytes = terminal.resident_bytes()
            if number + 1 in ends:
                used_s.append(terminal.cpu_s())
        growth_bytes = terminal.resident_bytes() - warm_bytes
    finally:
        terminal.close()
    # The first tenth also loads what a start leaves out, so the second is the measure.
    work = (used_s[3] - used_s[2]) / (used_s[1] - used_s[0])
    with open_station(folder) as station:
        station.journal.verify()
        bodies = [read_body(event.kind, event.body) for _n, event in station.journal.read()]
    outcomes = [body.outcome for body in bodies if isinstance(body, PassageRecorded)]
    return Soaked(spent_s, growth_bytes, outcomes.count("allowed"), outcomes.count("refused"), cut, work)


def _scanned(terminal: Terminal, token: str, mark: bytes) -> int:
    """Let a keyboard-wedge scanner read a pass until it is read whole; return how often it was not."""
    for cut in range(_MOST_CUT):
        terminal.send(f"{token}\r".encode())
        if terminal.see(mark, b"REFUSE") == mark:
            # What comes sooner is still the scanner's.
            terminal.settle(END_GAP_S * 1.2)
            return cut
        terminal.settle(END_GAP_S * 2)
        terminal.send(CTRL_U)
    raise TimeoutError(f"{mark!r} was cut {_MOST_CUT} times")


def main() -> None:
    """Run and say what it came to."""
    passages = int(sys.argv[1]) if len(sys.argv) > 1 else PASSAGES
    with tempfile.TemporaryDirectory(prefix="gatepost-soak-") as folder:
        began_s = time.perf_counter()
        done = soak(Path(folder) / "station", passages)
    print(
        f"{passages} passages in {time.perf_counter() - began_s:.0f} s, {done.allowed} let through, {done.refused}"
        f" refused, {done.cut} scans cut; memory {done.growth_bytes / 1e6:+.1f} MB"
        f" (target < {MOST_GROWTH_BYTES / 1e6:.0f});"
        f" p95 of the last tenth {done.slower:.2f} x the first (target <= {MOST_SLOWER}), its processor time"
        f" {done.work:.2f} x the second's"
    )
    is_fine = done.allowed == passages and done.growth_bytes < MOST_GROWTH_BYTES and done.slower <= MOST_SLOWER
    print("everything holds" if is_fine else "NOT everything holds")
    sys.exit(not is_fine)


if __name__ == "__main__":
    main()
