"""Power cuts at a community that keeps its records in a SQLite file: what it answered as stored is there."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from sync.community import database
from sync.community.database import events, feed_counters, open_engine, reading
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.events import Event
from tests.community.conftest import COMMUNITY, NOW_MS
from tests.community.gates import Gate, found, issued, order, push
from tests.faults.disk import cut_power
from tests.faults.recording import Recording, library, recording
from tests.faults.test_power_cuts import CUTS, SEED

FILE_NAME = "community.sqlite"
ROUNDS = 12
BATCH = 8


@dataclass(frozen=True)
class Day:
    """What was written, and what the gates sent."""

    made: Recording
    sent: dict[str, list[Event]]


@pytest.fixture(params=["WAL", "DELETE"])
def day(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """A day at the office, recorded: batches of two gates, orders, and conflicts that are found."""
    if (sqlite := library()) is None:
        pytest.skip("this SQLite hides its interface to the file system, so its writes cannot be recorded")
    monkeypatch.setattr(database, "safe_journal_mode", lambda _version: request.param)
    folder = tmp_path / "community"
    folder.mkdir()
    with recording(sqlite, folder) as made:
        engine = open_engine(f"sqlite:///{folder / FILE_NAME}")
        migrate(engine)
        add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
        gates = [Gate(engine, name) for name in ("east", "west")]
        made.promise(set_up=1)
        sent: dict[str, list[Event]] = {gate.station: [] for gate in gates}
        with reading(engine) as connection:
            connection.exec_driver_sql("PRAGMA wal_autocheckpoint = 20")
        for number in range(ROUNDS):
            for gate in gates:
                for i in range(BATCH):
                    gate.leg(f"p{number}-{i}", "first", NOW_MS + number)
                sent[gate.station] += gate.unsent
                gate.push()
                made.promise(**{gate.station: gate.chain.seq})
            order(engine, issued(f"p{number}-0"))
            found(engine)
            made.promise(office=_count(engine, "office"))
        engine.dispose()
        yield Day(made, sent)


def _count(engine: sa.Engine, station: str) -> int:
    query = sa.select(sa.func.count()).where(events.c.community == COMMUNITY, events.c.station == station)
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one())


def test_what_was_answered_is_kept(day: Day, tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{day.made.folder / FILE_NAME}")
    with reading(engine) as connection:
        hashes = {(row.station, row.seq): row.hash for row in connection.execute(sa.select(events))}
    engine.dispose()

    def start_again(left: Path, promised: dict[str, int]) -> int:
        engine = open_engine(f"sqlite:///{left / FILE_NAME}")
        try:
            if "set_up" not in promised:
                return 0
            with reading(engine) as connection:
                assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
                rows = connection.execute(sa.select(events).order_by(events.c.feed_no)).all()
                counted = connection.execute(sa.select(feed_counters.c.last_feed_no)).scalar_one()
            assert [row.feed_no for row in rows] == list(range(1, counted + 1))
            for name in ("east", "west", "office"):
                of_this = [row for row in rows if row.station == name]
                assert [row.seq for row in of_this] == list(range(1, len(of_this) + 1))
                assert [row.hash for row in of_this] == [hashes[name, row.seq] for row in of_this]
                assert len(of_this) >= promised.get(name, 0)
            for name, made in day.sent.items():
                assert set(push(engine, name, made)) <= {"already", "stored"}
                assert _count(engine, name) == len(made)
            return len(rows)
        finally:
            engine.dispose()

    counts = cut_power(day.made, tmp_path, CUTS // 10, SEED, start_again)
    assert len(set(counts)) > ROUNDS
