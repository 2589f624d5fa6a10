"""The stream of a serial scanner, cut into codes.

Scanners end a code by CR, LF, CR LF, Tab, ETX or nothing, and may begin it by STX and an AIM identifier. A Newland
scanner also answers commands in the same stream: `02 00`, type, length, so many bytes of data, and the CRC-16/XMODEM of
all from the type on (vendor's manual; documented example `02 00 00 01 00 33 31`).
"""

import binascii
import re
from typing import Final

from station.devices.scanner.code import MOST_CHARACTERS, codes_in

IDLE_GAP_S: Final = 0.08
"""A code without a terminator ends when nothing has come for so long; at 9600 bit/s a byte takes 1 ms."""

_ENDS: Final = re.compile(rb"[\0\t\n\r\x02\x03]")
_ANSWER: Final = b"\x02\x00"
_ANSWER_HEAD_BYTES: Final = 4
_CRC_BYTES: Final = 2

_MOST_BYTES: Final = 4 * (MOST_CHARACTERS + 1)
"""UTF-8 takes four bytes for a character at most: what is dropped beyond would have been cut off anyway."""


class ScanLines:
    """Bytes in, codes out: without port, thread or clock; holds one code and one command answer between calls."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._undecided = b""
        self._heard_at_s = 0.0

    def feed(self, data: bytes, now_s: float) -> list[str]:
        """Take the next bytes of the stream and return the codes that they complete, in order.

        `now_s` is in monotonic seconds. Empty `data` says that the line is idle at `now_s`. How the stream is cut into
        calls never changes the codes, as long as no gap in it is an idle one.
        """
        if not data:
            return self._idle(now_s)
        self._heard_at_s = now_s
        text, self._undecided = _without_answers(self._undecided + data)
        return self._cut(text)

    def _idle(self, now_s: float) -> list[str]:
        if now_s - self._heard_at_s < IDLE_GAP_S:
            return []
        rest, self._undecided = self._undecided, b""
        return [*self._cut(rest), *self._end()]

    def _cut(self, text: bytes) -> list[str]:
        *complete, rest = _ENDS.split(text)
        codes = []
        for part in complete:
            self._append(part)
            codes += self._end()
        self._append(rest)
        return codes

    def _append(self, part: bytes) -> None:
        self._line += part[: _MOST_BYTES - len(self._line)]

    def _end(self) -> list[str]:
        line = self._line.decode(errors="replace")
        self._line.clear()
        return codes_in(line)


def _without_answers(stream: bytes) -> tuple[bytes, bytes]:
    """Return the stream without its command answers, and the end of it that may yet become one."""
    kept = bytearray()
    done = 0
    while (start := stream.find(_ANSWER[:1], done)) >= 0:
        kept += stream[done:start]
        size = _answer_bytes(stream[start : start + _ANSWER_HEAD_BYTES])
        if size > len(stream) - start:
            return bytes(kept), stream[start:]
        answer = stream[start : start + size]
        is_answer = size > 0 and binascii.crc_hqx(answer[2:-_CRC_BYTES], 0) == int.from_bytes(answer[-_CRC_BYTES:])
        if not is_answer:
            kept += _ANSWER[:1]
        done = start + (size if is_answer else 1)
    return bytes(kept + stream[done:]), b""


def _answer_bytes(head: bytes) -> int:
    """Return how long the answer with this beginning is, as far as it can be told; 0 when it is none."""
    if not _ANSWER.startswith(head[:2]):
        return 0
    return _ANSWER_HEAD_BYTES + (head[3] if len(head) == _ANSWER_HEAD_BYTES else 1) + _CRC_BYTES
