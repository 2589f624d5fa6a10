"""The list of keys that a community trusts, signed by its root key; docs/token.md describes the bytes."""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from functools import cached_property
from typing import Annotated, Any

import cbor2
import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from passes.cose import LAST_DAY, Sign1, day_of, epoch_day
from passes.errors import N_, KeyFileError
from passes.keys import KEY_ID_BYTES, IssuingKey, key_id_of
from passes.plaintext import plain
from passes.trips import local_day

MAX_TRUST_LIST_BYTES = 1_000_000
"""Longest list that is read at all; the room of some 12,000 keys."""

USE_ISSUING = "issue"
"""The use of a key that signs passes."""

USE_SEALING = "seal"
"""The use of an X25519 key that ID and phone numbers are sealed to (`sync.sealing`)."""

USE_BUNDLES = "bundle"
"""The use of an X25519 key that bundles for the community are sealed to (`sync.bundle`)."""

USE_ANSWERS = "answer"
"""The use of an Ed25519 key that signs the community's bundles for its stations."""

TRUST_LIST = Sign1("application/vnd.gatepost.trust-list.v1+cbor")


@dataclass(frozen=True)
class TrustedKey:
    """A public key that a community accepts passes from.

    `public_key` is 32 raw bytes, `key_id` the 8 bytes by which tokens name it: a hint which keys to try, and no
    proof, so several keys may share one. The key issues on community-local days from `valid_from` to `valid_until`,
    both inclusive, None for no bound. `withdrawn_at_ms` (UTC) says since when it is withdrawn; passes issued before
    `honoured_before_ms` (UTC) are excepted.
    """

    key_id: bytes
    public_key: bytes
    community: str
    valid_from: date | None = None
    valid_until: date | None = None
    withdrawn_at_ms: int | None = None
    honoured_before_ms: int | None = None
    use: str = USE_ISSUING

    @property
    def place(self) -> tuple[bytes, bytes, str, str]:
        """What the entry is about; the other fields say how the key stands."""
        return self.public_key, self.key_id, self.community, self.use

    def verifies(self, signed: bytes, signature: bytes) -> bool:
        """Say whether the signature over `signed` is this key's."""
        try:
            self._verifier.verify(signature, signed)
        except InvalidSignature:
            return False
        return True

    def issues_on(self, day: date) -> bool:
        """Say whether the key may sign passes on that community-local day, withdrawals left aside."""
        begun = self.valid_from is None or self.valid_from <= day
        return begun and (self.valid_until is None or day <= self.valid_until)

    def is_withdrawn_for(self, issued_at_ms: int | None) -> bool:
        """Say whether the withdrawal holds for a pass issued at that instant (UTC), None when it is not known.

        The instant must come from the journal or the register. A token carries none: whoever stole the key could
        write any into it.
        """
        if self.withdrawn_at_ms is None or self.honoured_before_ms is None or issued_at_ms is None:
            return self.withdrawn_at_ms is not None
        return issued_at_ms >= self.honoured_before_ms

    def is_trusted_for(self, issued_at_ms: int | None, now_ms: int, zone: tzinfo) -> bool:
        """Say whether the key vouches, at `now_ms`, for a pass issued at `issued_at_ms` (UTC; None = not known).

        `zone` is the community's. A known instant must lie on a day on which the key issues. Of an unknown one only
        this is certain: it is past. So the key must have begun, and its last day is not held against the pass, which
        may be older. The dates in the token say nothing here: its signer writes what he likes. A key in wrong hands is
        ended by withdrawal, which does refuse passes that nobody knows.
        """
        if self.is_withdrawn_for(issued_at_ms):
            return False
        if issued_at_ms is not None:
            return self.issues_on(local_day(issued_at_ms, zone))
        return self.valid_from is None or self.valid_from <= local_day(now_ms, zone)

    @cached_property
    def _verifier(self) -> Ed25519PublicKey:
        return Ed25519PublicKey.from_public_bytes(self.public_key)


@dataclass(frozen=True)
class TrustList:
    """The keys that one community trusts, withdrawn ones included; `issued_at_ms` is UTC.

    `newer_trust_list` says which of two lists holds.
    """

    community: str
    entries: tuple[TrustedKey, ...]
    issued_at_ms: int = 0

    def candidates(self, key_id: bytes, community: str) -> Sequence[TrustedKey]:
        """Return the community's pass keys with that short id; there may be several, and all are to be tried."""
        return self._by_id.get((key_id, community), ())

    def newest(self, use: str) -> bytes | None:
        """Return this community's newest raw public key of a use that is not withdrawn."""
        keys = self.good(use)
        return keys[-1].public_key if keys else None

    def good(self, use: str) -> list[TrustedKey]:
        """Return this community's keys of a use that are not withdrawn, the newest last."""
        return [
            entry
            for entry in self.entries
            if entry.use == use and entry.community == self.community and entry.withdrawn_at_ms is None
        ]

    @cached_property
    def _by_id(self) -> dict[tuple[bytes, str], tuple[TrustedKey, ...]]:
        by_id: dict[tuple[bytes, str], tuple[TrustedKey, ...]] = {}
        for entry in self.entries:
            place = (entry.key_id, entry.community)
            if entry.use == USE_ISSUING:
                by_id[place] = (*by_id.get(place, ()), entry)
        return by_id


_Instant = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
_Day = Annotated[int, msgspec.Meta(ge=0, le=LAST_DAY)]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class _Entry(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    public_key: Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
    community: _Word
    use: _Word
    valid_from: _Day | None
    valid_until: _Day | None
    withdrawn_at_ms: _Instant | None
    honoured_before_ms: _Instant | None
    key_id: Annotated[bytes, msgspec.Meta(min_length=KEY_ID_BYTES, max_length=KEY_ID_BYTES)] | None = None


class _Payload(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    community: _Word
    issued_at_ms: _Instant
    entries: tuple[_Entry, ...]


def sign_trust_list(root: IssuingKey, community: str, entries: Sequence[TrustedKey], issued_at_ms: int) -> bytes:
    """Return the signed trust list of a community; `issued_at_ms` is UTC.

    Raises KeyFileError when the list could not be read back as it is: the same key twice for one community and use,
    a field out of range, too many keys.
    """
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
        raise _damaged()
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


def trust_list_text(data: bytes) -> str:
    """Return a signed trust list as the text that events carry: base64url without padding (RFC 4648, section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def trust_list_bytes(text: str) -> bytes:
    """Return what `trust_list_text` was given; raises KeyFileError for any other text."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data or trust_list_text(data) != text:
        raise _damaged()
    return data


def newer_trust_list(held: TrustList, offered: TrustList) -> TrustList:
    """Return the list that holds from now on, both signed by the root: the later one; `held` when they are the same.

    A list that comes late, or again, thus changes nothing, and no withdrawal can be taken back with an old list.
    Raises KeyFileError when the later list lacks a key of the earlier (one that was withdrawn stays in the list, so it
    comes from an office that lost something), when two lists of one instant differ, and for two communities.
    """
    if held.community != offered.community:
        raise KeyFileError(
            N_("The trust list is of community {found}, not {wanted}: fetch the list of this community."),
            found=plain(offered.community),
            wanted=plain(held.community),
        )
    earlier, later = sorted((held, offered), key=lambda trust: trust.issued_at_ms)
    lost = {entry.place for entry in earlier.entries} - {entry.place for entry in later.entries}
    if lost or (earlier.issued_at_ms == later.issued_at_ms and held.entries != offered.entries):
        raise KeyFileError(
            N_(
                "Two trust lists contradict each other (keys missing in the later one: {count}): have the office sign "
                "a list with all keys."
            ),
            count=len(lost),
        )
    return later if later.issued_at_ms > held.issued_at_ms else held


def _damaged() -> KeyFileError:
    return KeyFileError(N_("This is not a trust list of version 1, or it is damaged: fetch it again."))


def _encoded(trust: TrustList) -> bytes:
    return cbor2.dumps([trust.community, trust.issued_at_ms, [_fields(entry) for entry in trust.entries]])


def _fields(entry: TrustedKey) -> list[Any]:
    fields = [
        entry.public_key,
        entry.community,
        entry.use,
        None if entry.valid_from is None else epoch_day(entry.valid_from),
        None if entry.valid_until is None else epoch_day(entry.valid_until),
        entry.withdrawn_at_ms,
        entry.honoured_before_ms,
    ]
    return fields if entry.key_id == key_id_of(entry.public_key) else [*fields, entry.key_id]


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
                key_id=key_id_of(entry.public_key) if entry.key_id is None else entry.key_id,
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
