"""`gatepost shift` and `gatepost watch`: duty without a screen."""

import json
from pathlib import Path

from station.access import Role
from station.assembly import open_station
from station.duty import errands
from station.duty.book import DutyBook
from tests.cli.conftest import Run
from tests.screens.console import make_station


def test_a_shift_from_the_command_line(run: Run, tmp_path: Path) -> None:
    folder = make_station(tmp_path, on_duty=False)
    opened = run("shift", "open", "周师傅", "吴师傅", "--lead", "赵组长", "--due", "2020-01-01T08:00", "--dir", folder)
    assert "On duty: 周师傅, 吴师傅" in opened.out
    run("shift", "open", "王师傅", "--dir", folder).refused(1, "周师傅, 吴师傅 is still on duty")
    with open_station(folder) as station:
        errands.add(DutyBook.of(station), wanted="送药", address="3-2-501")
    assert "1  Errand: 送药 3-2-501" in run("shift", "hand-over", "--list", "--dir", folder).out
    run("shift", "report", "--pdf", tmp_path / "x.pdf", "--dir", folder).refused(2, "nothing to print")
    run("shift", "hand-over", "郑师傅", "--dir", folder).refused(2, "say whether it is handed over or closed")
    run("shift", "hand-over", "郑师傅", "--closed", 2, "--dir", folder).refused(2, "no matter has this number")
    run("shift", "hand-over", "--dir", folder).refused(2, "incoming")

    done = run("shift", "hand-over", "--unmanned", "--closed", 1, "--note", "钥匙在抽屉", "--dir", folder, "--json")
    assert json.loads(done.out)["exits"] == 0
    (row,) = json.loads(run("shift", "report", "--json", "--dir", folder).out)
    assert (row["guards"], row["incoming"], row["late_minutes"] > 0) == (["周师傅", "吴师傅"], "", True)
    assert "left unmanned" in run("shift", "report", "--dir", folder).out
    pdf, strip = tmp_path / "x.pdf", tmp_path / "x.png"
    run("shift", "report", "--pdf", pdf, "--strip", strip, "--dir", folder)
    assert pdf.read_bytes().startswith(b"%PDF")
    assert strip.read_bytes().startswith(b"\x89PNG")


def test_a_watch_list_from_the_command_line(run: Run, tmp_path: Path) -> None:
    folder = make_station(tmp_path)
    path = tmp_path / "list.csv"
    path.write_text("姓名,住址,备注\n丁一,甲市乙路,途经\n丁二,,\n", encoding="utf-8")
    asked = ("watch", "import", path, "--source", "派出所", "--dir", folder)
    assert "1 good rows" not in run(*asked, "--dry-run").out
    assert "2 good rows" in run(*asked, "--dry-run").out
    first = run(*asked)
    assert (first.code, "1 new on the list, 0 stood there already" in first.out) == (1, True)
    assert "row 3: 丁二: a name alone is many people" in first.err
    assert "0 new on the list, 1 stood there already" in run(*asked).out
    (row,) = json.loads(run("watch", "list", "--json", "--dir", folder).out)
    assert (row["name"], row["source"]) == ("丁*", "派出所")
    run("watch", "clear", "nobody", "--reason", "x", "--dir", folder).refused(2, "nobody with this id")
    assert run("watch", "clear", row["id"], "--reason", "已满", "--dir", folder).out == "cleared\n"
    assert json.loads(run("watch", "list", "--json", "--dir", folder).out) == []


def test_where_pins_are_nobody_takes_up_duty_without_one(run: Run, folder: Path) -> None:
    with open_station(folder) as station:
        station.access.set_member("吴师傅", [Role.GUARD])
        station.access.set_pin("吴师傅", "2580")
    run("shift", "open", "吴师傅", "--dir", folder).refused(2, "signs by PIN", "terminal")
    with open_station(folder) as station:
        assert station.register.current_shift() is None
