"""What a shift records beside passages: each matter from its first word to its last, and the register rebuilt."""

from datetime import date
from typing import Any

import pytest

from passes.errors import UsageError
from passes.policy import Outcome, State
from passes.reasons import Reason
from passes.temperature import TemperatureRule
from passes.trips import Direction
from station.duty import efforts, errands, health, incidents, inspections, quarantine, supplies
from station.duty.book import DutyError
from station.duty.incidents import Report
from station.duty.quarantine import Isolation
from station.duty.supplies import Move
from station.folding import REGISTER_TABLES
from station.i18n import set_language
from station.issuing import IssuingError
from sync.bodies import PassRevoked
from sync.duty_bodies import IncidentClosed, IncidentHandled, IncidentReported
from sync.duty_words import POINTS
from sync.events import read_body
from tests.station.post import SHANGHAI, Post

HOUR_S = 3600
RULE = TemperatureRule()


@pytest.fixture(autouse=True)
def english() -> None:
    set_language("en")


def bodies(post: Post, kind: type) -> list[Any]:
    read = [read_body(event.kind, event.body) for _n, event in post.journal.read()]
    return [body for body in read if isinstance(body, kind)]


def whole_register(post: Post) -> dict[str, list[Any]]:
    return {
        table: sorted(post.journal.connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
        for table in REGISTER_TABLES
    }


def test_a_forced_entry_destroys_the_pass_and_bans_its_holder_in_one_go(post: Post) -> None:
    row = post.issue()
    said = Report("forced_entry", "撞杆冲卡", ("王小明",), row.number.lower(), destroy=True, witness="李四", ban=True)

    event = incidents.report(post.book, said)

    assert post.rows() == ["pass.issued", "incident.reported", "pass.revoked", "holder.banned"]
    (told,) = bodies(post, IncidentReported)
    assert (told.what, told.pass_id, told.holder_id, told.people) == (
        *("forced_entry", row.pass_id, row.holder_id, ["王小明"]),
    )
    assert [(body.reason, body.witness) for body in bodies(post, PassRevoked)] == [("destroyed", "李四")]
    scan = post.gate.scan(row.token, Direction.EXIT)
    assert scan.verdict.outcome is Outcome.REFUSE
    assert {Reason.REVOKED, Reason.BANNED} <= set(scan.verdict.reasons)
    assert [matter.id for matter in post.book.page("incident", open_only=True)] == [event.id]


def test_what_cannot_be_done_whole_is_not_done_at_all(post: Post) -> None:
    row = post.issue()
    said = {"what": "forgery", "account": "证件涂改", "number": row.number, "ban": True}

    with pytest.raises(UsageError, match="witness"):
        incidents.report(post.book, Report(**said, destroy=True))  # type: ignore[arg-type] # mixed values
    with pytest.raises(UsageError, match="nobody to ban"):
        incidents.report(post.book, Report("abuse", "辱骂", ban=True))
    with pytest.raises(UsageError, match="What happened: is empty"):
        incidents.report(post.book, Report("abuse", " "))
    with pytest.raises(UsageError, match="ID number"):
        incidents.report(post.book, Report("abuse", "某某 110101199003074477 辱骂"))
    incidents.report(post.book, Report(**said, destroy=True, witness="李四"))  # type: ignore[arg-type] # mixed values
    with pytest.raises(IssuingError, match="already been revoked"):
        incidents.report(post.book, Report(**said, destroy=True, witness="李四"))  # type: ignore[arg-type] # mixed values

    assert post.rows() == ["pass.issued", "incident.reported", "pass.revoked", "holder.banned"]
    assert post.register.state_of(row.pass_id) == (State.REVOKED, "destroyed")


def test_an_incident_is_handled_and_then_closed_for_good(post: Post) -> None:
    event = incidents.report(post.book, Report("tip_off", "有人翻墙"))
    incidents.handle(post.book, event.id, "已派人查看")
    assert [one.state for one in post.book.page("incident")] == ["handled"]
    incidents.close(post.book, event.id, "墙已加高")
    with pytest.raises(DutyError, match="closed already"):
        incidents.handle(post.book, event.id, "再看一次")
    with pytest.raises(DutyError, match="closed already"):
        incidents.close(post.book, "no such matter", "x")

    assert post.book.page("incident", open_only=True) == []
    assert [(step.state, step.note) for step in post.book.steps(event.id)] == [
        ("handled", "已派人查看"),
        ("closed", "墙已加高"),
    ]
    assert (len(bodies(post, IncidentHandled)), len(bodies(post, IncidentClosed))) == (1, 1)


def test_a_list_goes_on_behind_a_row(post: Post) -> None:
    for number in range(7):
        errands.add(post.book, wanted=f"买菜 {number}", address="3-2-501")
    first = post.book.page("errand", limit=3)
    second = post.book.page("errand", behind=first[-1].n, limit=3)
    last = post.book.page("errand", behind=second[-1].n, limit=3)
    assert [matter.body.wanted[-1] for matter in (*first, *second, *last)] == list("6543210")


def test_an_inspection_without_a_finding_is_over_and_one_with_it_is_open(post: Post) -> None:
    inspections.record(post.book, inspector="孙督查", in_order=POINTS)
    with pytest.raises(UsageError, match="Finding: is empty"):
        inspections.record(post.book, inspector="孙督查", in_order={"on_post"})
    inspections.record(post.book, inspector="孙督查", in_order={"on_post"}, finding="台账未填")
    (finding,) = post.book.page("inspection", open_only=True)
    inspections.rectify(post.book, finding.id, "已补填")
    assert [one.state for one in post.book.page("inspection")] == ["closed", "closed"]


def test_stock_is_told_from_what_came_in_went_out_and_was_counted(post: Post) -> None:
    def move(change: Any, quantity: str, **more: Any) -> None:
        supplies.record(post.book, Move(change, "口罩", quantity, **more))

    with pytest.raises(UsageError, match="Unit: is empty"):
        move("stock_in", "50")
    move("stock_in", "５０", unit="只", low="20", source="donated", expiry="2027/3/1")
    move("issue", "12.5", issued_to="李四")
    assert (stock := supplies.stocks(post.book)["口罩"]).quantity == 37.5
    assert not stock.is_low
    with pytest.raises(DutyError, match=r"口罩: only 37\.5 there"):
        move("issue", "38")
    move("count", "19")
    assert supplies.stocks(post.book)["口罩"].is_low
    for wrong in ("-1", "", "1e3", "十", "9999999"):
        with pytest.raises(UsageError, match="no quantity"):
            move("count", wrong)
    efforts.count(post.book, "patrol", "3")
    efforts.disinfect(post.book, place="1 号楼电梯", agent="84")
    with pytest.raises(UsageError, match="whole number"):
        efforts.count(post.book, "patrol", "1.5")


@pytest.mark.parametrize(
    ("typed", "written", "since", "last", "due"),
    [
        ("2h", "2h", "08:00", None, "10:00"),
        ("２", "2h", "08:00", "09:30", "11:30"),
        ("8:00,18:00", "08:00 18:00", "07:59", None, "08:00"),
        ("18:00 8:00", "08:00 18:00", "08:00", None, "18:00"),
        ("8:00、18:00", "08:00 18:00", "07:00", "16:00", "08:00"),
        ("8:00 18:00", "08:00 18:00", "07:00", "15:59", "18:00"),
        ("", "", "08:00", None, None),
    ],
)
def test_a_check_falls_due(typed: str, written: str, since: str, last: str | None, due: str | None) -> None:
    def at(text: str | None) -> int | None:
        if text is None:
            return None
        hour, minute = text.split(":")
        return health.start_ms(date(2026, 3, 10), SHANGHAI) + (int(hour) * 60 + int(minute)) * 60_000

    plan = health.parse_plan(typed)
    assert str(plan) == written
    since_ms = at(since)
    assert since_ms is not None
    due_ms = plan.due_ms(since_ms, at(last), SHANGHAI)
    day_ms = 86_400_000 if (since, last) == ("07:00", "16:00") else 0
    assert due_ms == (None if due is None else (at(due) or 0) + day_ms)


@pytest.mark.parametrize("wrong", ["often", "0h", "49h", "25:00", "8:60", "8-18"])
def test_what_is_no_plan_is_told(wrong: str) -> None:
    with pytest.raises(UsageError, match="how often"):
        health.parse_plan(wrong)


def test_a_case_is_checked_overdue_and_released(post: Post) -> None:
    row = post.issue()
    wanted = Isolation(
        holder_id=row.holder_id, until=date(2026, 3, 24), origin="甲市", plan="2h", responsible="孙主任", reason="返回"
    )
    quarantine.open_case(post.book, wanted)
    assert post.gate.scan(row.token, Direction.EXIT).verdict.reasons == (Reason.QUARANTINED,)
    (case,) = quarantine.cases(post.book)
    assert (case.name, case.address, case.order.origin) == ("王小明", "3-2-501", "甲市")
    assert quarantine.due(post.book) == []

    post.clock.move(2 * HOUR_S)
    (overdue,) = quarantine.due(post.book)
    health.check(post.book, overdue.order, RULE, reached=False)
    assert len(quarantine.due(post.book)) == 1
    for wrong in ("33.4", "50", "x"):
        with pytest.raises(UsageError, match="temperature"):
            health.check(post.book, overdue.order, RULE, celsius=wrong)
    with pytest.raises(UsageError, match="Temperature"):
        health.check(post.book, overdue.order, RULE)
    health.check(post.book, overdue.order, RULE, celsius="36,6", at_the_door=True)
    assert quarantine.due(post.book) == []
    assert [check.body.celsius for check in quarantine.cases(post.book)[0].checks] == [36.6, None]

    quarantine.release(post.book, overdue.order, "期满")
    assert quarantine.cases(post.book) == []
    post.clock.move(10)
    assert post.gate.scan(row.token, Direction.EXIT).verdict.outcome is Outcome.ALLOW


def test_a_case_ends_with_its_last_day(post: Post) -> None:
    quarantine.open_case(post.book, Isolation(household="3-2-501", until=date(2026, 3, 10), plan="8:00 18:00"))
    (case,) = quarantine.cases(post.book)
    assert case.address == "3-2-501"
    post.clock.move(15 * HOUR_S)
    assert len(quarantine.due(post.book)) == 1
    post.clock.move(2 * HOUR_S)
    assert quarantine.cases(post.book) == []
    with pytest.raises(UsageError, match="gone by"):
        quarantine.open_case(post.book, Isolation(household="x", until=date(2026, 3, 10)))
    with pytest.raises(UsageError, match="a person, or a household"):
        quarantine.open_case(post.book, Isolation(household="x", holder_id="y"))


def test_the_register_made_anew_is_the_same(post: Post) -> None:
    row = post.issue()
    event = incidents.report(post.book, Report("lent_pass", "借证", number=row.number, ban=True))
    incidents.handle(post.book, event.id, "已批评")
    incidents.close(post.book, event.id, "已收回")
    inspections.record(post.book, inspector="孙督查", in_order={"on_post"}, finding="台账未填")
    errands.done(post.book, errands.add(post.book, wanted="送药", address="3-2-501").id, "已送")
    supplies.record(post.book, Move("stock_in", "口罩", "50", unit="只"))
    quarantine.open_case(post.book, Isolation(household="3-2-501", plan="2h"))
    health.check(post.book, quarantine.cases(post.book)[0].order, RULE, symptoms="无")
    quarantine.release(post.book, quarantine.cases(post.book)[0].order, "期满")
    efforts.count(post.book, "publicity", "20")
    before = whole_register(post)
    assert before["matters"]
    assert before["matter_steps"]

    post.register.rebuild()

    assert whole_register(post) == before
