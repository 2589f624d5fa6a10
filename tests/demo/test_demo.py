"""`gatepost demo`: one whole morning by the real program, and what it says when it cannot begin."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from passes.reasons import Reason
from station.demo.people import EXPIRED, MORNING, PASSES, REVOKED, applications
from station.demo.world import DemoError, Server
from tests.station.post import MORNING as MORNING_TIME

TIMEOUT_S = 120

Played = tuple[Path, "subprocess.CompletedProcess[str]"]


def demo(*words: object, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run `gatepost demo` in a process of its own, without a terminal."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "station", "--lang", "en", "demo", *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=TIMEOUT_S,
        check=False,
    )


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The morning, played once for all tests; it takes as long as forty people take at a thermometer."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    return folder, demo("--play", "--dir", folder)


def test_station_and_community_agree(played: Played) -> None:
    _folder, told = played

    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[-1] == "Station and community agree."
    pulled = re.search(r"Community: (\d+) passages pulled", told.stdout)
    here = re.search(r"Station: (\d+) passages, \d+ records, every link holds", told.stdout)
    assert pulled is not None
    assert here is not None
    assert int(here[1]) == int(pulled[1]) > len(MORNING)


def test_one_line_is_told_for_each_passage(played: Played) -> None:
    _folder, told = played
    lines = [line for line in told.stdout.splitlines() if re.search(r"  \d\d:\d\d:\d\d  |  \d\d:\d\d  ", line)]

    repeats = sum(step.again_celsius is not None for step in MORNING)
    assert len(lines) == len(MORNING) + repeats
    assert "unplugged" in told.stdout
    assert "cannot be reached" in told.stdout
    assert re.search(r"is back; \d+ records were kept here", told.stdout)


def test_no_whole_name_is_told(played: Played) -> None:
    _folder, told = played
    names = {asked.holder for asked in applications(MORNING_TIME.date())}

    assert [name for name in names if name in told.stdout] == []


def test_what_was_kept_can_be_looked_at(played: Played) -> None:
    folder, _told = played
    command = [sys.executable, "-m", "station", "--lang", "en", "log", "verify", "--dir", str(folder / "station")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    verified = subprocess.run(command, env=env, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=False)

    assert (verified.returncode, verified.stderr) == (0, "")
    assert "every link holds" in verified.stdout
    assert not list(folder.glob("community/*.enrolment.json"))


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("mine")

    told = demo("--play", "--dir", tmp_path)

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [f"{tmp_path}: this is no empty folder; name a new one"]
    assert [path.name for path in tmp_path.iterdir()] == ["diary.txt"]


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()

    told = demo("--play", "--dir", path)

    assert (told.returncode, len(told.stderr.splitlines())) == (2, 1)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()

    told = demo("--play", "--dir", path / "deeper")

    assert (told.returncode, len(told.stderr.splitlines())) == (1, 1)
    assert str(path / "deeper") in told.stderr


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    server = Server(tmp_path)
    try:
        with pytest.raises(DemoError, match=r"did not start: .*there is no community in this folder"):
            server.start()
    finally:
        server.stop()


def test_the_people_are_invented_and_differ() -> None:
    asked = applications(MORNING_TIME.date())

    assert len({one.holder for one in asked}) == len(asked) == PASSES == 120
    assert applications(MORNING_TIME.date()) == asked
    assert [one for one in asked if one.valid_until < MORNING_TIME.date()] == [asked[EXPIRED]]
    assert len({one.kind.code for one in asked}) >= 4


def test_the_morning_shows_what_a_gate_meets() -> None:
    assert len(MORNING) == 40
    reasons = {step.reason for step in MORNING} - {""}
    assert reasons <= set(Reason)
    assert reasons >= {"over_limit", "fever", "unknown_key", "bad_signature", "revoked", "expired", "no_open_trip"}
    assert {step.special for step in MORNING} >= {"unplug", "replug", "outage", "restored", "typed_number"}
    assert {step.who for step in MORNING} >= {REVOKED, EXPIRED}
