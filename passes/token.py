"""Pass tokens: the signed text in the QR code of a pass.

A token is a CBOR Web Token (RFC 8392) in COSE_Sign1 (RFC 9052), EdDSA over Ed25519, written as `GP1` and RFC 4648
base32 without padding. Only one spelling of each token is accepted. docs/token.md describes it byte by byte.
"""

import base64
import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Final

import cbor2

from passes.cose import Sealed, Sign1, day_of, epoch_day
from passes.errors import N_, GatepostError, UsageError
from passes.keys import IssuingKey
from passes.plaintext import plain
from passes.reasons import Reason
from passes.trust import TrustedKey, TrustList

PREFIX = "GP1"
MARK = "#"
"""Begins what stands in the place of a token that is not told (`mark_of`); no pass's code begins with it."""

MAX_TOKEN_CHARS = 640
"""Longest token that is issued or looked at: QR version 16 at level M holds it."""

MAX_FIELD_BYTES: Final = {"community": 32, "kind": 32, "holder": 96, "address": 96}
"""Longest text of each claim, in bytes of UTF-8."""

_NUMBERED_KINDS = (
    "resident",
    "tenant",
    "temporary",
    "commuter",
    "service",
    "courier",
    "visitor",
    "volunteer",
    "exempt",
    "single_use",
    "home_help",
    "vehicle",
    "inspector",
)
"""Kinds written as their place (from 1) to spare bytes. Closed for version 1: every other kind is written as text."""

_KIND_NUMBERS = {kind: number for number, kind in enumerate(_NUMBERED_KINDS, 1)}

_CLAIM_ISSUER = 1
_CLAIM_ID = 7
_CLAIM_PASS = -65537
"""The first number that RFC 8392 leaves to private use."""

_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_BASE_32_DIGITS = bytes.maketrans(_ALPHABET, b"0123456789abcdefghijklmnopqrstuv")
_PASS = Sign1()


def mark_of(text: str) -> str:
    """Return what a token is known again by without telling what is in it: its SHA-256 behind the mark."""
    return MARK + hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


@dataclass(frozen=True, slots=True)
class PassClaims:
    """What a pass says: `pass_id` is 16 random bytes; both days are community-local and inclusive.

    `holder` is the display name (empty where policy leaves it out) and `address` the label of home or destination.
    The texts are data: whatever shows them passes them through `passes.plaintext.plain`.
    """

    pass_id: bytes
    community: str
    kind: str
    valid_from: date
    valid_until: date
    holder: str
    address: str


@dataclass(frozen=True, slots=True)
class PassToken:
    """A token whose signature is good, and the key that vouches for it; dates, kind and withdrawal are not judged."""

    claims: PassClaims
    key: TrustedKey


_SENTENCES = {
    Reason.NOT_A_PASS: N_("“{text}” is not a pass, which starts with GP1: scan the code on the pass."),
    Reason.MALFORMED: N_("The pass “{text}” is damaged or incomplete: scan it again, or type its number."),
    Reason.UNSUPPORTED_VERSION: N_("The pass “{text}” is of a version unknown here: update this station."),
    Reason.UNKNOWN_KEY: N_("The pass “{text}” is signed by a key that this community does not trust: ask the office."),
    Reason.BAD_SIGNATURE: N_("The signature of the pass “{text}” is wrong, it may be forged: keep it, ask the office."),
    Reason.WRONG_COMMUNITY: N_("The pass “{text}” is for another community: it is not valid here."),
}


class TokenError(GatepostError):
    """A scanned text that is no token of this community; `reason` is one of the first seven reason codes."""

    def __init__(self, reason: Reason, text: str) -> None:
        super().__init__(_SENTENCES[reason], text=plain(text, 24))
        self.reason = reason


def issue_token(claims: PassClaims, key: IssuingKey) -> str:
    """Return the token for these claims; the same claims and key always give the same text.

    Raises UsageError when a claim cannot be issued: a pass id of another size, a text that is too long, missing or
    holds invisible or control characters, or days out of order.
    """
    _check(claims)
    message = _PASS.seal(key, _packed(claims))
    return PREFIX + base64.b32encode(message).rstrip(b"=").decode()


def read_token(text: str, trust: TrustList) -> PassToken:
    """Return what the token says if a key trusted for the list's community signed exactly this.

    Judged in the order of design section 3. Raises TokenError with the reason NOT_A_PASS, MALFORMED,
    UNSUPPORTED_VERSION, UNKNOWN_KEY, BAD_SIGNATURE or WRONG_COMMUNITY. A withdrawn key still verifies.
    """
    if not text.startswith(PREFIX):
        other_version = text[:2] == PREFIX[:2] and text[2:3] in tuple("023456789")
        raise TokenError(Reason.UNSUPPORTED_VERSION if other_version else Reason.NOT_A_PASS, text)
    message = _from_base32(text[len(PREFIX) :]) if len(text) <= MAX_TOKEN_CHARS else None
    sealed = None if message is None else _PASS.open(message)
    if sealed is None:
        raise TokenError(Reason.MALFORMED, text)
    key = _verified(sealed, trust, text)
    claims = _unpacked(sealed.payload)
    if claims is None:
        raise TokenError(Reason.MALFORMED, text)
    if claims.community != trust.community:
        raise TokenError(Reason.WRONG_COMMUNITY, text)
    return PassToken(claims, key)


def is_whole(text: str) -> bool:
    """Say whether a text is a token from its first character to its last, whoever signed it and whatever it says."""
    message = _from_base32(text[len(PREFIX) :]) if text.startswith(PREFIX) and len(text) <= MAX_TOKEN_CHARS else None
    return message is not None and _PASS.open(message) is not None


def _verified(sealed: Sealed, trust: TrustList, text: str) -> TrustedKey:
    candidates = trust.candidates(sealed.key_id, trust.community)
    if not candidates:
        raise TokenError(Reason.UNKNOWN_KEY, text)
    for key in candidates:
        if key.verifies(sealed.signed, sealed.signature):
            return key
    raise TokenError(Reason.BAD_SIGNATURE, text)


def _from_base32(text: str) -> bytes | None:
    # int() in base 32 takes 2 µs where base64.b32decode takes 22, but it must only ever see the alphabet's characters:
    # left alone it also reads signs, spaces, underscores and lower case.
    digits = text.encode("ascii", "replace")
    if not digits or digits.translate(None, _ALPHABET):
        return None
    size, spare_bits = divmod(len(digits) * 5, 8)
    number = int(digits.translate(_TO_BASE_32_DIGITS), 32)
    if spare_bits >= 5 or number & ((1 << spare_bits) - 1):
        return None
    return (number >> spare_bits).to_bytes(size, "big")


def _packed(claims: PassClaims) -> bytes:
    first_day = epoch_day(claims.valid_from)
    return cbor2.dumps(
        {
            _CLAIM_ISSUER: claims.community,
            _CLAIM_ID: claims.pass_id,
            _CLAIM_PASS: [
                _KIND_NUMBERS.get(claims.kind, claims.kind),
                first_day,
                epoch_day(claims.valid_until) - first_day,
                claims.holder,
                claims.address,
            ],
        }
    )


def _unpacked(payload: bytes) -> PassClaims | None:
    try:
        read = cbor2.loads(payload)
    except cbor2.CBORDecodeError:
        return None
    match read:
        case {
            1: str(community),
            7: bytes(pass_id),
            -65537: [int() | str() as kind, int(first_day), int(more_days), str(holder), str(address)],
        } if community and kind and len(pass_id) == 16:
            pass
        case _:
            return None
    try:
        if isinstance(kind, int):
            kind = _NUMBERED_KINDS[kind - 1]
        claims = PassClaims(pass_id, community, kind, day_of(first_day), day_of(first_day + more_days), holder, address)
    except (IndexError, ValueError):
        return None
    # Writing the claims again finds every other spelling: long forms, true for 1, doubled or additional keys, order,
    # a numbered kind as text, trailing bytes.
    return claims if _packed(claims) == payload and more_days >= 0 else None


def _check(claims: PassClaims) -> None:
    if len(claims.pass_id) != 16:
        raise UsageError(N_("The pass id has {size} bytes, not 16: use 16 random bytes."), size=len(claims.pass_id))
    for name, limit in MAX_FIELD_BYTES.items():
        _check_text(name, getattr(claims, name), limit)
    if claims.valid_until < claims.valid_from or epoch_day(claims.valid_from) < 0:
        raise UsageError(
            N_(
                "The pass is valid from {first} until {last}, but the first day must be 1970-01-01 or later and not "
                "after the last day: correct the dates."
            ),
            first=claims.valid_from,
            last=claims.valid_until,
        )


def _check_text(name: str, text: str, limit: int) -> None:
    if not text and name in ("community", "kind"):
        raise UsageError(N_("The pass has no {field}: fill it in."), field=name)
    size = len(text.encode(errors="replace"))
    if size > limit:
        raise UsageError(
            N_("The pass's {field} “{value}” takes {size} bytes, at most {limit} fit: shorten it."),
            field=name,
            value=plain(text, 40),
            size=size,
            limit=limit,
        )
    shown = plain(text)
    if shown != text:
        raise UsageError(
            N_("The pass's {field} “{value}” has characters that cannot be printed: leave them out."),
            field=name,
            value=shown,
        )
