"""Noise for every protocol, much of it: nothing crashes, nothing piles up, and nobody's temperature comes of it.

Each parser gets 50 MB (`--megabytes`) of random bytes. For protocols with a checksum the temperatures of people that
came by chance are compared with what chance allows: the expected number is the bytes times the probability that a
right frame with 30.0 to 45.0 degrees begins at one of them, and the bound is what a Poisson number of that mean exceeds
once in 10^9 runs. No noise at all may become a reading. Exit 1 when something does not hold.
"""

import argparse
import math
import os
import pickle
import random
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from station.devices import PROTOCOLS, OptionValue
from station.devices.idcard.frames import Answer, Answers
from station.devices.measurement import Measurement
from station.devices.scanner.code import MOST_CHARACTERS, is_token
from station.devices.scanner.lines import ScanLines
from station.devices.stability import StabilityRule

PIECE_BYTES = 4096
PIECE_S = 0.36
"""How long 4096 bytes take at 115200 bit/s."""

MOST_KEPT_BYTES = 2000
"""What a thermometer's parser holds at most, its compiled pattern included."""

MOST_GROWTH_BYTES = 4_000_000
"""By so much a process may grow after the first tenth; a parser that kept what it got would grow by 50 MB."""

Options = Mapping[str, OptionValue]
KINDS: list[tuple[str, Options]] = [
    *((name, {}) for name in PROTOCOLS),
    ("optris", {"mode": "burst"}),
    ("modbus-rtu", {"format": "float32", "scale": 1.0, "function": 3, "status_register": -1}),
    ("raytek", {"mode": "burst"}),
]

_BYTE = 1 / 256
_HUNDREDTHS = 1501 / 65_536
"""Of all pairs of bytes: those that are 30.00 to 45.00."""
_TENTHS = 151 / 65_536
_FLOATS = (2 / 16 + 13 / 32) * 2**23 / 2**32
"""Of all float32: 30 to 32, and 32 to 45."""

_CHANCE = {
    "gy-mcu9061x": _BYTE**4 * _HUNDREDTHS * _BYTE,
    "gy-614v": _BYTE**4 * _HUNDREDTHS * _BYTE,
    "heimann-calct": _BYTE**2 * _HUNDREDTHS * _BYTE,
    "idc-50": _BYTE**3 * _TENTHS * _BYTE,
}
"""Header, value and checksum."""


def chance(name: str, options: Options) -> float | None:
    """Return the probability that a person's temperature begins at a random byte; None without a checksum."""
    if name != "modbus-rtu":
        return _CHANCE.get(name)
    # Address and function, the length of the value alone or with its status, and the CRC.
    is_float = options.get("format") == "float32"
    return _BYTE**2 * (1 if is_float else 2) * _BYTE * (_FLOATS if is_float else _TENTHS) * _BYTE**2


def most_by_chance(mean: float) -> int:
    """Return what a Poisson number with this mean exceeds with a probability of at most 10^-9."""
    count, term, left = 0, math.exp(-mean), 1.0
    while (left := left - term) > 1e-9:
        count += 1
        term *= mean / count
    return count


@dataclass(frozen=True)
class Soaked:
    """What became of the noise: `people` are temperatures of 30.0 to 45.0, `readings` those that were stable."""

    measurements: int
    people: int
    faults: int
    readings: int
    kept_bytes: int
    growth_bytes: int


def soak(name: str, options: Options, size: int, seed: int) -> Soaked:
    """Feed `size` random bytes to a parser."""
    source, protocol = random.Random(seed), PROTOCOLS[name]
    parser, rule = protocol.make_parser(options), StabilityRule(window_s=protocol.window_s)
    rule.step_up(0.0)
    measurements = people = faults = readings = kept = begun_bytes = 0
    pieces = size // PIECE_BYTES
    for number in range(pieces):
        for event in parser.feed(source.randbytes(PIECE_BYTES), PIECE_S * (number + 1)):
            if isinstance(event, Measurement):
                measurements += 1
                people += 30.0 <= event.celsius <= 45.0
                rule.add(event)
            else:
                faults += 1
        if rule.reading is not None:
            readings += 1
            rule.step_up(PIECE_S * (number + 1))
        if number % 64 == 0:
            kept = max(kept, len(pickle.dumps(parser)))
        if number == pieces // 10:
            begun_bytes = resident_bytes()
    return Soaked(measurements, people, faults, readings, kept, resident_bytes() - begun_bytes)


def soak_scanner(size: int, seed: int) -> tuple[int, int, int]:
    """Return how many codes came of `size` random bytes, how many look like a pass, and the most that was kept."""
    source, lines, codes, tokens, kept = random.Random(seed), ScanLines(), 0, 0, 0
    for number in range(size // PIECE_BYTES):
        for code in lines.feed(source.randbytes(PIECE_BYTES), PIECE_S * number):
            codes += 1
            tokens += is_token(code)
        kept = max(kept, len(lines._line) + len(lines._undecided))
    return codes, tokens, kept


def soak_id_card(size: int, seed: int) -> tuple[int, int, int]:
    """Return how many answers and texts came of `size` random bytes, and the most that was kept."""
    source, answers, found, texts, kept = random.Random(seed), Answers(), 0, 0, 0
    for number in range(size // PIECE_BYTES):
        for answer in answers.feed(source.randbytes(PIECE_BYTES), PIECE_S * number):
            found += isinstance(answer, Answer)
            texts += isinstance(answer, Answer) and bool(answer.text)
        kept = max(kept, len(answers._pending))
    return found, texts, kept


def resident_bytes() -> int:
    """Return how much memory this process holds now; 0 where the system does not tell."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def main() -> None:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--megabytes", type=float, default=50.0)
    arguments.add_argument("--seed", type=int, default=20260207)
    given = arguments.parse_args()
    size, is_fine = int(given.megabytes * 1e6), True
    print(f"{given.megabytes:g} MB of random bytes for each, seed {given.seed}")
    for name, options in KINDS:
        is_fine &= _told(name, options, size, given.seed)
    began_s = time.perf_counter()
    codes, tokens, kept = soak_scanner(size, given.seed)
    print(f"{'scanner':<24}{time.perf_counter() - began_s:6.0f} s  {codes} codes, {tokens} passes, kept {kept} bytes")
    is_fine &= tokens == 0 and kept <= 4 * (MOST_CHARACTERS + 1) + 261
    began_s = time.perf_counter()
    found, texts, kept = soak_id_card(size, given.seed)
    print(f"{'samv':<24}{time.perf_counter() - began_s:6.0f} s  {found} answers, {texts} cards, kept {kept} bytes")
    is_fine &= texts == 0 and kept < 4104
    print("everything holds" if is_fine else "NOT everything holds")
    sys.exit(not is_fine)


def _told(name: str, options: Options, size: int, seed: int) -> bool:
    began_s = time.perf_counter()
    soaked, by_chance = soak(name, options, size, seed), chance(name, options)
    allowed = None if by_chance is None else most_by_chance(size * by_chance)
    said = "no checksum" if allowed is None or by_chance is None else f"chance {size * by_chance:.2g}, bound {allowed}"
    print(
        f"{' '.join([name, *map(str, options.values())])[:23]:<24}{time.perf_counter() - began_s:6.0f} s"
        f"  {soaked.faults} faults, {soaked.measurements} values, {soaked.people} of people ({said}),"
        f" {soaked.readings} readings, kept {soaked.kept_bytes} bytes, memory {soaked.growth_bytes / 1e6:+.1f} MB",
        flush=True,
    )
    return (
        soaked.readings == 0
        and (allowed is None or soaked.people <= allowed)
        and soaked.kept_bytes < MOST_KEPT_BYTES
        and soaked.growth_bytes < MOST_GROWTH_BYTES
    )


if __name__ == "__main__":
    main()
