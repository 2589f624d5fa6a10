"""The daily report: every count of the form, per checkpoint and in sum, and nothing at all as a report too."""

import io
import json
from datetime import date, time
from pathlib import Path
from zoneinfo import ZoneInfo

import openpyxl
import pypdfium2
import pytest
import sqlalchemy as sa

from passes.errors import UsageError
from sync.bodies import (
    Attempt,
    HolderBanned,
    PassReplaced,
    PassRevoked,
    PassSuspended,
    QuarantineOrdered,
    ShiftHandedOver,
    ShiftOpened,
    WatchListed,
)
from sync.community.daily import ITEMS, ORIGINS, STATION_ITEMS, DailyReport, make_report, period_of
from sync.community.daily_sheets import as_json, lines_of, write_report
from sync.community.database import reading, stations, writing
from sync.duty_bodies import DisinfectionRecorded, EffortCounted, IncidentClosed, IncidentReported, SuppliesCounted
from tests.community.conftest import COMMUNITY, NOW_MS, passage
from tests.community.gates import DAY_MS, HOUR_MS, MINUTE_MS, Gate, Gates, issued, order

SHANGHAI = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 2, 7)
EVENING_MS = NOW_MS + 15 * HOUR_MS


def report(
    engine: sa.Engine, day: date = TODAY, cut_off: time = time.min, now_ms: int = EVENING_MS, station: str | None = None
) -> DailyReport:
    with reading(engine) as connection:
        return make_report(connection, COMMUNITY, SHANGHAI, day, cut_off, now_ms, station)


def counted(report: DailyReport) -> dict[str, int]:
    return {name: count for name, count in report.total.items() if count}


def work_a_day(engine: sa.Engine) -> Gates:
    gates = Gates(engine)
    east = gates.east
    opened = east.record(ShiftOpened(guards=["王五", "李六"], lead="赵七"))
    east.chain.shift = opened.id
    for body in (issued("a"), issued("b"), issued("v", kind="visitor")):
        east.record(body)
    east.leg("a", "first", NOW_MS + 1)
    east.leg("v", "first", NOW_MS + 2, direction="entry", pass_kind="visitor")
    east.leg("a", "return", NOW_MS + 3, "fever", verdict="attention", attempts=[Attempt(celsius=37.6, at_ms=1)])
    east.leg("b", "first", NOW_MS + 4, "over_limit", "overridden")
    east.leg("b", "first", NOW_MS + 5, "fever", "no_id", outcome="refused", verdict="refuse")
    east.leg("b", "return", NOW_MS + 6, "no_reading", attempts=[])
    east.leg("b", "first", NOW_MS + 7, outcome="turned_back")
    east.record(passage("车", subject="vehicle", pass_kind="vehicle", pass_id="x"), NOW_MS + 8)
    taken_back = east.leg("a", "first", NOW_MS + 9)
    east.undo(taken_back, "a")
    east.missed("a", NOW_MS)
    east.record(PassReplaced(pass_id="a", by="c"))
    east.record(PassSuspended(pass_id="b", reason="x"))
    east.record(PassRevoked(pass_id="a", reason="lost"))
    east.record(PassRevoked(pass_id="b", reason="void"))
    east.record(ShiftHandedOver(outgoing="王五", incoming="周九", counts={}), NOW_MS + HOUR_MS)
    gates.west.record(passage("明天"), NOW_MS + DAY_MS)
    east.push()
    gates.west.push()
    order(engine, HolderBanned(holder_id="p-a"), NOW_MS + 1)
    order(engine, WatchListed(holder_id="p-b"), NOW_MS + 1)
    return gates


def test_a_day_is_counted(engine: sa.Engine) -> None:
    work_a_day(engine)
    made = report(engine)
    assert counted(made) == {
        "checkpoints": 2,
        "checkpoints_heard": 1,
        "on_duty": 3,
        "shifts": 1,
        "persons": 7,
        "vehicles": 1,
        "entries": 3,
        "exits": 3,
        "visitors": 1,
        "allowed": 6,
        "refused": 1,
        "turned_back": 1,
        "fevers": 2,
        "no_id": 1,
        "overridden": 1,
        "no_reading": 1,
        "undone": 1,
        "missed": 1,
        "passes_issued": 3,
        "passes_replaced": 1,
        "passes_suspended": 1,
        "passes_revoked": 2,
        "passes_lost": 1,
        "bans": 1,
        "watch_listed": 1,
    }
    by_station = {one.station: one for one in made.stations}
    assert list(by_station) == ["east", "west", "office"]
    assert by_station["west"].is_zero
    assert by_station["office"].counts["bans"] == 1
    for item in STATION_ITEMS:
        assert sum(one.counts[item] for one in made.stations) == made.total[item]
    assert set(made.total) | {ORIGINS} == set(ITEMS)
    assert not made.is_zero
    assert made.is_running


def test_what_is_done_beside_passages_is_counted(engine: sa.Engine) -> None:
    gates = Gates(engine)
    east = gates.east
    opened = east.record(ShiftOpened(guards=["王五"], due_ms=NOW_MS - 60_000))
    east.chain.shift = opened.id
    for count in (2, 3):
        east.record(EffortCounted(what="patrol", count=count))
    east.record(EffortCounted(what="people_visited", count=7))
    incident = east.record(IncidentReported(what="abuse", account="骂人"))
    east.record(IncidentClosed(matter_id=incident.id, note="已道歉"))
    east.record(DisinfectionRecorded(place="1 号楼电梯"))
    east.record(SuppliesCounted(item="口罩", unit="只", change="stock_in", quantity=50, low=20))
    east.record(SuppliesCounted(item="口罩", unit="只", change="issue", quantity=40))
    east.record(SuppliesCounted(item="口罩", unit="只", change="stock_in", quantity=50), NOW_MS + DAY_MS)
    east.record(ShiftHandedOver(outgoing="王五", incoming="", counts={}), NOW_MS + HOUR_MS)
    east.chain.shift = None
    east.record(ShiftOpened(guards=["周九"]), NOW_MS + 2 * HOUR_MS)
    east.push()
    for holder, origin in (("a", "甲市"), ("b", "甲市"), ("c", "")):
        order(engine, QuarantineOrdered(holder_id=holder, origin=origin), NOW_MS + 1)

    made = report(engine)

    wanted = {"patrol": 5, "people_visited": 7, "incidents": 1, "disinfections": 1, "supplies_low": 1}
    wanted |= {"late_shifts": 1, "unmanned": 1, "unmanned_minutes": 60, "shifts": 2, "on_duty": 2}
    wanted |= {"checkpoints": 2, "checkpoints_heard": 1}
    wanted |= {"isolation_new": 3, "isolation_total": 3, "isolation_active": 3}
    assert counted(made) == wanted
    assert made.origins == {"甲市": 2, "": 1}
    assert ("Returnees by origin", "甲市 2, not said 1") in lines_of(made, SHANGHAI, str)


def test_one_checkpoint_alone(engine: sa.Engine) -> None:
    work_a_day(engine)
    made = report(engine, station="west")
    assert counted(made) == {"checkpoints": 1}
    assert made.is_zero
    assert counted(report(engine, TODAY, station="east"))["persons"] == 7
    with pytest.raises(UsageError, match="nowhere"):
        report(engine, station="nowhere")


def test_an_empty_day_is_a_zero_report(engine: sa.Engine) -> None:
    work_a_day(engine)
    made = report(engine, date(2026, 2, 6))
    assert made.is_zero
    assert set(made.total.values()) == {0}
    with pytest.raises(UsageError, match="not begun"):
        report(engine, date(2026, 2, 8))


def test_a_manned_post_where_nobody_came_is_a_zero_report(engine: sa.Engine) -> None:
    gate = Gate(engine, "east")
    gate.record(ShiftOpened(guards=["王五"]))
    gate.push()
    made = report(engine)
    assert (made.is_zero, counted(made)) == (True, {"checkpoints": 1, "on_duty": 1, "shifts": 1})


def test_what_was_not_heard_is_not_zero(engine: sa.Engine) -> None:
    gates = Gates(engine)
    gates.east.record(ShiftOpened(guards=["王五"]))
    gates.east.push()
    made = report(engine, now_ms=NOW_MS + 30 * MINUTE_MS)
    assert [(one.station, one.is_silent) for one in made.stations] == [("east", False), ("west", True)]
    assert [one.is_silent for one in report(engine).stations] == [True, True]
    said = [about for about, _count in lines_of(made, SHANGHAI, str)]
    assert "1 checkpoints were not heard up to the end: may be incomplete" in said
    told = json.loads(as_json(made, SHANGHAI))
    assert [one["zero_report"] for one in told["stations"]] == [True, False]
    assert (told["zero_report"], told["is_complete"]) == (True, False)


def test_withdrawn_and_later_checkpoints_are_not_of_the_day(engine: sa.Engine) -> None:
    Gates(engine)
    assert report(engine, date(2026, 2, 6)).stations == []
    with writing(engine) as connection:
        west = stations.c.station == "west"
        connection.execute(sa.update(stations).where(west).values(withdrawn_at_ms=NOW_MS + HOUR_MS))
    assert [one.station for one in report(engine).stations] == ["east", "west"]
    assert [one.station for one in report(engine, date(2026, 2, 8), now_ms=NOW_MS + DAY_MS).stations] == ["east"]


@pytest.mark.parametrize(("cut_off", "persons"), [("00:00", 1), ("08:00", 0), ("08:01", 1)])
def test_a_day_ends_at_the_cut_off(engine: sa.Engine, cut_off: str, persons: int) -> None:
    gate = Gate(engine, "east")
    gate.record(passage("早上八点"), NOW_MS)
    gate.push()
    assert report(engine, cut_off=time.fromisoformat(cut_off)).total["persons"] == persons
    if not persons:
        assert report(engine, date(2026, 2, 8), time.fromisoformat(cut_off)).total["persons"] == 1


def test_days_are_as_long_as_the_zone_makes_them() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start_ms, end_ms = period_of(date(2026, 3, 29), time.min, berlin)
    assert end_ms - start_ms == 23 * HOUR_MS
    start_ms, end_ms = period_of(date(2026, 3, 29), time(16), berlin)
    assert end_ms - start_ms == 23 * HOUR_MS


def test_the_files_say_what_was_counted(engine: sa.Engine, tmp_path: Path) -> None:
    work_a_day(engine)
    made = report(engine)

    def write(file_format: str) -> Path:
        path = tmp_path / f"report.{file_format}"
        write_report(made, SHANGHAI, path, file_format, "平安里[/]=1", str)
        return path

    whole, by_station = openpyxl.load_workbook(write("xlsx")).worksheets
    items = {row[0].value: row[1].value for row in whole.iter_rows(min_row=2)}
    assert (items["Fevers"], items["Turned back"], items["Households visited"]) == (2, 1, 0)
    assert [cell.value for cell in by_station["A"]] == ["Station", "east", "west", "office", "In sum"]
    lines = write("csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == 5
    assert lines[-1].startswith("In sum,,3,1,7,1,3,3,1,6,1,1,2,")
    assert json.loads(write("json").read_bytes())["total"]["fevers"] == 2
    text = text_of(write("pdf"))
    for words in ("Daily report", "平安里[/]=1", "Fevers", "Households visited", "In sum", "Filled in by:"):
        assert words in text
    assert "ZERO REPORT" not in text
    assert write("pdf").read_bytes() == write("pdf").read_bytes()


def test_zero_is_printed_as_such(engine: sa.Engine, tmp_path: Path) -> None:
    Gates(engine)
    path = tmp_path / "zero.pdf"
    write_report(report(engine), SHANGHAI, path, "pdf", "平安里", str)
    text = text_of(path)
    assert "Daily report (zero report)" in text
    assert "ZERO REPORT: nothing happened on this day" in text
    assert "neverheard:nodata,notzero" in "".join(text.split())


def text_of(path: Path) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(path.read_bytes()))
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()
