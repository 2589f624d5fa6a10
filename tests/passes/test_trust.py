import base64
from dataclasses import replace
from datetime import date
from zoneinfo import ZoneInfo

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from passes.cose import Sign1
from passes.errors import KeyFileError
from passes.keys import IssuingKey, key_id_of
from passes.reasons import Reason
from passes.token import PassClaims, TokenError, issue_token, read_token
from passes.trust import (
    MAX_TRUST_LIST_BYTES,
    TRUST_LIST,
    TrustedKey,
    TrustList,
    newer_trust_list,
    read_trust_list,
    sign_trust_list,
    trust_list_bytes,
    trust_list_text,
)

COMMUNITY = "110105001002"
AT_MS = 1_793_500_000_000
SHANGHAI = ZoneInfo("Asia/Shanghai")


def seeded(number: int) -> IssuingKey:
    return IssuingKey(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


def trusted(key: IssuingKey, community: str = COMMUNITY, withdrawn_at_ms: int | None = None) -> TrustedKey:
    return TrustedKey(key.key_id, key.public_key, community, withdrawn_at_ms=withdrawn_at_ms)


def test_a_trust_list_is_read_back_whole() -> None:
    root, issuer, other = seeded(1), seeded(2), seeded(3)
    entries = (
        TrustedKey(
            issuer.key_id, issuer.public_key, COMMUNITY, date(2026, 11, 1), date(2027, 1, 31), AT_MS + 5, AT_MS + 3
        ),
        trusted(other),
        trusted(other, community="310101001001"),
        TrustedKey(other.key_id, other.public_key, COMMUNITY, use="audit"),
    )
    data = sign_trust_list(root, COMMUNITY, entries, AT_MS)
    assert read_trust_list(data, root.public_key) == TrustList(COMMUNITY, entries, AT_MS)
    assert data == sign_trust_list(root, COMMUNITY, entries, AT_MS)


def test_keys_of_one_short_id_are_all_tried_and_told_apart() -> None:
    """Whoever finds a second key of a known id has found nothing: each token is checked against whole keys."""
    one, day = seeded(2), date(2026, 11, 1)
    same, stranger = IssuingKey.generate(one.key_id), IssuingKey.generate(one.key_id)
    entries = (trusted(one), trusted(same, withdrawn_at_ms=5))
    trust = read_trust_list(sign_trust_list(seeded(1), COMMUNITY, entries, AT_MS), seeded(1).public_key)
    assert trust.entries == entries
    claims = PassClaims(bytes(16), COMMUNITY, "resident", day, day, "山小石", "3-2-501")
    assert read_token(issue_token(claims, one), trust).key == entries[0]
    assert read_token(issue_token(claims, same), trust).key == entries[1]
    with pytest.raises(TokenError) as caught:
        read_token(issue_token(claims, stranger), trust)
    assert caught.value.reason is Reason.BAD_SIGNATURE


def test_an_empty_trust_list_is_one() -> None:
    data = sign_trust_list(seeded(1), COMMUNITY, (), 0)
    assert read_trust_list(data, seeded(1).public_key) == TrustList(COMMUNITY, (), 0)


def test_candidates_are_those_of_the_community_and_of_the_use() -> None:
    one, other, foreign = seeded(1), seeded(2), seeded(3)
    same_id = TrustedKey(one.key_id, other.public_key, COMMUNITY)
    elsewhere = trusted(foreign, community="310101001001")
    audit = TrustedKey(foreign.key_id, foreign.public_key, COMMUNITY, use="audit")
    trust = TrustList(COMMUNITY, (trusted(one), same_id, elsewhere, audit))
    assert list(trust.candidates(one.key_id, COMMUNITY)) == [trusted(one), same_id]
    assert list(trust.candidates(foreign.key_id, COMMUNITY)) == []
    assert list(trust.candidates(foreign.key_id, "310101001001")) == [elsewhere]


@pytest.mark.parametrize(
    ("withdrawn_at_ms", "honoured_before_ms", "issued_at_ms", "expected"),
    [
        (None, None, None, False),
        (None, 50, 60, False),
        (100, None, 10, True),
        (100, 50, 49, False),
        (100, 50, 50, True),
        (100, 50, None, True),
    ],
)
def test_a_withdrawal_spares_passes_issued_before(
    withdrawn_at_ms: int | None, honoured_before_ms: int | None, issued_at_ms: int | None, expected: bool
) -> None:
    key = TrustedKey(b"", b"", "", withdrawn_at_ms=withdrawn_at_ms, honoured_before_ms=honoured_before_ms)
    assert key.is_withdrawn_for(issued_at_ms) is expected


DAY_MS = 86_400_000
MIDNIGHT_MS = 1_793_462_400_000
"""The first millisecond of 2026-11-01 in Shanghai."""
LATER_MS = MIDNIGHT_MS + 90 * DAY_MS


@pytest.mark.parametrize(
    ("issued_at_ms", "now_ms", "expected"),
    [
        (MIDNIGHT_MS, LATER_MS, True),
        (MIDNIGHT_MS - 1, LATER_MS, False),
        (MIDNIGHT_MS + 2 * DAY_MS - 1, LATER_MS, True),
        (MIDNIGHT_MS + 2 * DAY_MS, LATER_MS, False),
        (None, MIDNIGHT_MS - 1, False),
        (None, MIDNIGHT_MS, True),
        (None, LATER_MS, True),
    ],
)
def test_a_key_vouches_for_passes_of_its_days(issued_at_ms: int | None, now_ms: int, expected: bool) -> None:
    key = TrustedKey(b"", b"", "", date(2026, 11, 1), date(2026, 11, 2))
    assert key.is_trusted_for(issued_at_ms, now_ms, SHANGHAI) is expected


def test_a_key_without_days_vouches_for_every_pass_until_it_is_withdrawn() -> None:
    key = trusted(seeded(2))
    for issued_at_ms in (None, 0, AT_MS):
        assert key.is_trusted_for(issued_at_ms, AT_MS, SHANGHAI)
        assert not replace(key, withdrawn_at_ms=AT_MS).is_trusted_for(issued_at_ms, AT_MS, SHANGHAI)
    honoured = replace(key, withdrawn_at_ms=AT_MS, honoured_before_ms=50, valid_until=date(1970, 1, 1))
    assert [honoured.is_trusted_for(at_ms, AT_MS, SHANGHAI) for at_ms in (49, 50, None)] == [True, False, False]


@pytest.mark.parametrize(("day", "expected"), [(1, False), (2, True), (3, True), (4, False)])
def test_both_days_of_a_key_are_inclusive(day: int, expected: bool) -> None:
    key = TrustedKey(b"", b"", "", date(2026, 11, 2), date(2026, 11, 3))
    assert key.issues_on(date(2026, 11, day)) is expected


OLDER = TrustList(COMMUNITY, (trusted(seeded(2)), trusted(seeded(3))), AT_MS)


def test_the_later_list_holds_in_whatever_order_they_come() -> None:
    withdrawn = TrustList(COMMUNITY, (trusted(seeded(2), withdrawn_at_ms=AT_MS), *OLDER.entries[1:]), AT_MS + 1)
    longer = TrustList(COMMUNITY, (*withdrawn.entries, trusted(seeded(4))), AT_MS + 2)
    for newer in (withdrawn, longer):
        assert newer_trust_list(OLDER, newer) is newer
        assert newer_trust_list(newer, OLDER) is newer
        assert newer_trust_list(newer, replace(newer)) is newer


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (TrustList(COMMUNITY, OLDER.entries[:1], AT_MS + 1), "later one: 1"),
        (TrustList(COMMUNITY, (), AT_MS + 1), "later one: 2"),
        (
            TrustList(COMMUNITY, (replace(OLDER.entries[0], key_id=bytes(8)), *OLDER.entries[1:]), AT_MS + 1),
            "later one: 1",
        ),
        (
            TrustList(COMMUNITY, (replace(OLDER.entries[0], withdrawn_at_ms=1), *OLDER.entries[1:]), AT_MS),
            "contradict",
        ),
        (TrustList("310101001001", OLDER.entries, AT_MS + 1), "community 310101001001, not 110105001002"),
    ],
)
def test_a_list_that_lost_or_contradicts_something_is_refused(changed: TrustList, why: str) -> None:
    with pytest.raises(KeyFileError, match=why):
        newer_trust_list(OLDER, changed)


def test_a_list_travels_as_text() -> None:
    data = sign_trust_list(seeded(1), COMMUNITY, OLDER.entries, AT_MS)
    text = trust_list_text(data)
    assert trust_list_bytes(text) == data
    assert text.replace("-", "").replace("_", "").isalnum()
    for wrong in ("", "=", text + "=", text[:-1] + "é", text[:9] + "\n" + text[9:], "A", "AB"):
        with pytest.raises(KeyFileError, match="not a trust list"):
            trust_list_bytes(wrong)


def test_a_list_signed_by_another_key_is_refused() -> None:
    data = sign_trust_list(seeded(1), COMMUNITY, (trusted(seeded(2)),), AT_MS)
    with pytest.raises(KeyFileError, match=f"not signed by the root key {seeded(2).key_id.hex()}"):
        read_trust_list(data, seeded(2).public_key)
    with pytest.raises(KeyFileError, match="16 bytes, not 32"):
        read_trust_list(data, bytes(16))


def test_no_flipped_bit_and_no_cut_list_is_accepted() -> None:
    root = seeded(1)
    data = sign_trust_list(root, COMMUNITY, (trusted(seeded(2)),), AT_MS)
    for bit in range(len(data) * 8):
        mutant = bytearray(data)
        mutant[bit // 8] ^= 1 << bit % 8
        with pytest.raises(KeyFileError):
            read_trust_list(bytes(mutant), root.public_key)
    for size in range(len(data)):
        with pytest.raises(KeyFileError):
            read_trust_list(data[:size], root.public_key)
    for longer in (data + b"\0", data + data, b"\0" + data, data + b"\xf6"):
        with pytest.raises(KeyFileError):
            read_trust_list(longer, root.public_key)


def test_messages_of_another_content_type_are_not_trust_lists() -> None:
    root = seeded(1)
    opened = TRUST_LIST.open(sign_trust_list(root, COMMUNITY, (), AT_MS))
    assert opened is not None
    for form in (Sign1(), Sign1("application/vnd.gatepost.trust-list.v2+cbor")):
        with pytest.raises(KeyFileError, match="not a trust list"):
            read_trust_list(form.seal(root, opened.payload), root.public_key)


PUBLIC = seeded(2).public_key
ENTRY = [PUBLIC, COMMUNITY, "issue", None, None, None, None]
GOOD = [COMMUNITY, AT_MS, [ENTRY]]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (cbor2.dumps([COMMUNITY, AT_MS]), "at least length 3"),
        (cbor2.dumps([*GOOD, 1]), "at most length 3"),
        (cbor2.dumps(["", AT_MS, []]), "length >= 1"),
        (cbor2.dumps([COMMUNITY, -1, []]), ">= 0"),
        (cbor2.dumps([COMMUNITY, True, []]), "Expected `int`"),
        (cbor2.dumps([COMMUNITY, AT_MS, [[PUBLIC[1:], COMMUNITY, "issue", None, None, None, None]]]), "length >= 32"),
        (cbor2.dumps([COMMUNITY, AT_MS, [[PUBLIC, COMMUNITY, "issue", 9**9, None, None, None]]]), "<= 2932896"),
        (cbor2.dumps([COMMUNITY, AT_MS, [[*ENTRY, b"1234567"]]]), "length >= 8"),
        (cbor2.dumps([COMMUNITY, AT_MS, [[*ENTRY, bytes(8), None]]]), "at most length 8"),
        (cbor2.dumps([COMMUNITY, AT_MS, [[*ENTRY, None]]]), "canonical"),
        (cbor2.dumps([COMMUNITY, AT_MS, [[*ENTRY, key_id_of(PUBLIC)]]]), "canonical"),
        (cbor2.dumps({}), "Expected `array`"),
        (b"", "end of stream"),
        (b"\x81", "end of stream"),
        (cbor2.dumps(GOOD) + b"\0", "canonical"),
        (b"\x9f" + cbor2.dumps(GOOD)[1:] + b"\xff", "canonical"),
        (cbor2.dumps([COMMUNITY, AT_MS, [ENTRY, ENTRY]]), "twice"),
    ],
)
def test_a_signed_list_is_still_read_with_care(payload: bytes, why: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_trust_list(TRUST_LIST.seal(seeded(1), payload), seeded(1).public_key)
    assert why in str(caught.value)


def test_what_could_not_be_read_back_is_not_signed() -> None:
    key = seeded(2)
    bad: list[tuple[list[TrustedKey], str]] = [
        ([TrustedKey(bytes(7), key.public_key, COMMUNITY)], "length >= 8"),
        ([trusted(key), TrustedKey(bytes(8), key.public_key, COMMUNITY)], "twice"),
        ([TrustedKey(key_id_of(b"short"), b"short", COMMUNITY)], "length >= 32"),
        ([trusted(key), trusted(key, withdrawn_at_ms=5)], "twice"),
        ([trusted(key, withdrawn_at_ms=-5)], ">= 0"),
        ([trusted(key, community="x" * 101)], "length <= 100"),
        ([trusted(key, community=f"{n:099}") for n in range(7_000)], f"more than fit into {MAX_TRUST_LIST_BYTES}"),
    ]
    for entries, why in bad:
        with pytest.raises(KeyFileError) as caught:
            sign_trust_list(seeded(1), COMMUNITY, entries, AT_MS)
        assert why in str(caught.value)


def test_a_pass_is_no_trust_list_and_the_other_way_round() -> None:
    key, day = seeded(1), date(2026, 11, 1)
    trust = TrustList(COMMUNITY, (trusted(key),))
    token = issue_token(PassClaims(bytes(16), COMMUNITY, "resident", day, day, "山小石", "3-2-501"), key)
    assert read_token(token, trust).key == trusted(key)
    message = base64.b32decode(token[3:] + "=" * (-len(token[3:]) % 8))
    with pytest.raises(KeyFileError, match="not a trust list"):
        read_trust_list(message, key.public_key)
    listed = base64.b32encode(sign_trust_list(key, COMMUNITY, trust.entries, AT_MS)).decode().rstrip("=")
    with pytest.raises(TokenError) as caught:
        read_token(f"GP1{listed}", trust)
    assert caught.value.reason is Reason.MALFORMED
