"""The roster from a spreadsheet: every wrong row named, all of it or nothing, nothing said twice."""

from pathlib import Path
from typing import Any

import pytest

from station import roster
from station.assembly import Station
from station.registering import Entry, register
from station.roster import find
from station.roster_import import Plan, Words, make_plan, run
from sync.bodies import HouseholdRegistered, PersonRegistered
from tests.station.town import NUMBER, PHONE, bodies, town

HEADER = "姓名,小区,楼栋,单元,房号,网格,身份,标记,车牌,身份证号,电话,备注"
ROWS = (
    f"曾小明,平安里,3,2,501,三网格,业主,高龄 独居,鲁B12345、鲁BD12346,{NUMBER},{PHONE},x",
    "曾晓,平安里,3,2,501,,租户,,,,,",
    "吕布,,1,1,101,,,,,,,",
)


@pytest.fixture
def station(tmp_path: Path) -> Any:
    with town(tmp_path) as opened:
        yield opened


def chinese(label: str) -> str:
    return {"owner": "业主", "tenant": "租户", "elderly": "高龄", "lives alone": "独居"}.get(label, label)


def plan(station: Station, tmp_path: Path, *rows: str, header: str = HEADER) -> Plan:
    path = tmp_path / "名单.csv"
    path.write_text("\n".join((header, *rows)), encoding="utf-8")
    return make_plan(path, station, Words(roster.ROLES, chinese), Words(roster.FLAGS, chinese))


def test_a_list_becomes_people_and_households_once(station: Station, tmp_path: Path) -> None:
    looked = plan(station, tmp_path, *ROWS)
    assert (looked.problems, list(looked.entries), looked.known) == ([], [2, 3, 4], 0)
    seen: list[int] = []
    done = run(looked, station, seen.append)
    assert (done.persons, done.households, seen) == (3, 2, [2, 3, 4])
    (known,) = find(station.journal.connection, "zxm")
    assert (known.address, known.role, known.flags) == ("3-2-501", "owner", ("elderly", "alone"))
    assert (known.id_tail, known.phone_tail) == ("4477", "1234")
    home = roster.get_household(station.journal.connection, "3-2-501")
    assert home
    assert (home.compound, home.building, home.unit, home.room, home.grid) == ("平安里", "3", "2", "501", "三网格")
    assert home.plates == ("鲁B12345", "鲁BD12346")
    assert len(bodies(station, HouseholdRegistered)) == 2
    before = station.journal.head().n
    again = plan(station, tmp_path, *ROWS)
    assert (again.known, run(again, station, seen.append).persons, station.journal.head().n) == (3, 0, before)


def test_a_file_run_again_does_not_undo_a_correction(station: Station, tmp_path: Path) -> None:
    run(plan(station, tmp_path, *ROWS), station, lambda _row: None)
    (known,) = find(station.journal.connection, "lb")
    register(station, Entry("吕奉先", known.household, known.address, None, "tenant"), known.person_id)
    run(plan(station, tmp_path, *ROWS), station, lambda _row: None)
    assert [one.name for one in find(station.journal.connection, "吕")] == ["吕奉先"]


def test_numbers_that_come_later_are_sealed_for_the_same_person(station: Station, tmp_path: Path) -> None:
    run(plan(station, tmp_path, "曾小明,,3,2,501,,业主,,,,,"), station, lambda _row: None)
    run(plan(station, tmp_path, f"曾小明,,3,2,501,,业主,,,{NUMBER},,"), station, lambda _row: None)
    assert (
        len({body.person_id for body in bodies(station, PersonRegistered) if isinstance(body, PersonRegistered)}) == 1
    )
    assert [one.name for one in find(station.journal.connection, "4477")] == ["曾小明"]


@pytest.mark.parametrize(
    ("row", "column", "word"),
    [
        (",平安里,3,2,501,,,,,,,", "姓名", "empty"),
        ("王五,平安里,,,,,,,,,,", "楼栋+单元+房号", "empty"),
        ("王五,,3,2,501,,皇帝,,,,,", "身份", "业主"),
        ("王五,,3,2,501,,,英雄,,,,", "标记", "独居"),
        ("王五,,3,2,501,,,,鲁I1234,,,", "车牌", "plate"),
        ("王五,,3,2,501,,,,,110101199003074470,,", "身份证号", "4470"),
        ("王五,,3,2,501,,,,,,12,", "电话", "phone"),
        ("=1+1,,3,2,501,,,,,,,", "姓名", "formula"),
        ("王\u202e五,,3,2,501,,,,,,,", "姓名", "invisible"),
        (f"{'王' * 200},,3,2,501,,,,,,,", "姓名", "bytes"),
        ("曾小明,,3,2,501,,,,,,,", "姓名", "row 2"),
    ],
)
def test_a_wrong_row_is_named_and_nothing_is_half_done(
    station: Station, tmp_path: Path, row: str, column: str, word: str
) -> None:
    looked = plan(station, tmp_path, "曾小明,,3,2,501,,,,,,,", row)
    assert [(each.row, each.column) for each in looked.problems] == [(3, column)]
    assert word in str(looked.problems[0].error)


def test_a_cancelled_import_leaves_nothing(station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looked, before = plan(station, tmp_path, *ROWS), station.journal.head().n
    record = type(station.register).record

    def interrupted(register: Any, body: Any, at_ms: int, event_id: str | None = None) -> Any:
        if isinstance(body, HouseholdRegistered):
            raise KeyboardInterrupt
        return record(register, body, at_ms, event_id)

    with monkeypatch.context() as patch:
        patch.setattr(type(station.register), "record", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run(looked, station, lambda _row: None)
    assert (station.journal.head().n, roster.count(station.journal.connection)) == (before, 0)
    assert run(looked, station, lambda _row: None).persons == 3
