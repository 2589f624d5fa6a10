"""The named ledgers: each from what gates and office recorded, masked, printable."""

import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pypdfium2
import pytest
import sqlalchemy as sa

from passes.errors import UsageError
from sync.bodies import (
    HolderBanned,
    HolderUnbanned,
    PassRestored,
    PassRevoked,
    PassSuspended,
    PersonRegistered,
    QuarantineOrdered,
    QuarantineReleased,
    ShiftHandedOver,
    ShiftOpened,
    WatchListed,
)
from sync.community import sheet_pdf
from sync.community.database import exports, reading
from sync.community.ledgers import LEDGERS, pull_ledger
from sync.community.pulling import Asking, Office
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
from sync.community.sheet_pdf import write_pdf
from sync.community.sheets import Column, Sheet
from sync.community.shiftlog import Selection
from sync.community.staff import NotAllowedError, add_staff
from sync.duty_bodies import (
    DisinfectionRecorded,
    ErrandAdded,
    ErrandDone,
    HealthChecked,
    IncidentHandled,
    IncidentReported,
    InspectionRecorded,
    InspectionRectified,
    SuppliesCounted,
)
from sync.shift_bodies import Goods, Handed
from tests.community.conftest import COMMUNITY, NOW_MS, passage
from tests.community.gates import DAY_MS, HOUR_MS, MINUTE_MS, Gate, Gates, issued, order

SETTINGS = CommunitySettings(
    CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"), DatabaseTable("sqlite:///x"), ServerTable("http://127.0.0.1")
)
PASSWORD = "long enough"


@pytest.fixture
def gates(engine: sa.Engine) -> Gates:
    add_staff(engine, COMMUNITY, "lead", role="lead", password=PASSWORD, now_ms=NOW_MS)
    add_staff(engine, COMMUNITY, "viewer", role="viewer", password=PASSWORD, now_ms=NOW_MS)
    return Gates(engine)


def ledger(engine: sa.Engine, name: str, *, unmask: bool = True, **selected: Any) -> list[dict[str, Any]]:
    who = {"unmask": True, "staff_name": "lead", "password": PASSWORD} if unmask else {}
    asking = Asking(file_format="json", **who)  # type: ignore[arg-type] # short calls
    office = Office(engine, SETTINGS, NOW_MS + 2 * DAY_MS)
    found: list[dict[str, Any]] = json.loads(pull_ledger(office, name, Selection(**selected), asking, None)[1])
    return found


def cut(rows: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in rows]


def test_every_row_has_every_column(engine: sa.Engine, gates: Gates) -> None:
    record_everything(gates)
    for name, one in LEDGERS.items():
        rows = ledger(engine, name)
        assert rows, name
        assert [row["no"] for row in rows] == list(range(1, len(rows) + 1))
        for row in rows:
            assert one.columns.keys() <= row.keys(), name


def record_everything(gates: Gates) -> None:
    east = gates.east
    opened = east.record(ShiftOpened(guards=["王五"]))
    east.chain.shift = opened.id
    east.record(issued("a"))
    east.record(issued("v", kind="visitor", holder="访客甲"))
    east.leg("a", "first", NOW_MS, "over_limit", "overridden", override_reason="看病", override_lead="赵七")
    east.leg("a", "first", NOW_MS, "fever", outcome="refused", verdict="refuse")
    east.leg("v", "first", NOW_MS, direction="entry", pass_kind="visitor")
    east.record(passage("车", subject="vehicle", pass_kind="vehicle", pass_id="x"))
    east.record(HolderBanned(holder_id="p-a"))
    east.record(QuarantineOrdered(holder_id="p-a"))
    record_duty(east)
    gates.west.leg("a", "first", NOW_MS + HOUR_MS)
    gates.meet()


def record_duty(east: Gate) -> None:
    incident = east.record(IncidentReported(what="forced_entry", account="王小明冲卡", people=["王小明"]))
    east.record(IncidentHandled(matter_id=incident.id, note="已报警"), NOW_MS + HOUR_MS)
    points = {"on_post": True, "register_kept": True, "disinfected": False, "notices_shown": True}
    body = InspectionRecorded(inspector="孙督查", thermometer_works=True, finding="未消毒", **points)
    finding = east.record(body)
    east.record(InspectionRectified(matter_id=finding.id, note="已补做"), NOW_MS + DAY_MS)
    errand = east.record(ErrandAdded(wanted="送药", address="3-2-501", name="王小明", assignee="周九"))
    east.record(ErrandDone(matter_id=errand.id, note="已送"))
    east.record(DisinfectionRecorded(place="电梯", agent="84"))
    for change, quantity in (("stock_in", 50), ("issue", 12.5), ("count", 30)):
        east.record(SuppliesCounted(item="口罩", unit="只", change=change, quantity=quantity))  # type: ignore[arg-type] # its own words
    for hour, celsius in ((0, 36.4), (2, 36.5), (9, 36.9)):
        east.record(HealthChecked(holder_id="p-a", celsius=celsius), NOW_MS + hour * HOUR_MS)
    east.record(HealthChecked(holder_id="p-a", reached=False))
    east.record(HealthChecked(household="h1", who="李四", symptoms="咳嗽"))


def test_what_shifts_record_beside_passages(engine: sa.Engine, gates: Gates) -> None:
    gates.east.record(issued("a"))
    record_duty(gates.east)
    gates.meet()
    assert cut(ledger(engine, "incidents"), "what", "account", "people", "handled", "measures", "closed") == [
        ("forced_entry", "王小明冲卡", ["王小明"], "2026-02-07 09:00", "已报警", "")
    ]
    keys = ("inspector", "on_post", "disinfected", "finding", "rectified", "note")
    assert cut(ledger(engine, "inspections"), *keys) == [("孙督查", True, False, "未消毒", "2026-02-08", "已补做")]
    assert cut(ledger(engine, "errands"), "holder", "address", "wanted", "assignee", "done") == [
        ("王小明", "3-2-501", "送药", "周九", "2026-02-07 08:00")
    ]
    assert cut(ledger(engine, "supplies"), "change", "quantity", "stock") == [
        ("stock_in", 50, 50),
        ("issue", 12.5, 37.5),
        ("count", 30, 30),
    ]
    assert cut(ledger(engine, "health"), "holder", "address", "morning", "afternoon", "symptoms", "checks") == [
        ("王小明", "3-2-501", 36.5, 36.9, "", 3),
        ("李四", "3-2-501", None, None, "咳嗽", 1),
    ]
    assert cut(ledger(engine, "health"), "unreached") == [(1,), (0,)]
    assert cut(ledger(engine, "disinfections"), "place", "agent") == [("电梯", "84")]
    assert ledger(engine, "incidents", station="west") == []


def test_who_refused_had_a_fever_or_was_let_through(engine: sa.Engine, gates: Gates) -> None:
    record_everything(gates)
    assert cut(ledger(engine, "refused"), "outcome", "reasons") == [("refused", ["fever"])]
    assert cut(ledger(engine, "fevers"), "outcome", "holder") == [("refused", "张三")]
    assert cut(ledger(engine, "overrides"), "override_reason", "override_lead") == [("看病", "赵七")]
    assert cut(ledger(engine, "overrides", unmask=False), "override_reason", "override_lead") == [("***", "赵七")]
    assert cut(ledger(engine, "vehicles"), "holder") == [("车",)]
    assert len(ledger(engine, "passages")) == 5
    assert len(ledger(engine, "passages", station="west")) == 1


def test_a_visitors_way_in_and_out_are_one_row(engine: sa.Engine, gates: Gates) -> None:
    def visit(gate: Gate, direction: str, at_ms: int, pass_id: str = "v") -> Any:
        return gate.leg(pass_id, "first", at_ms, direction=direction, pass_kind="visitor", holder=f"访客{pass_id}")

    visit(gates.east, "entry", NOW_MS)
    visit(gates.west, "exit", NOW_MS + HOUR_MS)
    visit(gates.east, "entry", NOW_MS + 2 * HOUR_MS)
    visit(gates.west, "exit", NOW_MS + 20 * HOUR_MS)
    visit(gates.east, "entry", NOW_MS + 3 * HOUR_MS, "w")
    visit(gates.east, "exit", NOW_MS + 4 * HOUR_MS, "lost")
    gates.east.undo(visit(gates.east, "entry", NOW_MS + 5 * HOUR_MS, "wrong"), "wrong")
    gates.east.leg("a", "first", NOW_MS)
    gates.meet()
    assert cut(ledger(engine, "visitors"), "no", "holder", "time_in", "time_out") == [
        (1, "访客v", "08:00:00", "09:00:00"),
        (2, "访客v", "10:00:00", "02-08 04:00:00"),
        (3, "访客w", "11:00:00", ""),
        (4, "访客lost", "", "12:00:00"),
    ]


def test_a_pass_stands_with_what_became_of_it(engine: sa.Engine, gates: Gates) -> None:
    for pass_id in ("active", "back", "rests", "lost", "old"):
        body = issued(pass_id)
        fields = {name: getattr(body, name) for name in body.__struct_fields__}
        last = "2026-02-08" if pass_id == "old" else "2026-02-28"
        gates.east.record(type(body)(**{**fields, "valid_until": last}))
    gates.west.record(PassSuspended(pass_id="rests", reason="邻居投诉"), NOW_MS + DAY_MS)
    gates.west.record(PassSuspended(pass_id="back", reason="邻居投诉"))
    gates.west.record(PassRestored(pass_id="back"))
    gates.west.record(PassRevoked(pass_id="lost", reason="lost"), NOW_MS + DAY_MS)
    gates.meet()
    gates.west.push()
    keys = ("state", "state_date", "reason", "station", "guard")
    assert cut(ledger(engine, "passes", unmask=False), *keys) == [
        ("active", "", "", "east", "王五"),
        ("active", "2026-02-07", "", "east", "王五"),
        ("suspended", "2026-02-08", "***", "east", "王五"),
        ("revoked", "2026-02-08", "lost", "east", "王五"),
        ("expired", "", "", "east", "王五"),
    ]
    assert len(ledger(engine, "passes", station="west")) == 0
    assert len(ledger(engine, "passes", until_day=date(2026, 2, 6))) == 0


def test_orders_about_people_stand_with_their_end(engine: sa.Engine, gates: Gates) -> None:
    gates.east.record(issued("a"))
    gates.east.record(PersonRegistered(person_id="p-b", name="李四", household="h2", address="1-1-101"))
    gates.east.push()
    details = {"since": "2026-02-06", "origin": "甲市", "responsible": "孙主任", "letter_signed": True}
    order(engine, QuarantineOrdered(holder_id="p-a", reason="返回", until="2026-02-20", **details), NOW_MS)  # type: ignore[arg-type] # mixed
    order(engine, QuarantineReleased(holder_id="p-a"), NOW_MS + DAY_MS)
    order(engine, QuarantineOrdered(household="h2"), NOW_MS + MINUTE_MS)
    order(engine, HolderBanned(holder_id="p-b", reason="冲卡"), NOW_MS)
    order(engine, HolderUnbanned(holder_id="p-b"), NOW_MS + DAY_MS)
    listed = WatchListed(holder_id="p-unknown", name="丁某", address="甲市", source="派出所")
    order(engine, listed, NOW_MS + MINUTE_MS)
    keys = ("holder", "address", "household", "date", "released", "reason", "guard")
    assert cut(ledger(engine, "quarantine"), *keys, "until") == [
        ("王小明", "3-2-501", False, "2026-02-06", "2026-02-08", "返回", "孙主任", "2026-02-20"),
        ("", "1-1-101", True, "2026-02-07", "", "", "孙主任", ""),
    ]
    assert cut(ledger(engine, "bans"), "what", *keys) == [
        ("ban", "李四", "1-1-101", False, "2026-02-07", "2026-02-08", "冲卡", "孙主任"),
        ("watch", "丁某", "甲市", False, "2026-02-07", "", "", "孙主任"),
    ]
    assert cut(ledger(engine, "bans"), "source") == [("",), ("派出所",)]
    assert cut(ledger(engine, "quarantine"), "origin", "responsible", "letter_signed")[0] == ("甲市", "孙主任", True)


GLOVES = Goods(item="手套", unit="双", expected=5, counted=5)


def test_shifts_stand_with_the_time_that_nobody_was_there(engine: sa.Engine, gates: Gates) -> None:
    east = gates.east
    for start_ms, guard in ((NOW_MS, "王五"), (NOW_MS + 9 * HOUR_MS, "李六"), (NOW_MS + 17 * HOUR_MS, "周九")):
        east.chain.shift = None
        due_ms = NOW_MS + 9 * HOUR_MS - 5 * MINUTE_MS if guard == "李六" else None
        opened = east.record(ShiftOpened(guards=[guard], lead="赵七", due_ms=due_ms), start_ms)
        east.chain.shift = opened.id
        if guard == "王五":
            body = ShiftHandedOver(
                outgoing=guard,
                incoming="李六",
                counts={"exits": 4, "vehicle_exits": 1},
                outstanding="看住体温枪",
                abnormal="一人冲卡",
                matters=[Handed(what="note", text="钥匙在抽屉"), Handed(what="errand", text="送药", closed=True)],
                goods=[Goods(item="口罩", unit="只", expected=20, counted=18, why="破损"), GLOVES],
                outgoing_signed="pin",
            )
            east.record(body, start_ms + 8 * HOUR_MS)
    east.push()
    keys = ("guards", "opened", "ended", "gap_minutes", "late_minutes", "incoming", "exits", "outstanding")
    assert cut(ledger(engine, "shifts"), *keys) == [
        (["王五"], "2026-02-07 08:00", "2026-02-07 16:00", None, 0, "李六", 4, "看住体温枪; 钥匙在抽屉"),
        (["李六"], "2026-02-07 17:00", "2026-02-08 01:00", 60, 5, "", None, ""),
        (["周九"], "2026-02-08 01:00", "", 0, 0, "", None, ""),
    ]
    assert cut(ledger(engine, "shifts"), "vehicles", "abnormal", "goods", "signed")[0] == (
        *(1, "一人冲卡", ["口罩 18 只 (20: 破损)", "手套 5 双"], ["pin", "name"]),
    )
    assert cut(ledger(engine, "shifts", day=date(2026, 2, 8)), "no", "guards") == [(1, ["周九"])]


def test_double_uses_stand_with_what_was_found_out(engine: sa.Engine, gates: Gates) -> None:
    gates.east.record(issued("a"))
    gates.east.leg("a", "first", NOW_MS)
    gates.west.leg("a", "first", NOW_MS + HOUR_MS)
    gates.meet()
    keys = ("rule", "holder", "stations", "closed", "discarded", "reason", "guard")
    row = (["already_out"], "王小明", ["east", "west"])
    assert cut(ledger(engine, "conflicts"), *keys) == [(*row, "", None, "", "")]
    gates.close(f"{gates.counting('a')[-1]}:already_out", "west", reason="借证")
    assert cut(ledger(engine, "conflicts"), *keys) == [(*row, "2026-02-07", 1, "借证", "孙主任")]
    assert len(ledger(engine, "conflicts", station="west")) == 1
    assert ledger(engine, "conflicts", station="north") == []


def test_a_ledger_is_masked_and_logged(engine: sa.Engine, gates: Gates) -> None:
    record_everything(gates)
    for name in LEDGERS:
        text = json.dumps(ledger(engine, name, unmask=False), ensure_ascii=False)
        assert [whole for whole in ("王小明", "访客甲", "3-2-501", "看病") if whole in text] == []
    asking = Asking(file_format="json", unmask=True, staff_name="viewer", password=PASSWORD)
    with pytest.raises(NotAllowedError):
        pull_ledger(Office(engine, SETTINGS, NOW_MS), "passes", Selection(), asking, None)
    with pytest.raises(UsageError, match="visitors"):
        ledger(engine, "nothing")
    with reading(engine) as connection:
        logged = connection.execute(sa.select(exports.c.selection, exports.c.passages)).all()
    assert sorted(json.loads(row.selection)["ledger"] for row in logged) == sorted(LEDGERS)


@pytest.mark.parametrize("name", LEDGERS)
def test_every_ledger_can_be_printed_and_calculated_with(
    engine: sa.Engine, gates: Gates, tmp_path: Path, name: str
) -> None:
    record_everything(gates)
    office = Office(engine, SETTINGS, NOW_MS)
    count = len(ledger(engine, name))
    for file_format in ("pdf", "xlsx", "csv"):
        path = tmp_path / f"ledger.{file_format}"
        assert pull_ledger(office, name, Selection(), Asking(file_format=file_format), path) == (count, b"")
    page = openpyxl.load_workbook(tmp_path / "ledger.xlsx").active
    assert page is not None
    assert page.max_row == count + 1
    assert {cell.data_type for row in page.iter_rows() for cell in row} <= {"s", "n", "inlineStr"}
    text = pages_of((tmp_path / "ledger.pdf").read_bytes())[0]
    assert LEDGERS[name].title in text
    assert "not an official form" in text


def pages_of(data: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(io.BytesIO(data))
    try:
        return [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()


def printed(rows: int, **sheet: Any) -> list[str]:
    columns = {"no": Column("No."), "text": Column("Words", 30), "id": Column("Machine", on_paper=False)}
    table = [{"no": number, "text": f"row-{number}-end", "id": "hidden"} for number in range(1, rows + 1)]
    out = io.BytesIO()
    assert write_pdf([Sheet("Table", columns, table, **sheet)], out, "平安里") == rows
    return pages_of(out.getvalue())


@pytest.mark.parametrize("rows", [0, 1, 26, 27, 28, 29, 30, 31, 60, 61])
def test_every_row_is_on_one_page_and_the_signatures_on_the_last(rows: int) -> None:
    pages = printed(rows, notes=("a note",), about=("what",))
    text = "\n".join(pages)
    assert [text.count(f"row-{number}-end") for number in range(1, rows + 1)] == [1] * rows
    assert "hidden" not in text
    assert [page.count("Filled in by:") for page in pages] == [0] * (len(pages) - 1) + [1]
    for number, page in enumerate(pages, 1):
        assert "Words" in page
        assert f"{number} / {len(pages)}" in page


def test_hostile_text_is_printed_as_text() -> None:
    columns = {"text": Column("=1+1")}
    rows = [{"text": text} for text in ("\u202eabc", "\x1b[2J", "[/]", "x" * 5000, "𠮷\U000e0001")]
    out = io.BytesIO()
    write_pdf([Sheet("Table", columns, rows)], out, "\x1b]0;x\x07")
    assert "[/]" in pages_of(out.getvalue())[0]


def test_what_is_too_long_for_paper_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet_pdf, "MAX_PRINTED_ROWS", 10)
    assert printed(10)
    with pytest.raises(UsageError, match=r"\.xlsx"):
        printed(11)
