"""Purges one after the other, at once and cut off, and what the database's files hold afterwards."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sync.community import database, purging
from sync.community.database import DatabaseError, communities, events, open_engine
from sync.community.purging import Purged, count_overdue
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.scrubbing import scrub
from sync.community.streaming import streaming
from sync.community.tables_retention import purges
from sync.community.verifying import verify_journals
from sync.retention import Pseudonyms
from tests.community.conftest import COMMUNITY, NOW_MS
from tests.community.gates import DAY_MS, Gate
from tests.community.oldtimes import LATER_MS, bodies, is_idle, keeping, play_old_times, rows, run


@pytest.fixture
def east(engine: sa.Engine) -> Gate:
    return Gate(engine, "east")


def opened(url: str) -> sa.Engine:
    """Return the engine of a migrated database that holds the community."""
    engine = open_engine(url)
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    return engine


def cut_off_a_purge(engine: sa.Engine, east: Gate, **days: int) -> None:
    """Play seven passages, and let a purge of them stop after four."""
    for number in range(7):
        east.leg(f"p{number}", "first", NOW_MS + number)
    east.push()
    whole = purging._note
    calls: Iterator[int] = iter(range(100))

    def fail_at_the_third(*args: Any) -> None:
        whole(*args)
        if next(calls) == 2:
            raise DatabaseError("the power went")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(purging, "CHUNK", 2)
        patch.setattr(purging, "_note", fail_at_the_third)
        with pytest.raises(DatabaseError):
            run(engine, **days)


def held_by_files(engine: sa.Engine) -> bytes:
    """Return what the database's own files of the events hold."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        return b"".join(one.read_bytes() for one in path.parent.glob(f"{path.name}*"))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CHECKPOINT")
        folder = connection.exec_driver_sql("SHOW data_directory").scalar_one()
        path = connection.exec_driver_sql("SELECT pg_relation_filepath('events')").scalar_one()
        return (Path(str(folder)) / str(path)).read_bytes()


def test_a_second_purge_finds_nothing(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    first = run(engine)
    assert first.event is not None
    before = bodies(engine)
    assert is_idle(run(engine))
    assert bodies(engine) == before


def test_a_dry_run_says_what_a_purge_does_and_changes_nothing(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    before = bodies(engine)
    counted = count_overdue(engine, keeping(), LATER_MS)
    assert (counted.newest_ms, counted.is_resumed) == (NOW_MS, False)
    assert bodies(engine) == before
    assert counted.events == run(engine).events


def test_a_purge_that_was_cut_off_is_gone_on_with(engine: sa.Engine, east: Gate) -> None:
    cut_off_a_purge(engine, east)
    cut_off = verify_journals(engine, COMMUNITY)
    assert (cut_off.purged, cut_off.certificates) == (4, 0)
    assert [row.finished_at_ms for row in rows(engine, purges)] == [None]

    done = run(engine, LATER_MS + DAY_MS)

    assert done.events == {"passage.recorded": 7}
    assert done.rows["legs"] == 7
    assert len(rows(engine, purges)) == 1
    assert verify_journals(engine, COMMUNITY).certificates == 1


@pytest.mark.parametrize(("began_with", "goes_on_with", "left"), [(30, 400, 3), (60, 30, 0), (60, 99, 0)])
def test_a_purge_goes_on_with_the_longer_days(
    engine: sa.Engine, east: Gate, began_with: int, goes_on_with: int, left: int
) -> None:
    cut_off_a_purge(engine, east, passages=began_with)
    before = bodies(engine)
    counted = count_overdue(engine, keeping(passages=goes_on_with), LATER_MS + DAY_MS)
    assert bodies(engine) == before
    assert (counted.events.get("passage.recorded", 0), counted.is_resumed) == (3 - left, True)

    done = run(engine, LATER_MS + DAY_MS, passages=goes_on_with)

    assert (done.events, done.is_resumed) == ({"passage.recorded": 7 - left}, True)
    assert done.event is not None
    assert f'"passages":{max(began_with, goes_on_with)},' in bytes(done.event.body).decode()
    assert sum('"pass_id":"p' in body for body in bodies(engine)) == left
    assert verify_journals(engine, COMMUNITY).certificates == 1


def run_first(monkeypatch: pytest.MonkeyPatch, other: Any) -> None:
    """Let something happen after the next purge has looked at what is due, and before it empties anything."""
    others = [other]

    def pseudonyms() -> Pseudonyms:
        if others:
            others.pop()()
        return Pseudonyms()

    monkeypatch.setattr(purging, "Pseudonyms", pseudonyms)


def test_of_two_purges_at_once_the_slower_empties_nothing(
    engine: sa.Engine, east: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    east.leg("a", "first", NOW_MS)
    east.push()
    faster: list[Purged] = []

    def finish_the_same() -> None:
        faster.append(run(engine))
        # Due for the slower one as well, and not on the certificate.
        east.leg("b", "first", NOW_MS)
        east.push()

    run_first(monkeypatch, finish_the_same)
    assert is_idle(run(engine))
    assert [done.events for done in faster] == [{"passage.recorded": 1}]
    assert (verify_journals(engine, COMMUNITY).purged, len(rows(engine, purges))) == (1, 1)
    assert run(engine).events == {"passage.recorded": 1}


def test_a_purge_stops_where_another_one_keeps_records_for_longer(
    engine: sa.Engine, east: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    east.leg("a", "first", NOW_MS)
    east.push()
    run_first(monkeypatch, lambda: run(engine, passages=400))
    before = bodies(engine)
    assert is_idle(run(engine))
    assert bodies(engine) == before
    assert rows(engine, purges) == []


def test_the_databases_files_hold_no_trace(engine: sa.Engine, east: Gate) -> None:
    play_old_times(east)
    assert "代取药".encode() in held_by_files(engine)
    assert run(engine).is_scrubbed
    held = held_by_files(engine)
    assert b"passage.recorded" in held
    assert "代取药".encode() not in held
    assert b"3-2-501" not in held


def test_where_somebody_still_reads_the_old_records_the_files_are_not_clean(
    postgresql_database: str,
) -> None:
    engine = opened(postgresql_database)
    play_old_times(Gate(engine, "east"))
    with streaming(engine, at_one_moment=True) as reader:
        reader.execute(sa.select(communities)).all()
        assert not run(engine).is_scrubbed
        assert "代取药".encode() in held_by_files(engine)
    assert is_idle(run(engine))
    assert "代取药".encode() not in held_by_files(engine)
    engine.dispose()


def test_where_the_tables_are_in_use_they_are_not_rewritten(postgresql_database: str) -> None:
    url = sa.make_url(postgresql_database).update_query_dict({"options": "-c lock_timeout=50"})
    engine = opened(url.render_as_string(hide_password=False))
    with streaming(engine) as reader:
        reader.execute(sa.select(events)).all()
        assert not scrub(engine)
    assert scrub(engine)
    engine.dispose()


def test_where_sqlites_file_is_being_read_it_is_not_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "SQLITE_BUSY_TIMEOUT_S", 0)
    engine = opened(f"sqlite:///{tmp_path}/community.sqlite")
    with streaming(engine) as reader:
        reader.execute(sa.select(communities)).all()
        assert not scrub(engine)
    assert scrub(engine)
    engine.dispose()
