import os
import stat
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from passes.errors import KeyFileError
from passes.keyfiles import load_key, needs_passphrase, read_passphrase, reseal_key, save_key
from passes.keys import IssuingKey, key_id_of

PASSPHRASE = "correct horse battery"
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes and pipes are POSIX")


def seeded(number: int) -> IssuingKey:
    return IssuingKey(Ed25519PrivateKey.from_private_bytes(number.to_bytes(32, "big")))


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


def test_a_key_may_be_given_another_short_id() -> None:
    key = IssuingKey.generate(bytes(range(8)))
    assert key.key_id == bytes(range(8))
    assert repr(key) == "<IssuingKey 0001020304050607>"
    with pytest.raises(KeyFileError, match="key id 00010203040506 has 7 bytes, not 8"):
        IssuingKey.generate(bytes(range(7)))


@pytest.mark.parametrize("passphrase", [None, "正确的 horse 电池 订书钉"])
def test_a_saved_key_is_read_back(tmp_path: Path, passphrase: str | None) -> None:
    key, path = seeded(1), tmp_path / "issuer.pem"
    save_key(path, key, passphrase)
    assert load_key(path, passphrase).public_key == key.public_key
    assert (b"ENCRYPTED" in path.read_bytes()) == (passphrase is not None)
    assert needs_passphrase(path) == (passphrase is not None)


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


@pytest.mark.parametrize(
    ("passphrase", "why"),
    [
        ("", "fewer than 12 characters"),
        ("x" * 11, "fewer than 12 characters"),
        ("x" * 5000, "too long"),
        ("\ud800" * 12, "no text"),
    ],
)
def test_a_passphrase_that_cannot_be_used_leaves_no_file(tmp_path: Path, passphrase: str, why: str) -> None:
    with pytest.raises(KeyFileError, match=rf"passphrase for .*issuer\.pem .*{why}"):
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
    save_key(tmp_path / "sealed.pem", seeded(1), PASSPHRASE)
    save_key(tmp_path / "open.pem", seeded(1))
    with pytest.raises(KeyFileError, match=r"passphrase for the key file .* is wrong"):
        load_key(tmp_path / "sealed.pem", "wrong horse battery")
    with pytest.raises(KeyFileError, match="needs a passphrase"):
        load_key(tmp_path / "sealed.pem")
    with pytest.raises(KeyFileError, match="not encrypted"):
        load_key(tmp_path / "open.pem", PASSPHRASE)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
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


@posix_only
def test_openssl_opens_an_encrypted_key(tmp_path: Path) -> None:
    key, path = seeded(1), tmp_path / "issuer.pem"
    save_key(path, key, PASSPHRASE)
    line = ["openssl", "pkey", "-in", str(path), "-passin", "stdin", "-pubout", "-outform", "DER"]
    try:
        run = subprocess.run(line, input=PASSPHRASE.encode(), capture_output=True, check=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl on this machine")
    assert run.stdout.endswith(key.public_key)


def test_a_key_gets_another_passphrase_or_none(tmp_path: Path) -> None:
    key, path = seeded(1), tmp_path / "root.pem"
    save_key(path, key)
    (tmp_path / "root.pem.new").write_text("left by a power cut")
    for old, new in ((None, PASSPHRASE), (PASSPHRASE, "another long one"), ("another long one", None)):
        assert reseal_key(path, old, new).public_key == key.public_key
        assert load_key(path, new).public_key == key.public_key
        assert [file.name for file in tmp_path.iterdir()] == ["root.pem"]
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_keeps_its_file_when_the_new_one_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "root.pem"
    save_key(path, seeded(1), PASSPHRASE)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    for old, new, why in ((PASSPHRASE, "short", "fewer than"), ("wrong horse battery", None, "is wrong")):
        with pytest.raises(KeyFileError, match=why):
            reseal_key(path, old, new)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(KeyFileError, match="No space left"):
        reseal_key(path, PASSPHRASE, None)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_passphrase_is_the_first_line_of_its_file(tmp_path: Path) -> None:
    for content in (b"correct horse battery", b"correct horse battery\n", b"correct horse battery\r\nnote\n"):
        assert read_passphrase(written(tmp_path / "passphrase", content)) == PASSPHRASE


@pytest.mark.parametrize("content", [b"", b"\n", b"\nsecond line", b"\xff\xfe"])
def test_a_file_without_a_passphrase_is_told(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(KeyFileError, match=r"passphrase holds no passphrase.*first line"):
        read_passphrase(written(tmp_path / "passphrase", content))


@posix_only
def test_a_passphrase_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "passphrase", PASSPHRASE.encode())
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match=r"has mode 0644.*chmod 600"):
        read_passphrase(path)
