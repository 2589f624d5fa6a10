"""From the bytes in the thermometer's port to the value on the terminal, and what the app costs while nobody comes.

Both with the real program in a real pseudo-terminal of 80 by 24 and a thermometer's line that is another one. Latency:
a frame of a new value is written, and the time taken until that value has been painted. Load: a GY-MCU9061x that sends
14 frames a second whose values wobble by 0.05 degrees, nobody before it, no key pressed. Linux only (/proc).

Run: python -m bench.devices
"""

import os
import random
import select
import statistics
import tempfile
import time
import tty
from pathlib import Path

from bench.terminal import PATIENCE_S, Terminal, gate_command, make_station
from station.devices.voices import gy_mcu9061x_frame

FRAMES = 300
LOAD_S = 30.0
RATE_HZ = 14.0
TARGET_MS = 50.0
TARGET_PERCENT = 3.0


def main() -> None:
    """Measure both and print a line each."""
    master, slave = os.openpty()
    tty.setraw(slave)
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-") as folder:
        station = Path(folder) / "station"
        make_station(station, os.ttyname(slave))
        terminal = Terminal(gate_command(station))
        terminal.wait_for(b"READY-BENCH")
        _until_heard(terminal, master)
        times_ms = [1000 * _painted_s(terminal, master, number) for number in range(FRAMES)]
        cuts = statistics.quantiles(times_ms, n=100)
        print(
            f"bytes in the port to value painted, {FRAMES} frames: p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms"
            f" (target p95 <= {TARGET_MS:.0f})"
        )
        percent = _load_percent(terminal, master)
        print(
            f"idle app with a thermometer of {RATE_HZ:.0f} Hz, {LOAD_S:.0f} s: {percent:.2f} % of one core"
            f" (target < {TARGET_PERCENT:.0f})"
        )
        terminal.close()
    os.close(slave)
    os.close(master)


def _until_heard(terminal: Terminal, line: int) -> None:
    """Send frames until the app has opened the port."""
    seen, deadline_s = b"", time.perf_counter() + PATIENCE_S
    while b"thermometer OK" not in seen:
        if time.perf_counter() > deadline_s:
            raise TimeoutError(seen[-2000:])
        os.write(line, gy_mcu9061x_frame(20.0, 20.0))
        if select.select([terminal.master], [], [], 0.05)[0]:
            seen += os.read(terminal.master, 65536)
    terminal.settle()


def _painted_s(terminal: Terminal, line: int, number: int) -> float:
    """Send one new value and return the seconds until it is on the terminal."""
    celsius = 30.0 + (number % 100) / 10
    mark, seen = f"{celsius:.1f} C".encode(), b""
    began_s = time.perf_counter()
    os.write(line, gy_mcu9061x_frame(celsius + 0.04, 20.0))
    while mark not in seen:
        if not select.select([terminal.master], [], [], PATIENCE_S)[0]:
            raise TimeoutError(seen[-2000:])
        seen += os.read(terminal.master, 65536)
    spent_s = time.perf_counter() - began_s
    # Not in step with the app's own second.
    _read_for(terminal, random.uniform(0.03, 0.11))
    return spent_s


def _load_percent(terminal: Terminal, line: int) -> float:
    terminal.settle()
    spent_s, began_s = _cpu_s(terminal.process.pid), time.perf_counter()
    while time.perf_counter() - began_s < LOAD_S:
        wobble = random.uniform(-0.05, 0.05)
        os.write(line, gy_mcu9061x_frame(24.0 + wobble, 24.0 - wobble))
        _read_for(terminal, 1 / RATE_HZ)
    return 100 * (_cpu_s(terminal.process.pid) - spent_s) / (time.perf_counter() - began_s)


def _read_for(terminal: Terminal, seconds: float) -> None:
    ends_s = time.perf_counter() + seconds
    while (left_s := ends_s - time.perf_counter()) > 0:
        if select.select([terminal.master], [], [], left_s)[0]:
            os.read(terminal.master, 65536)


def _cpu_s(pid: int) -> float:
    """Return the seconds of a core that a process has used, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
