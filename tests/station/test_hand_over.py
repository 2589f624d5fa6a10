"""The hand-over: nothing that is still to be done can be dropped silently, and goods are counted."""

import pytest

from passes.errors import UsageError
from station.duty import errands, incidents, inspections, quarantine, supplies
from station.duty.handover import Count, HandOver, hand_over
from station.duty.incidents import Report
from station.duty.outstanding import outstanding
from station.duty.quarantine import Isolation
from station.duty.supplies import Move
from station.i18n import set_language
from station.shifts import ShiftError, open_shift, shift_lines
from sync.bodies import ShiftHandedOver, ShiftOpened
from sync.events import read_body
from tests.station.post import Post

MINUTE_MS = 60_000


@pytest.fixture(autouse=True)
def english() -> None:
    set_language("en")


@pytest.fixture
def duty(post: Post) -> Post:
    """A post with a shift on duty and one of everything still to be done."""
    open_shift(post.journal, post.register, post.clock, ["周师傅"])
    incidents.report(post.book, Report("abuse", "辱骂门岗"))
    inspections.record(post.book, inspector="孙督查", in_order={"on_post"}, finding="台账未填")
    errands.add(post.book, wanted="送药", address="3-2-501", assignee="郑师傅")
    quarantine.open_case(post.book, Isolation(household="5-1-101", plan="2h"))
    supplies.record(post.book, Move("stock_in", "口罩", "15", unit="只", low="20"))
    post.clock.move(3 * 3600)
    post.journal.connection.execute("INSERT INTO deliveries VALUES (1, 'quarantined', 'x', 0)")
    post.journal.connection.commit()
    return post


GOODS = {"口罩": Count("15")}


def kinds(post: Post) -> list[str]:
    return [one.what for one in outstanding(post.book)]


def handed(post: Post) -> ShiftHandedOver:
    over = shift_lines(post.journal.connection)[1].handed_over
    assert over is not None
    return over


def test_everything_has_to_be_handed_over_or_closed(duty: Post) -> None:
    assert kinds(duty) == ["errand", "inspection", "incident", "health", "supplies", "sync"]
    before = duty.rows()
    ticked = {one.key: False for one in outstanding(duty.book)}
    for key in ticked:
        agreed = HandOver(incoming=["郑师傅"], closed={**ticked, key: None}, goods=GOODS)  # type: ignore[dict-item] # not ticked
        with pytest.raises(UsageError, match="say whether it is handed over or closed"):
            hand_over(duty.book, agreed)
    for key in (key for key in ticked if key.startswith(("health", "supplies", "sync"))):
        with pytest.raises(UsageError, match="say whether it is handed over or closed"):
            hand_over(duty.book, HandOver(incoming=["郑师傅"], closed={**ticked, key: True}, goods=GOODS))
    assert duty.rows() == before

    closed = {key: key.startswith(("errand", "incident")) for key in ticked}
    hand_over(duty.book, HandOver(incoming=["郑师傅"], closed=closed, goods=GOODS, outstanding="钥匙在抽屉"))

    assert [(one.what, one.closed) for one in handed(duty).matters] == [
        *[("errand", True), ("inspection", False), ("incident", True)],
        *[("health", False), ("supplies", False), ("sync", False)],
    ]
    assert kinds(duty) == ["note", "inspection", "health", "supplies", "sync"]


def test_a_note_is_carried_until_somebody_closes_it(post: Post) -> None:
    open_shift(post.journal, post.register, post.clock, ["周师傅"])
    hand_over(post.book, HandOver(incoming=["郑师傅"], outstanding="钥匙在抽屉"))
    with pytest.raises(UsageError, match="钥匙在抽屉"):
        hand_over(post.book, HandOver(incoming=["王师傅"]))
    hand_over(post.book, HandOver(incoming=["王师傅"], closed={"note 钥匙在抽屉": False}, outstanding="灯坏了"))
    assert [one.text for one in outstanding(post.book)] == ["钥匙在抽屉", "灯坏了"]
    closed = {"note 钥匙在抽屉": True, "note 灯坏了": False}
    hand_over(post.book, HandOver(incoming=["周师傅"], closed=closed))
    assert [one.text for one in outstanding(post.book)] == ["灯坏了"]


def test_goods_are_counted_and_differences_explained(duty: Post) -> None:
    closed = {one.key: False for one in outstanding(duty.book)}
    for goods, wrong in (
        ({}, "口罩: count it"),
        ({"口罩": Count("12")}, "why another number"),
        ({"口罩": Count("x")}, "x"),
    ):
        with pytest.raises(UsageError, match=wrong):
            hand_over(duty.book, HandOver(incoming=["郑师傅"], closed=closed, goods=goods))
    goods = {"口罩": Count("12", "三只破损")}
    agreed = HandOver(
        incoming=["郑师傅", "吴师傅"],
        lead="赵组长",
        abnormal="一人冲卡",
        closed=closed,
        goods=goods,
        outgoing_signed="pin",
    )
    hand_over(duty.book, agreed)

    over = handed(duty)
    assert [(one.item, one.expected, one.counted, one.why) for one in over.goods] == [("口罩", 15, 12, "三只破损")]
    assert (over.abnormal, over.outgoing_signed, over.incoming_signed) == ("一人冲卡", "pin", "name")
    assert supplies.stocks(duty.book)["口罩"].quantity == 12
    current = duty.register.current_shift()
    assert current is not None
    assert (current.guards, current.lead) == (("郑师傅", "吴师傅"), "赵组长")


def test_a_post_left_unmanned_and_a_late_shift_are_told(post: Post) -> None:
    open_shift(post.journal, post.register, post.clock, ["周师傅"])
    with pytest.raises(UsageError, match="or say that nobody does"):
        hand_over(post.book, HandOver(incoming=[" "]))
    with pytest.raises(UsageError, match="or say that nobody does"):
        hand_over(post.book, HandOver(incoming=["郑师傅"], unmanned=True))
    hand_over(post.book, HandOver(unmanned=True, abnormal="接班人未到"))
    assert post.register.current_shift() is None
    with pytest.raises(ShiftError, match="no shift is on duty"):
        hand_over(post.book, HandOver(incoming=["郑师傅"]))
    due_ms = post.clock.ms + 10 * MINUTE_MS
    post.clock.move(25 * 60)
    shift = ("郑师傅",), "赵组长"
    open_shift(
        *(post.journal, post.register, post.clock, list(shift[0]), shift[1]),
        protected=True,
        due_ms=due_ms,
        late_reason="堵车",
    )

    late, before = shift_lines(post.journal.connection)
    assert (late.gap_ms, late.late_ms, late.opened.late_reason) == (25 * MINUTE_MS, 15 * MINUTE_MS, "堵车")
    assert (before.gap_ms, before.late_ms) == (0, 0)
    assert before.handed_over is not None
    assert before.handed_over.incoming == ""
    *_others, (_n, event) = post.journal.read()
    opened = read_body(event.kind, event.body)
    assert isinstance(opened, ShiftOpened)
    assert (opened.protected, opened.due_ms) == (True, due_ms)
