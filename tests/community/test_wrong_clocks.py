import json
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from station.cli.community import community
from sync.bodies import ShiftOpened
from sync.community.database import events, open_engine, writing
from sync.community.exports import make_sheet
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.instants import MAX_AT_MS, local_time
from sync.community.screening import MAX_INTEGER, Rejection, Screen
from sync.community.shiftlog import Selection, latest_shift, list_passages, list_shifts
from sync.community.stations import add_station
from sync.events import Clock, Event
from sync.events import to_json as event_json
from tests.community.conftest import COMMUNITY, NOW_MS, Chain, passage
from tests.community.files import to_csv, to_json, to_xlsx

SHANGHAI = ZoneInfo("Asia/Shanghai")
ZONES = [SHANGHAI, ZoneInfo("Pacific/Kiritimati"), ZoneInfo("Etc/GMT+12"), ZoneInfo("UTC")]
LAST_OF_9999_MS = 253_402_300_799_999
HOUR_MS = 3_600_000


def store(engine: sa.Engine, station: str, sent: list[Event]) -> None:
    batch = read_batch(engine, Setting(COMMUNITY, station, NOW_MS), [event_json(event) for event in sent])
    answers = store_batch(engine, batch).answers
    assert {answer.status for answer in answers} == {"stored"}


def dated(at_ms: int, drift_ms: int | None = None) -> Event:
    clock = Clock(device_ms=at_ms, drift_ms=drift_ms)
    return Chain("east").add(at_ms=at_ms, clock=clock)


def test_an_event_at_the_calendars_end_is_quarantined() -> None:
    for at_ms in (LAST_OF_9999_MS, MAX_AT_MS + 1):
        found = Screen("east").look(event_json(dated(at_ms)))
        assert isinstance(found, Rejection)
        assert found.reason.startswith("at_ms: ")
    assert not isinstance(Screen("east").look(event_json(dated(MAX_AT_MS))), Rejection)


@pytest.mark.parametrize("zone", ZONES, ids=str)
def test_every_instant_can_be_shown_in_every_zone(zone: ZoneInfo) -> None:
    for at_ms in (0, NOW_MS, MAX_AT_MS):
        assert local_time(at_ms, zone).timestamp() == pytest.approx(at_ms / 1000)
    for at_ms in (MAX_AT_MS + 1, LAST_OF_9999_MS, 2 * MAX_INTEGER):
        assert local_time(at_ms, zone) == local_time(MAX_AT_MS, zone)
    for at_ms in (-1, -2 * MAX_INTEGER):
        assert local_time(at_ms, zone) == local_time(0, zone)


@pytest.mark.parametrize("drift_ms", [None, MAX_INTEGER, -MAX_INTEGER])
def test_one_impossible_date_does_not_stop_a_pull(engine: sa.Engine, drift_ms: int | None) -> None:
    add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    chain = Chain("east")
    store(engine, "east", [chain.add(clock=Clock(device_ms=NOW_MS, drift_ms=drift_ms)), chain.add()])
    if drift_ms is None:
        # As versions did that let the calendar's last days in.
        with writing(engine) as connection:
            connection.execute(sa.update(events).where(events.c.seq == 1).values(at_ms=LAST_OF_9999_MS))

    found = list_passages(engine, COMMUNITY, Selection(), SHANGHAI)
    for zone in ZONES:
        sheet = make_sheet(found, zone)
        assert len(json.loads(to_json(sheet))) == to_csv(sheet).count(b"\n") - 1 == 2
        assert to_xlsx(sheet, NOW_MS)
    rows = list(make_sheet(found, SHANGHAI).rows)
    assert rows[0]["date"] == ("1970-01-01" if drift_ms == MAX_INTEGER else "9999-12-30")
    assert rows[0]["at_ms"] == found[0].at_ms
    assert rows[1]["date"] == "2026-02-07"
    assert len(list_passages(engine, COMMUNITY, Selection(day=date(2026, 2, 7)), SHANGHAI)) == 1


def test_a_shift_at_an_impossible_date_is_listed(tmp_path: Path) -> None:
    def run(*words: str) -> str:
        line = [words[0], "--dir", str(tmp_path), *words[1:]]
        return CliRunner().invoke(community, line, catch_exceptions=False, standalone_mode=False).output

    run("init", "--id", COMMUNITY, "--name", "平安里")
    engine = open_engine(f"sqlite:///{tmp_path}/community.sqlite")
    add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    store(engine, "east", [Chain("east").add(ShiftOpened(guards=["王五"]))])
    with writing(engine) as connection:
        connection.execute(sa.update(events).values(at_ms=LAST_OF_9999_MS))
    engine.dispose()
    assert "9999-12-30 07:59" in run("shifts")


def test_a_gate_in_the_year_2099_is_not_the_latest_for_ever(engine: sa.Engine) -> None:
    opened: dict[str, Event] = {}
    for station, at_ms in (("east", 4_083_000_000_000), ("west", NOW_MS)):
        add_station(engine, COMMUNITY, station, station, NOW_MS)
        opened[station] = Chain(station, at_ms=at_ms).add(ShiftOpened(guards=["王五"]))
        store(engine, station, [opened[station]])
    assert latest_shift(engine, COMMUNITY) == opened["west"].id
    assert [one.station for one in list_shifts(engine, COMMUNITY)] == ["west", "east"]
    assert latest_shift(engine, COMMUNITY, "east") == opened["east"].id


@pytest.mark.parametrize("drift_ms", [3 * HOUR_MS, -20 * HOUR_MS])
def test_days_are_cut_by_the_time_it_really_was(engine: sa.Engine, drift_ms: int) -> None:
    add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    midnight_ms = NOW_MS - 8 * HOUR_MS
    chain = Chain("east")
    # The first of the four was recorded before the gate had heard what time it is.
    happened: list[tuple[int, int | None]] = [(midnight_ms + HOUR_MS, None)]
    happened += [(midnight_ms + ms, drift_ms) for ms in (-1, 0, 24 * HOUR_MS - 1, 24 * HOUR_MS)]
    for ms, ahead_ms in happened:
        at_ms = ms + (ahead_ms or 0)
        body = passage(str(ms - midnight_ms))
        store(engine, "east", [chain.add(body, at_ms=at_ms, clock=Clock(device_ms=at_ms, drift_ms=ahead_ms))])

    found = list_passages(engine, COMMUNITY, Selection(day=date(2026, 2, 7)), SHANGHAI)
    assert [one.body.holder for one in found] == [str(HOUR_MS), "0", str(24 * HOUR_MS - 1)]
    rows = list(make_sheet(found, SHANGHAI).rows)
    assert [(row["date"], row["time"]) for row in rows] == [
        ("2026-02-07", "01:00:00"),
        ("2026-02-07", "00:00:00"),
        ("2026-02-07", "23:59:59"),
    ]
    assert [row["at_ms"] - row["happened_ms"] for row in rows] == [0, drift_ms, drift_ms]
