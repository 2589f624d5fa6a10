"""Passwords and PINs: kept as Argon2id hashes (RFC 9106) in PHC form."""

import os
import unicodedata
from typing import Final

SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
# RFC 9106 section 4, the second recommended choice: 3 passes over 64 MiB in 4 lanes.
ITERATIONS: Final = 3
MEMORY_KIB: Final = 64 * 1024
LANES: Final = 4


def hash_password(password: str) -> str:
    """Return what to keep of a password: salted, so that equal ones look different."""
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id  # a gate starts without it

    derived = Argon2id(
        salt=os.urandom(SALT_BYTES), length=HASH_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return derived.derive_phc_encoded(_bytes_of(password))


def is_password(password: str, kept: str) -> bool:
    """Say whether this is the password of which `kept` is the hash."""
    from cryptography.exceptions import InvalidKey
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    try:
        Argon2id.verify_phc_encoded(_bytes_of(password), kept)
    except InvalidKey:
        return False
    return True


def _bytes_of(password: str) -> bytes:
    # RFC 8265 section 4.2: the same password typed on another keyboard is the same password.
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
