"""Recorded bytes for `gatepost device decode`: a file or a pipe, as they are or written in hex, piece by piece."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

import click

from passes.errors import N_, GatepostError
from passes.plaintext import plain

PIECE_BYTES: Final = 65_536
_ENOUGH_BYTES: Final = 64
"""So many bytes are looked at before they are taken for hex; a frame may be two letters by chance, never so many."""

_HEX_CHARACTERS: Final = b"0123456789abcdefABCDEF \t\r\n\f\v,xX"
_HEX_DIGIT: Final = re.compile(rb"[0-9A-Fa-f]")
_BETWEEN: Final = re.compile(rb"0[xX]|[\s,]+")
_DIGITS: Final = re.compile(rb"[0-9A-Fa-f]*")


class HexError(GatepostError):
    """Text that is not whole bytes in hex; the sentence names the place."""


def pieces_of(source: str, *, is_hex: bool | None) -> Iterator[bytes]:
    """Yield what is in the file `source`, or on standard input for `-`, in pieces of bounded size.

    `is_hex` None: hex when its beginning holds nothing but hex digits, `0x`, commas and white space. Raises OSError for
    a file that cannot be read, HexError for hex that is none.
    """
    with click.open_file(source, "rb") as file:
        pieces = _raw_pieces(file)
        if is_hex is None:
            beginning = b""
            while len(beginning) < _ENOUGH_BYTES and (piece := next(pieces, b"")):
                beginning += piece
            yield from _decided(beginning, pieces, source, is_hex=is_hex_text(beginning))
        else:
            yield from _decided(b"", pieces, source, is_hex=is_hex)


def is_hex_text(data: bytes) -> bool:
    """Say whether `data` holds nothing but hex digits (one at least), `0x`, commas and white space."""
    return not data.translate(None, _HEX_CHARACTERS) and _HEX_DIGIT.search(data) is not None


def _raw_pieces(file: IO[bytes]) -> Iterator[bytes]:
    # What a pipe has now, not what it may have once it is full.
    read = getattr(file, "read1", file.read)
    while piece := read(PIECE_BYTES):
        yield piece


def _decided(beginning: bytes, pieces: Iterator[bytes], source: str, *, is_hex: bool) -> Iterator[bytes]:
    if is_hex:
        text = HexText(source)
        yield text.feed(beginning)
        for piece in pieces:
            yield text.feed(piece)
        yield text.end()
    else:
        yield beginning
        yield from pieces


class HexText:
    """Hex in, bytes out: two digits a byte, or one that stands alone; holds less than one long word between calls."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._rest = b""
        self._bytes = 0

    def feed(self, text: bytes) -> bytes:
        """Return the bytes that are whole; raises HexError."""
        text = self._rest + text
        cut = max(text.rfind(mark) for mark in (b" ", b"\n", b"\r", b"\t", b",")) + 1
        if len(text) - cut > PIECE_BYTES:  # a recording without any space in it
            cut = len(text) - 2 - (len(text) - cut) % 2
        self._rest = text[cut:]
        return self._whole(text[:cut])

    def end(self) -> bytes:
        """Return the last byte, where nothing stands behind it."""
        rest, self._rest = self._rest, b""
        return self._whole(rest)

    def _whole(self, text: bytes) -> bytes:
        found = bytearray()
        for word in _BETWEEN.split(text):
            if not _DIGITS.fullmatch(word) or (len(word) > 1 and len(word) % 2):
                raise HexError(
                    N_(
                        '{path}: "{word}" behind byte {count} is not whole bytes in hex;'
                        " correct it, or give --binary when the file holds the bytes themselves"
                    ),
                    path=Path(self._source) if self._source != "-" else "-",
                    word=plain(word.decode("latin-1"), 20),
                    count=self._bytes + len(found),
                )
            found += bytes.fromhex(word.decode().zfill(len(word) + len(word) % 2))
        self._bytes += len(found)
        return bytes(found)
