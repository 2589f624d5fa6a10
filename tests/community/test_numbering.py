"""Feed numbers that batches reserve: written side by side, read without a gap, given up when a writer dies."""

import random
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from sync.community.database import DatabaseError, events, feed_reservations, open_engine, reading, stations, writing
from sync.community.journal import append
from sync.community.numbering import (
    Numbers,
    ReservationLostError,
    end_frozen_writers,
    feed_end,
    give_up_abandoned,
    reserved,
)
from sync.events import to_json
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS
from tests.community.gates import Gate, found, order, pull, pull_all, push
from tests.community.test_feed import PERSON

_DIES_BEFORE_ITS_COMMIT = """
import os, signal, sys
from sync.community import ingest
from sync.community.database import open_engine
from sync.community.inserting import Setting
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
ingest._keep_refused = die
batch = ingest.read_batch(engine := open_engine(sys.argv[1]), Setting(sys.argv[2], "g1", 0), sys.stdin.buffer)
ingest.store_batch(engine, batch)
"""


_TIMEOUTS = ("lock", "idle_in_transaction_session", "statement")


class _Stopped(Exception):  # noqa: N818 - no error: what ends a writer half-way
    pass


@pytest.fixture
def engine(engine: sa.Engine) -> sa.Engine:
    """Return the engine of a PostgreSQL database; in a SQLite file nothing is written side by side."""
    if engine.dialect.name == "sqlite":
        pytest.skip("a SQLite file has one writer at a time and needs no reservations")
    return engine


def end(engine: sa.Engine) -> int:
    """Return the feed's end."""
    with reading(engine) as connection:
        return feed_end(connection, COMMUNITY)


def reservations(engine: sa.Engine) -> list[int]:
    """Return the first numbers of what is reserved."""
    with reading(engine) as connection:
        return list(connection.execute(sa.select(feed_reservations.c.first_no)).scalars())


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again until it holds; the database paces the loop."""
    for _ in range(5000):
        if holds():
            return
    raise AssertionError("it never came true")


def test_batches_of_two_stations_are_written_side_by_side(engine: sa.Engine, database_url: str) -> None:
    slow, quick = Gate(engine, "g1"), Gate(engine, "g2")
    first = [slow.leg(f"p{number}", "first", NOW_MS) for number in range(3)]
    second = quick.leg("p9", "first", NOW_MS)
    holder = open_engine(database_url)
    with ThreadPoolExecutor(1) as pool:
        with writing(holder) as connection:
            connection.execute(sa.select(stations).where(stations.c.station == "g1").with_for_update())
            late = pool.submit(push, engine, "g1", first)
            wait_until(lambda: reservations(engine) == [1])
            quick.push()
            assert (pull(engine).items, end(engine)) == ([], 0)
        late.result(DEADLINE_S)
    assert [item.id for item in pull_all(engine)] == [event.id for event in [*first, second]]
    assert (reservations(engine), end(engine)) == ([], 4)
    holder.dispose()


def test_a_writer_killed_in_the_middle_holds_nobody_up(engine: sa.Engine, database_url: str) -> None:
    gate, other = Gate(engine, "g1"), Gate(engine, "g2")
    sent = [gate.leg(f"p{number}", "first", NOW_MS) for number in range(3)]
    lines = b"\n".join(to_json(event) for event in sent)
    command = [sys.executable, "-W", "error", "-c", _DIES_BEFORE_ITS_COMMIT, database_url, COMMUNITY]
    assert subprocess.run(command, input=lines, check=False, timeout=DEADLINE_S * 2).returncode == -9
    later = other.leg("p9", "first", NOW_MS)
    other.push()
    assert pull(engine).items == []
    wait_until(lambda: found(engine) == 0 and reservations(engine) == [])
    assert [item.id for item in pull_all(engine)] == [later.id]
    assert push(engine, "g1", sent) == ["stored"] * 3
    assert [item.id for item in pull_all(engine)] == [event.id for event in [later, *sent]]


def test_a_writer_that_froze_in_a_copy_is_ended(engine: sa.Engine, database_url: str) -> None:
    gate, frozen = Gate(engine, "g1"), open_engine(database_url, statement_timeout_s=60)
    sent = gate.leg("p1", "first", NOW_MS)

    def is_ended() -> bool:
        return end_frozen_writers(engine, longest_s=0) == 1

    def freeze() -> None:
        with reserved(frozen, COMMUNITY, 3) as numbers, writing(frozen) as connection:
            limits = [connection.exec_driver_sql(f"SHOW {name}_timeout").scalar() for name in _TIMEOUTS]
            assert limits == ["15s", "5min", "1min"]
            numbers.take(connection)
            driver = connection.connection.driver_connection
            assert driver is not None
            with driver.cursor() as cursor, cursor.copy("COPY events FROM STDIN"):
                assert end_frozen_writers(engine) == 0
                wait_until(is_ended)
                gate.push()
                assert pull(engine).items == []

    with pytest.raises(DatabaseError, match="lost"):
        freeze()
    wait_until(lambda: found(engine) == 0 and reservations(engine) == [])
    assert [item.id for item in pull_all(engine)] == [sent.id]
    frozen.dispose()


def test_nobody_gives_up_what_is_being_written(engine: sa.Engine, database_url: str) -> None:
    other = open_engine(database_url)
    with reserved(engine, COMMUNITY, 5) as numbers, writing(other) as connection:
        numbers.take(connection)
        assert give_up_abandoned(engine, COMMUNITY) == 0
    assert (reservations(engine), end(engine), give_up_abandoned(engine, COMMUNITY)) == ([], 5, 0)
    other.dispose()


def test_who_was_given_up_writes_nothing_and_starts_anew(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(engine, "g1")
    sent = [gate.leg(f"p{number}", "first", NOW_MS) for number in range(3)]
    taken = Numbers.take
    robbed: list[int] = []

    def take_after_a_robbery(numbers: Numbers, connection: sa.Connection) -> Numbers:
        if not robbed:
            robbed.append(give_up_abandoned(engine, COMMUNITY))
        return taken(numbers, connection)

    monkeypatch.setattr(Numbers, "take", take_after_a_robbery)
    assert push(engine, "g1", sent) == ["stored"] * 3
    assert robbed == [1]
    with reading(engine) as connection:
        numbers = connection.execute(sa.select(events.c.feed_no).order_by(events.c.seq)).scalars().all()
    assert (numbers, end(engine), reservations(engine)) == ([4, 5, 6], 6, [])


def test_who_is_given_up_always_is_told_to_come_back(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = Gate(engine, "g1")

    def lose(_numbers: Numbers, _connection: sa.Connection) -> Numbers:
        raise ReservationLostError

    monkeypatch.setattr(Numbers, "take", lose)
    with pytest.raises(DatabaseError, match="feed numbers"):
        push(engine, "g1", [gate.leg("p1", "first", NOW_MS)])
    assert (pull(engine).items, reservations(engine)) == ([], [])


def test_no_reader_misses_a_batch_among_many_writers(engine: sa.Engine, database_url: str) -> None:
    """Six writers, some of whose transactions fail half-way, the office, and somebody who gives up what looks dead."""
    writers, each = 6, 12
    gates = [Gate(engine, f"g{number}") for number in range(writers)]
    is_over = threading.Event()

    def write(gate: Gate) -> list[str]:
        own, stored = open_engine(database_url), []
        dice = random.Random(gate.station)
        for _ in range(each):
            batch = [gate.leg(f"p{dice.random()}", "first", NOW_MS) for _ in range(dice.randint(1, 40))]
            if dice.random() < 0.2:
                with pytest.raises(_Stopped), reserved(own, COMMUNITY, len(batch)):
                    raise _Stopped
            assert set(push(own, gate.station, batch)) == {"stored"}
            stored += [event.id for event in batch]
            if dice.random() < 0.3:
                stored.append(order(own, PERSON).id)
        own.dispose()
        return stored

    def read() -> list[str]:
        own, seen, after, was_over = open_engine(database_url), [], None, False
        while True:
            answer = pull(own, after, limit=50)
            seen += [item.id for item in answer.items]
            after = answer.cursor
            if was_over and not answer.more:
                own.dispose()
                return seen
            was_over = is_over.is_set()
            give_up_abandoned(own, COMMUNITY)

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        written = [one for done in [pool.submit(write, gate) for gate in gates] for one in done.result(DEADLINE_S * 3)]
        is_over.set()
        seen = reader.result(DEADLINE_S)
    assert len(seen) == len(set(seen))
    assert set(seen) == set(written)


def test_the_offices_event_waits_behind_a_reservation(engine: sa.Engine) -> None:
    with reserved(engine, COMMUNITY, 2):
        with writing(engine) as connection:
            written = append(connection, COMMUNITY, PERSON, NOW_MS)
        assert pull(engine).items == []
    assert give_up_abandoned(engine, COMMUNITY) == 1
    assert [item.id for item in pull(engine).items] == [written.id]
