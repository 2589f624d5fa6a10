"""Bringing a backup back: into the folder and database that it is of, or into new ones, also of the other kind.

Whatever was there is kept beside it or refused. What comes back begins a new generation, by which gates notice that the
community has forgotten what they have sent since, and send it again.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import sqlalchemy as sa

from passes.errors import N_, UsageError
from sync.community.backups import IMAGE_FILE, Backup, BackupError, copy_private, files_of, read_backup
from sync.community.database import metadata, open_engine, writing
from sync.community.imaging import begin_generation, copy_tables, holds, settle
from sync.community.schema import migrate
from sync.community.settings import (
    FILE_NAME,
    CommunitySettings,
    DatabaseTable,
    load_settings,
    save_settings,
)
from sync.community.streaming import streaming
from sync.disk import through_to_disk
from sync.sqlite import sqlite3

_OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'gatepost' AND pid <> pg_backend_pid()"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back: the backup, the new generation, and the folder's files that came out of it."""

    backup: Backup
    generation: str
    files: tuple[str, ...]
    set_aside: Path | None


def restore(path: Path, folder: Path, now_ms: int, *, database: str | None = None, replace: bool = False) -> Restored:
    """Bring the backup in the folder `path` back for the community in `folder`, which may be a new one.

    `database` is the address to use in a new folder, by default the backup's. A database that holds the community is
    refused unless `replace`; a SQLite file that is replaced is kept under another name. Files of `folder` stay as they
    are, missing ones come out of the backup. Raises `UsageError`, `BackupError`, `DatabaseError`.
    """
    backup = read_backup(path)
    settings, is_new = _settings(path, folder, backup, database)
    engine = open_engine(settings.database_url(folder))
    try:
        file = Path(engine.url.database or "") if engine.dialect.name == "sqlite" else None
        # Asking a SQLite file that is not there would make it.
        if (file is None or file.exists()) and holds(engine, backup.community) and not replace:
            raise UsageError(
                N_(
                    "community {community}: its database {url} is there and would be lost; stop the server,"
                    " and add --replace when you mean it"
                ),
                community=backup.community,
                url=engine.url.render_as_string(hide_password=True),
            )
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=file.parent if file else folder) as scratch:
            part = Path(scratch) / IMAGE_FILE
            copy_private(path / IMAGE_FILE, part)
            generation = _prepare(part, backup.community)
            set_aside = None
            if file is None:
                _fill(engine, part, backup.community)
            else:
                engine.dispose()
                set_aside = _put_in_place(part, file, now_ms)
    except OSError as error:
        raise BackupError(
            N_("{path}: cannot be brought back to {folder} ({error}); check the disk"),
            path=path,
            folder=folder,
            error=error,
        ) from error
    finally:
        engine.dispose()
    if is_new:
        save_settings(folder, settings)
    return Restored(backup, generation, tuple(_copy_missing(path, folder)), set_aside)


def _settings(path: Path, folder: Path, backup: Backup, database: str | None) -> tuple[CommunitySettings, bool]:
    """Return the settings to restore by, and whether they are new to `folder`."""
    if not (folder / FILE_NAME).exists():
        settings = load_settings(path)
        if database is not None:
            settings = msgspec.structs.replace(settings, database=DatabaseTable(database))
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return settings, True
    settings = load_settings(folder)
    if settings.community.id != backup.community:
        raise UsageError(
            N_("{folder}: holds community {found}, the backup is of {community}; name another --dir"),
            folder=folder,
            found=settings.community.id,
            community=backup.community,
        )
    if database not in {None, settings.database.url}:
        raise UsageError(
            N_("--database: {path} names the database already; leave the option out, or correct that file"),
            path=folder / FILE_NAME,
        )
    return settings, False


def _prepare(part: Path, community: str) -> str:
    """Bring the image to this version's tables, and begin its new generation."""
    image = open_engine(f"sqlite:///{part.resolve()}")
    try:
        migrate(image)
        with writing(image) as connection:
            generation = begin_generation(connection, community)
    finally:
        image.dispose()
    settle(part)
    return generation


def _put_in_place(part: Path, database: Path, now_ms: int) -> Path | None:
    """Name the image as the database's file; return what the old one is called now."""
    aside = database.with_name(f"{database.name}.replaced-{now_ms}") if database.exists() else None
    if aside is not None:
        _require_closed(database)
        for suffix in ("", "-wal", "-shm"):
            companion = Path(f"{database}{suffix}")
            if companion.exists():
                companion.rename(f"{aside}{suffix}")
    part.rename(database)
    through_to_disk(database.parent)
    return aside


def _require_closed(database: Path) -> None:
    """Raise `UsageError` while a server has the file open, whose next records would go into the old one."""
    connection = sqlite3.connect(database, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise UsageError(
                N_("{path}: a server or command has it open; stop it, and restore again"), path=database
            ) from error
        # A file that is damaged is no reason against a restore, on the contrary.
    except sqlite3.DatabaseError:
        pass
    finally:
        connection.close()


def _fill(engine: sa.Engine, part: Path, community: str) -> None:
    """Put the image's rows into a PostgreSQL database in the place of the community's own, in one transaction."""
    migrate(engine)
    image = open_engine(f"sqlite:///{part.resolve()}")
    try:
        with streaming(image) as source, writing(engine) as target:
            others = target.execute(_OTHERS).scalar_one()
            if others:
                raise UsageError(
                    N_("database {url}: {others} connections of a server or command are open; stop them first"),
                    url=engine.url.render_as_string(hide_password=True),
                    others=others,
                )
            for table in reversed(metadata.sorted_tables):
                target.execute(sa.delete(table).where(table.c.community == community))
            copy_tables(source, target, community)
    finally:
        image.dispose()


def _copy_missing(path: Path, folder: Path) -> list[str]:
    copied = []
    for file in files_of(path, with_keys=True):
        if not (folder / file.name).exists():
            copy_private(file, folder / file.name)
            copied.append(file.name)
    return copied
