"""Backups made, brought back into the same and the other kind of database, and looked over."""

import json
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from passes.errors import UsageError
from passes.kinds import Mode
from station.cli import gatepost
from sync.bodies import ModeSet
from sync.community import backups
from sync.community.backups import IMAGE_FILE, MANIFEST_FILE, BackupError, back_up, read_backup
from sync.community.checking import SILENT_AFTER_MS, check_image, check_keys, check_surroundings
from sync.community.database import (
    communities,
    events,
    feed_counters,
    metadata,
    open_engine,
    reading,
    writing,
)
from sync.community.imaging import make_image, renew
from sync.community.journal import generation
from sync.community.purging import purge
from sync.community.restoring import restore
from sync.community.settings import (
    CommunitySettings,
    CommunityTable,
    DatabaseTable,
    RetentionTable,
    ServerTable,
    load_settings,
)
from sync.community.setup import set_up_community
from sync.community.staff import add_staff, check_staff
from sync.community.tables_feed import legs
from sync.community.verifying import verify_journals
from sync.sqlite import sqlite3
from tests.community.conftest import COMMUNITY, NOW_MS
from tests.community.gates import DAY_MS, HOUR_MS, Gates, issued, order, push
from tests.community.oldtimes import play_old_times

LATER_MS = NOW_MS + 40 * DAY_MS


@dataclass
class Office:
    """A community in its folder, and two gates that it knows."""

    folder: Path
    settings: CommunitySettings
    engine: sa.Engine
    gates: Gates

    def back_up(self, target: Path, *, with_keys: bool = False) -> backups.Backup:
        return back_up(self.folder, self.settings, self.engine, target, LATER_MS, with_keys=with_keys)


@pytest.fixture
def office(empty_url: str, tmp_path: Path) -> Iterator[Office]:
    """A community with open and closed conflicts, alerts, a purge, and an account."""
    folder = tmp_path / "office"
    url = "sqlite:///community.sqlite" if empty_url.startswith("sqlite") else empty_url
    settings = CommunitySettings(
        CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"),
        DatabaseTable(url),
        ServerTable("https://gatepost.example"),
        retention=RetentionTable(shifts=30),
    )
    set_up_community(folder, settings, NOW_MS)
    engine = open_engine(settings.database_url(folder))
    add_staff(engine, COMMUNITY, "lead", role="lead", password="correct horse", now_ms=NOW_MS)
    gates = Gates(engine)
    play_old_times(gates.east)
    east, west = gates.east, gates.west
    east.record(issued("b"))
    first = east.leg("b", "first", LATER_MS)
    west.leg("b", "first", LATER_MS + HOUR_MS)
    east.undo(first, "b")
    west.leg("c", "first", LATER_MS)
    east.leg("c", "first", LATER_MS + 1)
    east.record(issued("d"))
    gates.meet()
    order(engine, ModeSet(mode=Mode.CLOSED, effective_ms=NOW_MS), NOW_MS)
    purge(engine, settings, LATER_MS, guard="孙主任")
    yield Office(folder, settings, engine, gates)
    engine.dispose()


def _contents(engine: sa.Engine) -> dict[str, set[tuple[object, ...]]]:
    with reading(engine) as connection:
        found = {
            name: {tuple(row) for row in connection.execute(sa.select(table))}
            for name, table in metadata.tables.items()
        }
    # The only thing that has to differ.
    found.pop(communities.name)
    return found


def _generation(engine: sa.Engine) -> str:
    with reading(engine) as connection:
        return generation(connection, COMMUNITY)


def _wrongs(engine: sa.Engine, scratch: Path) -> list[str]:
    """Return what is wrong in an image of the database."""
    scratch.unlink(missing_ok=True)
    make_image(engine, COMMUNITY, scratch)
    image = open_engine(f"sqlite:///{scratch}")
    try:
        return [str(found.told) for found in check_image(image, COMMUNITY) if found.grade == "wrong"]
    finally:
        image.dispose()


def test_a_backup_comes_back_in_either_kind_of_database(
    office: Office, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    target = tmp_path / "backup"
    made = office.back_up(target, with_keys=True)
    then, old = _contents(office.engine), _generation(office.engine)
    assert made.generation == old
    assert _wrongs(office.engine, tmp_path / "image") == []
    later = [office.gates.east.chain.add() for _ in range(3)]
    assert push(office.engine, "east", later) == ["stored"] * 3
    is_sqlite = office.engine.dialect.name == "sqlite"
    with pytest.raises(UsageError, match="--replace"):
        restore(target, office.folder, LATER_MS)
    with reading(office.engine), pytest.raises(UsageError, match="stop"):
        restore(target, office.folder, LATER_MS, replace=True)
    office.engine.dispose()
    done = restore(target, office.folder, LATER_MS, replace=True)
    assert (done.files, done.set_aside is not None) == ((), is_sqlite)
    assert _contents(office.engine) == then
    assert old != _generation(office.engine) == done.generation
    assert push(office.engine, "east", later) == ["stored"] * 3
    office.engine.dispose()
    # Into a new folder, and a database of the other kind.
    other_url = request.getfixturevalue("postgresql_database") if is_sqlite else "sqlite:///other.sqlite"
    moved = tmp_path / "moved"
    done = restore(target, moved, LATER_MS, database=other_url)
    assert {"root-key.pem", "digest.key", "trust.cose"} <= {*done.files}
    settings = load_settings(moved)
    assert (settings.database.url, settings.retention.shifts) == (other_url, 30)
    engine = open_engine(settings.database_url(moved))
    try:
        assert _contents(engine) == then
        assert _generation(engine) == done.generation
        assert check_staff(engine, COMMUNITY, "lead", "correct horse") == "lead"
        order(engine, ModeSet(mode=Mode.CLOSED, effective_ms=NOW_MS), NOW_MS)
        assert push(engine, "east", later) == ["stored"] * 3
        assert verify_journals(engine, COMMUNITY).missing == 0
        assert _wrongs(engine, tmp_path / "image") == []
        with reading(engine) as connection:
            assert [one.grade for one in check_keys(connection, COMMUNITY, moved)] == ["good"]
    finally:
        engine.dispose()


def test_a_backup_is_the_owners_alone_and_says_what_is_in_it(office: Office, tmp_path: Path) -> None:
    without = office.back_up(tmp_path / "a")
    assert {*without.files} == {IMAGE_FILE, "community.toml", "trust.cose", "root-key.pub"}
    with_keys = office.back_up(tmp_path / "b", with_keys=True)
    assert {"root-key.pem", "office-key.pem", "digest.key"} < {*with_keys.files} - {*without.files}
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    with pytest.raises(UsageError, match="exists already"):
        office.back_up(tmp_path / "a")
    # It can be looked into where nothing may be written, by Python's own SQLite too.
    plain = sqlite3.connect(f"file:{tmp_path}/a/{IMAGE_FILE}?mode=ro&immutable=1", uri=True)
    assert plain.execute("SELECT count(*) FROM events").fetchone()[0] == without.rows["events"]
    plain.close()


def test_what_is_not_whole_is_no_backup(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = tmp_path / "good"
    office.back_up(good)
    for name in (IMAGE_FILE, "trust.cose"):
        bad = tmp_path / f"bad {name}"
        shutil.copytree(good, bad)
        data = bytearray((bad / name).read_bytes())
        data[len(data) // 2] ^= 1
        (bad / name).write_bytes(data)
        with pytest.raises(BackupError, match="not as it was written"):
            restore(bad, tmp_path / "new", LATER_MS)
        (bad / name).unlink()
        with pytest.raises(BackupError, match="no whole backup"):
            read_backup(bad)
    for manifest in (b"", b"[", b"{}", (good / MANIFEST_FILE).read_bytes().replace(b"trust.cose", b"../trust.c")):
        (bad / MANIFEST_FILE).write_bytes(manifest)
        with pytest.raises(BackupError):
            read_backup(bad)
    assert not (tmp_path / "new").exists()

    def fill_the_disk(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "late.part").mkdir()
    monkeypatch.setattr(backups, "copy_private", fill_the_disk)
    with pytest.raises(BackupError, match="No space left"):
        office.back_up(tmp_path / "late")
    assert [path.name for path in tmp_path.iterdir() if "late" in path.name] == []


def test_a_backup_of_another_community_is_refused(office: Office, tmp_path: Path) -> None:
    target = tmp_path / "backup"
    office.back_up(target)
    other = tmp_path / "other"
    settings = CommunitySettings(
        CommunityTable("370212004002", "和顺里", "Asia/Shanghai"),
        DatabaseTable("sqlite:///c.sqlite"),
        ServerTable("https://gatepost.example"),
    )
    set_up_community(other, settings, NOW_MS)
    with pytest.raises(UsageError, match="holds community 370212004002"):
        restore(target, other, LATER_MS, replace=True)
    with pytest.raises(UsageError, match="--database"):
        restore(target, office.folder, LATER_MS, database="sqlite:///elsewhere.sqlite", replace=True)


def test_a_database_that_came_back_by_other_means_is_renewed(office: Office) -> None:
    old = _generation(office.engine)
    name = renew(office.engine, COMMUNITY)
    assert old != name == _generation(office.engine)
    written = order(office.engine, ModeSet(mode=Mode.CLOSED, effective_ms=NOW_MS), NOW_MS)
    assert (written.epoch, written.seq) == (name, 1)
    assert verify_journals(office.engine, COMMUNITY).missing == 0


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (sa.update(events).where(events.c.kind == "pass.issued").values(guard="nobody"), "the chain breaks"),
        (sa.delete(legs).where(legs.c.pass_id == "c"), "registers: legs"),
        (sa.update(legs).values(at_ms=1), "registers: legs"),
        (sa.update(feed_counters).values(last_feed_no=3), "feed: numbers"),
    ],
    ids=["event", "leg gone", "leg changed", "counter"],
)
def test_what_does_not_agree_is_found(office: Office, tmp_path: Path, change: sa.Update | sa.Delete, told: str) -> None:
    with writing(office.engine) as connection:
        connection.execute(change)
    (wrong,) = _wrongs(office.engine, tmp_path / "image")
    assert told in wrong


def test_what_is_wrong_around_the_database_is_found(office: Office) -> None:
    def told(now_ms: int = NOW_MS + 1, grade: str = "wrong") -> list[str]:
        found = check_surroundings(office.engine, COMMUNITY, office.folder, now_ms)
        return [str(one.told) for one in found if one.grade == grade and not str(one.told).startswith("disk")]

    on_postgresql = office.engine.dialect.name == "postgresql"
    expected_clock = ["clock: this machine's and the database's are"] if on_postgresql else []
    assert [one.rpartition("are ")[0] + "are" if "apart" in one else one for one in told()] == expected_clock
    (office.folder / "digest.key").chmod(0o644)
    assert any("digest.key can be read by others" in one for one in told())
    (office.folder / "digest.key").unlink()
    assert any("digest.key is missing" in one for one in told(grade="attention"))
    for path in office.folder.glob("sealing-key.*.pem"):
        path.rename(path.with_name("elsewhere.pem"))
    assert any("sealing-key" in one and "missing" in one for one in told())
    (office.folder / "trust.cose").write_bytes(b"x")
    assert any("trust list" in one for one in told())
    silent = told(NOW_MS + SILENT_AFTER_MS + 1, "attention")
    assert any("not heard for more than a day: east, west" in one for one in silent)
    if not on_postgresql:
        assert any("before the last contact" in one for one in told(NOW_MS - DAY_MS))


def test_the_commands_an_administrator_types(tmp_path: Path) -> None:
    folder, target, moved = tmp_path / "office", tmp_path / "backup", tmp_path / "moved"

    def run(command: str, *args: str) -> Result:
        words = ["--lang", "en", "community", command, "--dir", str(folder), *args]
        return CliRunner().invoke(gatepost, words, catch_exceptions=False, standalone_mode=False)

    run("init", "--id", COMMUNITY, "--name", "平安里")
    said = run("backup", str(target)).output
    assert "read back and compared" in said
    assert "root-key.pem" in said
    told = json.loads(run("backup", str(tmp_path / "second"), "--keys", "--json").output)
    assert (told["with_keys"], told["records"]) == (True, 2)
    checked = run("check", "--backup", str(target))
    assert (checked.return_value, "every link holds" in checked.output) == (None, True)
    assert json.loads(run("check", "--json").output)["wrong"] == 0
    folder = moved
    assert "as it was at" in run("restore", str(target), "--database", "sqlite:///new.sqlite").output
    (moved / "community.toml").chmod(0o600)
    assert json.loads(run("restore", str(target), "--replace", "--json").output)["set_aside"]
    assert "Generation" in run("renew").output
    engine = open_engine(f"sqlite:///{moved}/new.sqlite")
    with writing(engine) as connection:
        connection.execute(sa.update(events).values(hash="0" * 64))
    engine.dispose()
    broken = run("check")
    assert ("XX" in broken.output, broken.return_value) == (True, 1)
