"""Sealed numbers: what is sealed opens for the office alone, and digests match only what is the same."""

import base64
import hashlib
import hmac

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.keys import key_id_of
from sync.sealing import MOST_CHARS, DigestKey, Purpose, Sealer, SealingError, SealingKey, key_id_of_box, seal

KEY = SealingKey.generate()
PURPOSE = Purpose("370212004001", "id_number", "p1")
NUMBER = "110101199003074477"
FEW = settings(max_examples=60, deadline=None)


@FEW
@given(st.text(min_size=1, max_size=MOST_CHARS).filter(lambda text: text.isprintable()), st.text(max_size=40))
def test_what_was_sealed_opens(value: str, person: str) -> None:
    purpose = Purpose("370212004001", "phone", person)
    box = seal(value, KEY.public_key, purpose)
    assert KEY.open(box, purpose) == value
    assert box != seal(value, KEY.public_key, purpose)
    assert key_id_of_box(box) == key_id_of(KEY.public_key)


@pytest.mark.parametrize("value", ["\0", "0", "1\0\0", "\x80", "a\x80\0", "号"])
def test_filling_up_takes_nothing_away(value: str) -> None:
    assert KEY.open(seal(value, KEY.public_key, PURPOSE), PURPOSE) == value


def test_a_box_does_not_tell_which_document_it_is() -> None:
    lengths = {len(seal(number, KEY.public_key, PURPOSE)) for number in (NUMBER, "E12345678", "H12345678", "1" * 15)}
    assert len(lengths) == 1


@pytest.mark.parametrize(
    "purpose",
    [
        Purpose("370212004002", "id_number", "p1"),
        Purpose("370212004001", "phone", "p1"),
        Purpose("370212004001", "id_number", "p2"),
    ],
)
def test_it_opens_for_nothing_else(purpose: Purpose) -> None:
    with pytest.raises(SealingError, match="does not open"):
        KEY.open(seal(NUMBER, KEY.public_key, PURPOSE), purpose)


def test_purposes_cannot_be_shifted_into_each_other() -> None:
    assert Purpose('c","id_number', "id_number", "p").info() != Purpose("c", "id_number", 'id_number","p').info()


def test_another_key_says_which_key_is_needed() -> None:
    other = SealingKey.generate()
    with pytest.raises(SealingError, match="sealed to the key") as told:
        other.open(seal(NUMBER, KEY.public_key, PURPOSE), PURPOSE)
    assert key_id_of(KEY.public_key).hex() in str(told.value)


@FEW
@given(st.data())
def test_no_changed_bit_opens(data: st.DataObject) -> None:
    box = seal(NUMBER, KEY.public_key, PURPOSE)
    raw = bytearray(base64.urlsafe_b64decode(box[4:] + "=" * (-len(box[4:]) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(SealingError):
        KEY.open("GS1." + base64.urlsafe_b64encode(bytes(raw)).rstrip(b"=").decode(), PURPOSE)


@pytest.mark.parametrize("box", ["", "GS1.", "GS1.AAAA", "GS2.AAAA", "GS1.?", "GS1." + "A" * 11, "nonsense", "GS1.é"])
def test_what_is_no_box_is_said_to_be_none(box: str) -> None:
    with pytest.raises(SealingError, match="no sealed value"):
        KEY.open(box, PURPOSE)


def test_one_box_has_one_writing() -> None:
    box = seal(NUMBER, KEY.public_key, PURPOSE)
    for other in (box + "=", box + "\n", box[:-1] + chr(ord(box[-1]) + 1), box.replace("GS1.", "GS1. ")):
        with pytest.raises(SealingError):
            KEY.open(other, PURPOSE)


@pytest.mark.parametrize("value", ["", "1" * (MOST_CHARS + 1), "\ud800"])
def test_what_cannot_be_sealed(value: str) -> None:
    with pytest.raises(SealingError) as told:
        seal(value, KEY.public_key, PURPOSE)
    assert value not in str(told.value) or value == ""


@pytest.mark.parametrize("public_key", [b"", b"1" * 31, bytes(32)])
def test_a_key_that_is_none_seals_nothing(public_key: bytes) -> None:
    with pytest.raises(SealingError):
        seal(NUMBER, public_key, PURPOSE)


def test_nothing_shows_in_a_repr() -> None:
    digest_key = DigestKey(b"k" * 32)
    shown = repr([KEY, digest_key, Sealer("c", KEY.public_key, digest_key)])
    assert "kkkk" not in shown
    assert (b"k" * 32).hex() not in shown


# RFC 9180, base mode, written from its text with hashlib and AES-GCM alone.


def _extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def _expand(prk: bytes, info: bytes, length: int) -> bytes:
    out, block, number = b"", b"", 1
    while len(out) < length:
        block = hmac.new(prk, block + info + bytes([number]), hashlib.sha256).digest()
        out, number = out + block, number + 1
    return out[:length]


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return _extract(salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    return _expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


def _key_and_nonce(shared: bytes, enc: bytes, public_key: bytes, info: bytes) -> tuple[bytes, bytes]:
    kem = b"KEM\x00\x20"
    secret = _labeled_extract(kem, b"", b"eae_prk", shared)
    secret = _labeled_expand(kem, secret, b"shared_secret", enc + public_key, 32)
    suite = b"HPKE\x00\x20\x00\x01\x00\x01"
    context = b"\x00" + _labeled_extract(suite, b"", b"psk_id_hash", b"")
    context += _labeled_extract(suite, b"", b"info_hash", info)
    secret = _labeled_extract(suite, secret, b"secret", b"")
    return _labeled_expand(suite, secret, b"key", context, 16), _labeled_expand(
        suite, secret, b"base_nonce", context, 12
    )


def test_the_oracle_gives_the_vector_of_the_rfc() -> None:
    """RFC 9180, appendix A.1.1, the first encryption."""
    ephemeral = X25519PrivateKey.from_private_bytes(
        bytes.fromhex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736")
    )
    receiver = bytes.fromhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
    enc = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(receiver))
    key, nonce = _key_and_nonce(shared, enc, receiver, bytes.fromhex("4f6465206f6e2061204772656369616e2055726e"))
    assert key.hex() == "4531685d41d65f03dc48f6b8302c05b0"
    assert nonce.hex() == "56d890e5accaaf011cff4b7d"
    sealed = AESGCM(key).encrypt(nonce, b"Beauty is truth, truth beauty", b"Count-0")
    assert sealed.hex() == (
        "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    )


def test_an_independent_implementation_opens_a_box() -> None:
    private = X25519PrivateKey.generate()
    public_key = private.public_key().public_bytes_raw()
    box = seal(NUMBER, public_key, PURPOSE)
    raw = base64.urlsafe_b64decode(box[4:] + "=" * (-len(box[4:]) % 4))
    key_id, enc, sealed = raw[:8], raw[8:40], raw[40:]
    assert key_id == hashlib.sha256(public_key).digest()[:8]
    shared = private.exchange(X25519PublicKey.from_public_bytes(enc))
    info = b'gatepost sealed field 1 ["370212004001","id_number","p1"]'
    key, nonce = _key_and_nonce(shared, enc, public_key, info)
    assert AESGCM(key).decrypt(nonce, sealed, b"") == NUMBER.encode() + b"\x80" + bytes(13)


def test_digests_match_the_same_number_of_the_same_field_under_the_same_key() -> None:
    one, other = DigestKey(b"1" * 32), DigestKey(b"2" * 32)
    digest = one.digest("id_number", NUMBER)
    assert digest == DigestKey(b"1" * 32).digest("id_number", NUMBER)
    different = {
        one.digest("phone", NUMBER),
        one.digest("id_number", NUMBER[:-1] + "8"),
        other.digest("id_number", NUMBER),
        digest,
    }
    assert len(different) == 4
    assert NUMBER not in digest
    assert {text.partition(".")[0] for text in different} == {one.key_id, other.key_id}


def test_an_old_number_is_the_new_one_of_the_same_person() -> None:
    key = DigestKey(b"1" * 32)
    assert key.digest("id_number", "110101900307447") == key.digest("id_number", NUMBER)
    assert key.digest("phone", "+8653280000000") == key.digest("phone", "053280000000")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_digest_key_has_32_bytes(size: int) -> None:
    with pytest.raises(SealingError, match=f"has {size} bytes"):
        DigestKey(bytes(size))


def test_a_sealer_without_a_secret_seals_and_matches_nothing() -> None:
    sealed = Sealer("370212004001", KEY.public_key).sealed("id_number", NUMBER, "p1")
    assert (sealed.tail, sealed.digest) == (NUMBER[-4:], None)
    assert KEY.open(sealed.box, PURPOSE) == NUMBER
