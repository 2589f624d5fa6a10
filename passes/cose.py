"""How Gatepost signs: COSE_Sign1 messages (RFC 9052) in one fixed shape, and the days inside them.

The algorithm is EdDSA over Ed25519 (RFC 8032), the encoding deterministic CBOR (RFC 8949, 4.2.1). docs/token.md
describes the bytes.
"""

from datetime import date
from typing import NamedTuple

import cbor2

from passes.keys import KEY_ID_BYTES, IssuingKey

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
LAST_DAY = date.max.toordinal() - _EPOCH_ORDINAL
"""9999-12-31 as an epoch day."""


def epoch_day(day: date) -> int:
    """Return the number of days from 1970-01-01 to `day`, negative before it (the count of RFC 8943)."""
    return day.toordinal() - _EPOCH_ORDINAL


def day_of(epoch_days: int) -> date:
    """Return the day that lies `epoch_days` after 1970-01-01; ValueError outside 1970-01-01 … 9999-12-31."""
    if not 0 <= epoch_days <= LAST_DAY:
        raise ValueError(epoch_days)
    return date.fromordinal(epoch_days + _EPOCH_ORDINAL)


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
