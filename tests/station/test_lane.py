"""The lane: whose reading is whose, who comes next, and that nothing gets lost between them."""

from collections.abc import Callable

import pytest

from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station import issuing
from station.devices.measurement import Measurement
from station.devices.stability import StabilityRule
from station.lane import MOST_WAITING, Lane, LaneError
from station.storage import StorageError
from sync.events import PassageRecorded, read_body
from tests.station.post import Post

WALL = 21.0
EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


class Stand:
    """A lane with somebody before its thermometer, who sends ten measurements a second."""

    def __init__(self, post: Post, offset_celsius: float = 0.0) -> None:
        self.post = post
        self.lane = Lane(
            post.gate,
            StabilityRule(offset_celsius=offset_celsius),
            post.clock,
            direction=EXIT,
            site="forehead",
            device="gy-mcu9061x",
        )

    def see(self, celsius: float, times: int = 5) -> bool:
        """Let the thermometer see this so many times; say whether a reading came of it."""
        made = False
        for _ in range(times):
            self.post.clock.move(0.1)
            at_s = self.post.clock.monotonic_s()
            made |= self.lane.measured(Measurement(celsius, "surface", 22.0, b"\x5a", "gy-mcu9061x", at_s))
        return made

    def leave(self) -> None:
        """Let the thermometer see the wall behind."""
        assert not self.see(WALL, 3)

    def somebody_is_here(self) -> bool:
        return self.lane.is_pending

    @property
    def celsius(self) -> list[float]:
        """The readings of whoever stands here."""
        return [attempt.celsius for attempt in self.lane.current.attempts] if self.lane.current else []

    @property
    def passages(self) -> list[PassageRecorded]:
        bodies = [read_body(event.kind, event.body) for _n, event in self.post.journal.read()]
        return [body for body in bodies if isinstance(body, PassageRecorded)]


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


def test_a_fever_may_be_measured_again_once_the_forehead_has_left(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)

    assert stand.see(38.1)
    assert [(passage.outcome, passage.reasons) for passage in stand.passages] == [("refused", ["fever"])]
    assert not stand.see(36.6, 20)
    stand.leave()
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

    assert [passage.outcome for passage in stand.passages] == ["refused", "refused"]


def test_a_normal_reading_is_not_taken_again_unless_asked(stand: Stand) -> None:
    stand.lane.scan(stand.post.issue().token)
    assert stand.see(36.5)
    stand.leave()
    assert not stand.see(36.9, 20)

    stand.lane.remeasure()
    assert stand.see(36.7)

    assert stand.celsius == [36.5, 36.7]


@pytest.mark.parametrize("celsius", [29.0, 46.0, float("nan")])
def test_what_no_person_has_is_no_reading(stand: Stand, celsius: float) -> None:
    stand.lane.scan(stand.post.issue().token)

    assert not stand.see(celsius, 20)
    assert stand.celsius == []


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
