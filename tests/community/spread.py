"""Two PostgreSQL servers that hold one community database between them, by postgres_fdw.

The extra's PostgreSQL has no contrib modules, so these are the system's, where one is installed.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from sync.community.database import open_engine
from sync.community.schema import migrate

START_TIMEOUT_S = 30

_SPREAD = """
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '{host}', dbname '{far}', batch_size '1000');
CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'postgres');
ALTER TABLE events RENAME TO events_here;
CREATE TABLE events (LIKE events_here INCLUDING DEFAULTS) PARTITION BY LIST (community);
ALTER TABLE events ATTACH PARTITION events_here DEFAULT;
CREATE FOREIGN TABLE events_far PARTITION OF events FOR VALUES IN ('{community}')
    SERVER far OPTIONS (table_name 'events');
"""
"""Every server has the whole schema from our own migrations; only where a community's events lie is said by hand."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Two servers: the one that is asked, and the far one where one community's events lie."""

    near: Path
    far: Path

    def near_url(self, database: str) -> str:
        """Return the address of a database on the server that is asked."""
        return _url(self.near, database)

    def far_url(self, database: str) -> str:
        """Return the address of a database on the far server."""
        return _url(self.far, database)

    def prepare(self, community: str) -> None:
        """Make a template of both databases, with the events of `community` on the far server."""
        for folder in (self.far, self.near):
            self._run(folder, "CREATE DATABASE template_of_both")
            engine = open_engine(_url(folder, "template_of_both"))
            migrate(engine)
            engine.dispose()
        statements = _SPREAD.format(host=self.far, far="template_of_both", community=community)
        with psycopg.connect(self.near_url("template_of_both"), autocommit=True) as connection:
            connection.execute(statements)

    @contextmanager
    def database(self, name: str) -> Iterator[str]:
        """Make an empty database spread over both servers and return its address."""
        for folder in (self.far, self.near):
            self._run(folder, f"CREATE DATABASE {name} TEMPLATE template_of_both")
        with psycopg.connect(self.near_url(name), autocommit=True) as connection:
            connection.execute(f"ALTER SERVER far OPTIONS (SET dbname '{name}')")
        yield self.near_url(name)
        for folder in (self.near, self.far):
            self._run(folder, f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, folder: Path, statement: str) -> None:
        with psycopg.connect(_url(folder, "postgres"), autocommit=True) as connection:
            connection.execute(statement)


def find_server() -> Path | None:
    """Return the folder of the programs of a PostgreSQL that has postgres_fdw; None where there is none."""
    config = shutil.which("pg_config")
    found = [Path(config).resolve().parent] if config else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((bin_ for bin_ in found if (bin_ / "initdb").exists() and _has_wrapper(bin_)), None)


def _has_wrapper(programs: Path) -> bool:
    config = programs / "pg_config"
    done = subprocess.run([config, "--pkglibdir"], capture_output=True, text=True, check=False)
    return (Path(done.stdout.strip()) / "postgres_fdw.so").exists()


@contextmanager
def two_servers(programs: Path) -> Iterator[Servers]:
    """Start two servers on unix sockets in a folder of their own, and stop them."""
    # A short path, since a unix socket's path holds 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="gp-two-"))
    user = _owner()
    if user:
        shutil.chown(folder, user)
    started: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("near", "far"):
            where = folder / name
            options = ["--auth=trust", "--username=postgres", "--encoding=utf8", "--no-sync", "--no-locale"]
            command = [str(programs / "initdb"), *options, "-D", str(where / "data")]
            subprocess.run(command, user=user, check=True, capture_output=True, cwd=folder)
            server = [str(programs / "postgres"), "-D", str(where / "data"), "-k", str(where)]
            server += ["-h", "", "-c", "fsync=off"]
            started.append(
                subprocess.Popen(server, user=user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            )
            _wait_for(programs, where)
        yield Servers(folder / "near", folder / "far")
    finally:
        for process in started:
            process.terminate()
            process.wait(START_TIMEOUT_S)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(programs: Path, folder: Path) -> None:
    for _ in range(START_TIMEOUT_S):
        done = subprocess.run([programs / "pg_isready", "-q", "-h", folder, "-t", "1"], check=False)
        if done.returncode == 0:
            return
    raise AssertionError("PostgreSQL did not start")


def _owner() -> str | None:
    """Return who the servers run as: not root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    return next(entry.pw_name for entry in pwd.getpwall() if entry.pw_name in {"postgres", "nobody"})


def _url(folder: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={folder}"
