import base64
import re
import time
from datetime import date

import cbor2
import pytest
import qrcode.constants
import qrcode.main
import qrcode.util
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from passes.cose import Sign1
from passes.errors import UsageError
from passes.keys import IssuingKey
from passes.kinds import OUTSIDE_VEHICLE, PRESETS
from passes.plaintext import plain
from passes.reasons import Reason
from passes.token import MAX_FIELD_BYTES, MAX_TOKEN_CHARS, PassClaims, TokenError, issue_token, read_token
from passes.trust import TrustedKey, TrustList

COMMUNITY = "110105001002"
SECRET = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")


def seeded(secret: bytes) -> IssuingKey:
    return IssuingKey(Ed25519PrivateKey.from_private_bytes(secret))


KEY, OTHER_KEY = seeded(SECRET), seeded(bytes(31) + b"\1")


def trusting(*keys: IssuingKey, community: str = COMMUNITY) -> TrustList:
    return TrustList(community, tuple(TrustedKey(key.key_id, key.public_key, community) for key in keys))


TRUST = trusting(KEY)


def claims(
    pass_id: bytes = bytes(range(16)),
    community: str = COMMUNITY,
    kind: str = "resident",
    days: tuple[date, date] = (date(2026, 11, 1), date(2026, 11, 30)),
    holder: str = "云小溪",
    address: str = "3栋2单元501室",
) -> PassClaims:
    return PassClaims(pass_id, community, kind, *days, holder, address)


TOKEN = issue_token(claims(), KEY)


def decoded(token: str) -> bytes:
    return base64.b32decode(token[3:] + "=" * (-len(token[3:]) % 8))


def spelled(message: bytes) -> str:
    return "GP1" + base64.b32encode(message).rstrip(b"=").decode()


def reason_of(text: str, trust: TrustList = TRUST) -> Reason:
    with pytest.raises(TokenError) as caught:
        read_token(text, trust)
    assert str(caught.value)
    return caught.value.reason


def test_a_token_says_what_was_issued_and_who_vouches_for_it() -> None:
    token = read_token(TOKEN, TRUST)
    assert token.claims == claims()
    assert token.key == TRUST.entries[0]
    assert re.fullmatch("GP1[A-Z2-7]+", TOKEN)
    assert issue_token(claims(), KEY) == TOKEN


def test_every_preset_kind_that_is_printed_is_short() -> None:
    # A vehicle from outside is written down at the gate and carries no pass.
    lengths = {len(issue_token(claims(kind=kind), KEY)) for kind in PRESETS.keys() - {OUTSIDE_VEHICLE}}
    assert lengths == {len(TOKEN)}


@pytest.mark.parametrize(
    ("holder", "address", "kind"),
    [
        ("云小溪水", "3栋2单元501室", "resident"),
        ("云小溪水", "3栋2单元501室", "temporary"),
        ("云小溪水", "3-2-501", "water_van"),
    ],
)
def test_a_usual_pass_fits_qr_version_9_at_level_m(holder: str, address: str, kind: str) -> None:
    token = issue_token(claims(holder=holder, address=address, kind=kind), KEY)
    code = qrcode.main.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(qrcode.util.QRData(token, mode=qrcode.util.MODE_ALPHA_NUM))
    assert code.best_fit() <= 9


@pytest.mark.parametrize(("holder", "most"), [("Maximiliana-Theodora Vogelsang-Ostermann", 10), ("云" * 13, 10)])
def test_a_name_of_40_bytes_fits_a_somewhat_larger_code(holder: str, most: int) -> None:
    assert len(holder.encode()) in (39, 40)
    token = issue_token(claims(holder=holder), KEY)
    code = qrcode.main.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M)
    code.add_data(qrcode.util.QRData(token, mode=qrcode.util.MODE_ALPHA_NUM))
    assert code.best_fit() <= most
    assert read_token(token, TRUST).claims.holder == holder


printable = st.text(max_size=24).filter(lambda text: plain(text) == text and len(text.encode(errors="replace")) <= 96)
names = printable.filter(lambda text: 0 < len(text.encode(errors="replace")) <= 32)
days = st.dates(min_value=date(1970, 1, 1))


@given(
    st.binary(min_size=16, max_size=16), names, names | st.sampled_from(list(PRESETS)), days, days, printable, printable
)
def test_every_pass_is_read_back(
    pass_id: bytes, community: str, kind: str, one: date, other: date, holder: str, address: str
) -> None:
    given_claims = PassClaims(pass_id, community, kind, min(one, other), max(one, other), holder, address)
    token = issue_token(given_claims, KEY)
    assert read_token(token, trusting(KEY, community=community)).claims == given_claims
    assert all(char in "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" for char in token[3:])


def test_the_longest_pass_fits() -> None:
    community, kind, holder, address = (name[0] * limit for name, limit in MAX_FIELD_BYTES.items())
    longest = PassClaims(bytes(16), community, kind, date(1970, 1, 1), date(9999, 12, 31), holder, address)
    token = issue_token(longest, KEY)
    assert len(token) <= MAX_TOKEN_CHARS
    assert read_token(token, trusting(KEY, community=longest.community)).claims == longest


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (claims(pass_id=b"short"), "5 bytes, not 16"),
        (claims(community=""), "no community"),
        (claims(kind=""), "no kind"),
        (claims(community="c" * 33), "community .* 33 bytes, at most 32"),
        (claims(holder="云" * 33), "holder .* 99 bytes, at most 96"),
        (claims(address="a" * 100_000), "address .* 100000 bytes"),
        (claims(holder="\x1b[2J"), "holder .* cannot be printed"),
        (claims(holder="a\u202eb"), "holder .* cannot be printed"),
        (claims(address="a\nb"), "address .* cannot be printed"),
        (claims(holder="\ud800"), "holder .* cannot be printed"),
        (claims(days=(date(2026, 11, 2), date(2026, 11, 1))), "from 2026-11-02 until 2026-11-01"),
        (claims(days=(date(1969, 12, 31), date(2026, 11, 1))), "from 1969-12-31"),
    ],
)
def test_what_cannot_be_a_pass_is_not_issued(wrong: PassClaims, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        issue_token(wrong, KEY)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "G", "GP", "GPA", "gp1", TOKEN.lower(), " " + TOKEN, "\ufeff" + TOKEN, TOKEN[1:], "GP１" + TOKEN[3:]),
        *("GP٢AAAA", "[@click=app.quit]x[/]", "\x1b[2J", "\u202eGP1", "https://pass.invalid/x", "\ud800"),
    ],
)
def test_not_a_pass(text: str) -> None:
    assert reason_of(text) is Reason.NOT_A_PASS


@pytest.mark.parametrize("digit", "023456789")
def test_another_version(digit: str) -> None:
    for rest in (TOKEN[3:], "", "[/]", "A" * 100_000):
        assert reason_of(f"GP{digit}{rest}") is Reason.UNSUPPORTED_VERSION


@pytest.mark.parametrize(
    "text",
    [
        *("GP1", "GP1[/]", "GP1\x1b[2J", "GP1A", "GP1\ud800", TOKEN.replace("O", "Ｏ"), "GP1" + TOKEN[3:].lower()),
        *(TOKEN[:-1], TOKEN + "A", TOKEN + "\n", TOKEN + "=", TOKEN + TOKEN, TOKEN + TOKEN[3:]),
        *("GP1" + before + TOKEN[3:] for before in ("_", "+", "-", " ", "0x")),
        TOKEN[:9] + "_" + TOKEN[9:],
    ],
)
def test_malformed(text: str) -> None:
    assert reason_of(text) is Reason.MALFORMED


def test_an_over_long_text_costs_nothing() -> None:
    texts = [start + "A" * 100_000 for start in ("GP1", "GP2", "")]
    times_s = []
    for _ in range(20):
        start_s = time.perf_counter()
        for text in texts:
            reason_of(text)
        times_s.append(time.perf_counter() - start_s)
    assert min(times_s) < 0.003


def test_keys_that_are_not_for_this_community() -> None:
    elsewhere = TrustedKey(KEY.key_id, KEY.public_key, "310101001001")
    assert reason_of(TOKEN, trusting(OTHER_KEY)) is Reason.UNKNOWN_KEY
    assert reason_of(TOKEN, TrustList(COMMUNITY, (elsewhere,))) is Reason.UNKNOWN_KEY
    assert reason_of(TOKEN, TrustList(COMMUNITY, ())) is Reason.UNKNOWN_KEY
    assert reason_of(issue_token(claims(), OTHER_KEY)) is Reason.UNKNOWN_KEY


def test_a_pass_signed_here_for_another_community() -> None:
    assert reason_of(issue_token(claims(community="310101001001"), KEY)) is Reason.WRONG_COMMUNITY


def test_a_pass_signed_by_another_key_under_a_known_id() -> None:
    forged = Sign1().seal(OTHER_KEY, payload_of(TOKEN)).replace(OTHER_KEY.key_id, KEY.key_id)
    assert reason_of(spelled(forged)) is Reason.BAD_SIGNATURE


def test_all_keys_of_one_short_id_are_tried() -> None:
    imposter = TrustedKey(KEY.key_id, OTHER_KEY.public_key, COMMUNITY)
    for entries in ((imposter, *TRUST.entries), (*TRUST.entries, imposter)):
        assert read_token(TOKEN, TrustList(COMMUNITY, entries)).key == TRUST.entries[0]
    assert reason_of(TOKEN, TrustList(COMMUNITY, (imposter, imposter))) is Reason.BAD_SIGNATURE


def test_a_withdrawn_key_still_verifies() -> None:
    withdrawn = TrustedKey(KEY.key_id, KEY.public_key, COMMUNITY, withdrawn_at_ms=1)
    assert read_token(TOKEN, TrustList(COMMUNITY, (withdrawn,))).key.withdrawn_at_ms == 1


def test_the_error_shows_harmless_text() -> None:
    with pytest.raises(TokenError) as caught:
        read_token("\x1b[2J\u202e" + "x" * 500, TRUST)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 120


def payload_of(token: str) -> bytes:
    opened = Sign1().open(decoded(token))
    assert opened is not None
    return opened.payload


PRIVATE = [1, 20758, 29, "云小溪", "3栋2单元501室"]


def packed(private: object = PRIVATE, community: object = COMMUNITY, pass_id: object = bytes(range(16))) -> bytes:
    return cbor2.dumps({1: community, 7: pass_id, -65537: private})


def with_private(place: int, value: object) -> bytes:
    return packed([*PRIVATE[:place], value, *PRIVATE[place + 1 :]])


PAYLOAD = packed()
SIGNED_BUT_WRONG = {
    "empty": b"",
    "no map": cbor2.dumps([]),
    "number": b"\0",
    "cut": PAYLOAD[:-1],
    "trailing": PAYLOAD + b"\0",
    "doubled": PAYLOAD + PAYLOAD,
    "long map head": b"\xb8\x03" + PAYLOAD[1:],
    "indefinite map": b"\xbf" + PAYLOAD[1:] + b"\xff",
    "long key": PAYLOAD.replace(b"\x01\x6c", b"\x18\x01\x6c", 1),
    "long text head": PAYLOAD.replace(b"\x01\x6c", b"\x01\x78\x0c", 1),
    "indefinite text": PAYLOAD.replace(b"\x6c" + COMMUNITY.encode(), b"\x7f\x6c" + COMMUNITY.encode() + b"\xff"),
    "wide day": PAYLOAD.replace(b"\x19\x51\x16", b"\x1a\0\0\x51\x16"),
    "wide kind": PAYLOAD.replace(b"\x85\x01", b"\x85\x18\x01"),
    "bignum day": PAYLOAD.replace(b"\x19\x51\x16", b"\xc2\x42\x51\x16"),
    "float span": PAYLOAD.replace(b"\x18\x1d", b"\xf9\x4f\x40"),
    "true for kind 1": PAYLOAD.replace(b"\x85\x01", b"\x85\xf5"),
    "tagged": b"\xd8\x3d" + PAYLOAD,
    "duplicate key": b"\xa4" + PAYLOAD[1:15] + PAYLOAD[1:15] + PAYLOAD[15:],
    "duplicate key, other value": b"\xa4\x01\x61\x78" + PAYLOAD[1:],
    "other order": b"\xa3" + PAYLOAD[15:33] + PAYLOAD[1:15] + PAYLOAD[33:],
    "additional key": b"\xa4" + PAYLOAD[1:15] + b"\x02\x61\x78" + PAYLOAD[15:],
    "missing key": cbor2.dumps({1: COMMUNITY, -65537: PRIVATE}),
    "short array": packed(PRIVATE[:4]),
    "long array": packed([*PRIVATE, 0]),
    "text as id": packed(pass_id="0" * 16),
    "short id": packed(pass_id=bytes(15)),
    "number as community": packed(community=110105001002),
    "no community": packed(community=""),
    "numbered kind as text": with_private(0, "resident"),
    "no kind": with_private(0, ""),
    "kind 0": with_private(0, 0),
    "kind 14": with_private(0, 14),
    "kind 2**80": with_private(0, 2**80),
    "negative kind": with_private(0, -1),
    "negative day": with_private(1, -1),
    "day after 9999": with_private(1, 2932897),
    "huge day": with_private(1, 2**64),
    "negative span": with_private(2, -1),
    "huge span": with_private(2, 2932896),
    "bytes as holder": with_private(3, b"x"),
    "null holder": with_private(3, None),
    "invalid UTF-8": PAYLOAD.replace("云".encode(), b"\xff\xfe\xfd"),
    "surrogate": PAYLOAD.replace("云".encode(), b"\xed\xa0\x80"),
    "shared value": PAYLOAD[:15] + b"\x07\xd8\x1d\x00" + PAYLOAD[33:],
    "decimal": PAYLOAD.replace(b"\x19\x51\x16", b"\xc4\x82\x00\x19\x51\x16"),
    "bigfloat": PAYLOAD.replace(b"\x19\x51\x16", b"\xc5\x82\x1a\x7f\xff\xff\xff\x01"),
    "rational": PAYLOAD.replace(b"\x19\x51\x16", b"\xd8\x1e\x82\x19\x51\x16\x01"),
}


def test_the_payload_written_here_is_the_real_one() -> None:
    assert payload_of(TOKEN) == PAYLOAD
    assert read_token(spelled(Sign1().seal(KEY, PAYLOAD)), TRUST).claims == claims()


@pytest.mark.parametrize("name", SIGNED_BUT_WRONG)
def test_signed_claims_have_one_form(name: str) -> None:
    assert SIGNED_BUT_WRONG[name] != PAYLOAD
    assert reason_of(spelled(Sign1().seal(KEY, SIGNED_BUT_WRONG[name]))) is Reason.MALFORMED


@given(st.binary(max_size=80))
def test_no_signed_bytes_are_a_traceback(payload: bytes) -> None:
    assert reason_of(spelled(Sign1().seal(KEY, payload))) is Reason.MALFORMED
