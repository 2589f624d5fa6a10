"""One-time codes, read aloud by the office and typed at a new station: by one the station gets what it joins with.

A code has 15 characters in three groups, as `ABCDE-FGHJK-MNPQR`: four say which offer is meant, ten are secret (50
bits), the last is a check character (`passes.number`). Argon2id (RFC 9106; 64 MiB, 3 passes) makes two keys of it. One
proves to the server that the code is known; the other opens what the office sealed (AES-256-GCM), the root key's
fingerprint among it. So neither a proxy in between nor whoever reads the database learns the station's secret or the
key for digests, and a server that never saw the office has nothing that opens.
"""

import os
import secrets
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag

from passes.errors import N_, UsageError
from passes.number import ALPHABET, grouped, parse_checked, with_check
from sync.enrolment import Enrolment, EnrolmentError

_LOCATOR_CHARS = 4
_SECRET_CHARS = 10
_GROUP_CHARS = 5
_NONCE_BYTES = 12
_KEY_BYTES = 32
_MEMORY_KIB, _ITERATIONS, _LANES = 64 * 1024, 3, 1
_LABEL = b"gatepost enrolment 1 "


@dataclass(frozen=True, slots=True)
class CodeKeys:
    """What a code stands for: which offer, the proof that it is known, and what opens the sealed enrolment."""

    locator: str
    proof: bytes
    _key: bytes

    def seal(self, enrolment: Enrolment) -> bytes:
        """Return the enrolment, readable by nobody but who has the code."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(_NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, msgspec.json.encode(enrolment), self._label())

    def open(self, sealed: bytes) -> Enrolment:
        """Return the enrolment; raises `EnrolmentError` for what this code does not open."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            opened = AESGCM(self._key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._label())
            return msgspec.json.decode(opened, type=Enrolment)
        except (InvalidTag, ValueError) as error:
            raise EnrolmentError(
                N_("what the server sent does not open with this code: it is not the office's; check the address")
            ) from error

    def file_key(self, salt: bytes, info: bytes) -> bytes:
        """Return the 32-byte key of a file for whoever has the code (HKDF, RFC 5869); `salt` is new for every file."""
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(SHA256(), _KEY_BYTES, salt, _LABEL + info).derive(self._key)

    def _label(self) -> bytes:
        return _LABEL + self.locator.encode()


def make_code() -> str:
    """Return a new code, grouped for reading aloud."""
    chars = "".join(secrets.choice(ALPHABET) for _ in range(_LOCATOR_CHARS + _SECRET_CHARS))
    return grouped(with_check(chars), _GROUP_CHARS)


def keys_of(code: str) -> CodeKeys:
    """Return what a code that somebody typed stands for; it costs some 0.2 s on purpose.

    Raises `UsageError` for one with a slip in it.
    """
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    chars = parse_checked(code, _LOCATOR_CHARS + _SECRET_CHARS)
    if chars is None:
        raise UsageError(N_("the code has a slip in it: it is 15 letters and digits; have the office read it again"))
    locator = chars[:_LOCATOR_CHARS]
    derived = Argon2id(
        salt=_LABEL + locator.encode(),
        length=2 * _KEY_BYTES,
        iterations=_ITERATIONS,
        lanes=_LANES,
        memory_cost=_MEMORY_KIB,
    ).derive(chars[_LOCATOR_CHARS:-1].encode())
    return CodeKeys(locator, derived[:_KEY_BYTES], derived[_KEY_BYTES:])
