"""`gatepost pass bulk`: what a file would do, what it did, and what is wrong in it."""

import json
import os
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from station.assembly import open_station
from station.settings import ISSUING_KEY_FILE
from tests.cli.conftest import Run
from tests.cli.test_print import codes_in
from tests.house.tree import ROOT
from tests.passes.test_identity import resident

WHEN = ("--from", "2026-01-01", "--until", "2026-12-31", "--kind", "居民")


def list_file(tmp_path: Path, *lines: str, headers: str = "姓名,住址,身份证号,序号") -> Path:
    path = tmp_path / "名单.csv"
    path.write_text("\n".join((headers, *lines)), "utf-8")
    return path


def issued(folder: Path) -> list[str]:
    with open_station(folder) as station:
        bodies = [json.loads(bytes(event.body)) for _n, event in station.journal.read()]
        return sorted(body["holder"] for body in bodies)


def test_a_dry_run_tells_everything_and_issues_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    path = list_file(tmp_path, f"王小明,3-2-501,{resident()}", "张三,,", "李四,3-2-502,123")

    told = run("pass", "bulk", path, *WHEN, "--dir", folder)

    assert (told.code, told.err) == (1, "")
    assert told.out.splitlines() == [
        f"{path} (CSV, utf-8, comma), headers in row 1",
        "read: 姓名, 住址",
        "looked through and dropped, since the office gave no key to seal to: 身份证号",
        "ignored columns: 序号",
        "row 3, 住址: is empty; fill it in",
        "row 4, 身份证号: is no ID number: write 18 characters, or the 5 to 20 letters and digits of a permit",
        "rows: 3   good: 1   of them issued before: 0   bad: 2",
        "Nothing was issued. Issue the good rows with: --issue",
    ]
    assert issued(folder) == []


def test_good_rows_are_issued_once(run: Run, folder: Path, tmp_path: Path) -> None:
    path = list_file(tmp_path, "王小明,3-2-501", "张三,", "李四,3-2-502")
    command = ("pass", "bulk", path, *WHEN, "--dir", folder, "--issue")

    first = run(*command)
    assert (first.code, first.err, first.out.splitlines()[-1]) == (1, "", "issued: 2")
    assert issued(folder) == ["李四", "王小明"]

    list_file(tmp_path, "王小明,3-2-501", "张三,3-2-503", "李四,3-2-502")
    second = run(*command)
    assert (second.code, second.out.splitlines()[-2:]) == (
        0,
        ["rows: 3   good: 3   of them issued before: 2   bad: 0", "issued: 1"],
    )
    assert len(issued(folder)) == 3


def test_machines_are_told_the_passes_and_the_problems(run: Run, folder: Path, tmp_path: Path) -> None:
    path = list_file(tmp_path, "王小明,3-2-501", "张三,", "李四,3-2-502")
    run("pass", "bulk", list_file(tmp_path, "王小明,3-2-501"), *WHEN, "--dir", folder, "--issue")
    list_file(tmp_path, "王小明,3-2-501", "张三,", "李四,3-2-502")

    told = run("pass", "bulk", path, *WHEN, "--dir", folder, "--issue", "--json")

    answer: dict[str, Any] = json.loads(told.out)
    assert (told.code, told.err) == (1, "")
    assert (answer["dry_run"], answer["rows"], answer["good"], answer["issued_before"]) == (False, 3, 2, 1)
    assert answer["problems"] == [{"row": 3, "column": "住址", "reason": "is empty; fill it in"}]
    assert [(each["row"], each["is_new"]) for each in answer["passes"]] == [(2, False), (4, True)]
    for each in answer["passes"]:
        assert run("pass", "show", each["number"], "--dir", folder).code == 0
    assert answer["columns"]["name"] == "姓名"


def test_a_workbook_is_issued_and_its_bad_rows_reported(run: Run, folder: Path, tmp_path: Path) -> None:
    path, report = tmp_path / "list.xlsx", tmp_path / "bad.csv"
    with xlsxwriter.Workbook(str(path)) as book:
        page, as_day = book.add_worksheet("一期"), book.add_format({"num_format": "yyyy/m/d"})
        page.merge_range("A1:E1", "平安里临时通行证")
        page.write_row(1, 0, ["姓名", "房号", "通行证类别", "有效期起", "有效期至"])
        for row, (name, room, kind) in enumerate(
            (("王小明", 501, "临时"), ("张三", 502, "租户"), ("李四", 503, "贵宾")), 2
        ):
            page.write_row(row, 0, [name, room, kind])
            page.write_datetime(row, 3, date(2026, 1, 1), as_day)
            page.write_datetime(row, 4, date(2026, 12, 31), as_day)
        book.add_worksheet("二期")

    told = run("pass", "bulk", path, "--dir", folder, "--issue", "--report", report)

    assert (told.code, told.err) == (1, "")
    assert f"{path} (一期), headers in row 2" in told.out
    assert "sheets not read, name one with --sheet: 二期" in told.out
    assert 'row 5, 通行证类别: "贵宾" is no kind' in told.out
    assert len(issued(folder)) == 2
    assert "李四,503,贵宾,2026-01-01,2026-12-31" in report.read_text("utf-8-sig")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--kind", "贵宾"], ["--kind", "贵宾", "no kind", "Resident"]),
        (["--from", "2027-02-29"], ["--from", "2027-02-29", "no such day"]),
        (["--until", "\x1b[2J"], ["--until", "no such day"]),
        (["--sheet", "x"], ["--sheet", "CSV"]),
        (["--report", "LIST"], ["--report", "the list itself"]),
        (["--report", "none/none/bad.csv"], ["--report", "cannot be written"]),
    ],
)
def test_a_wrong_option_is_one_sentence_and_issues_nothing(
    run: Run, folder: Path, tmp_path: Path, words: list[str], told: list[str]
) -> None:
    path = list_file(tmp_path, "王小明,3-2-501")
    words = [str(path) if word == "LIST" else word for word in words]

    line = run("pass", "bulk", path, *WHEN, *words, "--issue", "--dir", folder).refused(2, *told)

    assert "\x1b" not in line
    assert issued(folder) == []


def test_a_file_that_is_no_list_is_one_sentence(run: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "photo.xlsx"
    other.write_bytes(b"\x89PNG\r\n\x1a\n")
    empty = list_file(tmp_path, headers="")

    run("pass", "bulk", other, *WHEN, "--dir", folder).refused(2, str(other), "is no spreadsheet")
    run("pass", "bulk", empty, *WHEN, "--dir", folder).refused(2, str(empty), "no row of headers")
    run("pass", "bulk", tmp_path / "none.csv", *WHEN, "--dir", folder).refused(1, "none.csv", "cannot be read")
    run("pass", "bulk", tmp_path, *WHEN, "--dir", folder).refused(1, str(tmp_path), "cannot be read")


def test_a_station_without_a_key_looks_through_and_issues_nothing(run: Run, folder: Path, tmp_path: Path) -> None:
    path = list_file(tmp_path, "王小明,3-2-501")
    (folder / ISSUING_KEY_FILE).unlink()

    assert run("pass", "bulk", path, *WHEN, "--dir", folder).code == 0
    run("pass", "bulk", path, *WHEN, "--dir", folder, "--issue").refused(2, "may not issue passes")


def test_what_a_file_says_is_never_a_command_to_the_terminal(run: Run, folder: Path, tmp_path: Path) -> None:
    path = list_file(tmp_path, "\x1b[2J,\x1b]0;x\x07,\u202e,\x9b", headers="姓名,住址,身份证号,\x1b[31m\u202e")

    for more in ((), ("--json",)):
        told = run("pass", "bulk", path, *WHEN, "--dir", folder, *more)
        assert [char for char in told.out + told.err if not char.isprintable() and char != "\n"] == []


def test_an_id_number_is_told_nowhere(run: Run, folder: Path, tmp_path: Path) -> None:
    secret = resident()
    report = tmp_path / "bad.csv"
    path = list_file(
        tmp_path, f"王小明,3-2-501,{secret}", f"张三,1,{secret}", f"{secret},{secret},{secret[:-1]}A,{secret}"
    )

    told = run("pass", "bulk", path, *WHEN, "--dir", folder, "--issue", "--report", report, "--json")

    kept = b"".join(each.read_bytes() for each in (*folder.iterdir(), report))
    assert issued(folder) == ["王小明"]
    assert secret[:-4] not in told.out + told.err
    assert secret[6:14] not in told.out + told.err
    assert secret[:-4].encode() not in kept
    assert secret[6:14].encode() not in kept


def test_progress_is_shown_to_people_only(run: Run, folder: Path, tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("Windows has no pseudo-terminals")
    import pty

    path = list_file(tmp_path, "王小明,3-2-501", "张三,3-2-502")
    master, slave = pty.openpty()
    child = subprocess.run(
        [
            sys.executable,
            "-m",
            "station",
            "--lang",
            "en",
            "pass",
            "bulk",
            path,
            *WHEN,
            "--dir",
            folder,
            "--issue",
            "--json",
        ],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=slave,
        timeout=60,
        check=False,
    )
    os.close(slave)

    with os.fdopen(master, "rb", buffering=0) as shown:
        told = shown.read(10_000)
    assert b"Issuing" in told
    assert b"100%" in told
    assert (child.returncode, json.loads(child.stdout)["good"]) == (0, 2)
    list_file(tmp_path, "李四,3-2-501")
    assert run("pass", "bulk", path, *WHEN, "--dir", folder, "--issue").err == ""


def test_a_spreadsheet_becomes_sheets_in_one_command(run: Run, folder: Path, tmp_path: Path) -> None:
    rows = "".join(f"王小明{place},3-2-{place},居民,2026-03-01,2026-03-31\n" for place in range(101, 113))
    file = tmp_path / "list.csv"
    file.write_text("姓名,住址,类别,起,止\n" + rows, encoding="utf-8")
    pdf = tmp_path / "passes.pdf"
    run("pass", "bulk", file, "--pdf", pdf, "--dir", folder).refused(2, "--pdf", "add --issue")

    told = run("pass", "bulk", file, "--issue", "--pdf", pdf, "--dir", folder, "--json")

    assert told.code == 0
    with open_station(folder) as station:
        tokens = {row.token for row in station.register.find_passes()}
        assert station.register.find_passes(unprinted=True) == []
    assert len(tokens) == 12
    assert codes_in(pdf) == tokens
    assert len(json.loads(told.out)["passes"]) == 12
