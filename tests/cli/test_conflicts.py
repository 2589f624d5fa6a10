"""`gatepost community conflicts`: a pass used at two gates that could not ask each other."""

import json
from datetime import UTC, datetime
from pathlib import Path

import time_machine

from station.assembly import open_station
from sync.community.database import open_engine
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.events import to_json
from tests.cli.conftest import Run
from tests.station.post import reading

NOW = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
COMMUNITY = "370212004001"


def allowed_at(run: Run, tmp_path: Path, office: Path, station: str, token: str) -> None:
    """Let a pass out at a gate that asks nobody, and carry its journal to the community."""
    from passes.trips import Direction

    folder = tmp_path / station
    with open_station(folder) as gate:
        scan = gate.gate.measured(gate.gate.scan(token, Direction.EXIT), [reading(36.5)])
        assert gate.gate.admit(scan).outcome == "allowed"
        lines = [to_json(event) for _n, event in gate.journal.read()]
        now_ms = gate.clock.now_ms()
    engine = open_engine(f"sqlite:///{office}/community.sqlite")
    store_batch(engine, read_batch(engine, Setting(COMMUNITY, station, now_ms), lines))
    engine.dispose()


def test_a_double_use_is_listed_and_closed_with_a_note(run: Run, tmp_path: Path) -> None:
    office = tmp_path / "office"
    with time_machine.travel(NOW, tick=False) as now:
        run("community", "init", "--dir", office, "--id", COMMUNITY, "--name", "平安里", "--zone", "Asia/Shanghai")
        # Both keys are made before a gate joins, so that each knows the other's.
        for station in ("east", "west"):
            run("community", "station", "add", "--dir", office, station, "--name", station, "--issue")
        for station in ("west", "east"):
            assert run("init", office / f"{station}.enrolment.json", "--dir", tmp_path / station).code == 0
        issue = (
            "pass",
            "issue",
            "--holder",
            "王小明",
            "--address",
            "3-2-501",
            "--from",
            "2026-03-01",
            "--until",
            "2026-03-31",
        )
        token = json.loads(run(*issue, "--dir", tmp_path / "east", "--json").out)["token"]
        for station in ("east", "west"):
            allowed_at(run, tmp_path, office, station, token)
            now.shift(60)
        listing = ("community", "conflicts", "list", "--dir", office)

        (conflict,) = json.loads(run(*listing, "--json").out)
        close = ("community", "conflicts", "close", conflict["conflict_id"], "--dir", office)

        assert (conflict["rule"], conflict["stations"]) == ("already_out", ["east", "west"])
        assert conflict["conflict_id"] in run(*listing).out
        run(*close, "--reason", " ").refused(2, "say why")
        run(*close, "--reason", "x", "--discard", "north").refused(2, "north")
        assert run(*close, "--reason", "two passes were lent", "--discard", "west").code == 0
        assert run(*listing).out == "No open conflicts.\n"
        run(*close, "--reason", "again").refused(2, "no open conflict")
