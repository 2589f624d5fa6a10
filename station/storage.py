"""The station's SQLite file: how it is opened and written, and what its troubles are called."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from passes.errors import N_, GatepostError
from sync.sqlite import CACHED_STATEMENTS, safe_journal_mode, sqlite3

if TYPE_CHECKING:
    from sqlite3 import Connection

FILE_NAME = "journal.sqlite"
BUSY_TIMEOUT_S = 5.0
LEAST_FREE_BYTES = 200_000_000
"""Some 500,000 passages; below, a shift may end on a full disk."""

VERSION = 9
"""Of the tables, as noted in the file; it grows with every step in `station.migrations`."""


class StorageError(GatepostError):
    """The file cannot be read or written: nothing was recorded."""


def open_file(folder: Path, *, create: bool = False) -> "Connection":
    """Open the station's file in `folder` with full durability; a connection belongs to the thread that opened it.

    Raises `StorageError` when the file is missing (unless `create`), unreadable, no database, or of a newer program.
    """
    path = folder / FILE_NAME
    if not create and not path.is_file():
        raise StorageError(
            N_("{path}: this folder holds no station yet; run: gatepost init --dir {folder}"), path=path, folder=folder
        )
    with storage_errors(path):
        connection: Connection = sqlite3.connect(str(path), timeout=BUSY_TIMEOUT_S, cached_statements=CACHED_STATEMENTS)
        connection.execute(f"PRAGMA journal_mode = {safe_journal_mode(sqlite3.sqlite_version_info)}")
        # As FULL; where commits delete a rollback journal, a power cut cannot bring that back and undo them.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise StorageError(
                N_("{path}: written by a newer Gatepost ({version}); install that one here"), path=path, version=version
            )
        if version < VERSION:
            # sqlite-utils costs a fifth of a cold start, so it is loaded only when there is something to do.
            from station.migrations import migrate

            migrate(connection, VERSION)
    return connection


def lack_of_room(folder: Path) -> StorageError | None:
    """Return what threatens the records of the station in `folder`: a disk that is nearly full; else None."""
    try:
        free_bytes = shutil.disk_usage(folder).free
    except OSError:
        return None
    if free_bytes >= LEAST_FREE_BYTES:
        return None
    return StorageError(
        N_("only {megabytes} MB free on the disk: free some space today"), megabytes=free_bytes // 1_000_000
    )


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn whatever SQLite raises inside the block into a `StorageError` that names the file and the remedy."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise StorageError(_sentence_for(str(error)), path=path, error=error) from error


class writing:  # noqa: N801 - used like the function it stands for; a generator would cost a record 10 microseconds
    """Run the block as one write transaction that holds the file's only write lock from its start.

    It is on disk when the block has been left without an exception; otherwise nothing of it is. What SQLite raises
    becomes a `StorageError`.
    """

    def __init__(self, connection: "Connection", path: Path) -> None:
        self._connection = connection
        self._path = path

    def __enter__(self) -> None:
        with storage_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.DatabaseError as failure:
                error = failure
        if error is not None:
            with storage_errors(self._path):
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.DatabaseError):
                    raise error


class reading:  # noqa: N801 - as `writing`
    """Run the block's reads as one transaction: all see the same moment, and the file is locked once, not for each."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        # A read that failed may have ended the transaction itself.
        if self._connection.in_transaction:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")


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
