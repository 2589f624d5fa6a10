"""Joining: from the office's file to a station that opens."""

import os
from pathlib import Path
from typing import Any

import pytest

from passes.errors import GatepostError
from passes.kinds import PRESETS
from passes.trips import Direction
from passes.trust import TrustedKey, sign_trust_list
from station.assembly import open_station
from station.issuing import Application
from station.joining import join
from station.lane import make_lane
from station.settings import (
    FILE_NAME,
    HEAD_KEY_FILE,
    ISSUING_KEY_FILE,
    ROOT_FILE,
    SECRET_FILE,
    TRUST_FILE,
    GateSettings,
    Settings,
    SettingsError,
    ThermometerSettings,
    save_settings,
)
from sync.enrolment import Enrolment, write_enrolment
from sync.heads import head_key
from tests.station.post import COMMUNITY, KEY, ROOT, HandClock


def enrolment(**changes: Any) -> Enrolment:
    trusted = TrustedKey(KEY.key_id, KEY.public_key, COMMUNITY)
    fields: dict[str, Any] = {
        "community": COMMUNITY,
        "community_name": "平安里",
        "zone": "Asia/Shanghai",
        "url": "https://gate.example",
        "station": "east",
        "station_name": "东门",
        "secret": "gps_secret",
        "root_public_key": ROOT.public_key,
        "trust_list": sign_trust_list(ROOT, COMMUNITY, [trusted], 1),
        "issuing_key": KEY.pem().decode(),
    }
    return Enrolment(**{**fields, **changes})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "east.enrolment.json"
    write_enrolment(path, enrolment())
    return path


def joined(folder: Path, file: Path) -> Settings:
    return join(folder, file, ThermometerSettings(port="COM3", site="wrist"), GateSettings("entry"))


def test_a_joined_station_opens_issues_and_scans(tmp_path: Path, file: Path) -> None:
    settings = joined(tmp_path / "s", file)

    assert (settings.station.id, settings.community.id, settings.zone.key) == ("east", COMMUNITY, "Asia/Shanghai")
    clock = HandClock()
    with open_station(tmp_path / "s", clock) as station:
        assert station.settings == settings
        assert station.secret() == "gps_secret"
        today = station.gate.today()
        row = station.desk().issue(Application("王小明", "1", PRESETS["resident"], today, today))
        assert station.gate.scan(row.token, Direction.EXIT).verdict.reasons == ()
        assert station.outbox.backlog().pending == 1
        lane = make_lane(station)
        assert lane.direction is Direction.ENTRY
        lane.scan(row.token)
        lane.type_reading(36.5, "typed")
        assert lane.current is not None
        assert lane.current.attempts[0].site == "wrist"


def test_a_set_up_that_was_cut_short_can_be_run_again(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "s"
    (folder / FILE_NAME).with_suffix(".part").mkdir(parents=True)
    with pytest.raises(SettingsError, match="cannot be written"):
        joined(folder, file)
    assert (folder / SECRET_FILE).exists()
    assert not (folder / FILE_NAME).exists()
    with pytest.raises(SettingsError, match="no station in this folder yet"), open_station(folder):
        pass

    (folder / FILE_NAME).with_suffix(".part").rmdir()

    assert joined(folder, file).station.id == "east"


def test_a_station_that_is_there_is_left_alone(tmp_path: Path, file: Path) -> None:
    joined(tmp_path / "s", file)
    before = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}

    with pytest.raises(SettingsError, match="there is a station here already"):
        joined(tmp_path / "s", file)

    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()} == before


def test_a_wrong_file_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "wrong.json"
    write_enrolment(path, enrolment(trust_list=b"damaged"))

    with pytest.raises(GatepostError, match=r"wrong\.json"):
        joined(tmp_path / "s", path)

    assert not (tmp_path / "s").exists()


def test_a_trust_list_that_was_exchanged_is_not_opened_with(tmp_path: Path, file: Path) -> None:
    joined(tmp_path / "s", file)
    forged = sign_trust_list(KEY, COMMUNITY, [TrustedKey(KEY.key_id, KEY.public_key, COMMUNITY)], 2)
    (tmp_path / "s" / TRUST_FILE).write_bytes(forged)

    with pytest.raises(SettingsError, match="not signed by the root key"), open_station(tmp_path / "s"):
        pass


def test_a_journal_under_another_name_is_not_gone_on_with(tmp_path: Path, file: Path) -> None:
    settings = joined(tmp_path / "s", file)
    with open_station(tmp_path / "s", HandClock()) as station:
        today = station.gate.today()
        for _ in range(3):
            station.desk().issue(Application("王小明", "1", PRESETS["resident"], today, today))
    settings.station.id = "west"
    save_settings(tmp_path / "s", settings)
    with pytest.raises(SettingsError, match=r'station\.id = "west"'), open_station(tmp_path / "s"):
        pass

    settings.station.id = "east"
    save_settings(tmp_path / "s", settings)
    with open_station(tmp_path / "s", HandClock()) as station:
        assert station.journal.verify() == 3


def test_a_refused_set_up_leaves_the_old_stations_secret_and_key_alone(tmp_path: Path, file: Path) -> None:
    folder = tmp_path / "s"
    joined(folder, file)
    with open_station(folder, HandClock()) as station:
        today = station.gate.today()
        station.desk().issue(Application("王小明", "1", PRESETS["resident"], today, today))
    (folder / FILE_NAME).unlink()
    kept = {name: (folder / name).read_bytes() for name in (SECRET_FILE, ISSUING_KEY_FILE, TRUST_FILE, ROOT_FILE)}
    others = tmp_path / "west.enrolment.json"
    write_enrolment(others, enrolment(station="west", secret="gps_other", issuing_key=ROOT.pem().decode()))

    with pytest.raises(SettingsError, match=r'station\.id = "west"'):
        joined(folder, others)

    assert {name: (folder / name).read_bytes() for name in kept} == kept
    assert joined(folder, file).station.id == "east"


def test_settings_get_their_name_when_all_else_is_on_the_disk(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    named: list[bool] = []
    folder, fsync, replace = tmp_path / "station", os.fsync, Path.replace

    def note(descriptor: int) -> None:
        fsync(descriptor)
        synced.add(os.fstat(descriptor).st_ino)

    def look(part: Path, target: Path) -> Path:
        if target.name == FILE_NAME:
            kept = [folder / name for name in (SECRET_FILE, ISSUING_KEY_FILE, TRUST_FILE, ROOT_FILE)]
            named.append({path.stat().st_ino for path in (*kept, part)} <= synced)
        return replace(part, target)

    monkeypatch.setattr("os.fsync", note)
    monkeypatch.setattr(Path, "replace", look)
    joined(folder, file)
    assert named == [True]
    head_key(folder / HEAD_KEY_FILE)
    assert {folder.stat().st_ino, (folder / HEAD_KEY_FILE).stat().st_ino} <= synced
