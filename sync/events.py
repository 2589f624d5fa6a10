"""Events: every fact of a station sealed into one chain, its JSON form and its hash.

A station's journal is a chain of `Event`s, numbered 1, 2, 3 … within an epoch, each naming the hash of the one
before. The hash covers the header and the SHA-256 of the body's exact bytes, so a body can be purged later and the
chain still verifies. An event of a kind that `sync.bodies` does not list came from a newer peer: it is kept and passed
on.
"""

import hashlib
import os
from typing import Any

import msgspec

from sync.bodies import BODY_TYPES, KIND_OF, Body

GENESIS = "0" * 64
"""What the first event of a station's first epoch names as its predecessor."""

OFFICE = "office"
"""The station id of the community's own journal; no gate may have it."""


class Clock(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the device's clock said: raw UTC milliseconds, drift against the community if known, and suspicion."""

    device_ms: int
    drift_ms: int | None = None
    suspect: bool = False


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One fact. `at_ms` is UTC milliseconds; `id` a UUIDv7; `body` the exact JSON bytes that `body_sha256` covers."""

    station: str
    epoch: str
    seq: int
    id: str
    kind: str
    at_ms: int
    clock: Clock
    shift: str | None
    guard: str | None
    body: msgspec.Raw
    body_sha256: str
    prev: str
    hash: str


_decoders = {kind: msgspec.json.Decoder(body_type) for kind, body_type in BODY_TYPES.items()}
_encoder = msgspec.json.Encoder(order="sorted")
_header_encoder = msgspec.json.Encoder()
_event_decoder = msgspec.json.Decoder(Event)


class _Header(msgspec.Struct, frozen=True, gc=False):
    """The part of an event that its hash covers.

    The fields are in the order of the alphabet, as are those of `Clock`: a plain encoder writes what sorting would.
    """

    at_ms: int
    body_sha256: str
    clock: Clock
    epoch: str
    guard: str | None
    id: str
    kind: str
    prev: str
    seq: int
    shift: str | None
    station: str


def canonical_json(value: Any) -> bytes:
    """Return the one JSON encoding that hashes are made from: sorted keys, no spaces, UTF-8."""
    return _encoder.encode(value)


def new_id(at_ms: int) -> str:
    """Return a new UUIDv7 (RFC 9562 section 5.7) as 36 lower-case characters, for `at_ms` (UTC milliseconds)."""
    value = (at_ms & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def seal(
    body: Body,
    *,
    station: str,
    epoch: str,
    seq: int,
    at_ms: int,
    clock: Clock,
    shift: str | None,
    guard: str | None,
    prev: str,
    event_id: str | None = None,
) -> Event:
    """Make the event that follows `prev`: encode the body, name it (by a new id) and close it with its hash.

    Raises `msgspec.ValidationError` for a body that could not be read back (a temperature that is no number).
    """
    body_json = canonical_json(body)
    read_body(KIND_OF[type(body)], body_json)
    header = _Header(
        station=station,
        epoch=epoch,
        seq=seq,
        id=event_id or new_id(at_ms),
        kind=KIND_OF[type(body)],
        at_ms=at_ms,
        clock=clock,
        shift=shift,
        guard=guard,
        body_sha256=hashlib.sha256(body_json).hexdigest(),
        prev=prev,
    )
    return Event(
        station=station,
        epoch=epoch,
        seq=seq,
        id=header.id,
        kind=header.kind,
        at_ms=at_ms,
        clock=clock,
        shift=shift,
        guard=guard,
        body=msgspec.Raw(body_json),
        body_sha256=header.body_sha256,
        prev=prev,
        hash=_digest(header),
    )


def recompute_hash(event: Event) -> str:
    """Return the hash that `event`'s header really has (hex SHA-256)."""
    # By position: names would cost more than all else here.
    header = _Header(
        event.at_ms,
        event.body_sha256,
        event.clock,
        event.epoch,
        event.guard,
        event.id,
        event.kind,
        event.prev,
        event.seq,
        event.shift,
        event.station,
    )
    return _digest(header)


def is_intact(event: Event) -> bool:
    """Say whether the body has the digest, and the header the hash, that the event claims."""
    return hashlib.sha256(event.body).hexdigest() == event.body_sha256 and recompute_hash(event) == event.hash


def to_json(event: Event) -> bytes:
    """Encode an event as one line of JSON, the body's bytes unchanged."""
    return msgspec.json.encode(event)


def from_json(line: bytes) -> Event:
    """Decode one line of JSON.

    Raises `msgspec.ValidationError` with the path of the wrong field, `msgspec.DecodeError` for what is no JSON,
    `UnicodeDecodeError` for what is no UTF-8 and `RecursionError` for what is nested too deep.
    """
    return _event_decoder.decode(line)


def read_body(kind: str, body: bytes | msgspec.Raw) -> Body | None:
    """Decode a body by its kind; None for a kind that this version does not know.

    Raises `msgspec.ValidationError` when a known kind has a wrong body.
    """
    decoder = _decoders.get(kind)
    return decoder.decode(body) if decoder else None


def understood(kind: str, body: bytes | msgspec.Raw) -> Body | None:
    """Decode a body that was taken over from others; None also for one that this version cannot read.

    A newer peer may say more about a known kind than this version knows, or a hostile one nonsense: it is kept as it
    came, and stops nobody.
    """
    try:
        return read_body(kind, body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def _digest(header: _Header) -> str:
    return hashlib.sha256(_header_encoder.encode(header)).hexdigest()
