"""Every way into a community without a screen: alone first and later, by stick alone, staff and PINs from stdin."""

import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from passes.errors import UsageError
from station import setting_up
from station.access import AccessError, Role
from station.assembly import open_station
from station.cli import gatepost
from station.clock import SystemClock
from station.joining import AddressError, ask_by_code
from station.settings import (
    DIGEST_KEY_FILE,
    FILE_NAME,
    ISSUING_KEY_FILE,
    JOINING_FOLDER,
    SECRET_FILE,
    load_settings,
)
from station.shifts import open_shift
from sync.bodies import PassageRecorded
from sync.community.api import make_app
from sync.community.database import open_engine
from sync.community.settings import load_settings as load_community
from tests.cli.conftest import VALID, EnrolmentFile, Run
from tests.community.conftest import serving


@pytest.fixture
def office(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "office"
    words = ("--id", "370212004001", "--name", "平安里", "--database", f"sqlite:///{tmp_path}/community.sqlite")
    assert run("community", "init", "--dir", folder, *words).code == 0
    return folder


@pytest.fixture
def url(office: Path) -> Iterator[str]:
    settings = load_community(office)
    engine = open_engine(settings.database_url(office))
    with serving(make_app(engine, settings.community.id, SystemClock().now_ms)) as address:
        yield address
    engine.dispose()


@pytest.fixture
def alone(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "alone"
    assert run("init", "--alone", "--name", "东门", "--community-name", "平安里", "--dir", folder).code == 0
    return folder


def code_in(told: str) -> str:
    return told.split("--code ")[1].split(maxsplit=1)[0]


def work(folder: Path) -> str:
    """Let a shift begin and a pass holder and a walk-in pass, as on any day, and return the station's id."""
    with open_station(folder) as station:
        open_shift(station.journal, station.register, station.clock, ["周师傅"])
        with station.journal.writing():
            body = PassageRecorded(outcome="allowed", direction="entry", verdict="allow", holder="孙小圣")
            station.register.record(body, station.clock.now_ms())
        return station.settings.station.id


def test_a_station_alone_works_and_joins_later_with_all_its_records(
    run: Run, office: Path, url: str, alone: Path
) -> None:
    made = load_settings(alone)
    assert made.community.alone
    assert made.community.url == ""
    issued = run("pass", "issue", "--holder", "王小明", "--address", "3-2-501", *VALID, "--dir", alone, "--json")
    assert issued.code == 0, issued
    station_id = work(alone)
    run("init", "--alone", "--name", "西门", "--dir", alone).refused(2, "alone here already")
    with sqlite3.connect(alone / "journal.sqlite") as connection:
        before = connection.execute("SELECT hash FROM events ORDER BY n").fetchall()
    assert len(before) == 3

    # The office must invite the very id that the records are under; a code for another is not used up.
    other = code_in(run("community", "station", "add", "east", "--name", "东门", "--code", "--dir", office).out)
    run("init", "--join", url, "--code", other, "--dir", alone).refused(2, station_id, "another station")
    assert load_settings(alone).community.alone
    assert run("init", "--join", url, "--code", other, "--dir", alone.parent / "east").code == 0
    told = run("community", "station", "add", station_id, "--name", "北门", "--code", "--issue", "--dir", office)
    joined = run("init", "--join", url, "--code", code_in(told.out), "--dir", alone, "--direction", "entry")

    assert joined.code == 0, joined
    settings = load_settings(alone)
    assert (settings.station.name, settings.community.id, settings.community.alone) == ("北门", "370212004001", False)
    assert settings.gate.direction == "entry"
    assert run("sync", "run", "--dir", alone).code == 0
    stored = json.loads(run("community", "station", "list", "--dir", office, "--json").out)
    assert {one["station"] for one in stored} == {"east", station_id}
    with sqlite3.connect(office.parent / "community.sqlite") as connection:
        events = connection.execute("SELECT hash FROM events WHERE station = ? ORDER BY seq", (station_id,)).fetchall()
    assert events[:3] == before
    assert "every link holds" in run("log", "verify", "--dir", alone).out
    # From now on passes are the community's; those that were issued alone are told as what they are.
    again = run("pass", "issue", "--holder", "李秀英", "--address", "3-2-501", *VALID, "--dir", alone, "--json")
    assert again.code == 0, again
    number = json.loads(issued.out)["number"]
    old = run("pass", "verify", number, "--direction", "exit", "--dir", alone)
    assert old.code == 1, old
    run("init", "--join", url, "--code", other, "--dir", alone).refused(2, "a station here already")


def test_joining_that_was_cut_off_anywhere_is_finished_by_whoever_opens_the_station(
    run: Run, office: Path, alone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station_id = work(alone)
    stick = tmp_path / "stick"
    stick.mkdir()
    told = run(
        "community", "station", "add", station_id, "--name", "北门", "--issue", "--stick", stick, "--dir", office
    )
    assert told.code == 0, told
    code, real = code_in(told.out), Path.replace

    for most in (0, 1, 4, 5, 6):
        folder = tmp_path / f"cut{most}"
        shutil.copytree(alone, folder)
        moved: list[Path] = []

        def cut(self: Path, target: Path, *, most: int = most, moved: list[Path] = moved) -> Path:
            # Only moves out of the new folder count: the last one puts `settings.toml` in its place.
            if self.parent.name == JOINING_FOLDER and self.suffix != ".part":
                if len(moved) == most:
                    raise KeyboardInterrupt
                moved.append(self)
            return real(self, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", cut)
            run_to_cut = run("init", "--stick", stick, "--code", code, "--dir", folder)
        assert run_to_cut.code in (0, 130), run_to_cut
        with open_station(folder) as station:
            assert not station.settings.community.alone
            assert station.desk()
            assert station.journal.verify() >= 2
        assert not (folder / JOINING_FOLDER).exists()
    assert run_to_cut.code == 0
    # Broken off before all new files were there, it is still the station that works alone.
    (alone / JOINING_FOLDER).mkdir()
    (alone / JOINING_FOLDER / SECRET_FILE).write_text("half")
    with open_station(alone) as station:
        assert station.settings.community.alone
        assert station.desk()


def test_a_gate_that_has_no_line_joins_and_reports_by_stick(run: Run, office: Path, tmp_path: Path) -> None:
    stick, east = tmp_path / "stick", tmp_path / "east"
    run("community", "station", "add", "east", "--name", "东门", "--stick", stick, "--dir", office).refused(
        1, str(stick)
    )
    stick.mkdir()
    told = run("community", "station", "add", "east", "--name", "东门", "--issue", "--stick", stick, "--dir", office)
    assert told.code == 0, told
    code = code_in(told.out)
    assert {path.name.partition(".to-")[2] for path in stick.iterdir()} == {"new-station.gatepost", "station.gatepost"}
    for path in stick.iterdir():
        assert code.replace("-", "") not in path.name
        assert "东门".encode() not in path.read_bytes()

    wrong = ("2" if code[0] != "2" else "3") + code[1:]
    run("init", "--stick", stick, "--code", wrong, "--dir", east).refused(2, "slip")
    from sync.onetime import make_code

    run("init", "--stick", stick, "--code", make_code(), "--dir", east).refused(1, "no invitation", "code")
    assert not east.exists()
    joined = run("init", "--stick", stick, "--code", code, "--dir", east)
    assert joined.code == 0, joined
    assert "From the stick" in joined.out
    assert (east / DIGEST_KEY_FILE).exists()
    work(east)
    assert run("sync", "export", stick, "--dir", east).code == 0
    taken = run("community", "import", stick, "--dir", office, "--json")
    assert taken.code == 0, taken
    assert json.loads(taken.out)["files"][0]["events"] == {"stored": 2}
    assert run("sync", "import", stick, "--dir", east).code == 0
    assert json.loads(run("sync", "status", "--dir", east, "--json").out)["unsent"] == 0

    # Another machine takes its place by stick: the first one's bundles are not believed any more.
    told = run("community", "station", "code", "east", "--stick", stick, "--dir", office)
    assert told.code == 0, told
    new = tmp_path / "new"
    assert run("init", "--stick", stick, "--code", code_in(told.out), "--dir", new).code == 0
    issued = run("pass", "issue", "--holder", "王小明", "--address", "3-2-501", *VALID, "--dir", east)
    assert issued.code == 0, issued
    late = tmp_path / "late"
    late.mkdir()
    assert run("sync", "export", late, "--dir", east).code == 0
    run("community", "import", late, "--dir", office).refused(1, "late")


def test_a_damaged_invitation_is_no_station(run: Run, office: Path, tmp_path: Path) -> None:
    stick = tmp_path / "stick"
    stick.mkdir()
    told = run("community", "station", "add", "east", "--name", "东门", "--stick", stick, "--dir", office)
    [file] = stick.glob("*.to-new-station.gatepost")
    whole = file.read_bytes()
    for damaged in (whole[:-9], whole[:400] + bytes([whole[400] ^ 1]) + whole[401:], whole + b"x"):
        file.write_bytes(damaged)
        refused = run("init", "--stick", file, "--code", code_in(told.out), "--dir", tmp_path / "s")
        assert refused.code == 1, refused
    assert not (tmp_path / "s").exists()
    file.write_bytes(whole)
    assert run("init", "--stick", file, "--code", code_in(told.out), "--dir", tmp_path / "s").code == 0


def test_everything_is_set_up_without_a_screen(run: Run, tmp_path: Path) -> None:
    words = ["init", "--alone", "--name", "东门", "--dir", str(tmp_path / "s"), "--language", "en"]
    words += ["--zone", "Asia/Urumqi", "--thermometer", "COM3", "--protocol", "gy-614v", "--scanner", "COM4"]
    words += ["--idcard", "COM5", "--printer", "cups:Office", "--direction", "entry", "--pins"]
    words += ["--staff", "张带班:lead", "--staff", "周师傅"]
    run(*words, "--staff", "李主任:boss").refused(2, "李主任:boss", "guard")
    words += ["--staff", "李主任：admin,issuer"]

    refused = CliRunner().invoke(gatepost, words, input="2580\n1234\n\n")
    assert isinstance(refused.exception, UsageError)
    assert not (tmp_path / "s" / FILE_NAME).exists()
    told = CliRunner().invoke(gatepost, words, input="2580\n\n1379\n")

    assert told.exit_code == 0, told
    assert "2580" not in told.output
    settings = load_settings(tmp_path / "s")
    assert (settings.gate.language, settings.gate.direction, settings.zone.key) == ("en", "entry", "Asia/Urumqi")
    assert (settings.thermometer.protocol, settings.thermometer.baud_rate) == ("gy-614v", 9600)
    assert (settings.scanners[0].port, settings.idcard.port, settings.printer.address) == (
        "COM4",
        "COM5",
        "cups:Office",
    )
    with open_station(tmp_path / "s") as station:
        assert {one.name: (set(one.roles), one.has_pin) for one in station.access.members()} == {
            "张带班": ({Role.LEAD}, True),
            "周师傅": ({Role.GUARD}, False),
            "李主任": ({Role.ADMIN, Role.ISSUER}, True),
        }
        assert station.access.verify("张带班", "2580", Role.LEAD)
        with pytest.raises(AccessError):
            station.access.verify("李主任", "2580", Role.ADMIN)


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--alone",),
        ("--name", "东门"),
        ("--join", "gate.example"),
        ("--alone", "--name", "东门", "--code", "x"),
        ("--join", "gate.example", "--stick", "usb", "--code", "x"),
    ],
)
def test_what_does_not_say_one_way_in_is_refused(run: Run, tmp_path: Path, words: tuple[str, ...]) -> None:
    run("init", *words, "--dir", tmp_path / "s").refused(2, "--join ADDRESS --code CODE")
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://gate.example:8443", "https://"),
        ("ftp://gate.example", "no address"),
        ("", "no address"),
        ("[::1", "no address"),
        ("http://127.0.0.1:1", "no community answers"),
    ],
)
def test_an_address_that_nobody_can_join_at_is_named(tmp_path: Path, address: str, words: str) -> None:
    from sync.onetime import make_code

    with pytest.raises(AddressError, match=words):
        ask_by_code(tmp_path / "s", address, make_code())
    assert not (tmp_path / "s" / FILE_NAME).exists()


def test_a_clock_before_the_offices_keys_is_told(
    run: Run, enrolment_file: EnrolmentFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class EarlyClock(SystemClock):
        def now_ms(self) -> int:
            return -10_000_000

    monkeypatch.setattr(setting_up, "SystemClock", EarlyClock)
    run("init", enrolment_file(), "--dir", tmp_path / "s").refused(2, "1970-01-01 05:13", "set the clock right")
    assert not (tmp_path / "s").exists()


def test_alone_the_key_is_this_stations_own(alone: Path, run: Run, tmp_path: Path) -> None:
    other = tmp_path / "other"
    assert run("init", "--alone", "--name", "西门", "--dir", other).code == 0
    assert load_settings(other).community.name == "西门"
    assert load_settings(other).station.id != load_settings(alone).station.id
    assert (other / ISSUING_KEY_FILE).read_bytes() != (alone / ISSUING_KEY_FILE).read_bytes()
    run("sync", "export", tmp_path, "--dir", alone).refused(1, "no key of community")
