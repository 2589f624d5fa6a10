"""The office's files: the root key that signs the trust list, and the list itself, in the community's folder.

Only the office's own commands read the root key. The server that stations talk to runs without it.
"""

import os
import tempfile
from pathlib import Path

from passes.errors import N_, KeyFileError
from passes.keyfiles import PemKey, load_key, replace_key, reseal_key, save_key
from passes.keys import IssuingKey, key_id_of
from passes.trust import USE_ANSWERS, USE_BUNDLES, USE_SEALING, TrustedKey, sign_trust_list
from sync.sealing import DigestKey, SealingKey, load_digest_key, load_sealing_key, save_digest_key

ROOT_KEY_FILE = "root-key.pem"
ROOT_PUBLIC_FILE = "root-key.pub"
OFFICE_KEY_FILE = "office-key.pem"
TRUST_FILE = "trust.cose"
DIGEST_KEY_FILE = "digest.key"
KEY_FILES = {
    USE_SEALING: "sealing-key.{key_id}.pem",
    USE_BUNDLES: "bundle-key.{key_id}.pem",
    USE_ANSWERS: "answer-key.{key_id}.pem",
}
"""By use, one for each key that there ever was: a box or bundle tells the id of its key."""


def create_keys(folder: Path, community: str, now_ms: int, passphrase: str | None = None) -> IssuingKey:
    """Make the root key, the office's issuing key and a trust list that names the latter; overwrites nothing.

    Both private keys are encrypted when there is a passphrase. Returns the office's key; raises `KeyFileError`.
    """
    root, office = IssuingKey.generate(), IssuingKey.generate()
    save_key(folder / ROOT_KEY_FILE, root, passphrase)
    save_key(folder / OFFICE_KEY_FILE, office, passphrase)
    _replace(folder / ROOT_PUBLIC_FILE, root.public_key.hex().encode())
    save_trust_list(folder, sign_trust_list(root, community, [trusted(community, office)], now_ms))
    return office


def make_use_key(folder: Path, community: str, use: str, passphrase: str | None = None) -> TrustedKey:
    """Make a private key for one of `KEY_FILES`, in a file of its own, and return the entry that tells stations of it.

    Raises `KeyFileError`.
    """
    key = IssuingKey.generate() if use == USE_ANSWERS else SealingKey.generate()
    key_id = key_id_of(key.public_key)
    save_key(key_path(folder, use, key_id), key, passphrase)
    return TrustedKey(key_id, key.public_key, community, use=use)


def key_path(folder: Path, use: str, key_id: bytes) -> Path:
    """Return where the private key of that use and short id is kept."""
    return folder / KEY_FILES[use].format(key_id=key_id.hex())


def sealing_key_path(folder: Path, key_id: bytes) -> Path:
    """Return where the private key of that short id is kept which numbers are sealed to."""
    return key_path(folder, USE_SEALING, key_id)


def make_digest_key(folder: Path) -> bool:
    """Make the secret by which stations match numbers, unless there is one; say whether it was made."""
    path = folder / DIGEST_KEY_FILE
    if path.exists():
        return False
    save_digest_key(path, DigestKey.generate())
    return True


def load_digest(folder: Path) -> DigestKey | None:
    """Return the secret for digests, None where the community has none yet; raises `KeyFileError`."""
    path = folder / DIGEST_KEY_FILE
    return load_digest_key(path) if path.exists() else None


def trusted(community: str, key: IssuingKey) -> TrustedKey:
    """Return the entry of a trust list by which the community accepts the key's passes without a bound."""
    return TrustedKey(key_id=key.key_id, public_key=key.public_key, community=community)


def load_root(folder: Path, passphrase: str | None = None) -> IssuingKey:
    """Return the community's root key; raises `KeyFileError`."""
    return load_key(folder / ROOT_KEY_FILE, passphrase)


def protect_root(folder: Path, old_passphrase: str | None, new_passphrase: str | None) -> None:
    """Put the root key and those of `KEY_FILES` under another passphrase, or with None under none.

    Raises `KeyFileError`; for one that does not open with the old passphrase before anything has changed.
    """
    others: list[tuple[Path, PemKey]] = []
    for use, name in KEY_FILES.items():
        load = load_key if use == USE_ANSWERS else load_sealing_key
        others += [(path, load(path, old_passphrase)) for path in sorted(folder.glob(name.format(key_id="*")))]
    root = reseal_key(folder / ROOT_KEY_FILE, old_passphrase, new_passphrase)
    _replace(folder / ROOT_PUBLIC_FILE, root.public_key.hex().encode())
    for path, key in others:
        replace_key(path, key, new_passphrase)


def load_root_public(folder: Path) -> bytes:
    """Return the 32 raw bytes of the root's public key, for which nobody needs a passphrase; raises `KeyFileError`.

    A folder made by an older version has no file of it: there it comes out of the root key.
    """
    path = folder / ROOT_PUBLIC_FILE
    try:
        public_key = bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        return load_root(folder).public_key
    except (OSError, ValueError) as error:
        raise KeyFileError(
            N_("{path}: this is no root key of 64 hexadecimal digits ({error}); restore it from its backup"),
            path=path,
            error=error,
        ) from error
    return public_key


def load_trust_list(folder: Path) -> bytes:
    """Return the signed trust list as it is in the folder; raises `KeyFileError` when it cannot be read."""
    path = folder / TRUST_FILE
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(
            N_("{path}: the trust list cannot be read ({error}); restore it from its backup"), path=path, error=error
        ) from error


def save_trust_list(folder: Path, signed: bytes) -> None:
    """Put a signed trust list in the place of the folder's; until it is whole the old one stands.

    Raises `KeyFileError` when it cannot be written.
    """
    _replace(folder / TRUST_FILE, signed)


def _replace(path: Path, data: bytes) -> None:
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{path.name}.", suffix=".part", dir=path.parent)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise KeyFileError(
            N_("{path}: cannot be written ({error}); check the folder"), path=path, error=error
        ) from error
