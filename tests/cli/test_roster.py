"""`gatepost roster` and `gatepost log rebuild` as people type them."""

import csv
import json
from pathlib import Path

import pytest
from openpyxl import load_workbook

from station.assembly import open_station
from tests.cli.conftest import Run

LIST = "姓名,住址,身份,标记,车牌,网格\n曾小明,3-2-501,业主,高龄,鲁B12345,=1+1网格\n吕布,1-1-101,租户,,,\n"


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    path = tmp_path / "名单.csv"
    path.write_text(LIST.replace("=1+1", "@甲"), encoding="utf-8")
    return path


def test_a_list_is_taken_in_once_and_found(run: Run, folder: Path, listed: Path) -> None:
    told = run("roster", "import", listed, "--dir", folder)
    assert (told.code, "persons 2, households 1" in told.out) == (0, True)
    again = json.loads(run("roster", "import", listed, "--dir", folder, "--json").out)
    assert (again["rows"], again["known"], again["persons"], again["problems"]) == (2, 2, 0, [])
    assert run("roster", "find", "zxm", "--dir", folder).out == "曾*明  3-2-501  owner  elderly  鲁B*****\n"
    (found,) = json.loads(run("roster", "find", "b12345", "--dir", folder, "--json").out)
    assert (found["name"], found["household"], found["role"]) == ("曾*明", "3-2-501", "owner")
    nobody = run("roster", "find", "zzz", "--dir", folder)
    assert (nobody.code, nobody.out, len(nobody.err.splitlines())) == (1, "", 1)


def test_a_dry_run_and_a_wrong_row_record_nothing(run: Run, folder: Path, listed: Path) -> None:
    assert run("roster", "import", listed, "--dry-run", "--dir", folder).code == 0
    with listed.open("a", encoding="utf-8") as file:
        file.write("王五,,皇帝,,,\n")
    told = run("roster", "import", listed, "--dir", folder)
    assert told.code == 1
    for word in ("名单.csv: row 4", "住址", "身份", "皇帝", "Nothing was recorded"):
        assert word in told.out
    assert run("roster", "find", "zxm", "--dir", folder).code == 1


def test_a_file_that_is_no_list_is_one_sentence(run: Run, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    run("roster", "import", path, "--dir", folder).refused(2, str(path))
    run("roster", "import", tmp_path / "none.csv", "--dir", folder).refused(1, "none.csv")
    run("roster", "export", tmp_path / "list.doc", "--dir", folder).refused(2, "list.doc", ".xlsx")


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_an_export_is_masked_and_runs_no_formula(
    run: Run, folder: Path, listed: Path, tmp_path: Path, form: str
) -> None:
    run("roster", "import", listed, "--dir", folder)
    path = tmp_path / f"out.{form}"
    told = run("roster", "export", path, "--dir", folder)
    assert (told.code, "2 people" in told.out) == (0, True)
    if form == "csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    else:
        page = load_workbook(path).worksheets[0]
        assert {cell.data_type for row in page.iter_rows() for cell in row} <= {"s", "n"}
        rows = [[str(cell.value or "") for cell in row] for row in page.iter_rows()]
    guard = "'" if form == "csv" else ""
    assert rows[0][:2] == ["Name", "Address"]
    assert rows[2][:8] == ["曾*明", "3-*-***", "3-*-***", "", f"{guard}@甲网格", "owner", "elderly", "鲁B*****"]
    assert rows[1][:2] == ["吕*", "1-*-***"]
    assert path.stat().st_mode & 0o077 == 0


def test_an_empty_roster_is_exported_too(run: Run, folder: Path, tmp_path: Path) -> None:
    assert "0 people" in run("roster", "export", tmp_path / "out.csv", "--dir", folder).out


def test_a_register_that_differs_is_named_and_made_anew(run: Run, folder: Path, listed: Path) -> None:
    run("roster", "import", listed, "--dir", folder)
    assert run("log", "rebuild", "--dir", folder).code == 0
    with open_station(folder) as station, station.journal.writing():
        station.journal.connection.execute("UPDATE persons SET name = '别人' WHERE name = '吕布'")
    told = run("log", "rebuild", "--dir", folder, "--json")
    assert (told.code, [one["table"] for one in json.loads(told.out)["differences"]]) == (1, ["persons"])
    assert json.loads(run("log", "rebuild", "--dir", folder, "--json").out)["differences"] == []
    with open_station(folder) as station, station.journal.writing():
        station.journal.connection.execute("DELETE FROM households")
    told = run("log", "rebuild", "--dir", folder)
    assert (told.code, "households: in the records, but not in use" in told.err) == (1, True)
