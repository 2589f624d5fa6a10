"""Cold start, keys and scans of the gate screen, through a real pseudo-terminal, beside a minimal Textual app.

Cold start: from the start of the process until a scan is accepted: the code is sent as soon as the screen asks for it,
and the clock stops when the verdict is painted. The minimal app has to show what was typed and entered. Key to paint:
from a key pressed to the first byte that the terminal gets. Wedge: a whole token and Enter, sent as one piece, until
the verdict stands there. Ours and the minimal app take turns; a start is a median, keys and scans are 95th percentiles.

Run: python -m bench.screen
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from bench.terminal import Terminal, gate_command, make_station

MINIMAL = """
from textual.app import App
from textual.widgets import Input, Static
class Minimal(App):
    def compose(self):
        yield Static("READY-MARK")
        yield Input()
    def on_input_submitted(self, event):
        self.query_one(Static).update("TAKEN-MARK")
Minimal().run()
"""
STARTS = 15
KEYS = 100
SCANS = 60


def main() -> None:
    """Measure all and print a line each."""
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as folder:
        station = Path(folder) / "station"
        tokens = make_station(station, passes=SCANS)
        ours = (gate_command(station), b"READY-BENCH", tokens[0].encode(), b"R0000")
        minimal = ([sys.executable, "-c", MINIMAL], b"READY-MARK", b"x", b"TAKEN-MARK")
        painted: tuple[list[float], list[float]] = ([], [])
        accepted: tuple[list[float], list[float]] = ([], [])
        for _turn in range(STARTS):
            for (command, ready, code, mark), paint, accept in zip((ours, minimal), painted, accepted, strict=True):
                terminal = Terminal(command)
                paint.append(terminal.wait_for(ready))
                terminal.answer(code + b"\r", mark)
                accept.append(time.perf_counter() - terminal.began_s)
                terminal.close()
        _report("cold start to painted gate screen", *painted, limit=2.0)
        _report("cold start to scan accepted", *accepted, limit=1.6)
        _report("key to first changed byte, p95", *_keys(ours[0], minimal[0]), limit=1.5, is_p95=True)
        scans = _scans(ours[0], tokens)
        print(f"wedge scan of a token to verdict: p95 {_p95(scans) * 1000:.0f} ms (target <= 150)")


def _keys(ours: list[str], minimal: list[str]) -> tuple[list[float], list[float]]:
    """Press keys at both, in turn; both have been open for a while."""
    terminals = (Terminal(ours), Terminal(minimal))
    spent: tuple[list[float], list[float]] = ([], [])
    for terminal in terminals:
        terminal.settle(1.0)
    for number in range(KEYS):
        for terminal, times in zip(terminals, spent, strict=True):
            # The clock in the status line must not be taken for the key's answer.
            terminal.settle(0.05)
            times.append(terminal.key_to_paint(b"%d" % (number % 10)))
            terminal.settle(0.05)
    for terminal in terminals:
        terminal.close()
    return spent


def _scans(command: list[str], tokens: list[str]) -> list[float]:
    """Scan one pass after the other, each recorded before the next."""
    terminal, spent = Terminal(command), []
    terminal.wait_for(b"READY-BENCH")
    terminal.settle(1.0)
    for number, token in enumerate(tokens):
        mark = b"R%04d" % number
        began_s = time.perf_counter()
        terminal.send(f"{token}\r".encode())
        if terminal.see(mark, b"REFUSE") == mark:
            spent.append(time.perf_counter() - began_s)
        else:
            # A machine that stood still for longer than a scanner's pause; it says nothing of our speed.
            terminal.settle(0.3)
            terminal.answer(b"\x15\x1b[200~" + token.encode() + b"\x1b[201~\r", mark)
        terminal.settle(0.15)
        terminal.answer(b"\r", b"recorded ")
        terminal.settle(0.1)
    terminal.close()
    return spent


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def _report(name: str, ours_s: list[float], floor_s: list[float], limit: float, *, is_p95: bool = False) -> None:
    ours, floor = (1000 * (_p95(values) if is_p95 else statistics.median(values)) for values in (ours_s, floor_s))
    print(f"{name}: {ours:.1f} ms, minimal app {floor:.1f} ms, ratio {ours / floor:.2f} (target <= {limit})")


if __name__ == "__main__":
    main()
