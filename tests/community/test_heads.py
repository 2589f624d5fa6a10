"""A station's head decides how a batch is inserted, and never what it is answered."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from sync.community.database import (
    events,
    feed_counters,
    feed_reservations,
    forks,
    quarantine,
    reading,
    stations,
    writing,
)
from sync.community.holdings import holdings
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.numbering import feed_end
from sync.community.schema import migrate, migrate_down
from sync.community.stations import StationWithdrawnError, add_station, authenticate, withdraw_station
from sync.events import Event, to_json
from sync.secrets import secret_digest
from sync.wire import Holding, JournalAnswer
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS, Chain, Server, answers_of, lines_of, passage


def statuses(server: Server, sent: list[Event], station: str = "east") -> list[str]:
    return [answer.status for answer in server.send(station, sent)]


def head(server: Server, station: str = "east") -> tuple[str | None, int | None]:
    row = next(row for row in server.rows(stations) if row.station == station)
    return row.head_epoch, row.head_seq


@contextmanager
def comparisons(server: Server) -> Iterator[list[str]]:
    """Collect the inserts into events that look at what is there."""
    seen: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("INSERT INTO events") and "ON CONFLICT" in statement:
            seen.append(statement)

    sa.event.listen(server.engine, "before_cursor_execute", look)
    try:
        yield seen
    finally:
        sa.event.remove(server.engine, "before_cursor_execute", look)


def test_what_lies_beyond_the_head_is_inserted_without_comparing(server: Server) -> None:
    chain = Chain("east")
    assert head(server) == (None, None)
    with comparisons(server) as seen:
        assert statuses(server, chain.many(3)) == ["stored"] * 3
        assert (head(server), len(seen)) == (("01", 3), 1)
        assert statuses(server, chain.many(4)) == ["stored"] * 4
        assert statuses(server, chain.many(1)) == ["stored"]
        assert (head(server), len(seen)) == (("01", 8), 1)
    assert [(row.seq, row.feed_no) for row in server.rows(events)] == [(number, number) for number in range(1, 9)]


def test_a_lost_answer_sent_again_after_the_head(server: Server) -> None:
    chain = Chain("east")
    statuses(server, chain.many(2))
    lost = chain.many(3)
    assert statuses(server, lost) == ["stored"] * 3
    assert statuses(server, lost) == ["already"] * 3
    assert statuses(server, [*lost, *chain.many(2)]) == ["already"] * 3 + ["stored"] * 2
    assert head(server) == ("01", 7)
    assert sorted(row.seq for row in server.rows(events)) == list(range(1, 8))


def test_a_gap_is_filled_later(server: Server) -> None:
    chain = Chain("east")
    first, missing, last = chain.many(2), chain.many(2), chain.many(2)
    assert statuses(server, first) == ["stored"] * 2
    told = msgspec.json.decode(server.post("east", lines_of(last)).content, type=JournalAnswer)
    assert ([one.status for one in told.results], told.has_gap) == (["stored"] * 2, True)
    assert head(server) == ("01", 6)
    with reading(server.engine) as connection:
        assert holdings(connection, COMMUNITY, "east") == [Holding(epoch="01", seq=2)]
    assert statuses(server, missing) == ["stored"] * 2
    assert head(server) == ("01", 6)
    assert statuses(server, [*first, *missing, *last]) == ["already"] * 6
    by_arrival = sorted(server.rows(events), key=lambda row: row.feed_no)
    assert [row.seq for row in by_arrival] == [1, 2, 5, 6, 3, 4]


def test_a_fork_at_the_head(server: Server) -> None:
    chain = Chain("east")
    known = chain.many(3)
    statuses(server, known[:1])
    statuses(server, known[1:])
    other = Chain("east", seq=2, prev=known[1].hash)
    forked, beyond = other.many(2)
    assert statuses(server, [forked, beyond]) == ["fork", "stored"]
    assert [row.hash for row in server.rows(forks)] == [forked.hash]
    assert head(server) == ("01", 4)
    assert statuses(server, [beyond]) == ["already"]


def test_a_new_epoch_moves_the_head_and_an_old_one_may_come_back(server: Server) -> None:
    old, new = Chain("east"), Chain("east", epoch="02")
    assert statuses(server, old.many(3)) == ["stored"] * 3
    assert statuses(server, new.many(2)) == ["stored"] * 2
    assert head(server) == ("02", 2)
    late = old.many(2)
    assert statuses(server, late) == ["stored"] * 2
    assert head(server) == ("01", 5)
    assert statuses(server, [*old.many(1), *new.many(1)]) == ["stored"] * 2
    assert head(server) == ("02", 3)
    assert statuses(server, [*late, *new.many(2)]) == ["already"] * 2 + ["stored"] * 2
    assert head(server) == ("02", 5)


def test_bad_and_repeated_lines_in_a_batch_beyond_the_head(server: Server) -> None:
    chain = Chain("east")
    statuses(server, chain.many(1))
    first, second = chain.many(2)
    twin = Chain("east", seq=1).add(passage("another"))
    body = b"\n".join([to_json(first), b"what is this", to_json(first), to_json(twin), to_json(second)])
    with comparisons(server) as seen:
        answers = answers_of(server.post("east", body))
    assert [answer.status for answer in answers] == ["stored", "quarantined", "already", "fork", "stored"]
    assert len(seen) == 1  # the fork, which is kept beside
    assert [row.line for row in server.rows(quarantine)] == [b"what is this"]
    assert [row.hash for row in server.rows(forks)] == [twin.hash]
    assert head(server) == ("01", 3)


def test_a_batch_without_an_event_leaves_the_head(server: Server) -> None:
    statuses(server, Chain("east").many(2))
    assert answers_of(server.post("east", b"")) == []
    assert [answer.status for answer in answers_of(server.post("east", b"x"))] == ["quarantined"]
    assert head(server) == ("01", 2)


@pytest.mark.parametrize("wrong", [(None, None), ("01", 1), ("00", 1), ("01", 10**9)])
def test_a_wrong_head_costs_time_and_nothing_else(server: Server, wrong: tuple[str | None, int | None]) -> None:
    chain = Chain("east")
    sent = chain.many(4)
    statuses(server, sent)
    with writing(server.engine) as connection:
        connection.execute(sa.update(stations).values(head_epoch=wrong[0], head_seq=wrong[1]))
    other = Chain("east", seq=3).add(passage("another"))
    assert statuses(server, [*sent[1:3], other, *chain.many(2)]) == ["already", "already", "fork", "stored", "stored"]
    assert head(server) == ("01", 6)
    assert [row.hash for row in server.rows(forks)] == [other.hash]
    assert sorted(row.seq for row in server.rows(events) if row.epoch == "01") == list(range(1, 7))
    [counter] = server.rows(feed_counters)
    assert counter.last_feed_no >= max(row.feed_no for row in server.rows(events))
    assert statuses(server, chain.many(1)) == ["stored"]


def test_a_batch_beyond_the_head_is_a_contact_too(engine: sa.Engine) -> None:
    add_station(engine, COMMUNITY, "east", "东门", NOW_MS)
    chain = Chain("east")
    for at_ms in (NOW_MS + 1, NOW_MS + 2):
        batch = read_batch(engine, Setting(COMMUNITY, "east", at_ms), [to_json(chain.add())])
        store_batch(engine, batch)
        with reading(engine) as connection:
            assert connection.execute(sa.select(stations.c.last_contact_ms)).scalar_one() == at_ms


def test_a_station_withdrawn_after_it_was_let_in_leaves_nothing(engine: sa.Engine) -> None:
    add_station(engine, COMMUNITY, "east", "东门", NOW_MS)
    chain = Chain("east")
    setting = Setting(COMMUNITY, "east", NOW_MS)
    store_batch(engine, read_batch(engine, setting, [to_json(chain.add())]))
    late = [read_batch(engine, setting, lines) for lines in ([to_json(chain.add()), b"x"], [b"x"], [])]
    withdraw_station(engine, COMMUNITY, "east", NOW_MS)
    for batch in late:
        with pytest.raises(StationWithdrawnError, match="east"):
            store_batch(engine, batch)
    with reading(engine) as connection:
        assert [row.seq for row in connection.execute(sa.select(events))] == [1]
        assert connection.execute(sa.select(quarantine)).all() == []
        assert connection.execute(sa.select(stations.c.head_seq)).scalar_one() == 1
        assert connection.execute(sa.select(feed_reservations)).all() == []
        assert feed_end(connection, COMMUNITY) == (1 if engine.dialect.name == "sqlite" else 2)


def test_two_stations_and_two_senders_of_each_at_once(server: Server) -> None:
    journals = {name: Chain(name).many(60) for name in ("east", "west")}
    start = threading.Barrier(4)

    def send(name: str) -> list[str]:
        start.wait(DEADLINE_S)
        parts = [journals[name][at : at + 6] for at in range(0, 60, 6)]
        return [status for part in parts for status in statuses(server, part, name)]

    with ThreadPoolExecutor(4) as pool:
        found = [status for part in pool.map(send, [*journals, *journals]) for status in part]
    assert (found.count("stored"), found.count("already")) == (120, 120)
    rows = server.rows(events)
    assert sorted((row.station, row.seq) for row in rows) == [
        (name, number) for name in journals for number in range(1, 61)
    ]
    assert len({row.feed_no for row in rows}) == 120
    assert (head(server, "east"), head(server, "west")) == (("01", 60), ("01", 60))


def test_stations_outlive_the_migration_up_and_down(engine: sa.Engine) -> None:
    secret = add_station(engine, COMMUNITY, "east", "东门", NOW_MS)
    with writing(engine) as connection:
        connection.execute(sa.update(stations).values(head_epoch="01", head_seq=7))
    migrate_down(engine, "0002")
    assert {column["name"] for column in sa.inspect(engine).get_columns("stations")}.isdisjoint(
        {"head_epoch", "head_seq"}
    )
    migrate(engine)
    assert authenticate(engine, COMMUNITY, secret_digest(secret)).station_name == "东门"
    with reading(engine) as connection:
        assert connection.execute(sa.select(stations.c.head_epoch, stations.c.head_seq)).all() == [(None, None)]
