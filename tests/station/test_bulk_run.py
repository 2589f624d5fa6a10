"""Issuing from a list: once each, whatever stops the run, and the bad rows written back.

Run as `python -m tests.station.test_bulk_run FOLDER` this issues FOLDER/list.csv, prints each new pass once it is on
disk, and reads a character before it goes on.
"""

import csv
import json
import os
import stat
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from passes.errors import UsageError
from passes.keys import IssuingKey
from passes.kinds import PRESETS
from passes.token import read_token
from station import issuing
from station.bulk.reading import Problem
from station.bulk.report import save_report
from station.bulk.rows import Defaults
from station.bulk.run import Issued, Plan, issue, make_plan
from station.bulk.values import KindNames
from station.issuing import Desk
from station.storage import StorageError
from tests.house.tree import ROOT
from tests.passes.test_identity import resident
from tests.station.post import Post, trust_list

HEADERS = "姓名,住址,身份证号,备注"
WHOLE_YEAR = Defaults(PRESETS["resident"], date(2026, 1, 1), date(2026, 12, 31))


def write(post: Post, *lines: str) -> None:
    (post.folder / "list.csv").write_text("\n".join((HEADERS, *lines)), "utf-8")


def planned(post: Post, *lines: str) -> Plan:
    if lines:
        write(post, *lines)
    return make_plan(post.folder / "list.csv", post.register, KindNames(PRESETS), WHOLE_YEAR)


def issued(post: Post, *lines: str) -> tuple[list[Issued], list[Problem]]:
    return issue(planned(post, *lines), post.desk, post.register, lambda _done: None)


def holders(post: Post) -> list[tuple[str, str]]:
    return [(body["holder"], body["address"]) for body in recorded(post)]


def recorded(post: Post) -> list[dict[str, str]]:
    """What the journal holds of passes."""
    return [json.loads(bytes(event.body)) for _n, event in post.journal.read() if event.kind == "pass.issued"]


def test_good_rows_are_issued_and_bad_ones_are_not(post: Post) -> None:
    done, refused = issued(post, "王小明,3-2-501", "张三,", "李四,3-2-502")

    assert refused == []
    assert [(each.row, each.issued.holder, each.is_new) for each in done] == [(2, "王小明", True), (4, "李四", True)]
    assert sorted(holders(post)) == [("李四", "3-2-502"), ("王小明", "3-2-501")]
    claims = read_token(done[0].issued.token, trust_list()).claims
    assert (claims.holder, claims.address, claims.valid_until) == ("王小明", "3-2-501", date(2026, 12, 31))


def test_a_run_repeated_issues_nothing_and_returns_the_same_passes(post: Post) -> None:
    first, _ = issued(post, "王小明,3-2-501", "张三,3-2-502")
    again, _ = issued(post)

    assert [each.issued for each in again] == [each.issued for each in first]
    assert [each.is_new for each in again] == [False, False]
    assert [good.known for good in planned(post).good] == [each.issued for each in first]
    assert post.rows() == ["pass.issued"] * 2


def test_a_corrected_list_issues_only_what_is_new(post: Post) -> None:
    issued(post, "王小明,3-2-501", "张三,", "李四,3-2-502")

    done, _ = issued(post, "赵六,9", "李四,3-2-502", f"张三,3-2-503,{resident()}", "王小明,3-2-501")

    assert [(each.row, each.issued.holder) for each in done if each.is_new] == [(2, "赵六"), (4, "张三")]
    assert len(holders(post)) == 4


def test_two_of_one_name_at_one_address_have_a_pass_each_and_only_one(post: Post) -> None:
    lines = [f"王伟,3-2-501,{resident(sequence='123')}", f"王伟,3-2-501,{resident(sequence='125')}"]
    done, _ = issued(post, *lines)
    again, _ = issued(post, *reversed(lines))

    assert [each.is_new for each in (*done, *again)] == [True, True, False, False]
    assert len({each.issued.pass_id for each in again}) == 2


def test_a_pass_that_has_ended_is_not_issued_again(post: Post) -> None:
    ((first,), _) = issued(post, "王小明,3-2-501")
    issuing.revoke(post.journal, post.register, post.clock, first.issued, reason="lost")

    ((again,), _) = issued(post)

    assert (again.is_new, again.issued.pass_id) == (False, first.issued.pass_id)


def test_two_runs_at_once_issue_each_pass_once(post: Post) -> None:
    plan = planned(post, "王小明,3-2-501", "张三,3-2-502")
    other = Post(post.folder, post.clock)
    try:
        late = planned(other)
        issue(plan, post.desk, post.register, lambda _done: None)
        done, _ = issue(late, other.desk, other.register, lambda _done: None)
    finally:
        other.journal.close()

    assert [each.is_new for each in done] == [False, False]
    assert post.rows() == ["pass.issued"] * 2


def test_what_the_desk_turns_down_is_a_problem_of_its_row(post: Post) -> None:
    desk = Desk(post.journal, post.register, IssuingKey.generate(), "x" * 33, post.clock)
    plan = planned(post, "王小明,3-2-501", "张三,3-2-502")
    seen: list[Issued | Problem] = []

    done, refused = issue(plan, desk, post.register, seen.append)

    assert (done, [problem.row for problem in refused]) == ([], [2, 3])
    assert seen == list(refused)
    assert post.rows() == []


def test_a_disk_that_fails_stops_the_run_and_the_next_goes_on(post: Post) -> None:
    plan = planned(post, *(f"甲{n},{n}" for n in range(10)))
    seen: list[Issued | Problem] = []

    def pull_the_plug(done: Issued | Problem) -> None:
        seen.append(done)
        if len(seen) == 4:
            post.journal.connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StorageError):
        issue(plan, post.desk, post.register, pull_the_plug)
    assert len(post.rows()) == len(seen) == 4
    post.journal.connection.execute("PRAGMA query_only = OFF")

    done, _ = issued(post)
    assert [each.is_new for each in done] == [False] * 4 + [True] * 6


def test_a_run_killed_anywhere_is_run_again_without_loss_or_doubles(tmp_path: Path) -> None:
    post = Post(tmp_path)
    write(post, *(f"甲{n},{n}" for n in range(60)))
    post.journal.close()
    promised: list[str] = []

    for after in (1, 12, 25):
        promised += killed_run(tmp_path, after)
    post = Post(tmp_path, create=False)
    try:
        before = {body["number"] for body in recorded(post)}
        assert before.issuperset(promised)
        assert 3 <= len(before) < 60
        done, refused = issued(post)

        assert (len(done), refused) == (60, [])
        assert sum(not each.is_new for each in done) == len(before)
        assert sorted(holders(post)) == sorted((f"甲{n}", str(n)) for n in range(60))
        assert post.journal.verify() == 60
        post.register.rebuild()
        assert not [each for each in issued(post)[0] if each.is_new]
    finally:
        post.journal.close()


def killed_run(folder: Path, after: int) -> list[str]:
    """Issue in a process of its own, kill it when so many new passes were promised, and return all it promised."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.station.test_bulk_run", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        # Enough to be in the midst of the next ones when it is killed, never so many that it comes to the end.
        child.stdin.write("." * (after + 3))
        child.stdin.flush()
        promised = [child.stdout.readline().strip() for _ in range(after)]
        child.kill()
        promised += [line.strip() for line in child.stdout if line.endswith("\n")]
    assert all(promised)
    return promised


def promise(done: Issued | Problem) -> None:
    assert isinstance(done, Issued)
    if done.is_new:
        sys.stdout.write(f"{done.issued.number}\n")
        sys.stdout.flush()
        sys.stdin.read(1)


def report(post: Post, plan: Plan, *more: Problem) -> tuple[Path, list[list[str]]]:
    path = post.folder / "bad.csv"
    save_report(path, plan, [*plan.problems, *more], str, str)
    return path, list(csv.reader(path.read_text("utf-8-sig").splitlines()))


def test_bad_rows_are_written_back_as_they_were(post: Post) -> None:
    plan = planned(post, "王小明,3-2-501", '张三,,,"a,b"', ",,x,y")

    path, lines = report(post, plan)

    assert lines == [
        ["Row", "Column", "Reason", "姓名", "住址", "身份证号", "备注"],
        ["3", "住址", "is empty; fill it in", "张三", "", "", "a,b"],
        ["4", "姓名; 住址; 身份证号", lines[2][2], "", "", "*", "y"],
    ]
    assert lines[2][2].count("is empty; fill it in; ") == 2
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 or sys.platform == "win32"
    assert [each.name for each in post.folder.glob("*.part")] == []


def test_a_report_runs_nothing_and_tells_no_id_number(post: Post) -> None:
    secret = resident()
    plan = planned(post, f"=1+1,@x,{secret},+1", f"\x1b[2J,-1,{secret[:-1]},＝1", f"{secret},1,,a")

    path, lines = report(post, plan)

    cells = [cell for line in lines[1:] for cell in line]
    assert len(lines) == 4
    assert [cell for cell in cells if cell.lstrip().startswith(("=", "+", "-", "@", "＝"))] == []
    assert "'=1+1" in cells
    text = path.read_text("utf-8-sig")
    assert [hidden for hidden in (secret, secret[:-4], secret[6:14], "\x1b") if hidden in text] == []
    assert "*" * 14 + secret[-4:] in cells


def test_a_report_is_a_list_once_it_is_corrected(post: Post) -> None:
    path, _lines = report(post, planned(post, "王小明,3-2-501", "张三,", "-4,1"))
    text = path.read_text("utf-8-sig").replace("张三,", "张三,3-2-502").replace("'-4", "李四")
    path.write_text(text, "utf-8-sig")
    (post.folder / "list.csv").write_bytes(path.read_bytes())

    done, _ = issued(post)

    assert [(each.issued.holder, each.issued.address) for each in done] == [("张三", "3-2-502"), ("李四", "1")]


def test_what_the_desk_turned_down_is_in_the_report(post: Post) -> None:
    plan = planned(post, "王小明,3-2-501")

    _path, lines = report(post, plan, Problem(2, "", UsageError("not now")))

    assert lines[1] == ["2", "", "not now", "王小明", "3-2-501", "", ""]


def test_a_report_never_takes_the_place_of_the_list(post: Post) -> None:
    plan = planned(post, "王小明,")
    before = plan.sheet.path.read_bytes()

    for path in (plan.sheet.path, post.folder / ".." / post.folder.name / "list.csv"):
        with pytest.raises(UsageError, match="the list itself"):
            save_report(path, plan, plan.problems, str, str)
    with pytest.raises(UsageError, match="cannot be written"):
        save_report(post.folder / "none" / "bad.csv", plan, plan.problems, str, str)

    assert plan.sheet.path.read_bytes() == before


if __name__ == "__main__":
    child = Post(Path(sys.argv[1]), create=False)
    issue(planned(child), child.desk, child.register, promise)
