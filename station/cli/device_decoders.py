"""Recorded bytes of any device into results: the parsers without port, thread or clock."""

from collections.abc import Mapping
from typing import Final, Protocol

from station.cli.device_common import ID_CARD, SCANNER
from station.cli.device_results import (
    Result,
    of_card,
    of_card_error,
    of_code,
    of_frame_fault,
    of_status,
    of_thermometer,
)
from station.devices import PROTOCOLS, OptionValue
from station.devices.idcard.card import CardError, parse_card
from station.devices.idcard.client import OK
from station.devices.idcard.frames import Answer, Answers, FrameFault
from station.devices.measurement import Parser
from station.devices.scanner.lines import ScanLines

_AT_S: Final = 0.0
_AFTER_THE_END_S: Final = 10.0
"""A recording has no times: all of it comes at once, and its end is a gap that no device makes within a frame."""


class Decoder(Protocol):
    """Bytes in, results out; holds less than one frame between calls."""

    def feed(self, data: bytes) -> list[Result]:
        """Return what these bytes complete; how a recording is cut never changes it."""
        ...

    def end(self) -> list[Result]:
        """Return what had only begun, or is complete because nothing follows."""
        ...


def make_decoder(protocol: str, options: Mapping[str, OptionValue]) -> Decoder:
    """Return the decoder of a thermometer's protocol, of `scanner` or of `samv`; raises OptionError."""
    if protocol == SCANNER:
        return _OfScanner()
    return _OfIdCard() if protocol == ID_CARD else _OfThermometer(PROTOCOLS[protocol].make_parser(options))


class _OfThermometer:
    def __init__(self, parser: Parser) -> None:
        self._parser = parser

    def feed(self, data: bytes) -> list[Result]:
        # An empty read is an idle line, which a recording has at its end only.
        return [of_thermometer(event) for event in self._parser.feed(data, _AT_S)] if data else []

    def end(self) -> list[Result]:
        return [of_thermometer(event) for event in self._parser.feed(b"", _AFTER_THE_END_S)]


class _OfScanner:
    def __init__(self) -> None:
        self._lines = ScanLines()

    def feed(self, data: bytes) -> list[Result]:
        return [of_code(code, is_masked=False) for code in self._lines.feed(data, _AT_S)] if data else []

    def end(self) -> list[Result]:
        return [of_code(code, is_masked=False) for code in self._lines.feed(b"", _AFTER_THE_END_S)]


class _OfIdCard:
    def __init__(self) -> None:
        self._answers = Answers()

    def feed(self, data: bytes) -> list[Result]:
        return [_of_answer(answer) for answer in self._answers.feed(data, _AT_S)] if data else []

    def end(self) -> list[Result]:
        return [_of_answer(answer) for answer in self._answers.feed(b"", _AFTER_THE_END_S)]


def _of_answer(answer: Answer | FrameFault) -> Result:
    if isinstance(answer, FrameFault):
        return of_frame_fault(answer)
    if answer.status != OK or not answer.data_bytes:
        return of_status(answer.status)
    try:
        return of_card(parse_card(answer.text), is_masked=False)
    except CardError as error:
        return of_card_error(error)
