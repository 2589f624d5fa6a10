"""The station's SQLite file: how it is opened and what its tables are."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database, Migrations
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined] # the newest SQLite there is, chosen by sqlite-utils

from passes.errors import N_, GatepostError

FILE_NAME = "journal.sqlite"
BUSY_TIMEOUT_S = 5.0

_migrations = Migrations("station")


class StorageError(GatepostError):
    """The file cannot be read or written: nothing was recorded."""


@_migrations()
def journal_and_register(db: Database) -> None:
    """Create the journal (events, never changed), its deliveries, and the register that is folded from it."""
    db.executescript("""
        CREATE TABLE events (
            n INTEGER PRIMARY KEY,
            epoch TEXT NOT NULL, seq INTEGER NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT NULL,
            device_ms INTEGER NOT NULL, drift_ms INTEGER, suspect INTEGER NOT NULL, shift TEXT, guard TEXT,
            body TEXT NOT NULL, body_sha256 TEXT NOT NULL, prev TEXT NOT NULL, hash TEXT NOT NULL
        ) STRICT;
        CREATE TRIGGER events_never_change BEFORE UPDATE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
        CREATE TRIGGER events_never_go BEFORE DELETE ON events
            BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;

        CREATE TABLE deliveries (
            n INTEGER PRIMARY KEY REFERENCES events, status TEXT NOT NULL, reason TEXT, at_ms INTEGER NOT NULL
        ) STRICT;
        CREATE INDEX deliveries_in_trouble ON deliveries (status) WHERE status IN ('fork', 'quarantined');

        CREATE TABLE passes (
            pass_id TEXT PRIMARY KEY, number TEXT NOT NULL, kind TEXT NOT NULL, holder TEXT NOT NULL,
            holder_id TEXT NOT NULL, household TEXT NOT NULL, address TEXT NOT NULL,
            valid_from TEXT NOT NULL, valid_until TEXT NOT NULL,
            state TEXT NOT NULL, detail TEXT, issued_ms INTEGER NOT NULL, token TEXT NOT NULL
        ) STRICT, WITHOUT ROWID;
        CREATE UNIQUE INDEX passes_by_number ON passes (number);

        CREATE TABLE bans (holder_id TEXT PRIMARY KEY, reason TEXT NOT NULL) STRICT, WITHOUT ROWID;

        CREATE TABLE passages (
            n INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, station TEXT NOT NULL, direction TEXT NOT NULL,
            outcome TEXT NOT NULL, fever INTEGER NOT NULL, leg TEXT, pass_id TEXT
        ) STRICT;
        CREATE INDEX passages_of_pass ON passages (pass_id, at_ms DESC, direction, station, leg)
            WHERE outcome = 'allowed' AND pass_id IS NOT NULL;

        CREATE TABLE tallies (
            day TEXT, outcome TEXT, direction TEXT, fever INTEGER, number INTEGER NOT NULL,
            PRIMARY KEY (day, outcome, direction, fever)
        ) STRICT, WITHOUT ROWID;

        CREATE TABLE shifts (
            id TEXT PRIMARY KEY, opened_ms INTEGER NOT NULL, guards TEXT NOT NULL, lead TEXT,
            handed_over_ms INTEGER, incoming TEXT, outstanding TEXT, opened_n INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID;
    """)


def open_database(folder: Path, *, create: bool = False) -> Database:
    """Open the station's file in `folder` with full durability; a `Database` belongs to the thread that opened it.

    Raises `StorageError` when the file is missing (unless `create`), unreadable or no database.
    """
    path = folder / FILE_NAME
    if not create and not path.is_file():
        raise StorageError(
            N_("{path}: this folder holds no station yet; run: gatepost init --dir {folder}"), path=path, folder=folder
        )
    with storage_errors(path):
        connection = sqlite3.connect(str(path), timeout=BUSY_TIMEOUT_S)
        db = Database(connection)
        db.execute(f"PRAGMA journal_mode = {_safe_journal_mode(sqlite3.sqlite_version_info)}")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        if _migrations.pending(db):
            _migrations.apply(db)
    return db


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn whatever SQLite raises inside the block into a `StorageError` that names the file and the remedy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(_sentence_for(str(error)), path=path, error=error) from error


@contextmanager
def writing(db: Database, path: Path) -> Iterator[None]:
    """Run the block as one write transaction that holds the file's only write lock from its start.

    It is on disk when the block has been left without an exception; otherwise nothing of it is.
    """
    with storage_errors(path):
        db.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            db.conn.execute("COMMIT")
        except BaseException:
            if db.conn.in_transaction:
                db.conn.execute("ROLLBACK")
            raise


def _safe_journal_mode(version: tuple[int, ...]) -> str:
    """Return WAL unless this SQLite may lose rows when two connections write and checkpoint at once.

    Fixed in 3.51.3, 3.50.7 and 3.44.6 (sqlite.org, WAL-reset bug).
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "WAL" if fixed else "DELETE"


def _sentence_for(error: str) -> str:
    if "full" in error:
        return N_("{path}: the disk is full, nothing was recorded; free some space and record again")
    if "readonly" in error or "unable to open" in error:
        return N_("{path}: cannot be written ({error}), nothing was recorded; check the folder's permissions")
    if "not a database" in error or "malformed" in error:
        return N_("{path}: the file is damaged ({error}); keep it, and start a new folder with: gatepost init")
    if "locked" in error:
        return N_("{path}: another program holds the file, nothing was recorded; close it and record again")
    return N_("{path}: {error}; nothing was recorded")
