"""`gatepost community pull`, `report`, `ledger`, `purge` and `verify`, as staff type them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from sync.community.database import open_engine
from tests.cli.conftest import Run
from tests.community.conftest import COMMUNITY, NOW_MS
from tests.community.gates import DAY_MS, Gate, issued

NOW = datetime.fromtimestamp(NOW_MS / 1000, UTC)


@pytest.fixture
def office(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of a community whose east gate let 王小明 out an hour ago."""
    monkeypatch.setenv("GATEPOST_PASSWORD", "long enough")
    folder = tmp_path / "office"
    with time_machine.travel(NOW, tick=False):
        assert run("community", "init", "--dir", folder, "--id", COMMUNITY, "--name", "平安里").code == 0
        assert run("community", "staff", "add", "--dir", folder, "孙主任", "--role", "lead").code == 0
        engine = open_engine(f"sqlite:///{folder}/community.sqlite")
        gate = Gate(engine, "east")
        gate.record(issued("a"))
        gate.leg("a", "first", NOW_MS, holder="王小明", holder_id="p-a")
        gate.push()
        engine.dispose()
        yield folder


def test_people_and_passes_are_pulled(run: Run, office: Path) -> None:
    pull = ("community", "pull", "--dir", office)
    (row,) = json.loads(run(*pull, "--person", "王小明", "--json").out)
    assert (row["holder"], row["outcome"]) == ("王*明", "allowed")
    whole = run(*pull, "--person", "王小明", "--address", "3-2-501", "--json", "--unmask", "--as", "孙主任")
    assert json.loads(whole.out)[0]["holder"] == "王小明"
    assert json.loads(run(*pull, "--from", "2026-02-08", "--json").out) == []
    assert len(json.loads(run(*pull, "--until", "2026-02-07", "--station", "east", "--json").out)) == 1
    assert "1 passages" in run(*pull, "--day", "2026-02-07", "--out", office / "day.xlsx").out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["--person"]),
        (["--person", "nobody"], ["nobody"]),
        (["--address", "1"], ["--person"]),
        (["--pass", "ABC-DEF-GHK"], ["ABC-DEF-GHK", "check character"]),
        (["--day", "2026-02-07", "--from", "2026-02-07"], ["--from"]),
        (["--from", "2026-02-08", "--until", "2026-02-07"], ["2026-02-08", "2026-02-07"]),
        (["--from", "1900-01-01"], ["--from", "1970"]),
        (["--day", "2026-02-30"], ["2026-02-30"]),
        (["--shift", "x", "--day", "2026-02-07"], ["--shift"]),
    ],
    ids=str,
)
def test_a_wrong_selection_is_told(run: Run, office: Path, words: list[str], expected: list[str]) -> None:
    run("community", "pull", "--dir", office, "--json", *words).refused(2, *expected)


def test_the_daily_report_is_printed_and_written(run: Run, office: Path, tmp_path: Path) -> None:
    daily = ("community", "report", "daily", "--dir", office)
    told = run(*daily)
    assert "Persons checked\t1\n" in told.out
    assert "before the end of the day" in told.out
    assert "ZERO REPORT" in run(*daily, "--day", "2026-02-06").out
    assert json.loads(run(*daily, "--json").out)["total"]["persons"] == 1
    assert json.loads(run(*daily, "--json", "--cut-off", "07:00").out)["total"]["persons"] == 0
    for name in ("d.pdf", "d.xlsx", "d.csv", "d.json"):
        assert run(*daily, "--out", tmp_path / name).code == 0
        assert (tmp_path / name).stat().st_size > 0
    run(*daily, "--out", tmp_path / "d.doc").refused(2, "d.doc", ".pdf")
    run(*daily, "--out", tmp_path / "d.pdf", "--json").refused(2, "--json")
    run(*daily, "--cut-off", "25:00").refused(2, "25:00")
    run(*daily, "--day", "2026-02-08").refused(2, "not begun")
    run(*daily, "--station", "north").refused(2, "north")


def test_the_cut_off_of_the_settings_holds(run: Run, office: Path) -> None:
    path = office / "community.toml"
    path.write_text(path.read_text("utf-8").replace('cut_off = "00:00"', 'cut_off = "16:00"'), "utf-8")
    told = json.loads(run("community", "report", "daily", "--dir", office, "--json").out)
    assert (told["from"][11:16], told["until"][11:16]) == ("16:00", "16:00")
    path.write_text(path.read_text("utf-8").replace("16:00", "16 Uhr"), "utf-8")
    run("community", "report", "daily", "--dir", office).refused(2, "community.toml", "cut_off", "16 Uhr")


def test_a_ledger_is_written(run: Run, office: Path, tmp_path: Path) -> None:
    ledger = ("community", "ledger")
    assert "1 rows" in run(*ledger, "passes", "--dir", office, "--out", tmp_path / "p.pdf").out
    (row,) = json.loads(run(*ledger, "passes", "--dir", office, "--json", "--unmask", "--as", "孙主任").out)
    assert row["holder"] == "王小明"
    run(*ledger, "nothing", "--dir", office, "--json").refused(2, "nothing", "visitors")
    run(*ledger, "passes", "--dir", office).refused(2, "--out")
    run(*ledger, "passes", "--dir", office, "--json", "--unmask").refused(2, "--as")


def test_old_records_are_purged_and_the_journals_verify(run: Run, office: Path) -> None:
    purge = ("community", "purge", "--dir", office)
    assert run(*purge).out == "Nothing is older than it may be.\n"
    with time_machine.travel(datetime.fromtimestamp((NOW_MS + 60 * DAY_MS) / 1000, UTC), tick=False):
        dry = run(*purge, "--dry-run")
        assert "passage.recorded\t1\n" in dry.out
        assert "Nothing was changed" in dry.out
        assert "set it right before you purge" in dry.out
        assert "says 2026-04-08 08:00" in dry.out
        assert "王*明" in run("community", "pull", "--dir", office, "--station", "east", "--json").out
        done = json.loads(run(*purge, "--by", "孙主任", "--json").out)
        assert done["events"] == {"pass.issued": 1, "passage.recorded": 1}
        (certificate,) = done["certificates"]
        assert json.loads(Path(certificate).read_text("utf-8"))["by"] == "孙主任"
        assert run(*purge).out == "Nothing is older than it may be.\n"
        (row,) = json.loads(run("community", "pull", "--dir", office, "--station", "east", "--json").out)
        assert (row["holder"], row["purged"], row["outcome"]) == ("", True, "allowed")
    verified = run("community", "verify", "--dir", office)
    assert verified.out == "5 records of 2 journals, every link holds; emptied: 2, not yet arrived: 0\n"
    assert json.loads(run("community", "verify", "--dir", office, "--json").out)["certificates"] == 1


def test_days_of_retention_are_checked(run: Run, office: Path) -> None:
    path = office / "community.toml"
    path.write_text(path.read_text("utf-8").replace("passages = 30", "passages = 0"), "utf-8")
    run("community", "purge", "--dir", office).refused(2, "community.toml", "retention.passages")
