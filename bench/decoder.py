"""How fast each protocol is decoded, and how long a frame takes from the port to the app's callback.

The floors are 0.5 MB of valid frames in a second of the CPU, and a bare thread that selects and reads the same
pseudo-terminal. POSIX only.
"""

import itertools
import os
import queue
import select
import statistics
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from station.devices import PROTOCOLS, OptionValue
from station.devices.gy_mcu9061x import NAME
from station.devices.idcard.frames import Answers
from station.devices.idcard.simulator import PEOPLE, encode_answer, encode_card
from station.devices.measurement import DeviceEvent, Measurement
from station.devices.scanner.lines import ScanLines
from station.devices.scanner.simulator import invented_codes
from station.devices.thermometer import Thermometer
from station.devices.voices import VOICES, gy_mcu9061x_frame

ROUNDS = 7
STREAM_BYTES = 200_000
CHUNK_BYTES = 4096
LATENCY_FRAMES = 200
WIRE_MB_S = 0.01152
FLOOR_MB_S = 0.5
FRAME = gy_mcu9061x_frame(36.61, 24.05)
KINDS: list[tuple[str, dict[str, OptionValue]]] = [
    *((name, {}) for name in PROTOCOLS),
    ("optris", {"hs": True}),
    ("optris", {"mode": "burst"}),
    ("modbus-rtu", {"format": "float32", "scale": 1.0, "status_register": -1}),
    ("raytek", {"mode": "burst", "unit": "F"}),
    ("text", {"unit": "F"}),
    ("scanner", {}),
    ("samv", {}),
]
"""Every protocol, and every other way of speaking that has a parser of its own."""


def main() -> None:
    print(f"{ROUNDS} rounds of {STREAM_BYTES} bytes of valid frames, {os.cpu_count()} CPUs; medians (least to most)")
    for name, options in KINDS:
        for chunk in (CHUNK_BYTES, 0):
            rates = [rate(name, options, chunk) for _ in range(ROUNDS)]
            said = [f"{key}={value}" for key, value in options.items()][:2]
            what = f"{' '.join([name, *said])}, {'4 KiB' if chunk else 'a frame'} a call"
            middle = statistics.median(rates)
            print(f"{what:<52}{middle:6.2f} MB/s ({min(rates):.2f} to {max(rates):.2f})", end="")
            print(
                f"  {middle / FLOOR_MB_S:5.1f} x the floor of {FLOOR_MB_S} MB/s, {middle / WIRE_MB_S:5.0f} x the wire"
            )
    bare_s: list[float] = []
    ours_s: list[float] = []
    stops_s: list[float] = []
    for _ in range(ROUNDS):
        bare_s += latencies(bare_reader)
        ours_s += latencies(lambda path, told: thermometer(path, told, stops_s))
    print(f"{len(ours_s)} frames from the port to on_event; median (99 of 100)")
    for name, times_s in (("bare thread", bare_s), ("thermometer", ours_s)):
        print(f"{name:<15}{median_us(times_s):7.0f} us ({statistics.quantiles(times_s, n=100)[98] * 1e6:.0f} us)")
    print(f"ratio          {median_us(ours_s) / median_us(bare_s):7.2f}")
    print(f"stop           {max(stops_s) * 1e3:7.0f} ms at most (limit 500)")


def rate(name: str, options: dict[str, OptionValue], chunk: int) -> float:
    """Return the decoder's MB in a second of the CPU when it gets `chunk` bytes at a time; with 0 one frame."""
    some, parser = spoken(name, options)
    frames = some * (STREAM_BYTES // len(b"".join(some)))
    stream = b"".join(frames)
    pieces = [stream[start : start + chunk] for start in range(0, len(stream), chunk)] if chunk else frames
    found = 0
    began_s = time.process_time()
    for piece in pieces:
        found += len(parser.feed(piece, 0.0))
    taken_s = time.process_time() - began_s
    assert found == len(frames)
    return len(stream) / taken_s / 1e6


class Decoder(Protocol):
    """What parsers of all devices have in common."""

    def feed(self, data: bytes, now_s: float, /) -> Sequence[object]:
        """Return what these bytes complete."""
        ...


def spoken(name: str, options: dict[str, OptionValue]) -> tuple[list[bytes], Decoder]:
    """Return some valid frames of the protocol and what decodes them."""
    if name == "scanner":
        return [code.encode() + b"\r" for code in itertools.islice(invented_codes(0), 100)], ScanLines()
    if name == "samv":
        sizes = b"\x01\x00\x04\x00"
        return [encode_answer(0x90, sizes + encode_card(person) + bytes(1024)) for person in PEOPLE], Answers()
    protocol = PROTOCOLS[name]
    voice = VOICES[name](protocol.read_options(options))
    frames = [voice.say(30 + number / 100, 24.0) for number in range(1000)]
    return frames, protocol.make_parser(options)


def latencies(reader: Callable[[str, Callable[[], None]], Callable[[], None]]) -> list[float]:
    """Return the seconds from writing each frame to the reader's answer."""
    told: queue.SimpleQueue[float] = queue.SimpleQueue()
    taken_s: list[float] = []
    with line() as (master, path):
        stop = reader(path, lambda: told.put(time.perf_counter()))
        while told.empty():  # until the reader has opened the line
            os.write(master, FRAME)
            time.sleep(0.02)
        time.sleep(0.2)
        while not told.empty():
            told.get()
        for _ in range(LATENCY_FRAMES):
            wrote_s = time.perf_counter()
            os.write(master, FRAME)
            taken_s.append(told.get(timeout=5) - wrote_s)
            time.sleep(0.002)
        stop()
    return taken_s


def thermometer(path: str, told: Callable[[], None], stops_s: list[float]) -> Callable[[], None]:
    def on_event(event: DeviceEvent) -> None:
        if isinstance(event, Measurement):
            assert event.protocol == NAME
            told()

    reader = Thermometer(path, PROTOCOLS[NAME].make_parser, on_event, baud_rate=115200)
    reader.start()

    def stop() -> None:
        began_s = time.perf_counter()
        reader.stop()
        stops_s.append(time.perf_counter() - began_s)

    return stop


def bare_reader(path: str, told: Callable[[], None]) -> Callable[[], None]:
    stopped = threading.Event()

    def run() -> None:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        while not stopped.is_set():
            if select.select([descriptor], [], [], 0.1)[0] and os.read(descriptor, 4096):
                told()
        os.close(descriptor)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()

    def stop() -> None:
        stopped.set()
        thread.join()

    return stop


@contextmanager
def line() -> Iterator[tuple[int, str]]:
    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(slave)
        os.close(master)


def median_us(times_s: list[float]) -> float:
    return statistics.median(times_s) * 1e6


if __name__ == "__main__":
    main()
