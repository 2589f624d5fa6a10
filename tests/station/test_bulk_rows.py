"""Columns found and rows looked through: what becomes an application, and what is told of a bad row."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from passes.kinds import PRESETS
from station.bulk.rows import Defaults
from station.bulk.run import Plan, make_plan
from station.bulk.spreadsheet import MAX_ROWS, SpreadsheetError
from station.bulk.values import KindNames
from station.issuing import Application
from tests.passes.test_identity import resident
from tests.station.post import Post

KINDS = KindNames(PRESETS, str, lambda label: {"Resident": "居民", "Tenant": "租户"}.get(label, label))
HEADERS = ["姓名", "住址", "类别", "开始日期", "截止日期", "身份证号", "电话", "车牌号", "备注"]
PERSON = ["王小明", "3-2-501", "居民", "2026-01-01", "2026-12-31", "", "", "", ""]
NONE = Defaults()
WHOLE_YEAR = Defaults(PRESETS["resident"], date(2026, 1, 1), date(2026, 12, 31))


def planned(post: Post, *table: list[str], defaults: Defaults = NONE) -> Plan:
    """Plan a CSV file of these rows."""
    path = post.folder / "list.csv"
    cells = (",".join(f'"{cell}"' for cell in row) for row in table)
    path.write_text("\n".join(cells), "utf-8")
    return make_plan(path, post.register, KINDS, defaults)


def planned_xlsx(post: Post, fill: Callable[[Any, Any], object], defaults: Defaults = WHOLE_YEAR) -> Plan:
    path = post.folder / "list.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        fill(book, book.add_worksheet())
    return make_plan(path, post.register, KINDS, defaults)


def person(**changes: str) -> list[str]:
    return [changes.get(field, cell) for field, cell in zip(FIELDS, PERSON, strict=True)]


FIELDS = ["name", "address", "kind", "first", "last", "id_number", "phone", "plate", "remark"]


def asked(plan: Plan) -> list[Application]:
    return [good.application for good in plan.good]


def told(plan: Plan) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, str(problem.error)) for problem in plan.problems]


def test_a_row_becomes_an_application(post: Post) -> None:
    plan = planned(post, [*HEADERS, "户主"], [*PERSON, "h7"])

    (application,) = asked(plan)
    assert (application.holder, application.address, application.kind) == ("王小明", "3-2-501", PRESETS["resident"])
    assert (application.valid_from, application.valid_until) == (date(2026, 1, 1), date(2026, 12, 31))
    assert application.household == "h7"
    assert (plan.problems, plan.good[0].row) == ((), 2)


@pytest.mark.parametrize(
    "headers",
    [
        ["姓名", "住址", "类别", "起", "止"],
        ["*姓 名", "现住址（楼-单元-室）", "通行证类别", "有效期起", "有效期止(含)"],
        ["持证人", "房号", "类 别", "自", "至"],
        ["姓　名", "楼栋/单元/房号", "出入证类型", "起始日期:", "到期日期"],
        ["Name", "ADDRESS", "Kind", "Valid from", "valid_until"],
        ["name (in full)", "address", "pass kind", "from", "until"],
        ["ｎａｍｅ", "address", "kind", "Start-Date", "End Date"],
    ],
)
def test_headers_are_understood_in_both_languages(post: Post, headers: list[str]) -> None:
    plan = planned(post, headers, PERSON[:5])

    assert [application.holder for application in asked(plan)] == ["王小明"]
    assert plan.columns.ignored == ()


def test_columns_in_any_order_and_those_that_nobody_knows(post: Post) -> None:
    plan = planned(
        post,
        ["序号", "截止日期", "住址", "户籍", "开始日期", "姓名", "类别"],
        ["1", "2026-12-31", "3-2-501", "x", "2026-01-01", "王小明", "居民"],
    )

    assert [(application.holder, application.address) for application in asked(plan)] == [("王小明", "3-2-501")]
    assert plan.columns.ignored == ("序号", "户籍")


def test_an_address_in_three_columns_is_one(post: Post) -> None:
    plan = planned(
        post,
        ["姓名", "单元", "楼栋", "房号"],
        ["甲", "2", "3", "501"],
        ["乙", "2单元", "3号楼", "501室"],
        ["丙", "2", "3号楼", "501"],
        ["丁", "", "3", "501"],
        ["戊", "", "", ""],
        defaults=WHOLE_YEAR,
    )

    assert [application.address for application in asked(plan)] == ["3-2-501", "3号楼2单元501室", "3号楼2-501", "3-501"]
    assert told(plan) == [(6, "楼栋+单元+房号", "is empty; fill it in")]


def test_the_header_is_found_below_a_title(post: Post) -> None:
    def fill(_book: Any, page: Any) -> None:
        page.merge_range("A1:D1", "平安里出入证登记表")
        page.write_string(1, 0, "填表:姓名和住址必填")
        page.write_row(3, 0, ["姓名", "住址", "楼长"])
        page.write_row(5, 0, ["王小明", "3-2-501", "x"])

    plan = planned_xlsx(post, fill)

    assert plan.columns.header_row == 4
    assert [(good.row, good.application.holder) for good in plan.good] == [(6, "王小明")]


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        (["甲", "乙"], ["no row of headers", "甲, 乙"]),
        (["姓名"], ["no row of headers", "姓名"]),
        ([""], ["no row of headers"]),
        (["姓名", "类别", "起", "止"], ["no column for address 住址", "姓名, 类别, 起, 止"]),
        (["姓名", "住址", "\x1b[2J"], ["no column for kind 类别, from 起, until 止", "option"]),
        (["姓名", "楼栋", "单元"], ["no column for address 住址"]),
        (["姓名", "住址", "Name"], ["姓名 and Name say the same"]),
        (["姓名", "住址", "房号"], ["住址 and 房号 say the same"]),
    ],
)
def test_headers_that_do_not_do_are_told(post: Post, headers: list[str], words: list[str]) -> None:
    with pytest.raises(SpreadsheetError) as caught:
        planned(post, headers, PERSON)

    assert [word for word in words if word not in str(caught.value)] == []
    assert "\x1b" not in str(caught.value)


def test_defaults_hold_for_rows_that_say_nothing(post: Post) -> None:
    plan = planned(post, ["姓名", "住址", "类别"], ["甲", "1", ""], ["乙", "2", "租户"], defaults=WHOLE_YEAR)

    assert [(application.kind.code, application.valid_until) for application in asked(plan)] == [
        ("resident", date(2026, 12, 31)),
        ("tenant", date(2026, 12, 31)),
    ]


@pytest.mark.parametrize("written", ["resident", "RESIDENT", "Resident", "居民", " 居 民 ", "居民(本小区)"])
def test_a_kind_is_found_by_code_and_label(post: Post, written: str) -> None:
    assert [application.kind.code for application in asked(planned(post, HEADERS, person(kind=written)))] == [
        "resident"
    ]


@pytest.mark.parametrize(
    "written", ["2026-03-31", "2026-3-31", "2026/3/31", "2026年3月31日", "20260331", "２０２６-０３-３１"]
)
def test_days_are_read_as_people_write_them(post: Post, written: str) -> None:
    assert [application.valid_until for application in asked(planned(post, HEADERS, person(last=written)))] == [
        date(2026, 3, 31)
    ]


@pytest.mark.parametrize(
    "written",
    [
        "2027-02-29",
        "31.03.2026",
        "3/31/2026",
        "2026-3/31",
        "2026.3.31",
        "26-03-31",
        "46112",
        "2026-03-31 08:00",
        "1969-12-31",
        "长期",
        "2026-13-01",
        "\x1b[2J",
    ],
)
def test_other_days_are_told(post: Post, written: str) -> None:
    ((row, column, reason),) = told(planned(post, HEADERS, person(last=written)))

    assert (row, column) == (2, "截止日期")
    assert "no such day; write it like 2026-03-31" in reason
    assert "\x1b" not in reason


def test_names_lose_what_only_lines_them_up(post: Post) -> None:
    plan = planned(
        post,
        HEADERS,
        person(name="王　明"),
        person(name=" 张 \n三"),
        person(name="Ann  Marie Lee"),
        person(name="Ａｎｎ"),
    )

    assert [application.holder for application in asked(plan)] == ["王明", "张三", "Ann Marie Lee", "Ann"]


@pytest.mark.parametrize(
    ("changes", "column", "reason"),
    [
        ({"name": ""}, "姓名", "is empty; fill it in"),
        ({"name": "无"}, "姓名", "is empty; fill it in"),
        ({"name": "=1+1"}, "姓名", '"=1+1" is a formula'),
        ({"name": "＝1+1"}, "姓名", '"=1+1" is a formula'),
        ({"name": "+1"}, "姓名", "is a formula"),
        ({"name": "@SUM(A1)"}, "姓名", "is a formula"),
        ({"name": "王" * 14}, "姓名", "takes 42 bytes, at most 40 fit"),
        ({"name": "王\u202e明"}, "姓名", "invisible or control characters"),
        ({"name": "王\x1b[2J"}, "姓名", "invisible or control characters"),
        ({"name": resident()}, "姓名", "columns have slipped"),
        ({"address": ""}, "住址", "is empty; fill it in"),
        ({"address": "=A1"}, "住址", "is a formula"),
        ({"address": "3-2-501 " + resident()}, "住址", "columns have slipped"),
        ({"kind": "贵宾"}, "类别", '"贵宾" is no kind; there are: Resident, Tenant, '),
        ({"kind": ""}, "类别", "is empty; fill it in"),
        ({"first": "2027-01-01"}, "截止日期", "2026-12-31 lies before the first day, 2027-01-01"),
        (
            {"id_number": resident()[:-1] + ("0" if resident()[-1] != "0" else "1")},
            "身份证号",
            "check character is wrong",
        ),
        ({"id_number": "3.70E+17"}, "身份证号", "has rounded this number; format the column as text"),
        ({"phone": "1.38E+10"}, "电话", "has rounded this number"),
        ({"phone": "123"}, "电话", "is no phone number"),
        ({"plate": "鲁B123"}, "车牌号", "is no plate"),
        ({"remark": "x" * 201}, "备注", "takes 201 bytes, at most 200 fit"),
    ],
)
def test_a_bad_cell_is_told_with_row_column_and_reason(
    post: Post, changes: dict[str, str], column: str, reason: str
) -> None:
    plan = planned(post, HEADERS, person(name="张三"), person(**changes))

    ((row, found_column, found_reason),) = told(plan)
    assert (row, found_column) == (3, column)
    assert reason in found_reason
    assert "\x1b" not in found_reason
    assert [application.holder for application in asked(plan)] == ["张三"]


def test_all_problems_of_a_row_are_told(post: Post) -> None:
    plan = planned(post, HEADERS, person(name="", kind="x", last="y", plate="z"))

    assert [(row, column) for row, column, _reason in told(plan)] == [
        (2, "姓名"),
        (2, "类别"),
        (2, "截止日期"),
        (2, "车牌号"),
    ]


def test_cells_that_are_not_what_they_show_are_told(post: Post) -> None:
    def fill(book: Any, page: Any) -> None:
        page.write_row(0, 0, ["姓名", "房号", "身份证号", "截止日期"])
        as_day = book.add_format({"num_format": "m-d"})
        page.write_formula(1, 0, '="王"&"明"', None, "王明")
        page.write_row(2, 0, ["甲", 301])
        page.write_string(3, 0, "乙")
        page.write_datetime(3, 1, date(2026, 3, 2), as_day)
        page.write_row(4, 0, ["丙", "3", 990101199003071230])
        page.write_row(5, 0, ["丁", "4"])
        page.write_datetime(5, 3, date(2026, 3, 31), as_day)
        page.write_string(1, 1, "1")

    plan = planned_xlsx(post, fill)

    assert [(row, column) for row, column, _reason in told(plan)] == [(2, "姓名"), (4, "房号"), (5, "身份证号")]
    assert [
        word
        for word, (_r, _c, reason) in zip(("is a formula", "made a date of it", "has rounded"), told(plan), strict=True)
        if word not in reason
    ] == []
    assert [(a.holder, a.address, a.valid_until) for a in asked(plan)] == [
        ("甲", "301", date(2026, 12, 31)),
        ("丁", "4", date(2026, 3, 31)),
    ]


def test_merged_cells_in_the_data_are_told(post: Post) -> None:
    def fill(_book: Any, page: Any) -> None:
        page.merge_range("A1:C1", "title")
        page.write_row(1, 0, ["姓名", "住址", "楼长"])
        for row in range(2, 7):
            page.write_row(row, 0, [f"甲{'一二三四五六七'[row]}", str(row)])
        page.merge_range("B4:B5", "3-2-501")
        page.merge_range("C6:C7", "ignored")

    plan = planned_xlsx(post, fill)

    assert [reason for row, _column, reason in told(plan) if row == 4] == ["merged cells B4:B5; unmerge and fill them"]
    assert {row for row, _column, _reason in told(plan)} == {4, 5}
    assert [good.row for good in plan.good] == [3, 6, 7]


def test_who_comes_twice_is_told_and_planned_once(post: Post) -> None:
    first, second = resident(sequence="123"), resident(sequence="125")
    plan = planned(
        post,
        HEADERS,
        person(),
        person(),
        person(kind="租户"),
        person(name="张三", id_number=first),
        person(name="张三丰", address="9", id_number=first.lower()),
        person(name="张三", id_number=second),
        person(name="张三"),
        person(name="张 三", last="2026-06-30"),
    )

    assert [(good.row, good.application.holder) for good in plan.good] == [(2, "王小明"), (5, "张三"), (7, "张三")]
    assert told(plan) == [
        (3, "姓名", "repeats row 2; only that one counts"),
        (4, "姓名", "is the person of row 2 with other data; only that row counts"),
        (6, "身份证号", "is the person of row 5 with other data; only that row counts"),
        (8, "姓名", "repeats row 5; only that one counts"),
        (9, "姓名", "is the person of row 5 with other data; only that row counts"),
    ]
    assert len({application.source for application in asked(plan)}) == 3


def test_who_comes_again_after_a_bad_row_waits_for_its_correction(post: Post) -> None:
    plan = planned(post, HEADERS, person(last="2027-02-29"), person())

    assert plan.good == ()
    assert [(row, column) for row, column, _reason in told(plan)] == [(2, "截止日期"), (3, "姓名")]


def test_a_source_tells_no_id_number_and_stays_when_one_is_added(post: Post) -> None:
    without = asked(planned(post, HEADERS, person()))[0].source
    written = asked(planned(post, HEADERS, person(id_number=resident(), phone="13800000000")))[0].source
    other = asked(planned(post, HEADERS, person(last="2026-12-30")))[0].source

    assert without == written
    assert without != other


def test_rows_without_anything_in_a_known_column_are_passed_over(post: Post) -> None:
    plan = planned(post, ["序号", *HEADERS], ["1", *PERSON], ["2", *[""] * 9], ["3", *[" "] * 9])

    assert (len(plan.good), plan.problems, list(plan.cells)) == (1, (), [2])


def test_id_numbers_go_no_further_than_the_reader(post: Post) -> None:
    good, bad = resident(), resident()[:-1] + "ABC"
    plan = planned(
        post,
        [*HEADERS, "别的"],
        [*person(id_number=good), good],
        [*person(name=good, kind=good, first=good, id_number=bad, remark=good), good],
        [*person(name="甲", id_number=f"{good[:6]} {good[6:14]} {good[14:]}1"), ""],
        [*person(name="乙", id_number="E12345678"), ""],
    )

    everything = repr(plan) + "".join(reason for _row, _column, reason in told(plan))
    assert [secret for secret in (good, good[:-4], good[6:14], bad, "E1234") if secret in everything] == []
    assert plan.cells[2][5] == "*" * 14 + good[-4:]


def test_5000_rows_are_the_most(post: Post) -> None:
    rows = [[f"甲{n}", str(n)] for n in range(MAX_ROWS)]
    plan = planned(post, ["姓名", "住址"], *rows, defaults=WHOLE_YEAR)
    assert len(plan.good) == MAX_ROWS

    with pytest.raises(SpreadsheetError, match=f"has more than {MAX_ROWS} rows"):
        planned(post, ["姓名", "住址"], *rows, ["乙", "1"], defaults=WHOLE_YEAR)


def test_a_plan_records_nothing(post: Post) -> None:
    planned(post, HEADERS, person(), person(name=""))

    assert post.rows() == []


def test_a_missing_file_is_an_os_error(post: Post, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        make_plan(tmp_path / "none.csv", post.register, KINDS, WHOLE_YEAR)
