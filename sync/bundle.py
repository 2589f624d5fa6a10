"""Bundles: what stations and their community otherwise tell each other over HTTP, in files; docs/bundles.md.

A file is a mark, a header, pieces, and an end, each but the mark behind its length. The pieces are compressed and
sealed (AES-256-GCM) under a key of that file alone, the header says for whom that key is, and the end is a COSE_Sign1
message over all before it. So a file is whole, from whom it says, and as it was written, or nothing of it is used.
"""

import hashlib
import secrets
import zlib
from collections.abc import Iterator
from typing import Annotated, BinaryIO, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from passes.cose import Sign1
from passes.errors import N_, GatepostError
from passes.keys import IssuingKey, key_id_of
from passes.plaintext import plain
from passes.trust import TrustedKey
from sync.events import canonical_json
from sync.sealing import SealingKey, wrap
from sync.secrets import answer_key
from sync.wire import MAX_BODY_BYTES, Instant

VERSION = 1
MARK = b"\x89GATEPOST BUNDLE\r\n\x1a\n"
"""First of every file; the line ends in it tell a file that somebody's program took for text."""

MAX_HEADER_BYTES = 8 * 1024
MAX_PIECE_BYTES = MAX_BODY_BYTES + 64 * 1024
"""A sealed piece: one that cannot be compressed is a little longer than what it holds."""

MAX_FILE_BYTES = 4 * 1024**3 - 1
"""Largest file that FAT32 holds."""

KEY_BYTES = 32
_END = Sign1("application/vnd.gatepost.bundle.v1+json")
_READ_BYTES = 1024 * 1024
_LENGTH_BYTES = 4

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Struct = TypeVar("_Struct", bound=msgspec.Struct)


class BundleError(GatepostError):
    """A bundle that cannot be used or written; nothing of it has been applied."""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What may be read of a bundle without any key; it is part of what is signed.

    `purpose`: `journal` goes from a station to its community, `answer` back, and `joining` sets a station up.
    `station` is whose journal it is, or whom it is for. `made_ms` is the maker's time. `sealed` is what the key of the
    pieces comes out of: sealed to `key_id` for the community, else a salt; of `joining`, `key_id` tells the one-time
    code (`sync.onetime`). `public_key` is what the bundle is signed with, `proof` that this is the station's
    (`sync.secrets`). `first_n` is the station's number of the first record, `epoch` and `cursor` are what it asks its
    answer by. `generation` is which life of the community's database answers.
    """

    version: int = VERSION
    purpose: Literal["journal", "answer", "joining"]
    community: Text
    station: Text
    bundle_id: Text
    made_ms: Instant
    sealed: bytes
    public_key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    key_id: str = ""
    proof: bytes = b""
    first_n: int = 0
    epoch: str | None = None
    cursor: str | None = None
    generation: str = ""

    def info(self) -> bytes:
        """Return what the key of the pieces is bound to."""
        return b"gatepost bundle 1 " + msgspec.json.encode([self.purpose, self.community, self.station, self.bundle_id])


class End(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is signed: the SHA-256 of all before, and how many pieces there are.

    Of a journal, `last_n` is the station's number of the last record and `last_hash` its hash, so that a further export
    can go on behind it.
    """

    sha256: str
    pieces: int
    last_n: int = 0
    last_hash: str = ""


class _Version(msgspec.Struct):
    version: int


def new_key() -> bytes:
    """Return a new key, or salt, for one file."""
    return secrets.token_bytes(KEY_BYTES)


class BundleWriter:
    """Writes one bundle into `file`, which is empty; `key` seals its pieces."""

    def __init__(self, file: BinaryIO, header: Header, key: bytes) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._header = canonical_json(header)
        self._sealer = AESGCM(key)
        self.pieces = 0
        self.size = 0
        self._write(MARK)
        self._part(b"H", self._header)

    def add(self, piece: bytes) -> None:
        """Compress, seal and write one piece of at most `MAX_BODY_BYTES`."""
        packed = zlib.compress(piece, 6)
        self._part(b"P", self._sealer.encrypt(_nonce(self.pieces), packed, self._header))
        self.pieces += 1

    def finish(self, key: IssuingKey, last_n: int = 0, last_hash: str = "") -> None:
        """Sign what has been written; the caller sees to it that it reaches the disk."""
        end = End(sha256=self._digest.hexdigest(), pieces=self.pieces, last_n=last_n, last_hash=last_hash)
        self._part(b"E", _END.seal(key, canonical_json(end)))

    def _part(self, kind: bytes, data: bytes) -> None:
        self._write(kind + len(data).to_bytes(_LENGTH_BYTES, "big") + data)

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._digest.update(data)
        self.size += len(data)


class BundleReader:
    """Reads one bundle; nothing of it counts before `verify`. `name` is what errors call the file.

    Raises `BundleError` for what is no bundle, or one of a version that is not known here.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file = file
        self.name = plain(name, 200)
        self._file.seek(0)
        if self._file.read(len(MARK)) != MARK:
            raise self._error(N_("{path}: is no bundle of Gatepost, or was copied as text; copy it again"))
        kind, self._header = self._read_part(MAX_HEADER_BYTES)
        if kind != b"H":
            raise self.damaged()
        version = self._decoded(self._header, _Version).version
        if version != VERSION:
            raise self._error(
                N_("{path}: is a bundle of version {version}, made by a newer Gatepost; install that one here"),
                version=version,
            )
        self.header = self._decoded(self._header, Header)
        self._start = self._file.tell()

    def verify(self, public_key: bytes | None = None) -> End:
        """Read the whole file and see that nothing of it was changed, and that `public_key` signed it.

        Without a key, the one in the header is asked: then only that nothing was changed. Raises `BundleError`.
        """
        digest = hashlib.sha256(MARK + _framed(b"H", self._header))
        self._file.seek(self._start)
        pieces = 0
        while True:
            kind, data = self._read_part(MAX_PIECE_BYTES)
            if kind != b"P":
                break
            digest.update(_framed(kind, data))
            pieces += 1
        signed = _END.open(data) if kind == b"E" else None
        if signed is None or self._file.read(1):
            raise self.damaged()
        expected = public_key or self.header.public_key
        trusted = TrustedKey(key_id_of(expected), expected, self.header.community)
        if signed.key_id != trusted.key_id or not trusted.verifies(signed.signed, signed.signature):
            raise self._error(N_("{path}: is not signed by whom it says it is from; nothing of it was used"))
        end = self._decoded(signed.payload, End)
        if (end.sha256, end.pieces) != (digest.hexdigest(), pieces):
            raise self.damaged()
        return end

    def pieces(self, key: bytes) -> Iterator[bytes]:
        """Yield the pieces, opened with the file's key; raises `BundleError` where they do not open."""
        opener, number = AESGCM(key), 0
        self._file.seek(self._start)
        while True:
            kind, data = self._read_part(MAX_PIECE_BYTES)
            if kind != b"P":
                return
            try:
                packed = opener.decrypt(_nonce(number), data, self._header)
            except InvalidTag:
                raise self.unsealed() from None
            yield self._inflated(packed)
            number += 1

    def unsealed(self) -> BundleError:
        """Return the error that tells of a seal that does not open."""
        return self._error(N_("{path}: does not open with the key that is here; it was sealed for somebody else"))

    def damaged(self) -> BundleError:
        """Return the error that tells of a file that is not as it was written."""
        return self._error(N_("{path}: is cut off or was changed; nothing of it was used, copy or make it again"))

    def _read_part(self, most: int) -> tuple[bytes, bytes]:
        head = self._file.read(1 + _LENGTH_BYTES)
        size = int.from_bytes(head[1:], "big")
        if len(head) <= _LENGTH_BYTES or size > most:
            raise self.damaged()
        data = self._file.read(size)
        if len(data) != size:
            raise self.damaged()
        return head[:1], data

    def _inflated(self, packed: bytes) -> bytes:
        inflate = zlib.decompressobj()
        try:
            piece = inflate.decompress(packed, MAX_BODY_BYTES + 1)
        except zlib.error:
            raise self.damaged() from None
        if len(piece) > MAX_BODY_BYTES or not inflate.eof or inflate.unused_data:
            raise self.damaged()
        return piece

    def _decoded(self, data: bytes, struct: type[_Struct]) -> _Struct:
        try:
            return msgspec.json.decode(data, type=struct)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise self.damaged() from None

    def _error(self, sentence: str, /, **values: object) -> BundleError:
        return BundleError(sentence, path=self.name, **values)


def seal_for_community(key: bytes, header: Header, public_key: bytes) -> Header:
    """Return the header with the file's key in it, sealed to the community; raises ValueError for what is no key."""
    sealed = wrap(key, public_key, header.info())
    return msgspec.structs.replace(header, sealed=sealed, key_id=key_id_of(public_key).hex())


def key_for_community(reader: BundleReader, key: SealingKey) -> bytes:
    """Return the file's key, opened with the community's; raises `BundleError`."""
    header = reader.header
    try:
        return key.unwrap(header.sealed, header.info())
    except (InvalidTag, ValueError):
        raise reader.unsealed() from None


def key_for_station(header: Header, digest: str) -> bytes:
    """Return the key of an answer to the station whose secret has this digest."""
    return answer_key(digest, header.sealed, header.community, header.station)


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _framed(kind: bytes, data: bytes) -> bytes:
    return kind + len(data).to_bytes(_LENGTH_BYTES, "big") + data
