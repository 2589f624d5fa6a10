"""ID and phone numbers that a station seals for the office and cannot read back, and the digests they are matched by.

Sealing is HPKE (RFC 9180) in base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM. The public key stands in
the community's signed trust list, the private one in the office's folder. A box opens only for the community, field
and person that it was sealed for.

A digest is Argon2id (RFC 9106) with a secret value: whoever has only the records cannot try numbers out, and whoever
stole a station with its secret pays 19 MiB and some 50 ms for each.
"""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from passes.errors import N_, GatepostError, KeyFileError
from passes.identity import comparable_id, comparable_phone, tail_of
from passes.keyfiles import load_private_key, read_private_file, save_private_file
from passes.keys import KEY_ID_BYTES, key_id_of
from passes.plaintext import plain
from sync.bodies import Sealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.hpke import Suite

Field = Literal["id_number", "phone"]

MOST_CHARS = 200
"""The longest value that is sealed; no document has so long a number."""

_VERSION = "GS1."
_BLOCK_BYTES = 32
"""Values are filled up to a multiple of this, so that a box does not tell a passport from an ID card."""

_DIGEST_KEY_BYTES = 32
_DIGEST_BYTES = 16
_SALT = b"gatepost.digest1"
"""The same for all: equal numbers must have equal digests. What keeps communities apart is the secret."""

# OWASP's smallest choice for Argon2id: a list of 5,000 people must be issued in minutes on an old laptop.
_MEMORY_KIB, _ITERATIONS, _LANES = 19 * 1024, 2, 1


class SealingError(GatepostError):
    """A value that cannot be sealed, or a box that does not open."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """What a box is for; it opens for nothing else."""

    community: str
    field: Field
    person_id: str

    def info(self) -> bytes:
        """Return the application-supplied information of HPKE."""
        return b"gatepost sealed field 1 " + msgspec.json.encode([self.community, self.field, self.person_id])


class SealingKey:
    """The office's private X25519 key; nothing of it shows in its repr."""

    __slots__ = ("_private", "public_key")

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private
        self.public_key: bytes = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls) -> "SealingKey":
        """Make a new key from the system's randomness."""
        return cls(X25519PrivateKey.generate())

    def pem(self, passphrase: str | None = None) -> bytes:
        """Return the key as PKCS8 PEM, encrypted when there is a passphrase; ValueError if that cannot be used."""
        from cryptography.hazmat.primitives import serialization

        plainly, sealed = serialization.NoEncryption(), serialization.BestAvailableEncryption
        protection = plainly if passphrase is None else sealed(passphrase.encode())
        return self._private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)

    def open(self, box: str, purpose: Purpose) -> str:
        """Return what was sealed.

        Raises `SealingError` for what is no box, was sealed to another key, for another purpose, or was changed.
        """
        key_id, ciphertext = _unpacked(box)
        if key_id != key_id_of(self.public_key):
            raise SealingError(
                N_("sealed field {field}: was sealed to the key {found}, not {ours}; open it with that key's file"),
                field=purpose.field,
                found=key_id.hex(),
                ours=key_id_of(self.public_key).hex(),
            )
        try:
            return _unpadded(self.unwrap(ciphertext, purpose.info())).decode()
        except (InvalidTag, ValueError):
            raise SealingError(
                N_("sealed field {field} of person {person}: does not open; it was changed, or is another person's"),
                field=purpose.field,
                person=plain(purpose.person_id, 64),
            ) from None

    def unwrap(self, ciphertext: bytes, info: bytes) -> bytes:
        """Return what `wrap` was given; raises `InvalidTag` or ValueError where key, purpose or a bit is another."""
        return _suite().decrypt(ciphertext, self._private, info=info)

    def __repr__(self) -> str:
        return f"<SealingKey {key_id_of(self.public_key).hex()}>"


def load_sealing_key(path: Path, passphrase: str | None = None) -> SealingKey:
    """Read the office's private key; raises KeyFileError as `passes.keyfiles.load_private_key` does."""
    private = load_private_key(path, passphrase)
    if not isinstance(private, X25519PrivateKey):
        raise KeyFileError(
            N_("The key file {path} holds no X25519 key: use one that Gatepost made."), path=plain(str(path), 1000)
        )
    return SealingKey(private)


def seal(value: str, public_key: bytes, purpose: Purpose) -> str:
    """Return the box of a value; the same value never looks the same twice.

    Raises `SealingError` for more than `MOST_CHARS` characters, for no text, and for a key that is none.
    """
    if not 0 < len(value) <= MOST_CHARS:
        raise SealingError(
            N_("sealed field {field}: write 1 to {most} characters"), field=purpose.field, most=MOST_CHARS
        )
    try:
        ciphertext = wrap(_padded(value.encode()), public_key, purpose.info())
    except (ValueError, UnicodeError):
        raise SealingError(
            N_("sealed field {field}: cannot be sealed; the community's key or the text is damaged"),
            field=purpose.field,
        ) from None
    return _VERSION + _text(key_id_of(public_key) + ciphertext)


def wrap(data: bytes, public_key: bytes, info: bytes) -> bytes:
    """Seal bytes to a raw X25519 key for the purpose that `info` names; raises ValueError for what is no key."""
    return _suite().encrypt(data, X25519PublicKey.from_public_bytes(public_key), info=info)


class DigestKey:
    """The community's secret for digests, which its stations share; nothing of it shows in its repr."""

    __slots__ = ("_secret", "key_id")

    def __init__(self, secret: bytes) -> None:
        if len(secret) != _DIGEST_KEY_BYTES:
            raise SealingError(
                N_("the digest key has {size} bytes, not {wanted}: copy it again from the office"),
                size=len(secret),
                wanted=_DIGEST_KEY_BYTES,
            )
        self._secret = secret
        self.key_id = hashlib.sha256(b"gatepost digest key " + secret).hexdigest()[:8]

    @classmethod
    def generate(cls) -> "DigestKey":
        """Make a new key from the system's randomness."""
        return cls(secrets.token_bytes(_DIGEST_KEY_BYTES))

    @property
    def raw(self) -> bytes:
        """The 32 bytes, for an enrolment file."""
        return self._secret

    def digest(self, field: Field, number: str) -> str:
        """Return the digest of a number as `passes.identity` writes it; it costs some 50 ms.

        Digests under different keys never compare equal: the key's short id stands before.
        """
        from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

        compared = comparable_id(number) if field == "id_number" else comparable_phone(number)
        derived = Argon2id(
            salt=_SALT,
            length=_DIGEST_BYTES,
            iterations=_ITERATIONS,
            lanes=_LANES,
            memory_cost=_MEMORY_KIB,
            ad=field.encode(),
            secret=self._secret,
        ).derive(compared.encode())
        return f"{self.key_id}.{_text(derived)}"

    def __repr__(self) -> str:
        return f"<DigestKey {self.key_id}>"


def load_digest_key(path: Path) -> DigestKey:
    """Read what `save_digest_key` wrote; raises KeyFileError for a file that is missing, open to others or damaged."""
    try:
        return DigestKey(bytes.fromhex(read_private_file(path).decode("ascii", "replace").strip()))
    except (ValueError, SealingError):
        raise KeyFileError(
            N_("{path}: this is no digest key of 64 hexadecimal digits; copy it again from the office"),
            path=plain(str(path), 1000),
        ) from None


def save_digest_key(path: Path, key: DigestKey) -> None:
    """Write the key to a new file that only its owner can read; raises KeyFileError."""
    save_private_file(path, key.raw.hex().encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Sealer:
    """What a station seals with: the community's public key, and the secret for digests where it has one."""

    community: str
    public_key: bytes
    digest_key: DigestKey | None = None

    def digest(self, field: Field, number: str) -> str | None:
        """Return the digest of a number; None where this station has no key for it."""
        return self.digest_key.digest(field, number) if self.digest_key else None

    def sealed(self, field: Field, number: str, person_id: str, digest: str | None = None) -> Sealed:
        """Return a number as a record may hold it; `digest` is its digest where that is known already."""
        box = seal(number, self.public_key, Purpose(self.community, field, person_id))
        return Sealed(box=box, tail=tail_of(number), digest=digest or self.digest(field, number))


def _suite() -> "Suite":
    from cryptography.hazmat.primitives import hpke

    return hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_128_GCM)


def _padded(value: bytes) -> bytes:
    """Fill up with a one bit and zeros (ISO/IEC 7816-4)."""
    return value + b"\x80" + bytes(-(len(value) + 1) % _BLOCK_BYTES)


def _unpadded(padded: bytes) -> bytes:
    value = padded.rstrip(b"\0")
    if not value.endswith(b"\x80"):
        raise ValueError
    return value[:-1]


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def key_id_of_box(box: str) -> bytes:
    """Return the short id of the key that a box was sealed to; raises `SealingError` for what is no box."""
    return _unpacked(box)[0]


def _unpacked(box: str) -> tuple[bytes, bytes]:
    """Return key id and ciphertext; raises `SealingError` for what is no box in its one canonical form."""
    if not box.startswith(_VERSION):
        _raise_no_box()
    text = box.removeprefix(_VERSION)
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        _raise_no_box()
    if _text(data) != text or len(data) <= KEY_ID_BYTES:
        _raise_no_box()
    return data[:KEY_ID_BYTES], data[KEY_ID_BYTES:]


def _raise_no_box() -> NoReturn:
    raise SealingError(N_("sealed field: this is no sealed value of a version known here; install a newer Gatepost"))
