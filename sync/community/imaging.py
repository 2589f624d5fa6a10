"""An image: all that a community's database holds at one moment, as a SQLite file, whatever the database is.

Of a SQLite file it is what SQLite's own online backup makes; of PostgreSQL, the community's rows of every table, read
in one transaction. So it can be looked into with any `sqlite3`, checked, and brought back into either kind of database.
"""

import secrets
from pathlib import Path

import sqlalchemy as sa

from passes.errors import N_, GatepostError
from sync.community.database import (
    communities,
    database_errors,
    feed_reservations,
    metadata,
    open_engine,
    reading,
    trouble,
    writing,
)
from sync.community.schema import migrate
from sync.community.streaming import streamed, streaming
from sync.sqlite import sqlite3

_ROWS_AT_ONCE = 1000


class ImageError(GatepostError):
    """An image that is not whole."""


def make_image(engine: sa.Engine, community: str, path: Path) -> None:
    """Write the image of the database that `engine` opens to a new file, readable by its owner only.

    Stations are served meanwhile. `settle` makes it fit to be kept. Raises `DatabaseError`, `ImageError`, and `OSError`
    when the file cannot be written.
    """
    path.touch(mode=0o600, exist_ok=False)
    if engine.dialect.name == "sqlite":
        _copy_file(engine, path)
    else:
        image = open_engine(f"sqlite:///{path}")
        try:
            migrate(image)
            with streaming(engine, at_one_moment=True) as source, writing(image) as target:
                copy_tables(source, target, community)
        finally:
            image.dispose()


def copy_tables(source: sa.Connection, target: sa.Connection, community: str) -> None:
    """Put the community's rows of every table into the same tables of `target`, which holds none of them.

    Both databases have this version's tables. Raises `ImageError` for a table that this version does not know.
    """
    unknown = {*sa.inspect(source).get_table_names()} - {*metadata.tables, "alembic_version"}
    if unknown:
        raise ImageError(
            N_("database: the table {table} is not this program's, and would be left out; move it elsewhere"),
            table=min(unknown),
        )
    for table in metadata.sorted_tables:
        rows: list[dict[str, object]] = []
        for row in streamed(source, sa.select(table).where(table.c.community == community)):
            rows.append(dict(row._mapping))
            if len(rows) == _ROWS_AT_ONCE:
                target.execute(sa.insert(table), rows)
                rows = []
        if rows:
            target.execute(sa.insert(table), rows)


def settle(path: Path) -> None:
    """Make an image one plain file that can be read where nothing may be written, and read all of it.

    Raises `ImageError` when SQLite finds it damaged, or somebody has it open.
    """
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        found = str(error)
    finally:
        connection.close()
    if found != "ok":
        raise ImageError(N_("{path}: SQLite says: {found}"), path=path, found=found)


def count_rows(connection: sa.Connection, community: str) -> dict[str, int]:
    """Return how many rows of the community each table holds."""
    return {
        name: connection.execute(
            sa.select(sa.func.count()).select_from(table).where(table.c.community == community)
        ).scalar_one()
        for name, table in sorted(metadata.tables.items())
    }


def begin_generation(connection: sa.Connection, community: str) -> str:
    """Give the database's present life a new name, and return it; whoever had reserved feed numbers is gone.

    By the name every gate notices that the community does not know what it knew before.
    """
    name = secrets.token_hex(16)
    connection.execute(sa.update(communities).where(communities.c.community == community).values(generation=name))
    connection.execute(sa.delete(feed_reservations).where(feed_reservations.c.community == community))
    return name


def renew(engine: sa.Engine, community: str) -> str:
    """Begin a new generation of a database that was brought back by other means; return its name."""
    with writing(engine) as connection:
        return begin_generation(connection, community)


def holds(engine: sa.Engine, community: str) -> bool:
    """Say whether the database, which may be empty, holds the community."""
    with reading(engine) as connection:
        if not sa.inspect(connection).has_table(communities.name):
            return False
        query = sa.select(communities.c.community).where(communities.c.community == community)
        return connection.execute(query).one_or_none() is not None


def _copy_file(engine: sa.Engine, path: Path) -> None:
    with database_errors(engine):
        pooled = engine.raw_connection()
    try:
        target = sqlite3.connect(path)
        try:
            pooled.driver_connection.backup(target)  # type: ignore[union-attr]  # it is SQLite's
        finally:
            target.close()
    except sqlite3.Error as error:
        raise trouble(engine, error) from error
    finally:
        pooled.close()
