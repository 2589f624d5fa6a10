import base64
import os
import stat
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passes.errors import KeyFileError
from passes.keys import (
    MAX_TRUST_LIST_BYTES,
    TRUST_LIST,
    IssuingKey,
    Sign1,
    TrustedKey,
    TrustList,
    key_id_of,
    load_key,
    read_trust_list,
    save_key,
    sign_trust_list,
)
from passes.reasons import Reason
from passes.token import PassClaims, TokenError, issue_token, read_token

COMMUNITY = "110105001002"
AT_MS = 1_793_500_000_000
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes and pipes are POSIX")


def seeded(number: int) -> IssuingKey:
    return IssuingKey(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


def trusted(key: IssuingKey, community: str = COMMUNITY, withdrawn_at_ms: int | None = None) -> TrustedKey:
    return TrustedKey(key.key_id, key.public_key, community, withdrawn_at_ms=withdrawn_at_ms)


def test_rfc_8032_test_vector_1() -> None:
    secret = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    key = IssuingKey(Ed25519PrivateKey.from_private_bytes(secret))
    assert key.public_key.hex() == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    assert key.sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a")
    assert key.key_id == key_id_of(key.public_key)
    assert len(key.key_id) == 8


def test_new_keys_differ_and_do_not_show_themselves() -> None:
    one, other = IssuingKey.generate(), IssuingKey.generate()
    assert one.public_key != other.public_key
    assert repr(one) == f"<IssuingKey {one.key_id.hex()}>"


@pytest.mark.parametrize("passphrase", [None, "正确 horse"])
def test_a_saved_key_is_read_back(tmp_path: Path, passphrase: str | None) -> None:
    key, path = seeded(1), tmp_path / "issuer.pem"
    save_key(path, key, passphrase)
    assert load_key(path, passphrase).public_key == key.public_key
    assert (b"ENCRYPTED" in path.read_bytes()) == (passphrase is not None)


@posix_only
def test_a_saved_key_is_for_its_owner_only_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        save_key(tmp_path / "issuer.pem", seeded(1))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "issuer.pem").stat().st_mode) == 0o600


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "issuer.pem"
    path.write_text("keep me")
    with pytest.raises(KeyFileError, match="never overwritten"):
        save_key(path, seeded(1))
    assert path.read_text() == "keep me"


@pytest.mark.parametrize("passphrase", ["", "x" * 5000, "\ud800"])
def test_a_passphrase_that_cannot_be_used_leaves_no_file(tmp_path: Path, passphrase: str) -> None:
    with pytest.raises(KeyFileError, match=r"passphrase for .*issuer\.pem is empty or too long"):
        save_key(tmp_path / "issuer.pem", seeded(1), passphrase)
    assert not (tmp_path / "issuer.pem").exists()


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="No such file"):
        save_key(tmp_path / "none" / "issuer.pem", seeded(1))


def test_a_failed_write_leaves_no_half_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        save_key(tmp_path / "issuer.pem", seeded(1))
    assert list(tmp_path.iterdir()) == []


@posix_only
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601])
def test_a_key_that_others_can_reach_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "issuer.pem"
    save_key(path, seeded(1))
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"issuer.pem has mode {mode:04o}.*chmod 600"):
        load_key(path)


def written(path: Path, content: bytes) -> Path:
    path.touch(0o600)
    path.write_bytes(content)
    return path


def test_wrong_missing_and_needless_passphrases(tmp_path: Path) -> None:
    save_key(tmp_path / "sealed.pem", seeded(1), "right")
    save_key(tmp_path / "open.pem", seeded(1))
    with pytest.raises(KeyFileError, match=r"passphrase for the key file .* is wrong"):
        load_key(tmp_path / "sealed.pem", "wrong")
    with pytest.raises(KeyFileError, match="needs a passphrase"):
        load_key(tmp_path / "sealed.pem")
    with pytest.raises(KeyFileError, match="not encrypted"):
        load_key(tmp_path / "open.pem", "right")


@pytest.mark.parametrize("passphrase", [None, "right"])
def test_a_truncated_key_is_damaged_wherever_it_ends(tmp_path: Path, passphrase: str | None) -> None:
    pem = seeded(1).pem(passphrase)
    for size in range(0, len(pem) - 2, 7):
        path = written(tmp_path / f"{size}.pem", pem[:size])
        needs_none = passphrase if b"BEGIN ENCRYPTED PRIVATE KEY" in pem[:size] else None
        with pytest.raises(KeyFileError, match="damaged"):
            load_key(path, needs_none)


def test_other_files_in_the_place_of_a_key(tmp_path: Path) -> None:
    x25519 = X25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(KeyFileError, match="no Ed25519 key"):
        load_key(written(tmp_path / "x25519.pem", x25519))
    with pytest.raises(KeyFileError, match="damaged"):
        load_key(written(tmp_path / "noise.pem", bytes(range(256)) * 200))
    with pytest.raises(KeyFileError, match="is missing"):
        load_key(tmp_path / "none.pem")
    with pytest.raises(KeyFileError):
        load_key(tmp_path)


@posix_only
def test_a_pipe_in_the_place_of_a_key_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.pem", 0o600)
    with pytest.raises(KeyFileError, match="not a file"):
        load_key(tmp_path / "pipe.pem")


def test_a_path_is_shown_harmless(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as caught:
        load_key(tmp_path / "\x1b[2J.pem")
    assert "\x1b" not in str(caught.value)


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


def test_messages_of_any_size_are_taken_apart() -> None:
    form = Sign1("x")
    for size in (0, 1, 22, 23, 24, 25, 254, 255, 256, 257, 258, 65_535, 65_536, 70_000):
        sealed = form.open(form.seal(seeded(1), bytes(size)))
        assert sealed is not None
        assert sealed.payload == bytes(size)


def test_messages_of_another_content_type_are_not_trust_lists() -> None:
    root = seeded(1)
    opened = TRUST_LIST.open(sign_trust_list(root, COMMUNITY, (), AT_MS))
    assert opened is not None
    for form in (Sign1(), Sign1("application/vnd.gatepost.trust-list.v2+cbor")):
        with pytest.raises(KeyFileError, match="not a trust list"):
            read_trust_list(form.seal(root, opened.payload), root.public_key)


PUBLIC = seeded(2).public_key
GOOD = [COMMUNITY, AT_MS, [[PUBLIC, COMMUNITY, "issue", None, None, None, None]]]


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
        (cbor2.dumps({}), "Expected `array`"),
        (b"", "end of stream"),
        (b"\x81", "end of stream"),
        (cbor2.dumps(GOOD) + b"\0", "canonical"),
        (b"\x9f" + cbor2.dumps(GOOD)[1:] + b"\xff", "canonical"),
        (cbor2.dumps([COMMUNITY, AT_MS, [GOOD[2][0], GOOD[2][0]]]), "twice"),  # type: ignore[index]  # a mixed list
    ],
)
def test_a_signed_list_is_still_read_with_care(payload: bytes, why: str) -> None:
    with pytest.raises(KeyFileError) as caught:
        read_trust_list(TRUST_LIST.seal(seeded(1), payload), seeded(1).public_key)
    assert why in str(caught.value)


def test_what_could_not_be_read_back_is_not_signed() -> None:
    key = seeded(2)
    bad: list[tuple[list[TrustedKey], str]] = [
        ([TrustedKey(bytes(8), key.public_key, COMMUNITY)], "key id 0000000000000000"),
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


def envelopes(message: bytes, payload: bytes) -> Iterator[bytes]:
    """The parts of a signed message in every other envelope that CBOR or COSE allows."""
    protected, signature = message[3:16], message[-64:]
    yield message[1:]
    yield cbor2.dumps(cbor2.CBORTag(61, cbor2.CBORTag(18, [protected, {}, payload, signature])))
    yield cbor2.dumps(cbor2.CBORTag(98, [protected, {}, payload, signature]))
    yield b"\xd8\x12" + message[1:]
    yield b"\xd2\x98\x04" + message[2:]
    yield b"\xd2\x9f" + message[2:] + b"\xff"
    yield message.replace(b"\x84\x4d", b"\x84\x58\x0d", 1)
    yield message.replace(b"\xa0\x58\x49", b"\xa0\x59\x00\x49", 1)
    yield message.replace(b"\xa0\x58\x49", b"\xbf\xff\x58\x49", 1)
    yield message.replace(b"\xa0\x58\x49", b"\xa1\x04\x41\x78\x58\x49", 1)
    yield message.replace(b"\x58\x40" + signature, b"\x59\x00\x40" + signature)
    yield message.replace(b"\x58\x40" + signature, b"\x5f\x58\x40" + signature + b"\xff")
    yield message.replace(b"\xa2\x01\x27", b"\xa2\x01\x26", 1)
    yield cbor2.dumps(cbor2.CBORTag(18, [cbor2.dumps({4: protected[-8:], 1: -8}), {}, payload, signature]))
    yield cbor2.dumps(cbor2.CBORTag(18, [b"\xa3" + protected[1:3] * 2 + protected[3:], {}, payload, signature]))
    yield cbor2.dumps(cbor2.CBORTag(18, [protected, {}, None, signature]))
    yield cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature, b""]))
    yield cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload]))
    yield from (message[:size] for size in range(len(message)))


def test_a_message_has_one_form() -> None:
    form, payload = Sign1(), bytes(range(0x49))
    message = form.seal(seeded(1), payload)
    assert form.open(message) is not None
    for other in envelopes(message, payload):
        assert other != message
        assert form.open(other) is None


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
