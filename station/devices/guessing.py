"""What may hang on a port, told from nothing but what it sends by itself.

A guess only proposes, and a user chooses: the same bytes mean different things on different modules. Nothing is ever
written to find out, so a device that speaks only when it is asked stays unknown here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from station.devices import (
    PROTOCOLS,
    OptionValue,
    gy_614v,
    gy_mcu9061x,
    heimann_calct,
    idc_50,
    modbus_rtu,
    optris,
    raytek,
    text,
)
from station.devices.measurement import Fault, FaultCode, Measurement
from station.devices.scanner.code import is_token
from station.devices.scanner.lines import ScanLines

SCANNER: Final = "scanner"
"""What stands in the place of a protocol's name for a code scanner."""


class Confidence(IntEnum):
    """How far a proposal can be trusted; higher is more."""

    POSSIBLE = 1
    LIKELY = 2
    SURE = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """That a port speaks `protocol` with `options`.

    `frames` are how many frames or lines were understood, `share` which part of all bytes heard they were (0 to 1).
    `celsius` is the newest temperature; None where the sensor has none to tell, and for a scanner.
    """

    protocol: str
    confidence: Confidence
    frames: int
    share: float
    options: Mapping[str, OptionValue] = field(default_factory=dict, hash=False)
    celsius: float | None = None


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A way in which a device may speak by itself.

    Only what has a checksum can be sure; without one, what it says counts only between `_COLDEST` and `_HOTTEST`.
    """

    protocol: str
    at_best: Confidence
    options: Mapping[str, OptionValue] = field(default_factory=dict)

    @property
    def is_checked(self) -> bool:
        """Whether a checksum tells a frame from noise."""
        return self.at_best is Confidence.SURE


_CANDIDATES: Final = (
    _Candidate(gy_614v.NAME, Confidence.SURE),
    _Candidate(gy_mcu9061x.NAME, Confidence.SURE),
    _Candidate(heimann_calct.NAME, Confidence.SURE),
    _Candidate(idc_50.NAME, Confidence.SURE),
    _Candidate(modbus_rtu.NAME, Confidence.SURE),
    _Candidate(raytek.NAME, Confidence.LIKELY, {"mode": "burst"}),
    _Candidate(text.NAME, Confidence.LIKELY),
    _Candidate(optris.NAME, Confidence.POSSIBLE, {"mode": "burst"}),
    _Candidate(optris.NAME, Confidence.POSSIBLE, {"mode": "burst", "hs": True}),
)

_LEAST_FRAMES: Final = 2
_SURE_FRAMES: Final = 3
_LEAST_SHARE: Final = 0.25
_SURE_SHARE: Final = 0.6
_UNCHECKED_SHARE: Final = 0.75
"""Two bytes behind `AA AA` are found in any noise, but noise is not full of them."""

_COLDEST: Final = -45.0
_HOTTEST: Final = 85.0
"""What stands before a gate in degrees Celsius: winter sky to a car's bonnet."""

_SENSOR_SPEAKS: Final = frozenset({FaultCode.NO_MEASUREMENT, FaultCode.SENSOR_FAULT})

_LEAST_CODE_CHARACTERS: Final = 8
"""Shorter plain text may be noise that happens to be printable; the shortest common bar code, EAN-8, has as many."""

_MOST_LINES: Final = 6
"""A scanner sends a code when somebody scans; what says more different lines than that in a few seconds is none."""

_LINE_ENDS: Final = b"\r\n\t\x02\x03\0"


class Guesser:
    """Bytes in, proposals out: without port, thread or clock; what it holds does not grow with what it hears.

    One object hears one port at one baud rate. Time is in monotonic seconds, as in `measurement.Parser.feed`.
    """

    def __init__(self) -> None:
        self._parts = [_Part(candidate) for candidate in _CANDIDATES]
        self._scanned = _Scanned()
        self._heard_bytes = 0

    @property
    def heard_bytes(self) -> int:
        """How many bytes have been heard."""
        return self._heard_bytes

    def feed(self, data: bytes, now_s: float) -> None:
        """Take the next bytes; empty `data` says that the line is idle at `now_s`."""
        self._heard_bytes += len(data)
        for part in self._parts:
            part.feed(data, now_s)
        self._scanned.feed(data, now_s)

    def proposals(self) -> list[Proposal]:
        """Return what the port may speak, the likeliest first; empty when nothing is understood."""
        found = [proposal for part in self._parts if (proposal := part.proposal(self._heard_bytes)) is not None]
        # A thermometer's line of text is also a line that a scanner could have sent.
        if (code := self._scanned.proposal(self._heard_bytes)) is not None and (
            not found or code.confidence is Confidence.SURE
        ):
            found.append(code)
        return sorted(found, key=lambda proposal: (-proposal.confidence, -proposal.share))


class _Part:
    """One candidate and what it has understood so far."""

    def __init__(self, candidate: _Candidate) -> None:
        self._candidate = candidate
        self._parser = PROTOCOLS[candidate.protocol].make_parser(candidate.options)
        self._frames = 0
        self._understood_bytes = 0
        self._celsius: float | None = None
        self._options: dict[str, OptionValue] = dict(candidate.options)

    def feed(self, data: bytes, now_s: float) -> None:
        for event in self._parser.feed(data, now_s):
            if not self._is_understood(event):
                continue
            self._frames += 1
            # Lines come without their ends, of which there is one byte at least.
            self._understood_bytes += len(event.raw) + (not self._candidate.is_checked)
            self._celsius = event.celsius if isinstance(event, Measurement) else None
            if event.raw.startswith(b"!") and self._candidate.protocol == raytek.NAME:
                self._options["mode"] = "query"  # somebody else asks, on the same line

    def _is_understood(self, event: Measurement | Fault) -> bool:
        if isinstance(event, Fault):
            return event.code in _SENSOR_SPEAKS
        return self._candidate.is_checked or _COLDEST <= event.celsius <= _HOTTEST

    def proposal(self, heard_bytes: int) -> Proposal | None:
        if self._frames < _LEAST_FRAMES:
            return None
        share = min(1.0, self._understood_bytes / heard_bytes)
        is_checked, best = self._candidate.is_checked, self._candidate.at_best
        if share < (_LEAST_SHARE if is_checked else _text_share(self._candidate.protocol)):
            return None
        is_plain = share >= _SURE_SHARE and self._frames >= _SURE_FRAMES
        confidence = best if is_plain else Confidence(max(Confidence.POSSIBLE, best - 1))
        return Proposal(self._candidate.protocol, confidence, self._frames, share, self._options, self._celsius)


def _text_share(protocol: str) -> float:
    # A sketch says every value twice, in C and in F, and begins with a banner.
    return _LEAST_SHARE if protocol in {text.NAME, raytek.NAME} else _UNCHECKED_SHARE


class _Scanned:
    """The codes of a scanner among what was heard."""

    def __init__(self) -> None:
        self._lines = ScanLines()
        self._tokens = 0
        self._token_bytes = 0
        self._texts: set[str] = set()
        self._is_printable = True

    def feed(self, data: bytes, now_s: float) -> None:
        self._is_printable = self._is_printable and _is_printable(data)
        for code in self._lines.feed(data, now_s):
            if is_token(code):
                self._tokens += 1
                self._token_bytes += len(code)
            elif len(self._texts) <= _MOST_LINES and len(code) >= _LEAST_CODE_CHARACTERS:
                self._texts.add(code)

    def proposal(self, heard_bytes: int) -> Proposal | None:
        if self._tokens:
            share = min(1.0, self._token_bytes / heard_bytes)
            return Proposal(SCANNER, Confidence.SURE, self._tokens, share)
        if self._is_printable and 0 < len(self._texts) <= _MOST_LINES:
            return Proposal(SCANNER, Confidence.POSSIBLE, len(self._texts), 1.0)
        return None


def _is_printable(data: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte in _LINE_ENDS for byte in data)
