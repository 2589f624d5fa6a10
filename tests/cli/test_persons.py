"""Sealed numbers from the station to the office, by the commands alone."""

import json
import os
from pathlib import Path

import pytest

from station.assembly import open_station
from sync.community.database import open_engine
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.settings import load_settings
from sync.events import to_json
from tests.cli.conftest import VALID, Run
from tests.station.post import COMMUNITY

NUMBER, PHONE = "110101199003074477", "13800001234"
PASSWORD = "correct horse"


@pytest.fixture
def office(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "office"
    monkeypatch.setenv("GATEPOST_PASSWORD", PASSWORD)
    assert run("community", "init", "--dir", made, "--id", COMMUNITY, "--name", "平安里").code == 0
    assert run("community", "station", "add", "--dir", made, "east", "--name", "东门", "--issue").code == 0
    for role in ("worker", "lead"):
        assert run("community", "staff", "add", "--dir", made, role, "--role", role).code == 0
    return made


def carry(office: Path, station: Path) -> None:
    """Carry a station's journal to the office."""
    settings = load_settings(office)
    engine = open_engine(settings.database_url(office))
    with open_station(station) as opened:
        lines = [to_json(event) for _n, event in opened.journal.read()]
        now_ms = opened.clock.now_ms()
    store_batch(engine, read_batch(engine, Setting(COMMUNITY, "east", now_ms), lines))
    engine.dispose()


def test_a_list_is_sealed_at_the_station_and_opened_in_the_office(run: Run, office: Path, tmp_path: Path) -> None:
    station = tmp_path / "station"
    assert run("init", office / "east.enrolment.json", "--dir", station).code == 0
    if os.name == "posix":
        assert (station / "digest.key").stat().st_mode & 0o777 == 0o600
    rows = tmp_path / "list.csv"
    rows.write_text(f"姓名,住址,类别,身份证号,电话\n王小明,3-2-501,居民,{NUMBER},{PHONE}\n", "utf-8")
    told = run("pass", "bulk", rows, "--dir", station, "--issue", *VALID)
    assert told.code == 0, told
    assert "sealed, only the office can read them: 身份证号, 电话" in told.out
    assert NUMBER.encode() not in b"".join(path.read_bytes() for path in station.iterdir())

    carry(office, station)
    assert NUMBER.encode() not in b"".join(path.read_bytes() for path in office.iterdir() if path.is_file())
    person = ("community", "person")
    (found,) = json.loads(run(*person, "find", "4477", "--dir", office, "--json").out)
    assert (found["name"], found["id_tail"], "id_number" in found) == ("王*明", "4477", False)
    shown = run(*person, "show", found["person_id"], "--dir", office)
    assert "Resident ID card: *4477" in shown.out
    show = (*person, "show", found["person_id"], "--dir", office, "--unmask")
    run(*show).refused(2, "--unmask", "--as NAME")
    run(*show, "--as", "worker").refused(1, "role worker")
    told = run(*show, "--as", "lead")
    assert (told.code, f"Resident ID card: {NUMBER}" in told.out, f"Phone: {PHONE}" in told.out) == (0, True, True)
    assert "in the log" in told.err
    opened = json.loads(run(*show, "--as", "lead", "--json").out)
    assert (opened["id_number"], opened["phone"]) == (NUMBER, PHONE)
    run(*person, "show", "nobody", "--dir", office).refused(2, "nobody is registered")


def test_a_community_that_began_without_keys_gets_them(run: Run, office: Path) -> None:
    """What an older version made has no sealing key; the upgrade says so, one command makes it."""
    for path in [*office.glob("sealing-key.*.pem"), office / "digest.key"]:
        path.unlink()
    keys = json.loads(run("community", "key", "list", "--dir", office, "--json").out)
    (sealing,) = [entry["key_id"] for entry in keys if entry["use"] == "seal"]
    assert run("community", "key", "withdraw", "--dir", office, sealing).code == 0
    assert "community key seal" in run("community", "upgrade", "--dir", office).out
    told = run("community", "key", "seal", "--dir", office)
    assert told.code == 0, told
    assert "sealing-key." in told.out
    assert "digest.key" in told.out
    assert "community key seal" not in run("community", "upgrade", "--dir", office).out
    assert "already" in run("community", "key", "seal", "--dir", office).out
    told = run("community", "key", "seal", "--dir", office, "--new", "--json")
    assert json.loads(told.out)["digest_key_is_new"] is False
