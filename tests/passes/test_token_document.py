"""docs/token.md is enough to verify a pass: the verifier here uses pycose and cbor2, and nothing of Gatepost.

Gatepost itself must agree with every example and with every verdict of that verifier.
"""

import base64
import hashlib
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm
from pycose.keys.curves import Ed25519
from pycose.keys.okp import OKPKey
from pycose.messages.sign1message import Sign1Message

from passes.cose import Sign1
from passes.keys import IssuingKey
from passes.number import number_of
from passes.token import PassClaims, TokenError, issue_token, read_token
from passes.trust import TRUST_LIST, TrustedKey, read_trust_list, sign_trust_list, trust_list_bytes, trust_list_text

PAGE = (Path(__file__).parents[2] / "docs" / "token.md").read_text(encoding="utf-8")
COMMUNITY = "110105001002"
CONTENT_TYPE = "application/vnd.gatepost.trust-list.v1+cbor"
KINDS = dict(re.findall(r"(\d+) `(\w+)`", PAGE.split("Numbers of kinds")[1].split("\n\n")[0]))


def of_rfc_8032(secret: str, key_id: bytes | None = None) -> IssuingKey:
    """The key of a test vector in RFC 8032, section 7.1."""
    return IssuingKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)), key_id)


FIRST = of_rfc_8032("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
SECOND = of_rfc_8032("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb", FIRST.key_id)
ROOT = of_rfc_8032("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7")
CLAIMS = (
    PassClaims(
        pass_id=bytes(range(16)),
        community=COMMUNITY,
        kind="resident",
        valid_from=date(2026, 11, 1),
        valid_until=date(2026, 11, 30),
        holder="云小溪",
        address="3栋2单元501室",
    ),
    PassClaims(
        pass_id=bytes(range(255, 239, -1)),
        community=COMMUNITY,
        kind="water_van",
        valid_from=date(2026, 12, 31),
        valid_until=date(2026, 12, 31),
        holder="",
        address="东门水站",
    ),
)
ENTRIES = (
    TrustedKey(FIRST.key_id, FIRST.public_key, COMMUNITY, date(2026, 11, 1), date(2027, 10, 31)),
    TrustedKey(
        SECOND.key_id,
        SECOND.public_key,
        COMMUNITY,
        withdrawn_at_ms=1_798_560_000_000,
        honoured_before_ms=1_798_473_600_000,
    ),
)


def blocks(name: str) -> list[str]:
    """The listings of one kind, in their order on the page."""
    return [found.strip("\n") for found in re.findall(rf"```{name}\n(.*?)```", PAGE, re.DOTALL)]


def hex_of(listing: str) -> bytes:
    """The bytes of a listing whose lines are indented hex, then two spaces or more and a remark."""
    return bytes.fromhex("".join(re.split(r" {2,}", line.strip())[0] for line in listing.splitlines()))


TOKENS = blocks("token")
(TRUST_TEXT,) = blocks("trust")


def from_base32(text: str) -> bytes:
    return base64.b32decode(text + "=" * (-len(text) % 8))


def verified(message: bytes, public_key: bytes) -> dict[Any, Any] | list[Any] | None:
    """The payload of a COSE_Sign1 message, None when its signature is not of this key."""
    assert message[0] == 0xD2
    # Without the tag: pycose 1.1 takes tagged messages for broken since cbor2 6 gives it a tuple inside a tag.
    parsed = Sign1Message.from_cose_obj(cbor2.loads(message[1:]), allow_unknown_attributes=True)
    assert parsed.phdr[Algorithm] is EdDSA
    assert parsed.uhdr == {}
    assert parsed.payload is not None
    parsed.key = OKPKey(crv=Ed25519, x=public_key)
    payload: dict[Any, Any] | list[Any] = cbor2.loads(parsed.payload)
    return payload if parsed.verify_signature() else None


def listed_keys() -> list[tuple[bytes, bytes]]:
    """The key ids and public keys in the example of a trust list, in its order."""
    data = base64.urlsafe_b64decode(TRUST_TEXT + "=" * (-len(TRUST_TEXT) % 4))
    payload = verified(data, ROOT.public_key)
    assert isinstance(payload, list)
    community, _issued_at, entries = payload
    assert community == COMMUNITY
    assert cbor2.loads(cbor2.loads(data[1:])[0])[3] == CONTENT_TYPE
    return [
        (entry[7] if len(entry) == 8 else hashlib.sha256(entry[0]).digest()[:8], entry[0])
        for entry in entries
        if entry[1:3] == [COMMUNITY, "issue"]
    ]


def verdict(text: str) -> tuple[bytes, PassClaims] | None:
    """Which public key vouches for a pass and what it says, None when none does."""
    message = from_base32(text.removeprefix("GP1"))
    key_id = cbor2.loads(cbor2.loads(message[1:])[0])[4]
    for candidate, public_key in listed_keys():
        claims = verified(message, public_key) if candidate == key_id else None
        if isinstance(claims, dict):
            kind, first_day, more_days, holder, address = claims[-65537]
            first = date(1970, 1, 1) + timedelta(days=first_day)
            named = KINDS[str(kind)] if isinstance(kind, int) else kind
            return public_key, PassClaims(
                claims[7], claims[1], named, first, first + timedelta(days=more_days), holder, address
            )
    return None


def test_the_tokens_and_the_list_of_the_examples_are_what_gatepost_issues() -> None:
    assert [issue_token(CLAIMS[0], FIRST), issue_token(CLAIMS[1], SECOND)] == TOKENS
    signed = sign_trust_list(ROOT, COMMUNITY, ENTRIES, 1_798_560_000_000)
    assert trust_list_text(signed) == TRUST_TEXT
    for claims in CLAIMS:
        assert f"`{number_of(claims.pass_id)}`" in PAGE
    for key in (FIRST, SECOND, ROOT):
        assert f"`{key.public_key.hex()}`" in PAGE


def test_the_listings_are_the_bytes_of_the_examples() -> None:
    messages = [*(from_base32(text[3:]) for text in TOKENS), trust_list_bytes(TRUST_TEXT)]
    assert [hex_of(listing) for listing in blocks("hex")] == messages
    signed = [Sign1().open(message) for message in messages[:2]]
    assert [hex_of(listing) for listing in blocks("signed")] == [part.signed for part in signed if part]
    opened = TRUST_LIST.open(messages[2])
    assert opened is not None
    assert opened.key_id == ROOT.key_id


@pytest.mark.parametrize("number", [0, 1])
def test_a_verifier_written_from_the_page_reads_what_gatepost_reads(number: int) -> None:
    key = (FIRST, SECOND)[number]
    assert verdict(TOKENS[number]) == (key.public_key, CLAIMS[number])
    trust = read_trust_list(trust_list_bytes(TRUST_TEXT), ROOT.public_key)
    read = read_token(TOKENS[number], trust)
    assert (read.key, read.claims) == (ENTRIES[number], CLAIMS[number])


def test_that_verifier_and_gatepost_refuse_another_key_under_the_same_id() -> None:
    stranger = issue_token(CLAIMS[0], IssuingKey.generate(FIRST.key_id))
    assert verdict(stranger) is None
    with pytest.raises(TokenError):
        read_token(stranger, read_trust_list(trust_list_bytes(TRUST_TEXT), ROOT.public_key))


def test_a_token_made_by_an_independent_library_is_gatepost_s_own() -> None:
    payload = cbor2.dumps(
        {1: COMMUNITY, 7: bytes(range(16)), -65537: [1, 20758, 29, CLAIMS[0].holder, CLAIMS[0].address]}
    )
    message = Sign1Message(phdr={Algorithm: EdDSA, KID: FIRST.key_id}, payload=payload)
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    message.key = OKPKey(crv=Ed25519, d=secret, x=FIRST.public_key)
    assert "GP1" + base64.b32encode(message.encode()).rstrip(b"=").decode() == TOKENS[0]
