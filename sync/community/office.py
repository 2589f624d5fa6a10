"""The office's keys: the root that signs the trust list, and the list itself, as files in the community's folder."""

import os
import tempfile
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from passes.errors import N_, KeyFileError
from passes.keys import IssuingKey, TrustedKey, load_key, read_trust_list, save_key, sign_trust_list
from sync.community.database import writing
from sync.community.registry import lock_community

ROOT_KEY_FILE = "root-key.pem"
OFFICE_KEY_FILE = "office-key.pem"
TRUST_FILE = "trust.cose"


def create_keys(folder: Path, community: str, now_ms: int) -> None:
    """Make the root key, the office's issuing key and a trust list that names the latter; overwrites nothing."""
    root, office = IssuingKey.generate(), IssuingKey.generate()
    save_key(folder / ROOT_KEY_FILE, root)
    save_key(folder / OFFICE_KEY_FILE, office)
    _write_list(folder, sign_trust_list(root, community, [_entry(community, office, None)], now_ms))


def load_root(folder: Path) -> IssuingKey:
    """Return the community's root key; raises `KeyFileError`."""
    return load_key(folder / ROOT_KEY_FILE)


def load_trust_list(folder: Path) -> bytes:
    """Return the signed trust list as it is in the folder; raises `KeyFileError` when it cannot be read."""
    path = folder / TRUST_FILE
    try:
        return path.read_bytes()
    except OSError as error:
        raise KeyFileError(
            N_("{path}: the trust list cannot be read ({error}); restore it from its backup"), path=path, error=error
        ) from error


def trust_new_key(engine: sa.Engine, folder: Path, community: str, valid_from: date | None, now_ms: int) -> IssuingKey:
    """Make an issuing key, add its public half to the trust list, sign the list anew and return the key.

    From reading to replacing the list the community is locked in its database: whoever does the same meanwhile waits
    and then adds to this list. Raises `KeyFileError`, `DatabaseError`.
    """
    root, key = load_root(folder), IssuingKey.generate()
    with writing(engine) as connection:
        lock_community(connection, community)
        entries = read_trust_list(load_trust_list(folder), root.public_key).entries
        _write_list(folder, sign_trust_list(root, community, [*entries, _entry(community, key, valid_from)], now_ms))
    return key


def _entry(community: str, key: IssuingKey, valid_from: date | None) -> TrustedKey:
    return TrustedKey(
        key_id=key.key_id, public_key=key.public_key, community=community, valid_from=valid_from, valid_until=None
    )


def _write_list(folder: Path, signed: bytes) -> None:
    path = folder / TRUST_FILE
    try:
        descriptor, name = tempfile.mkstemp(prefix=f"{TRUST_FILE}.", suffix=".part", dir=folder)
        part = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(signed)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise KeyFileError(
            N_("{path}: cannot be written ({error}); check the folder"), path=path, error=error
        ) from error
