"""Keys that sign passes, and the list of keys that a community trusts.

A community has a root key, kept by its office, and issuing keys. The trust list names the issuing keys' public halves
and is itself signed by the root. Everything signed is a COSE_Sign1 message (RFC 9052) with EdDSA over Ed25519
(RFC 8032) in deterministic CBOR (RFC 8949, 4.2.1); the bytes are described in docs/token.md.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Annotated, NamedTuple

import cbor2
import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from passes.errors import N_, KeyFileError
from passes.plaintext import plain

KEY_ID_BYTES = 8
MAX_TRUST_LIST_BYTES = 1_000_000
"""Longest list that is read at all; the room of some 12,000 keys."""

USE_ISSUING = "issue"
"""The use of a key that signs passes."""

_MAX_KEY_FILE_BYTES = 16 * 1024
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_LAST_DAY = date.max.toordinal() - _EPOCH_ORDINAL


def key_id_of(public_key: bytes) -> bytes:
    """Return the short id of a raw public key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


def epoch_day(day: date) -> int:
    """Return the number of days from 1970-01-01 to `day`, negative before it (the count of RFC 8943)."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_of(epoch_days: int) -> date:
    """Return the day that lies `epoch_days` after 1970-01-01; ValueError outside 1970-01-01 … 9999-12-31."""
    if not 0 <= epoch_days <= _LAST_DAY:
        raise ValueError(epoch_days)
    return date.fromordinal(epoch_days + _EPOCH_ORDINAL)


class IssuingKey:
    """A private Ed25519 key, of a root or of an issuer; nothing of it shows in its repr."""

    __slots__ = ("_private", "key_id", "public_key")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public_key: bytes = private.public_key().public_bytes_raw()
        self.key_id: bytes = key_id_of(self.public_key)

    @classmethod
    def generate(cls) -> "IssuingKey":
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate())

    def sign(self, data: bytes) -> bytes:
        """Return the 64-byte Ed25519 signature of `data`."""
        return self._private.sign(data)

    def pem(self, passphrase: str | None = None) -> bytes:
        """Return the key as PKCS8 PEM, encrypted when there is a passphrase; ValueError if that cannot be used."""
        from cryptography.hazmat.primitives import serialization

        plainly, sealed = serialization.NoEncryption(), serialization.BestAvailableEncryption
        protection = plainly if passphrase is None else sealed(passphrase.encode())
        return self._private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)

    def __repr__(self) -> str:
        return f"<IssuingKey {self.key_id.hex()}>"


def save_key(path: Path, key: IssuingKey, passphrase: str | None = None) -> None:
    """Write the key to a new file that only its owner can read (mode 0600), as PKCS8 PEM.

    Raises KeyFileError when the file exists (a key is never overwritten), when the passphrase is empty, or when the
    folder cannot be written; a file that could not be written whole is removed again.
    """
    try:
        pem = key.pem(passphrase)
    except ValueError:
        raise _refused(N_("The passphrase for {path} is empty or too long: choose another."), path) from None
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    except FileExistsError:
        raise _refused(N_("The key file {path} exists and is never overwritten: name another file."), path) from None
    except OSError as error:
        raise _unusable(path, error) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise _unusable(path, error) from error


def load_key(path: Path, passphrase: str | None = None) -> IssuingKey:
    """Read a key that `save_key` wrote.

    Raises KeyFileError when the file is missing, open to group or others (POSIX), damaged, not an Ed25519 key, or
    when the passphrase is wrong, missing or not needed.
    """
    encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in (pem := _read_private_file(path))
    if encrypted and not passphrase:
        raise _refused(N_("The key file {path} needs a passphrase: give it."), path)
    if not encrypted and passphrase is not None:
        raise _refused(N_("The key file {path} is not encrypted, but a passphrase was given: leave it out."), path)
    try:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        private = load_pem_private_key(pem, passphrase.encode() if passphrase else None)
    except UnsupportedAlgorithm:
        private = None
    except (ValueError, TypeError):
        if encrypted and b"END ENCRYPTED PRIVATE KEY" in pem:
            raise _refused(
                N_("The passphrase for the key file {path} is wrong, or the file is damaged: try again."), path
            ) from None
        raise _refused(N_("The key file {path} is damaged or no PEM key: restore it from a backup."), path) from None
    if not isinstance(private, Ed25519PrivateKey):
        raise _refused(N_("The key file {path} holds no Ed25519 key: use one that Gatepost made."), path)
    return IssuingKey(private)


def _read_private_file(path: Path) -> bytes:
    try:
        # Without O_NONBLOCK a named pipe in the place of the file would hang the station.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _refused(N_("The key file {path} is not a file: name the PEM file."), path)
            if os.name == "posix" and status.st_mode & 0o077:
                raise _refused(
                    N_("The key file {path} has mode {mode}, so others may use it: run `chmod 600` on it."),
                    path,
                    mode=f"{stat.S_IMODE(status.st_mode):04o}",
                )
            return file.read(_MAX_KEY_FILE_BYTES)
    except FileNotFoundError:
        raise _refused(N_("The key file {path} is missing: check the path, or restore its backup."), path) from None
    except OSError as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: OSError) -> KeyFileError:
    why = error.strerror or type(error).__name__
    return _refused(N_("The key file {path} cannot be used ({why}): check path and permissions."), path, why=why)


def _refused(sentence: str, path: Path, **values: str) -> KeyFileError:
    return KeyFileError(sentence, path=plain(str(path)), **values)


class Sealed(NamedTuple):
    """One COSE_Sign1 message taken apart; `signed` is the Sig_structure that its 64-byte signature is over."""

    key_id: bytes
    payload: bytes
    signature: bytes
    signed: bytes


class Sign1:
    """COSE_Sign1 (RFC 9052, 4.2) in one fixed shape: tag 18, EdDSA, 8-byte kid, no unprotected header.

    The content type (header 3) is protected, so a message of one type is never taken for one of another type.
    """

    def __init__(self, content_type: str | None = None) -> None:
        self._headers = {1: -8} if content_type is None else {1: -8, 3: content_type}
        empty = self._message(bytes(KEY_ID_BYTES), b"", b"")
        self._start = empty[: -KEY_ID_BYTES - 3]

    def seal(self, key: IssuingKey, payload: bytes) -> bytes:
        """Return the signed message."""
        return self._message(key.key_id, payload, key.sign(self._signed(key.key_id, payload)))

    def open(self, data: bytes) -> Sealed | None:
        """Take a message apart, None when it is not exactly what `seal` could have made; checks no signature.

        Only slices are read here: a general decoder would act on whatever tags a stranger puts into the message.
        """
        start = len(self._start)
        payload_at = start + KEY_ID_BYTES + 1
        wrapped = len(data) - payload_at - 66
        if wrapped < 1 or not data.startswith(self._start):
            return None
        head = 1 if wrapped < 25 else 2 if wrapped < 258 else 3 if wrapped < 65_539 else 5
        key_id, payload, signature = data[start : start + KEY_ID_BYTES], data[payload_at + head : -66], data[-64:]
        canonical = self._message(key_id, payload, signature) == data
        return Sealed(key_id, payload, signature, self._signed(key_id, payload)) if canonical else None

    def _protected(self, key_id: bytes) -> bytes:
        return cbor2.dumps({**self._headers, 4: key_id})

    def _message(self, key_id: bytes, payload: bytes, signature: bytes) -> bytes:
        return cbor2.dumps(cbor2.CBORTag(18, [self._protected(key_id), {}, payload, signature]))

    def _signed(self, key_id: bytes, payload: bytes) -> bytes:
        return cbor2.dumps(["Signature1", self._protected(key_id), b"", payload])


TRUST_LIST = Sign1("application/vnd.gatepost.trust-list.v1+cbor")


@dataclass(frozen=True)
class TrustedKey:
    """A public key that a community accepts passes from.

    `key_id` is `key_id_of(public_key)`, `public_key` 32 raw bytes. The key issues on community-local days from
    `valid_from` to `valid_until`, both inclusive, None for no bound. `withdrawn_at_ms` (UTC) says since when it is
    withdrawn; passes issued before `honoured_before_ms` (UTC) are excepted.
    """

    key_id: bytes
    public_key: bytes
    community: str
    valid_from: date | None = None
    valid_until: date | None = None
    withdrawn_at_ms: int | None = None
    honoured_before_ms: int | None = None
    use: str = USE_ISSUING

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Say whether the signature over `signed` is this key's."""
        try:
            self._verifier.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def is_withdrawn_for(self, issued_at_ms: int | None) -> bool:
        """Say whether the withdrawal holds for a pass issued at that instant (UTC), None when it is not known.

        The instant must come from the journal or the register. A token carries none: whoever stole the key could
        write any into it.
        """
        if self.withdrawn_at_ms is None or self.honoured_before_ms is None or issued_at_ms is None:
            return self.withdrawn_at_ms is not None
        return issued_at_ms >= self.honoured_before_ms

    @cached_property
    def _verifier(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public_key)


@dataclass(frozen=True)
class TrustList:
    """The keys that one community trusts, withdrawn ones included.

    Whoever replaces a list checks that `issued_at_ms` (UTC) is not older, or a withdrawal could be taken back.
    """

    community: str
    entries: tuple[TrustedKey, ...]
    issued_at_ms: int = 0

    def candidates(self, key_id: bytes, community: str) -> Sequence[TrustedKey]:
        """Return the community's pass keys with that short id; there may be several, and all are to be tried."""
        return self._by_id.get((key_id, community), ())

    @cached_property
    def _by_id(self) -> dict[tuple[bytes, str], tuple[TrustedKey, ...]]:
        by_id: dict[tuple[bytes, str], tuple[TrustedKey, ...]] = {}
        for entry in self.entries:
            place = (entry.key_id, entry.community)
            if entry.use == USE_ISSUING:
                by_id[place] = (*by_id.get(place, ()), entry)
        return by_id


_Instant = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Day = Annotated[int, msgspec.Meta(ge=0, le=_LAST_DAY)]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    public_key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    community: _Word
    use: _Word
    valid_from: _Day | None
    valid_until: _Day | None
    withdrawn_at_ms: _Instant | None
    honoured_before_ms: _Instant | None


class _Payload(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    community: _Word
    issued_at_ms: _Instant
    entries: tuple[_Entry, ...]


def sign_trust_list(root: IssuingKey, community: str, entries: Sequence[TrustedKey], issued_at_ms: int) -> bytes:
    """Return the signed trust list of a community; `issued_at_ms` is UTC.

    Raises KeyFileError when the list could not be read back as it is: a key id that is not the public key's, the
    same key twice for one community and use, a field out of range, too many keys.
    """
    for entry in entries:
        if entry.key_id != key_id_of(entry.public_key):
            raise KeyFileError(
                N_("The key id {key_id} is not that of its public key: derive it from the key again."),
                key_id=entry.key_id.hex(),
            )
    data = TRUST_LIST.seal(root, _encoded(TrustList(community, tuple(entries), issued_at_ms)))
    if len(data) > MAX_TRUST_LIST_BYTES:
        raise KeyFileError(
            N_("The trust list has {count} keys, more than fit into {limit} bytes: take out expired keys."),
            count=len(entries),
            limit=MAX_TRUST_LIST_BYTES,
        )
    read_trust_list(data, root.public_key)
    return data


def read_trust_list(data: bytes, root_public_key: bytes) -> TrustList:
    """Return the trust list if the root key signed exactly these bytes; `root_public_key` is 32 raw bytes.

    Raises KeyFileError when the list is damaged, too long, not a list of this version, or signed by another key. The
    caller compares `community` with its own.
    """
    sealed = TRUST_LIST.open(data) if len(data) <= MAX_TRUST_LIST_BYTES else None
    if sealed is None:
        raise KeyFileError(N_("This is not a trust list of version 1, or it is damaged: fetch it again."))
    if len(root_public_key) != 32:
        size = len(root_public_key)
        raise KeyFileError(N_("The root key has {size} bytes, not 32: copy it again from the office."), size=size)
    root = TrustedKey(key_id_of(root_public_key), root_public_key, "")
    if sealed.key_id != root.key_id or not root.verifies(sealed.signed, sealed.signature):
        raise KeyFileError(
            N_("The trust list is not signed by the root key {key_id}: fetch the list again, or check the root key."),
            key_id=root.key_id.hex(),
        )
    return _unpacked(sealed.payload)


def _encoded(trust: TrustList) -> bytes:
    entries = [
        [
            entry.public_key,
            entry.community,
            entry.use,
            None if entry.valid_from is None else epoch_day(entry.valid_from),
            None if entry.valid_until is None else epoch_day(entry.valid_until),
            entry.withdrawn_at_ms,
            entry.honoured_before_ms,
        ]
        for entry in trust.entries
    ]
    return cbor2.dumps([trust.community, trust.issued_at_ms, entries])


def _unpacked(payload: bytes) -> TrustList:
    try:
        read = msgspec.convert(cbor2.loads(payload), _Payload, builtin_types=(bytes,))
    except (cbor2.CBORDecodeError, msgspec.ValidationError) as error:
        raise KeyFileError(
            N_("The trust list is signed, but a field of it cannot be used ({why}): have it signed again."),
            why=plain(str(error)),
        ) from None
    trust = TrustList(
        read.community,
        tuple(
            TrustedKey(
                key_id=key_id_of(entry.public_key),
                public_key=entry.public_key,
                community=entry.community,
                valid_from=None if entry.valid_from is None else day_of(entry.valid_from),
                valid_until=None if entry.valid_until is None else day_of(entry.valid_until),
                withdrawn_at_ms=entry.withdrawn_at_ms,
                honoured_before_ms=entry.honoured_before_ms,
                use=entry.use,
            )
            for entry in read.entries
        ),
        read.issued_at_ms,
    )
    if _encoded(trust) != payload:
        raise KeyFileError(N_("The trust list is not in its one canonical form: have it signed again by Gatepost."))
    places = {(entry.public_key, entry.community, entry.use) for entry in trust.entries}
    if len(places) != len(trust.entries):
        # Two entries for one key could say two things about its withdrawal, and the lenient one would win.
        raise KeyFileError(N_("The trust list names a key twice: take one of the two entries out and sign it again."))
    return trust
