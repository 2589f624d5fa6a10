"""Shifts: who is on duty, and what the next one is handed."""

import pytest

from passes.errors import UsageError
from passes.trips import Direction
from station.duty.handover import HandOver, hand_over
from station.logbook import SHIFT_COUNTS, shift_counts
from station.shifts import ShiftError, open_shift
from station.storage import StorageError
from sync.bodies import ShiftHandedOver, ShiftOpened
from sync.events import read_body
from tests.station.post import Post

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


def take_up(post: Post, *guards: str, lead: str | None = None) -> str:
    return open_shift(post.journal, post.register, post.clock, list(guards), lead).id


def test_a_shift_names_what_is_recorded_after_it(post: Post) -> None:
    shift = take_up(post, "周师傅", "吴师傅", lead="郑组长")
    post.issue()

    opened, issued = (event for _n, event in post.journal.read())
    assert (opened.id, opened.shift, opened.guard) == (shift, None, "周师傅")
    assert (issued.shift, issued.guard) == (shift, "周师傅")
    current = post.register.current_shift()
    assert current is not None
    assert (current.guards, current.lead, current.opened_ms) == (("周师傅", "吴师傅"), "郑组长", post.clock.now_ms())


def test_before_any_shift_records_name_nobody(post: Post) -> None:
    post.issue()

    ((_n, event),) = post.journal.read()
    assert (event.shift, event.guard) == (None, None)


def test_only_one_shift_is_on_duty(post: Post) -> None:
    take_up(post, "周师傅", "吴师傅")

    with pytest.raises(ShiftError, match="周师傅, 吴师傅 is still on duty here; hand that shift over first"):
        take_up(post, "王师傅")
    assert post.rows() == ["shift.opened"]


@pytest.mark.parametrize("guards", [[], [""], ["  ", "\t"]])
def test_somebody_must_be_on_duty(post: Post, guards: list[str]) -> None:
    with pytest.raises(UsageError, match="guard: write the name"):
        take_up(post, *guards)
    assert post.rows() == []


def test_names_are_made_harmless_and_short(post: Post) -> None:
    take_up(post, " a\x1b[2Jb\u202e ", "长" * 100, "", lead="\n")

    current = post.register.current_shift()
    assert current is not None
    assert current.guards == ("a\ufffd[2Jb\ufffd", "长" * 39 + "…")
    assert current.lead is None


def test_handing_over_counts_this_shift_only_and_opens_the_next(post: Post) -> None:
    resident, courier = post.issue(), post.issue("李四方", kind="courier")
    post.pass_through(courier, ENTRY)
    first = take_up(post, "周师傅")
    post.pass_through(resident, EXIT)
    post.pass_through(courier, EXIT)
    post.gate.scan("no pass", EXIT)
    post.gate.turn_back(post.gate.scan(courier.token, ENTRY), "no mask")
    post.gate.measured(post.gate.scan(courier.token, ENTRY), [])
    counts = hand_over(post.book, HandOver(incoming=["郑师傅"], outstanding="gate 2 squeaks"))

    assert counts == {**dict.fromkeys(SHIFT_COUNTS, 0), "exits": 2, "refused": 1, "turned_back": 1}
    *_before, (_n, over), (_m, opened) = post.journal.read()
    assert (over.shift, over.guard) == (first, "周师傅")
    assert read_body(over.kind, over.body) == ShiftHandedOver(
        outgoing="周师傅", incoming="郑师傅", counts=counts, outstanding="gate 2 squeaks"
    )
    assert (opened.shift, opened.guard) == (None, "郑师傅")
    assert read_body(opened.kind, opened.body) == ShiftOpened(guards=["郑师傅"])
    current = post.register.current_shift()
    assert current is not None
    assert (current.id, current.guards) == (opened.id, ("郑师傅",))
    assert shift_counts(post.journal.connection, opened.id) == dict.fromkeys(counts, 0)


def test_handing_over_twice_at_once_is_two_shifts(post: Post) -> None:
    take_up(post, "周师傅")
    hand_over(post.book, HandOver(incoming=["郑师傅"]))
    hand_over(post.book, HandOver(incoming=["王师傅"]))

    current = post.register.current_shift()
    assert current is not None
    assert current.guards == ("王师傅",)
    assert post.rows() == ["shift.opened", "shift.handed_over", "shift.opened", "shift.handed_over", "shift.opened"]


def test_only_a_shift_on_duty_is_handed_over(post: Post) -> None:
    with pytest.raises(ShiftError, match="no shift is on duty"):
        hand_over(post.book, HandOver(incoming=["郑师傅"]))
    take_up(post, "周师傅")
    with pytest.raises(UsageError, match="incoming: write the name"):
        hand_over(post.book, HandOver(incoming=["  "]))

    assert post.rows() == ["shift.opened"]


def test_what_is_outstanding_is_harmless_and_short(post: Post) -> None:
    take_up(post, "周师傅")
    hand_over(post.book, HandOver(incoming=["郑师傅"], outstanding="a\x1bb" + "长" * 1000))

    body = [read_body(event.kind, event.body) for _n, event in post.journal.read()][1]
    assert isinstance(body, ShiftHandedOver)
    assert (body.outstanding[:3], len(body.outstanding)) == ("a\ufffdb", 500)


def test_a_hand_over_that_cannot_be_written_leaves_the_shift_on_duty(post: Post) -> None:
    shift = take_up(post, "周师傅")
    before = post.rows()
    post.journal.connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StorageError):
        hand_over(post.book, HandOver(incoming=["郑师傅"]))

    post.journal.connection.execute("PRAGMA query_only = OFF")
    current = post.register.current_shift()
    assert current is not None
    assert (current.id, post.rows()) == (shift, before)


def test_the_register_made_anew_knows_the_same_shift(post: Post) -> None:
    take_up(post, "周师傅", lead="郑组长")
    hand_over(post.book, HandOver(incoming=["郑师傅"]))
    before = post.register.current_shift()

    post.register.rebuild()

    assert post.register.current_shift() == before
