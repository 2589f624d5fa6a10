"""What a station that begins is not told."""

import pytest
import sqlalchemy as sa

from sync.community.database import events, writing
from sync.community.tables_feed import fold_cursors
from tests.community.conftest import NOW_MS
from tests.community.gates import DAY_MS, Gate, found, issued, pull, pull_all


@pytest.fixture
def east(engine: sa.Engine) -> Gate:
    return Gate(engine, "east")


def test_a_new_station_is_not_told_of_trips_that_are_over(engine: sa.Engine, east: Gate) -> None:
    east.record(issued("over"))
    over = [east.leg("over", "first", NOW_MS - 9 * DAY_MS), east.leg("over", "return", NOW_MS - 9 * DAY_MS + 1)]
    away = east.leg("away", "first", NOW_MS - 9 * DAY_MS)
    taken_back = [east.leg("back", "first", NOW_MS - 9 * DAY_MS), east.leg("back", "return", NOW_MS - 9 * DAY_MS + 1)]
    undone = east.undo(taken_back[1], "back")
    east.push()
    assert found(engine) == 0
    with writing(engine) as connection:
        connection.execute(sa.update(events).values(received_at_ms=NOW_MS - 9 * DAY_MS))
    late = east.leg("late", "first", NOW_MS - 9 * DAY_MS)  # received now
    recent = [east.leg("over", "first", NOW_MS - DAY_MS), east.leg("over", "return", NOW_MS - DAY_MS + 1)]
    east.push()

    ids = [item.id for item in pull_all(engine)]

    assert not {over[0].id, over[1].id, taken_back[1].id} & set(ids)
    assert undone.id in ids  # what is undone may be of a pass whose trips are all told
    assert [away.id, taken_back[0].id, late.id, *(leg.id for leg in recent)] == [
        item.id for item in pull_all(engine) if item.kind == "passage.recorded"
    ]
    assert "pass.issued" in {item.kind for item in pull_all(engine)}
    # A pass that may be used once in years is told of whole.
    used = [east.leg("once", leg, NOW_MS - 9 * DAY_MS, pass_kind="single_use") for leg in ("first", "return")]
    east.push()
    found(engine)
    with writing(engine) as connection:
        old = events.c.id.in_([leg.id for leg in used])
        connection.execute(sa.update(events).where(old).values(received_at_ms=NOW_MS - 9 * DAY_MS))
    ids = [item.id for item in pull_all(engine)]
    assert {leg.id for leg in used} < set(ids)
    # In pieces it is the same, whatever is found meanwhile; behind that the feed is whole.
    pieces: list[str] = []
    after = None
    while True:
        answer = pull(engine, after, limit=1)
        pieces += [item.id for item in answer.items]
        after = answer.cursor
        if not answer.more:
            break
    assert pieces == ids
    home = east.leg("away", "return", NOW_MS)
    east.push()
    assert [item.id for item in pull(engine, after).items] == [home.id]
    # What no job has looked at yet is told whole.
    with writing(engine) as connection:
        connection.execute(sa.delete(fold_cursors))
    assert {leg.id for leg in [*over, *taken_back, undone]} < {item.id for item in pull_all(engine)}
