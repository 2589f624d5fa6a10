"""Who rests after a fever is not lost, is not mixed up with the next person, and keeps every attempt."""

from pathlib import Path

import pytest

from passes.reasons import Reason
from passes.trips import Direction
from station.deciding import Visitor
from station.lane import LaneError
from station.resting import GONE_AFTER_MS, Resting
from sync.bodies import PassageFollowed, Visit
from tests.station.post import Post
from tests.station.stand import Stand

REST_S = 300


@pytest.fixture
def stand(post: Post) -> Stand:
    return Stand(post)


def names(stand: Stand) -> list[str]:
    return [one.body.holder or "" for one, _ends_ms in stand.lane.resting()]


def with_fever(stand: Stand, name: str) -> str:
    row = stand.post.issue(name)
    stand.lane.scan(row.token)
    assert stand.see(38.2)
    stand.leave()
    return row.token


def test_rest_then_again_keeps_both_attempts(stand: Stand) -> None:
    token = with_fever(stand, "甲")
    ends_ms = stand.post.clock.now_ms() + REST_S * 1000
    assert stand.lane.rest_ends_ms == pytest.approx(ends_ms, abs=1000)
    assert names(stand) == ["甲"]

    stand.post.clock.move(60)
    stand.lane.scan(token)
    assert names(stand) == []  # they stand here
    assert not stand.see(36.6, 20)  # and still rest
    stand.leave()
    stand.post.clock.move(REST_S)
    assert stand.see(36.6)
    assert stand.lane.rest_ends_ms is None
    assert stand.lane.record()

    refused, allowed = stand.passages
    assert (refused.outcome, [one.celsius for one in refused.attempts]) == ("refused", [38.2])
    assert [(one.number, one.celsius) for one in allowed.attempts] == [(1, 38.2), (2, 36.6)]
    assert names(stand) == []


def test_the_next_person_is_served_meanwhile(stand: Stand) -> None:
    with_fever(stand, "甲")
    stand.lane.scan(stand.post.issue("乙").token)
    assert stand.see(36.5)
    assert stand.lane.record()
    assert [one.holder for one in stand.passages] == ["甲", "乙"]
    assert names(stand) == ["甲"]


def test_who_comes_back_too_early_holds_nobody_up(stand: Stand) -> None:
    token = with_fever(stand, "甲")
    stand.lane.scan(token)
    stand.lane.scan(stand.post.issue("乙").token)
    assert names(stand) == ["甲"]
    assert not stand.lane.waiting
    assert stand.see(36.5)
    assert stand.lane.record()
    assert stand.passages[-1].holder == "乙"


def test_still_a_fever_rests_again_and_a_low_one_asks_for_another_site(stand: Stand) -> None:
    token = with_fever(stand, "甲")
    stand.post.clock.move(REST_S)
    stand.lane.scan(token)
    stand.see(33.0)
    assert stand.lane.current is not None
    assert stand.lane.current.verdict.needs_reading
    stand.leave()
    assert stand.see(38.0)
    assert [one.celsius for one in stand.passages[-1].attempts] == [38.2, 33.0, 38.0]
    assert stand.passages[-1].reasons == [Reason.FEVER]
    assert names(stand) == ["甲"]


def test_who_was_held_or_turned_away_does_not_rest_any_more(stand: Stand) -> None:
    with_fever(stand, "甲")
    passage_id = stand.lane.resting()[0][0].passage_id
    pass_id = stand.lane.resting()[0][0].pass_id
    with stand.post.journal.writing():
        body = PassageFollowed(passage_id=passage_id, step="held", pass_id=pass_id)
        stand.post.register.record(body, stand.post.clock.now_ms())
    assert names(stand) == []


def test_a_restart_finds_them_again_and_they_come_back_by_their_number(post: Post, tmp_path: Path) -> None:
    stand = Stand(post)
    with_fever(stand, "甲")
    with_fever(stand, "乙")
    after = Stand(post)
    assert names(after) == ["甲", "乙"]
    post.clock.move(REST_S)
    after.lane.come_back(after.lane.resting()[1][0])
    current = after.lane.current
    assert current is not None
    assert current.person is not None
    assert (current.person.holder, current.carried) == ("乙", 1)
    with pytest.raises(LaneError):
        after.lane.come_back(after.lane.resting()[0][0])


def test_a_visitor_without_a_pass_comes_back(post: Post) -> None:
    stand = Stand(post)
    stand.lane.direction = Direction.ENTRY
    visitor = Visitor("p1", "丙", "h1", "3-2-501", Visit(host="王小明", host_id="p0"), host_known=True)
    stand.lane.visit(visitor)
    assert stand.see(38.5)
    stand.post.clock.move(REST_S)
    (rester, _ends_ms) = Stand(post).lane.resting()[0]
    assert rester.visitor() == visitor
    stand.lane.come_back(rester)
    stand.leave()
    assert stand.see(36.4)
    assert stand.lane.record()
    assert [one.celsius for one in stand.passages[-1].attempts] == [38.5, 36.4]


def test_another_refusal_or_a_return_with_fever_is_no_rest(stand: Stand) -> None:
    row = stand.post.issue("甲")
    stand.post.pass_through(row, Direction.EXIT)
    stand.post.clock.move(60)
    stand.lane.scan(row.token)  # already out
    stand.lane.turn_direction()
    stand.see(38.4)
    assert stand.lane.record(acknowledged=True)
    assert names(stand) == []


def test_who_stays_away_is_not_expected_for_ever(stand: Stand) -> None:
    with_fever(stand, "甲")
    now_ms = stand.post.clock.now_ms()
    assert len(Resting(stand.post.journal.connection).all(now_ms)) == 1
    stand.post.clock.move(GONE_AFTER_MS / 1000)
    assert names(stand) == []
    assert Resting(stand.post.journal.connection).all(stand.post.clock.now_ms()) == []


def test_measuring_at_once_is_the_guards_word(stand: Stand) -> None:
    token = with_fever(stand, "甲")
    stand.lane.scan(token)
    stand.lane.sight.measure_again()
    assert stand.see(36.7)
    assert stand.lane.record()
