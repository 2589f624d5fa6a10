"""Signed heads: how far a station says that its journal goes, in words that only it can have said.

The community hands every station's newest signed head to all gates, which keep it: a journal whose tail is cut off, at
the station or at the community, then falls behind what others have seen. The key is the station's own; the community
has its public half since it joined, and a gate keeps to the one that it saw first in an epoch.
"""

import base64
import binascii
import os
import threading
from contextlib import suppress
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidSignature

from passes.keyfiles import load_key, save_key
from passes.keys import IssuingKey
from sync.disk import through_to_disk
from sync.wire import SignedHead

HEADER = "gatepost-head"
"""The header of a feed request that carries the caller's signed head."""

_LABEL = "gatepost head 1"
_MOST_CHARS = 1000


def head_key(path: Path) -> IssuingKey:
    """Return the station's key for heads and bundles, made where there is none yet; raises `KeyFileError`."""
    if not path.exists():
        # Whole under its name or not there, and of two programs that make one at once the first one's holds.
        part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        part.unlink(missing_ok=True)
        save_key(part, IssuingKey.generate())
        try:
            with suppress(FileExistsError):
                os.link(part, path)
        except OSError:
            # A disk without hard links.
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        # The community keeps to the first key that it is shown, so this one must outlive a power cut.
        through_to_disk(path.parent)
    return load_key(path)


def sign_head(key: IssuingKey, station: str, epoch: str, seq: int, digest: str) -> SignedHead:
    """Return the head of a journal, signed."""
    signature = key.sign(_message(station, epoch, seq, digest))
    return SignedHead(epoch=epoch, seq=seq, hash=digest, public_key=key.public_key, signature=signature)


def is_signed(head: SignedHead, station: str) -> bool:
    """Say whether the key that the head names has signed it for that station."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(head.public_key)
        key.verify(head.signature, _message(station, head.epoch, head.seq, head.hash))
    except (InvalidSignature, ValueError):
        return False
    return True


def head_text(head: SignedHead) -> str:
    """Return a head as a header carries it."""
    return base64.urlsafe_b64encode(msgspec.json.encode(head)).decode()


def read_head(text: str) -> SignedHead | None:
    """Return what `head_text` was given; None for any other text."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(text[:_MOST_CHARS]), type=SignedHead)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return None


def _message(station: str, epoch: str, seq: int, digest: str) -> bytes:
    return msgspec.json.encode([_LABEL, station, epoch, seq, digest])
