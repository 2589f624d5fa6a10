"""Several server processes on one address and one database."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest
import sqlalchemy as sa

from passes.errors import UsageError
from sync.community.database import events, open_engine
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.serving import check_processes
from sync.community.stations import add_station
from tests.community.conftest import COMMUNITY, NOW_MS, Chain, Server, answers_of, lines_of
from tests.web import web

_SERVER = """
import functools, sys
from station.clock import SystemClock
from sync.community.api import open_app
from sync.community.serving import serve_in_processes
make = functools.partial(open_app, sys.argv[1], sys.argv[2], SystemClock().now_ms)
serve_in_processes(make, 2, "127.0.0.1", 0, lambda address: print(address, flush=True))
"""


@pytest.mark.parametrize("ended_by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_two_processes_store_every_event_once(postgresql_database: str, ended_by: signal.Signals) -> None:
    engine = open_engine(postgresql_database)
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in ("east", "west")}
    journals = {name: Chain(name).many(80) for name in secrets}
    command = [sys.executable, "-W", "error", "-c", _SERVER, postgresql_database, COMMUNITY]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        assert process.stdout is not None
        server = Server(process.stdout.readline().strip(), engine, secrets)

        def send(name: str) -> list[str]:
            # Each batch comes over a connection of its own, so either process may get it.
            parts = [journals[name][at : at + 10] for at in range(0, 80, 10)]
            return [answer.status for part in parts for answer in answers_of(server.post(name, lines_of(part)))]

        with ThreadPoolExecutor(4) as pool:
            found = [status for part in pool.map(send, [*secrets, *secrets]) for status in part]
        process.send_signal(ended_by)
        # Its workers hold the pipes, so this waits for them too.
        _out, errors = process.communicate(timeout=20)
    killed = ended_by == signal.SIGKILL
    assert (process.returncode, errors if not killed else "") == (-signal.SIGKILL if killed else 0, "")
    with pytest.raises(httpx2.ConnectError):
        web.get(f"{server.url}/v1/health")
    assert (found.count("stored"), found.count("already")) == (160, 160)
    rows = server.rows(events)
    assert sorted((row.station, row.seq) for row in rows) == [(name, seq) for name in journals for seq in range(1, 81)]
    assert len({row.feed_no for row in rows}) == 160
    engine.dispose()


def test_who_may_serve_in_several_processes(engine: sa.Engine) -> None:
    check_processes(engine, 1)
    for wrong in (0, -1, 65):
        with pytest.raises(UsageError, match="--processes"):
            check_processes(engine, wrong)
    if engine.dialect.name == "sqlite":
        with pytest.raises(UsageError, match="PostgreSQL"):
            check_processes(engine, 2)
    else:
        check_processes(engine, 2)
