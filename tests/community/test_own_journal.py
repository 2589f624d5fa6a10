import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa

from passes.kinds import PRESETS, Mode
from sync.bodies import Body, KindSet, ModeSet, PassageRecorded
from sync.community.database import communities, events, open_engine, reading, writing
from sync.community.journal import append
from sync.community.registry import add_community, find_community
from sync.community.schema import migrate
from sync.events import GENESIS, OFFICE, Clock, Event, is_intact
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS
from tests.community.gates import Gate, order

_MODE = ModeSet(mode=Mode.STATIC, effective_ms=NOW_MS)


def journal_of(engine: sa.Engine, community: str = COMMUNITY) -> list[Event]:
    query = sa.select(events).where(events.c.community == community, events.c.station == OFFICE)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(events.c.feed_no)).all()
    return [
        Event(
            clock=Clock(device_ms=row.device_ms, drift_ms=row.drift_ms, suspect=row.suspect),
            body=msgspec.Raw(row.body.encode()),
            **{name: getattr(row, name) for name in Event.__struct_fields__ if name not in {"clock", "body"}},
        )
        for row in rows
    ]


def assert_chain(chain: list[Event]) -> None:
    prev = GENESIS
    for seq, event in enumerate(chain, 1):
        assert is_intact(event)
        assert (event.seq, event.prev) == (seq, prev)
        prev = event.hash


def test_the_office_writes_one_chain_in_the_feeds_order(engine: sa.Engine) -> None:
    gate = Gate(engine, "east")
    first = order(engine, _MODE)
    gate.leg("p1", "first", NOW_MS)
    gate.push()
    second = order(engine, KindSet(kind=PRESETS["tenant"], effective_ms=NOW_MS), NOW_MS + 1)
    assert journal_of(engine) == [first, second]
    assert_chain([first, second])
    assert first.epoch == find_community(engine, COMMUNITY).generation
    assert (second.at_ms, second.clock.drift_ms, second.guard, second.shift) == (NOW_MS + 1, 0, "孙主任", None)
    with reading(engine) as connection:
        order_of_feed = connection.execute(sa.select(events.c.station).order_by(events.c.feed_no)).scalars().all()
    assert order_of_feed == [OFFICE, "east", OFFICE]


def test_another_generation_is_another_epoch_of_the_same_chain(engine: sa.Engine) -> None:
    last = [order(engine, _MODE) for _ in range(2)][-1]
    with writing(engine) as connection:
        connection.execute(sa.update(communities).values(generation="another"))
    following = order(engine, _MODE)
    assert (following.epoch, following.seq, following.prev) == ("another", 1, last.hash)
    assert order(engine, _MODE).prev == following.hash


def test_each_community_has_its_own(engine: sa.Engine) -> None:
    add_community(engine, "2", "乙", "Asia/Shanghai")
    order(engine, _MODE)
    other = order(engine, _MODE, community="2")
    assert (other.seq, other.prev) == (1, GENESIS)


def test_processes_that_write_at_once_write_one_chain(engine: sa.Engine, database_url: str) -> None:
    writers, each = 4, 8
    start = threading.Barrier(writers)

    def write(_number: int) -> None:
        own = open_engine(database_url)
        try:
            start.wait(DEADLINE_S)
            for _ in range(each):
                order(own, _MODE)
        finally:
            own.dispose()

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    chain = journal_of(engine)
    assert len(chain) == writers * each
    assert_chain(chain)


def test_what_is_rolled_back_leaves_no_gap(engine: sa.Engine) -> None:
    class _ChangedMindError(Exception):
        pass

    def change_mind() -> None:
        with writing(engine) as connection:
            append(connection, COMMUNITY, _MODE, NOW_MS)
            raise _ChangedMindError

    order(engine, _MODE)
    with pytest.raises(_ChangedMindError):
        change_mind()
    order(engine, _MODE)
    assert_chain(journal_of(engine))


def test_a_body_that_cannot_be_read_back_is_not_written(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/c.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    wrong: Body = PassageRecorded(outcome="vanished", direction="exit", verdict="allow")  # type: ignore[arg-type] # that is the point
    with pytest.raises(msgspec.ValidationError):
        order(engine, wrong)
    assert journal_of(engine) == []
    engine.dispose()
