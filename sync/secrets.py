"""What is derived from the secret that a station shares with its community.

The community keeps only the SHA-256 of the secret, so everything here starts from that.
"""

import hashlib
import hmac

import msgspec


def secret_digest(secret: str) -> str:
    """Return what the community keeps of a station's secret: its SHA-256 in hexadecimal digits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def key_proof(digest: str, community: str, station: str, public_key: bytes) -> bytes:
    """Return the proof that whoever has the secret with this digest signs with `public_key`."""
    told = msgspec.json.encode([community, station, public_key.hex()])
    return hmac.digest(digest.encode(), b"gatepost station key 1 " + told, "sha256")


def answer_key(digest: str, salt: bytes, community: str, station: str) -> bytes:
    """Return the 32-byte key of a bundle for the station (HKDF, RFC 5869); `salt` is new for every bundle."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    info = b"gatepost answer bundle 1 " + msgspec.json.encode([community, station])
    return HKDF(SHA256(), 32, salt, info).derive(bytes.fromhex(digest))
