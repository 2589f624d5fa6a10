"""Private keys: the root key of a community's office, and the issuing keys that sign passes.

`passes.keyfiles` keeps them in files, `passes.trust` lists whose public halves a community trusts.
"""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passes.errors import N_, KeyFileError

KEY_ID_BYTES = 8


def key_id_of(public_key: bytes) -> bytes:
    """Return the short id of a raw public key: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public_key).digest()[:KEY_ID_BYTES]


class IssuingKey:
    """A private Ed25519 key, of a root or of an issuer; nothing of it shows in its repr.

    The short id only says which public keys to try, so it may be given; KeyFileError when it has not 8 bytes.
    """

    __slots__ = ("_private", "key_id", "public_key")

    def __init__(self, private: Ed25519PrivateKey, key_id: bytes | None = None) -> None:
        self._private = private
        self.public_key: bytes = private.public_key().public_bytes_raw()
        self.key_id: bytes = key_id_of(self.public_key) if key_id is None else key_id
        if len(self.key_id) != KEY_ID_BYTES:
            raise KeyFileError(
                N_("The key id {key_id} has {size} bytes, not 8: write 16 hexadecimal digits."),
                key_id=self.key_id.hex(),
                size=len(self.key_id),
            )

    @classmethod
    def generate(cls, key_id: bytes | None = None) -> "IssuingKey":
        """Make a new key from the system's randomness."""
        return cls(Ed25519PrivateKey.generate(), key_id)

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
