"""The lane's queue: who comes next, and that nobody gets lost on the way."""

import pytest

from passes.trips import Direction
from station.lane import MOST_WAITING, LaneError
from station.storage import StorageError
from tests.station.post import Post
from tests.station.stand import Stand


@pytest.fixture
def stand(post: Post) -> Stand:
    return Stand(post)


def test_whoever_is_scanned_meanwhile_waits_and_comes_next(stand: Stand) -> None:
    rows = [stand.post.issue(holder) for holder in "甲乙丙"]
    for row in rows:
        stand.lane.scan(row.token)
    assert list(stand.lane.waiting) == [rows[1].token, rows[2].token]
    assert not stand.lane.call_next()

    for row in rows:
        assert stand.lane.current is not None
        assert stand.lane.current.text == row.token
        stand.leave()
        assert stand.see(36.5)
        assert stand.lane.record()
        stand.lane.call_next()

    assert [passage.holder for passage in stand.passages] == ["甲", "乙", "丙"]
    assert not stand.lane.waiting


def test_nobody_jumps_the_queue(stand: Stand) -> None:
    first, second, third = (stand.post.issue(holder) for holder in "甲乙丙")
    stand.lane.scan(first.token)
    stand.lane.scan(second.token)
    stand.lane.drop()

    stand.lane.scan(third.token)

    assert stand.lane.current is not None
    assert stand.lane.current.text == second.token
    assert list(stand.lane.waiting) == [third.token]


def test_the_same_code_twice_is_one_person(stand: Stand) -> None:
    first, second = stand.post.issue("甲"), stand.post.issue("乙")
    stand.lane.scan(first.token)
    assert stand.see(36.5)

    stand.lane.scan(first.token)
    stand.lane.scan(second.token)
    stand.lane.scan(second.token)

    assert stand.celsius == [36.5]
    assert list(stand.lane.waiting) == [second.token]


def test_the_same_code_just_after_its_record_is_the_same_answer(stand: Stand) -> None:
    row = stand.post.issue()
    stand.lane.scan(row.token)
    assert stand.see(36.5)
    assert stand.lane.record()

    stand.lane.scan(row.token)

    assert stand.lane.current is not None
    assert (stand.lane.current.again, stand.somebody_is_here()) == (True, False)
    assert not stand.lane.record()
    assert len(stand.passages) == 1


def test_a_queue_that_is_too_long_is_told_and_loses_nobody(stand: Stand) -> None:
    rows = [stand.post.issue(f"住户{number}") for number in range(MOST_WAITING + 2)]
    for row in rows[:-1]:
        stand.lane.scan(row.token)

    with pytest.raises(LaneError, match=f"{MOST_WAITING} people are waiting already"):
        stand.lane.scan(rows[-1].token)
    stand.lane.scan(rows[-2].token)

    assert stand.lane.current is not None
    assert stand.lane.current.text == rows[0].token
    assert list(stand.lane.waiting) == [row.token for row in rows[1:-1]]


def test_a_refused_code_does_not_hold_up_the_next(stand: Stand) -> None:
    stand.lane.scan("no pass at all")
    assert not stand.somebody_is_here()
    assert [passage.reasons for passage in stand.passages] == [["not_a_pass"]]

    stand.lane.scan(stand.post.issue().token)

    assert stand.somebody_is_here()
    assert stand.see(36.5)


def test_a_full_disk_keeps_the_person_here_until_there_is_room(stand: Stand) -> None:
    row, waits = stand.post.issue("甲", kind="courier"), stand.post.issue("乙")
    connection = stand.post.journal.connection
    most = connection.execute("PRAGMA max_page_count").fetchone()[0]
    connection.execute("PRAGMA max_page_count = 1")  # SQLite makes that the pages there are now
    with pytest.raises(StorageError, match="disk is full"):
        pass_until_full(stand, row.token)
    recorded = len(stand.passages)

    assert stand.somebody_is_here()
    assert stand.celsius == [36.5]
    stand.lane.scan(waits.token)
    with pytest.raises(StorageError, match="disk is full"):
        stand.lane.record()
    assert len(stand.passages) == recorded
    connection.execute(f"PRAGMA max_page_count = {most}")

    assert stand.lane.record()
    assert stand.lane.call_next()
    assert stand.lane.current is not None
    assert stand.lane.current.text == waits.token
    assert len(stand.passages) == recorded + 1
    stand.post.journal.verify()


def pass_until_full(stand: Stand, token: str) -> None:
    """Let a courier come and go, more often than a few pages hold."""
    for _ in range(500):
        stand.lane.turn_direction()
        stand.lane.scan(token)
        stand.leave()
        assert stand.see(36.5)
        assert stand.lane.record()
        stand.post.clock.move(60)


def test_where_a_pass_was_scanned_tells_its_direction_when_it_is_its_turn(stand: Stand) -> None:
    first, second, third = (stand.post.issue(holder) for holder in "甲乙丙")
    stand.lane.scan(first.token, Direction.ENTRY)
    stand.lane.scan(second.token, Direction.ENTRY)
    stand.lane.scan(second.token, Direction.EXIT)  # they meant the other one
    stand.lane.keep(third.token)
    for _ in range(3):
        stand.leave()
        assert stand.see(36.5)
        assert stand.lane.record()
        stand.lane.call_next()
    assert [passage.direction for passage in stand.passages] == ["entry", "exit", "exit"]
    assert stand.lane.direction is Direction.EXIT
