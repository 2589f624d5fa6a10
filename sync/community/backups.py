"""Backups of a community: a folder with an image of its database, settings and trust list, and what vouches for them.

It is made as `NAME.part`, written through to the disk, read back, and only then called `NAME`.
"""

import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa

from passes.errors import N_, GatepostError, UsageError
from sync.community.database import open_engine, reading
from sync.community.imaging import count_rows, make_image, settle
from sync.community.numbering import feed_end
from sync.community.office import (
    DIGEST_KEY_FILE,
    KEY_FILES,
    OFFICE_KEY_FILE,
    ROOT_KEY_FILE,
    ROOT_PUBLIC_FILE,
    TRUST_FILE,
)
from sync.community.registry import find_community
from sync.community.settings import FILE_NAME, CommunitySettings
from sync.disk import through_to_disk

MANIFEST_FILE = "backup.json"
IMAGE_FILE = "community.sqlite"
OPEN_FILES = (FILE_NAME, TRUST_FILE, ROOT_PUBLIC_FILE)
SECRET_FILES = (
    ROOT_KEY_FILE,
    OFFICE_KEY_FILE,
    DIGEST_KEY_FILE,
    *(name.format(key_id="*") for name in KEY_FILES.values()),
)
"""Names or patterns of what lets its owner make passes valid, or read and match sealed numbers."""

_CHUNK_BYTES = 1024 * 1024


class BackupError(GatepostError):
    """A backup that cannot be made or is not whole."""


class BackedUp(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a backup, as it was when it was written."""

    bytes: int
    sha256: str


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of: `generation` and `feed_no` are the database's at `taken_at_ms`, `rows` its tables' sizes."""

    version: int = 1
    community: str
    name: str
    generation: str
    feed_no: int
    taken_at_ms: int
    with_keys: bool
    rows: dict[str, int]
    files: dict[str, BackedUp]


def back_up(
    folder: Path, settings: CommunitySettings, engine: sa.Engine, target: Path, now_ms: int, *, with_keys: bool
) -> Backup:
    """Write a backup of the community in `folder` to the new folder `target`, readable by its owner only.

    Private keys are left out unless `with_keys`. Raises `UsageError` when `target` exists, `BackupError`,
    `DatabaseError`; then there is no `target`.
    """
    if target.exists():
        raise UsageError(N_("{path}: exists already; name a new folder for this backup"), path=target)
    part = target.with_name(target.name + ".part")
    try:
        # Of a backup that was cut off.
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(mode=0o700)
        try:
            backup = _write(folder, settings, engine, part, now_ms, with_keys=with_keys)
            if read_backup(part) != backup:
                raise BackupError(N_("{path}: what was written cannot be read back; try another disk"), path=part)
            part.rename(target)
            through_to_disk(target.parent)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise BackupError(
            N_("{path}: cannot be written ({error}); name another place or free some space"), path=target, error=error
        ) from error
    return backup


def read_backup(path: Path) -> Backup:
    """Return what the backup in the folder `path` is of, after every byte of it has been compared.

    Raises `BackupError` for one that is not whole.
    """
    try:
        backup = msgspec.json.decode((path / MANIFEST_FILE).read_bytes(), type=Backup)
        for name, noted in backup.files.items():
            if Path(name).name != name or _vouched(path / name) != noted:
                raise BackupError(N_("{path}: is not as it was written; take another backup"), path=path / name)
    except OSError as error:
        raise BackupError(
            N_("{path}: this is no whole backup ({error}); name the folder that backup made"), path=path, error=error
        ) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise BackupError(
            N_("{path}: cannot be understood ({error}); take another backup, or install a newer version"),
            path=path / MANIFEST_FILE,
            error=error,
        ) from error
    if IMAGE_FILE not in backup.files:
        raise BackupError(N_("{path}: holds no database; take another backup"), path=path)
    return backup


def files_of(folder: Path, *, with_keys: bool) -> Iterator[Path]:
    """Yield the files of a community's folder, or of a backup, that go with its database; a missing one is left out."""
    for pattern in (*OPEN_FILES, *(SECRET_FILES if with_keys else ())):
        yield from sorted(folder.glob(pattern))


def copy_private(source: Path, target: Path) -> None:
    """Copy a file to a new one that only its owner can read, through to the disk; raises `OSError`."""
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with source.open("rb") as reads, os.fdopen(descriptor, "wb") as writes:
        shutil.copyfileobj(reads, writes, _CHUNK_BYTES)
        writes.flush()
        os.fsync(writes.fileno())


def _write(
    folder: Path, settings: CommunitySettings, engine: sa.Engine, part: Path, now_ms: int, *, with_keys: bool
) -> Backup:
    make_image(engine, settings.community.id, part / IMAGE_FILE)
    for path in files_of(folder, with_keys=with_keys):
        copy_private(path, part / path.name)
    image = open_engine(f"sqlite:///{(part / IMAGE_FILE).resolve()}")
    try:
        community = find_community(image, settings.community.id)
        with reading(image) as connection:
            feed_no, rows = feed_end(connection, community.community), count_rows(connection, community.community)
    finally:
        image.dispose()
    settle(part / IMAGE_FILE)
    backup = Backup(
        community=community.community,
        name=community.name,
        generation=community.generation,
        feed_no=feed_no,
        taken_at_ms=now_ms,
        with_keys=with_keys,
        rows=rows,
        files={path.name: _vouched(path) for path in sorted(part.iterdir())},
    )
    manifest = msgspec.json.format(msgspec.json.encode(backup), indent=2)
    descriptor = os.open(part / MANIFEST_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(manifest + b"\n")
    for path in part.iterdir():
        through_to_disk(path)
    through_to_disk(part)
    return backup


def _vouched(path: Path) -> BackedUp:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return BackedUp(bytes=size, sha256=digest.hexdigest())
