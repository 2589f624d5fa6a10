"""Several people under one passage: each has a reading, and the gravest decides."""

import pytest

from passes.reasons import Reason
from passes.trips import Direction
from station.deciding import Visitor
from sync.bodies import Visit
from sync.events import canonical_json
from sync.retention import Pseudonyms, emptied
from tests.station.post import Post
from tests.station.stand import Stand


@pytest.fixture
def stand(post: Post) -> Stand:
    stand = Stand(post)
    token = post.issue("甲", "vehicle").token
    stand.lane.visit(Visitor("", "甲", "", "", Visit(), companions=("乙", ""), pass_number=token))
    return stand


def test_each_is_measured_in_turn_and_recorded(stand: Stand) -> None:
    for turn, celsius in enumerate((36.4, 36.5)):
        assert stand.lane.whose_turn == turn
        assert stand.see(celsius)
        assert not stand.lane.record()
        assert not stand.see(celsius, 20)  # the same forehead is nobody else's
        stand.leave()
    stand.lane.type_reading(36.6, "thermometer does not reach")
    assert stand.lane.record()

    (passage,) = stand.passages
    assert [one.celsius for one in passage.attempts] == [36.4]
    assert [(one.name, [attempt.celsius for attempt in one.attempts]) for one in passage.companions] == [
        ("乙", [36.5]),
        ("", [36.6]),
    ]


def test_one_fever_refuses_all(stand: Stand) -> None:
    assert stand.see(36.4)
    stand.leave()
    assert stand.see(38.3)
    (passage,) = stand.passages
    assert (passage.outcome, passage.reasons) == ("refused", [Reason.FEVER])
    assert [one.celsius for one in passage.companions[0].attempts] == [38.3]


def test_who_had_a_fever_comes_back_with_all_the_others(stand: Stand) -> None:
    stand.lane.skip_reading("battery empty")
    assert stand.see(38.3)
    rester, ends_ms = stand.lane.resting()[0]
    assert stand.lane.rest_ends_ms == ends_ms
    stand.leave()
    stand.post.clock.move(300)
    stand.lane.come_back(rester)
    for _person in range(3):
        assert stand.see(36.5)
        stand.leave()
    assert stand.lane.record()
    assert [one.name for one in stand.passages[-1].companions] == ["乙", ""]


def test_a_low_one_is_measured_again_before_the_next(stand: Stand) -> None:
    assert stand.see(36.4)
    stand.leave()
    assert stand.see(33.1)
    stand.leave()
    assert stand.lane.whose_turn == 1
    assert stand.see(36.2)
    assert stand.lane.whose_turn == 2


def test_none_for_a_stated_reason_is_amber(stand: Stand) -> None:
    for _person in range(3):
        stand.lane.skip_reading("battery empty")
    assert not stand.lane.record()
    assert stand.lane.record(acknowledged=True)
    (passage,) = stand.passages
    assert [one.no_reading_reason for one in passage.companions] == ["battery empty"] * 2


def test_a_turned_direction_keeps_them(stand: Stand) -> None:
    assert stand.see(36.4)
    stand.leave()
    stand.lane.turn_direction()
    assert stand.lane.whose_turn == 1
    assert stand.lane.current is not None
    assert [one.name for one in stand.lane.current.companions] == ["乙", ""]


def test_who_comes_the_other_way_after_a_refusal_brings_them_all(stand: Stand) -> None:
    for celsius in (36.4, 36.5, 36.6):
        assert stand.see(celsius)
        stand.leave()
    assert stand.lane.record()
    stand.post.clock.move(60)
    stand.lane.visit(
        Visitor("", "甲", "", "", Visit(), companions=("丙", "丁"), pass_number=stand.passages[0].pass_number or "")
    )
    assert stand.lane.current is not None
    assert stand.lane.current.outcome == "refused"
    stand.lane.turn_direction()
    assert [one.name for one in stand.lane.current.companions] == ["丙", "丁"]
    assert stand.lane.whose_turn == 0


def test_visitors_come_together(post: Post) -> None:
    stand = Stand(post)
    stand.lane.direction = Direction.ENTRY
    visit = Visit(host="王小明", host_id="p0")
    stand.lane.visit(Visitor("p1", "丙", "h1", "3-2-501", visit, host_known=True, companions=("丁",)))
    for _person in range(2):
        assert stand.see(36.5)
        stand.leave()
    assert stand.lane.record()


def test_retention_keeps_readings_and_no_names(stand: Stand) -> None:
    for _person in range(3):
        stand.see(36.5)
        stand.leave()
    assert stand.lane.record()
    left = emptied("passage.recorded", canonical_json(stand.passages[0]).decode(), Pseudonyms())
    assert left.count("36.5") == 3
    assert "乙" not in left
