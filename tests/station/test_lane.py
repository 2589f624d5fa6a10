"""The lane: whose reading is whose, and what becomes of whoever stands here."""

from collections.abc import Callable

import pytest

from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station import issuing
from station.lane import Lane, LaneError
from tests.station.post import Post
from tests.station.stand import Stand

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


@pytest.fixture
def stand(post: Post) -> Stand:
    return Stand(post)


def test_scan_measure_record(stand: Stand) -> None:
    row = stand.post.issue()

    stand.lane.scan(row.token)
    assert stand.somebody_is_here()
    assert not stand.lane.record()
    assert stand.see(36.5)
    assert stand.lane.record()

    assert not stand.somebody_is_here()
    (passage,) = stand.passages
    (attempt,) = passage.attempts
    assert (passage.outcome, passage.direction, attempt.celsius, attempt.number) == ("allowed", "exit", 36.5, 1)
    assert (attempt.site, attempt.device, attempt.raw, attempt.ambient_celsius) == (
        "forehead",
        "gy-mcu9061x",
        "5a",
        22.0,
    )
    assert not stand.lane.record()
    assert len(stand.passages) == 1


def test_an_offset_is_kept_apart_from_what_the_device_said(post: Post) -> None:
    stand = Stand(post, offset_celsius=0.4)
    stand.lane.scan(post.issue().token)

    assert stand.see(36.9)

    assert stand.lane.current is not None
    (attempt,) = stand.lane.current.attempts
    assert (attempt.celsius, attempt.raw_celsius, attempt.offset_celsius) == (37.3, 36.9, 0.4)
    assert stand.lane.current.verdict.reasons == (Reason.FEVER,)


def test_what_was_measured_before_the_scan_is_nobodys(stand: Stand) -> None:
    assert not stand.see(38.9, 20)

    stand.lane.scan(stand.post.issue().token)

    assert not stand.see(36.5, 4)
    assert stand.celsius == []
    assert stand.see(36.5, 1)
    assert stand.celsius == [36.5]


def test_the_person_before_never_lends_a_reading(stand: Stand) -> None:
    first, second = stand.post.issue("甲"), stand.post.issue("乙")
    stand.lane.scan(first.token)
    assert stand.see(36.2)
    assert stand.lane.record()

    stand.lane.scan(second.token)
    assert not stand.see(36.2, 20)
    assert stand.celsius == []
    stand.leave()
    assert stand.see(36.9)

    assert stand.celsius == [36.9]
    assert stand.lane.record()
    assert [(passage.holder, passage.attempts[0].celsius) for passage in stand.passages] == [("甲", 36.2), ("乙", 36.9)]


def test_a_fever_of_the_person_before_is_not_held_against_the_next(stand: Stand) -> None:
    feverish, well = stand.post.issue("甲"), stand.post.issue("乙")
    stand.lane.scan(feverish.token)
    assert stand.see(38.6)
    assert [passage.outcome for passage in stand.passages] == ["refused"]

    stand.lane.scan(well.token)
    assert not stand.see(38.6, 20)
    stand.leave()
    assert stand.see(36.4)

    assert stand.lane.record()
    assert [passage.outcome for passage in stand.passages] == ["refused", "allowed"]


def test_a_low_reading_asks_for_another_site(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)

    assert stand.see(33.5)
    assert stand.lane.current is not None
    assert stand.lane.current.verdict.needs_reading
    assert not stand.lane.record()
    assert not stand.see(36.5, 20)
    stand.leave()
    assert stand.see(36.4)

    assert stand.lane.record()
    assert [(attempt.number, attempt.celsius) for attempt in stand.passages[0].attempts] == [(1, 33.5), (2, 36.4)]


def test_a_fever_may_be_measured_again_when_the_guard_asks(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)

    assert stand.see(38.1)
    assert [(passage.outcome, passage.reasons) for passage in stand.passages] == [("refused", ["fever"])]
    assert not stand.see(36.6, 20)
    stand.leave()
    stand.lane.sight.measure_again()
    assert stand.see(36.8)
    assert stand.lane.record()

    assert [passage.outcome for passage in stand.passages] == ["refused", "allowed"]
    assert [attempt.celsius for attempt in stand.passages[1].attempts] == [38.1, 36.8]


def test_a_fever_that_stays_is_recorded_each_time_and_never_let_through(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)
    for _ in range(2):
        assert stand.see(38.1)
        assert not stand.lane.record()
        stand.leave()
        stand.lane.sight.measure_again()

    assert [passage.outcome for passage in stand.passages] == ["refused", "refused"]


def test_a_stranger_does_not_turn_a_refused_fever_green(stand: Stand) -> None:
    """They left; somebody unscanned steps before the thermometer, and Enter must record nobody."""
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(38.1)
    stand.leave()

    assert not stand.see(36.4, 20)
    assert not stand.lane.record()
    assert [passage.outcome for passage in stand.passages] == ["refused"]


def test_a_fever_that_went_home_is_not_opened_again(stand: Stand) -> None:
    stand.lane.direction = Direction.ENTRY
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(38.1)
    assert stand.lane.record(acknowledged=True)
    stand.leave()
    stand.lane.sight.measure_again()

    assert not stand.see(36.4, 20)
    assert not stand.lane.record()
    assert [passage.outcome for passage in stand.passages] == ["allowed"]


def test_a_normal_reading_is_not_taken_again_unless_asked(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(36.5)
    stand.leave()
    assert not stand.see(36.9, 20)

    stand.lane.sight.measure_again()
    assert stand.see(36.7)

    assert stand.celsius == [36.5, 36.7]


@pytest.mark.parametrize("celsius", [29.0, 46.0, float("nan")])
def test_what_no_person_has_is_no_reading(stand: Stand, celsius: float) -> None:
    stand.lane.scan(stand.post.issue().token)

    assert not stand.see(celsius, 20)
    assert stand.celsius == []


def test_attention_is_recorded_only_when_it_was_seen(stand: Stand) -> None:
    row = stand.post.issue()
    stand.post.pass_through(row, EXIT)
    issuing.revoke(stand.post.journal, stand.post.register, stand.post.clock, row, reason="lost")
    stand.lane.turn_direction()
    stand.lane.scan(row.token)
    assert stand.see(36.5)

    assert stand.lane.current is not None
    assert stand.lane.current.verdict.outcome is Outcome.ATTENTION
    assert not stand.lane.record()
    assert stand.somebody_is_here()
    assert stand.lane.record(acknowledged=True)
    assert [passage.outcome for passage in stand.passages] == ["allowed", "allowed"]


def test_a_typed_reading_is_marked_as_such(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)

    stand.lane.type_reading(36.6, "thermometer unplugged")
    assert stand.lane.record()

    (attempt,) = stand.passages[0].attempts
    assert (attempt.celsius, attempt.manual, attempt.reason, attempt.device) == (
        36.6,
        True,
        "thermometer unplugged",
        None,
    )


@pytest.mark.parametrize("celsius", [29.9, 45.1, -36.5, float("nan"), float("inf")])
def test_a_typed_value_that_no_person_has_is_told(stand: Stand, celsius: float) -> None:
    stand.lane.scan(stand.post.issue().token)

    with pytest.raises(LaneError, match="between 30 and 45"):
        stand.lane.type_reading(celsius, "typed")

    assert stand.celsius == []
    assert stand.somebody_is_here()


def test_a_passage_without_a_reading_names_its_reason_and_is_looked_at(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)

    stand.lane.skip_reading("wound on the forehead")

    assert not stand.lane.record()
    assert stand.lane.record(acknowledged=True)
    assert (stand.passages[0].attempts, stand.passages[0].no_reading_reason) == ([], "wound on the forehead")


def test_turning_somebody_back_is_recorded(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)

    stand.lane.turn_back("no mask")

    assert not stand.somebody_is_here()
    assert [(passage.outcome, passage.remark) for passage in stand.passages] == [("turned_back", "no mask")]


def test_a_dropped_scan_leaves_no_trace(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(36.5)

    stand.lane.drop()

    assert stand.lane.current is None
    assert stand.passages == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda lane: lane.type_reading(36.5, "typed"),
        lambda lane: lane.skip_reading("none"),
        lambda lane: lane.turn_back("no mask"),
        lambda lane: lane.drop(),
    ],
)
def test_with_nobody_here_there_is_nothing_to_do(stand: Stand, ask: Callable[[Lane], None]) -> None:
    with pytest.raises(LaneError, match="scan a pass first"):
        ask(stand.lane)
    stand.lane.scan("no pass")
    with pytest.raises(LaneError, match="scan a pass first"):
        ask(stand.lane)
    assert not stand.lane.record()


def test_the_other_direction_keeps_the_reading(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(36.5)

    stand.lane.turn_direction()

    assert stand.lane.direction is ENTRY
    assert stand.celsius == [36.5]
    assert stand.lane.record()
    assert [(passage.direction, passage.reasons) for passage in stand.passages] == [("entry", ["no_open_trip"])]


def test_the_other_direction_does_not_undo_what_is_recorded(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(36.5)
    assert stand.lane.record()

    stand.lane.turn_direction()

    assert stand.lane.current is not None
    assert stand.lane.current.direction is EXIT
    assert len(stand.passages) == 1


def test_on_a_hot_day_the_wall_is_as_warm_as_the_air(stand: Stand) -> None:
    """33 degrees outside: the wall is no forehead, and whoever was measured before is seen to go."""
    first, second = stand.post.issue("甲"), stand.post.issue("乙")
    stand.lane.scan(first.token)
    assert stand.see(36.9, ambient=33.0)
    assert stand.lane.record()
    stand.lane.scan(second.token)

    assert not stand.see(36.9, 20, ambient=33.0)
    stand.see(33.4, 2, ambient=33.0)
    assert stand.see(36.4, ambient=33.0)

    assert stand.celsius == [36.4]
