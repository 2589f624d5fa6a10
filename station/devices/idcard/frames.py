"""Frames of the SAM-A and SAM-V modules in readers of Chinese identity cards.

A command is `AA AA AA 96 69`, length, command, parameter, XOR; an answer has three status bytes and data in their
place. The length (2 bytes, big-endian) counts what follows it, the XOR included; the XOR is of all bytes from the
length on (vendors' manuals after GA 450; documented command `AA AA AA 96 69 00 03 20 01 22` finds a card).

A frame that was read holds the photo and perhaps fingerprints. They are dropped here, unread, and no frame is ever
part of what this module returns: not in an answer, not in a fault, not in a log.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from functools import reduce
from operator import xor
from typing import Final

PREAMBLE: Final = b"\xaa\xaa\xaa\x96\x69"
BAUD_RATE: Final = 115200
"""Bit/s of the modules; 8 data bits, no parity, 1 stop bit."""

FIND: Final = b"\x20\x01"
SELECT: Final = b"\x20\x02"
READ: Final = b"\x30\x01"

TEXT_BYTES: Final = 256

_LENGTH_BYTES: Final = 2
_STATUS_BYTES: Final = 3
_LEAST_BODY_BYTES: Final = _STATUS_BYTES + 1
_MOST_BODY_BYTES: Final = 4096
"""Text, photo and two fingerprints are 2,314; a greater length is damage and would hold back what follows it."""

_MOST_JUNK_BYTES: Final = 16
"""What some readers put before the lengths of text and photo."""

_IDLE_GAP_S: Final = 0.3
"""A frame takes 113 ms: what has not gone on for so long is never going to be completed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of the module; `status` is SW3, `text` the 256 bytes of a card's text, empty when there are none.

    `data_bytes` is how much came with the status: data without a text are a card whose lengths were wrong.
    """

    status: int
    text: bytes = field(default=b"", repr=False)
    data_bytes: int = field(default=0, compare=False)


class FrameFault(StrEnum):
    """Why bytes did not become an answer."""

    CHECKSUM = "checksum"
    TRUNCATED = "truncated"


def command(code: bytes) -> bytes:
    """Return the frame of a command: `FIND`, `SELECT` or `READ`."""
    return framed(code)


def framed(content: bytes) -> bytes:
    """Return `content` (command and parameter, or status and data) with preamble, length and XOR."""
    checked = (len(content) + 1).to_bytes(_LENGTH_BYTES) + content
    return PREAMBLE + checked + bytes([reduce(xor, checked)])


class Answers:
    """Bytes in, answers out, without port, thread or clock; holds less than one frame between calls."""

    def __init__(self) -> None:
        self._pending = b""
        self._heard_at_s = 0.0

    def feed(self, data: bytes, now_s: float) -> list[Answer | FrameFault]:
        """Take the next bytes and return what they complete, in order; `now_s` is in monotonic seconds.

        Empty `data` says that the line is idle at `now_s`. How the stream is cut into calls never changes the answer.
        """
        if not data:
            return self._idle(now_s)
        self._heard_at_s = now_s
        found, self._pending = _parsed(self._pending + data)
        return found

    def _idle(self, now_s: float) -> list[Answer | FrameFault]:
        if now_s - self._heard_at_s < _IDLE_GAP_S:
            return []
        found: list[Answer | FrameFault] = []
        while self._pending:
            if self._pending.startswith(PREAMBLE):
                found.append(FrameFault.TRUNCATED)
            # A whole frame may stand behind the beginning of one that was cut off.
            more, self._pending = _parsed(self._pending[1:])
            found += more
        return found


def _parsed(stream: bytes) -> tuple[list[Answer | FrameFault], bytes]:
    """Return what is complete in the stream and the end of it that may yet become a frame."""
    found: list[Answer | FrameFault] = []
    start = stream.find(PREAMBLE)
    while start >= 0:
        at = start + len(PREAMBLE)
        length = int.from_bytes(stream[at : at + _LENGTH_BYTES])
        end = at + _LENGTH_BYTES + length
        if len(stream) < at + _LENGTH_BYTES:
            return found, stream[start:]
        if not _LEAST_BODY_BYTES <= length <= _MOST_BODY_BYTES:
            start = stream.find(PREAMBLE, start + 1)
            continue
        if len(stream) < end:
            return found, stream[start:]
        is_whole = reduce(xor, stream[at:end]) == 0
        found.append(_answer(stream[at + _LENGTH_BYTES : end - 1]) if is_whole else FrameFault.CHECKSUM)
        stream = stream[end if is_whole else start + 1 :]
        start = stream.find(PREAMBLE)
    return found, stream[len(stream) - _begun_preamble(stream) :]


def _begun_preamble(stream: bytes) -> int:
    """Return how many of the last bytes may be the beginning of a preamble."""
    return next((size for size in range(len(PREAMBLE) - 1, 0, -1) if stream.endswith(PREAMBLE[:size])), 0)


def _answer(content: bytes) -> Answer:
    data = content[_STATUS_BYTES:]
    return Answer(content[_STATUS_BYTES - 1], _text(data), len(data))


def _text(data: bytes) -> bytes:
    """Return the card's text, found by the lengths before it: of text and photo, or of text, photo and fingerprints."""
    for start in range(min(_MOST_JUNK_BYTES + 1, len(data))):
        lengths = [int.from_bytes(data[at : at + 2]) for at in range(start, start + 6, 2)]
        for count in (2, 3):
            if lengths[0] == TEXT_BYTES and len(data) - start == 2 * count + sum(lengths[:count]):
                return data[start + 2 * count :][:TEXT_BYTES]
    return b""
