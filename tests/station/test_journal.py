"""The journal: chained, on disk before anybody is told, and never used twice over."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from passes.trips import Direction
from station.folding import REGISTER_TABLES
from station.journal import EPOCH_FILE, BrokenChainError
from station.storage import FILE_NAME, StorageError
from sync.bodies import PassageRecorded
from sync.events import GENESIS
from tests.station.post import Post

ROOT = Path(__file__).parents[2]


def test_numbers_have_no_gaps_and_each_names_the_one_before(post: Post) -> None:
    row = post.issue()
    for direction in (Direction.EXIT, Direction.ENTRY):
        post.pass_through(row, direction)

    events = [event for _n, event in post.journal.read()]

    assert [event.seq for event in events] == [1, 2, 3]
    assert [event.prev for event in events] == [GENESIS, events[0].hash, events[1].hash]
    assert post.journal.verify() == 3


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        ("UPDATE events SET body = replace(body, '王小明', '王大明') WHERE n = 2", 2),
        ("UPDATE events SET at_ms = at_ms + 1 WHERE n = 1", 1),
        ("DELETE FROM events WHERE n = 2", 3),
        ("UPDATE events SET guard = 'x' WHERE n = 3", 3),
    ],
)
def test_the_first_broken_record_is_named(post: Post, damage: str, broken: int) -> None:
    row = post.issue()
    for direction in (Direction.EXIT, Direction.ENTRY):
        post.pass_through(row, direction)
    connection = post.journal.connection
    connection.execute("DROP TRIGGER events_never_change")
    connection.execute("DROP TRIGGER events_never_go")
    connection.execute(damage)
    connection.commit()

    with pytest.raises(BrokenChainError, match=f"record {broken} "):
        post.journal.verify()


@pytest.mark.parametrize("statement", ["UPDATE events SET guard = 'x'", "DELETE FROM events"])
def test_the_file_itself_refuses_to_change_what_was_recorded(post: Post, statement: str) -> None:
    post.issue()

    with pytest.raises(Exception, match="never"):
        post.journal.connection.execute(statement)


def test_a_restart_goes_on_in_the_same_epoch(tmp_path: Path) -> None:
    first = Post(tmp_path)
    first.issue()
    first.journal.close()

    second = Post(tmp_path, create=False)
    second.issue()

    assert [(event.seq, event.epoch) for _n, event in second.journal.read()] == [
        (1, second.journal.head().epoch),
        (2, second.journal.head().epoch),
    ]
    second.journal.close()


def test_a_copied_folder_starts_a_new_epoch(tmp_path: Path) -> None:
    first = Post(_made(tmp_path / "a"))
    first.issue()
    first.journal.close()
    shutil.copytree(tmp_path / "a", tmp_path / "b")

    clone = Post(tmp_path / "b", create=False)
    clone.issue()

    events = [event for _n, event in clone.journal.read()]
    assert events[1].epoch > events[0].epoch
    assert (events[1].seq, events[1].prev) == (1, events[0].hash)
    assert clone.journal.verify() == 2
    clone.journal.close()


def test_a_journal_restored_from_a_backup_starts_a_new_epoch(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.issue()
    post.journal.close()
    backup = (tmp_path / FILE_NAME).read_bytes()
    post = Post(tmp_path, create=False)
    post.issue()
    old_epoch = post.journal.head().epoch
    post.journal.close()

    (tmp_path / FILE_NAME).write_bytes(backup)
    for leftover in ("-wal", "-shm"):
        (tmp_path / f"{FILE_NAME}{leftover}").unlink(missing_ok=True)
    restored = Post(tmp_path, create=False)
    restored.issue()

    assert restored.journal.head().epoch > old_epoch
    assert restored.journal.verify() == 2
    restored.journal.close()


def test_a_long_first_transaction_that_was_lost_leaves_a_usable_journal(tmp_path: Path) -> None:
    """What was not committed must not be noted: the file would look as if somebody had emptied it."""
    post = Post(tmp_path)
    post.journal.connection.execute("BEGIN IMMEDIATE")
    for _ in range(120):
        post.register.record(PassageRecorded("refused", "exit", "refuse"), post.clock.now_ms())
    post.journal.connection.close()

    again = Post(tmp_path, create=False)
    again.issue()

    assert again.journal.verify() == 1
    again.journal.close()


@pytest.mark.parametrize("damage", [b"\x00\x00", b"", b'{"epoch": "\xff"}', b"[" * 100_000])
def test_a_damaged_note_starts_a_new_epoch_and_loses_nothing(tmp_path: Path, damage: bytes) -> None:
    post = Post(tmp_path)
    post.issue()
    post.journal.close()
    (tmp_path / EPOCH_FILE).write_bytes(damage)

    post = Post(tmp_path, create=False)
    post.issue()

    assert post.journal.verify() == 2
    post.journal.close()


def test_a_program_that_is_still_running_follows_into_a_newer_epoch(tmp_path: Path) -> None:
    running = Post(tmp_path)
    running.issue()
    (tmp_path / EPOCH_FILE).unlink()
    command = Post(tmp_path, create=False)
    command.issue()
    command.journal.close()

    running.issue()

    places = [(event.epoch, event.seq) for _n, event in running.journal.read()]
    assert len(set(places)) == 3
    assert places[1:] == [(running.journal.head().epoch, 1), (running.journal.head().epoch, 2)]
    assert running.journal.verify() == 3
    running.journal.close()


def test_an_emptied_journal_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.issue()
    post.journal.close()
    for name in (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / FILE_NAME).touch()

    with pytest.raises(StorageError, match="is empty, but held 1 records"):
        Post(tmp_path, create=False)


def test_a_file_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    post = Post(tmp_path)
    post.journal.connection.execute("PRAGMA user_version = 99")
    post.journal.connection.commit()
    post.journal.close()

    with pytest.raises(StorageError, match="newer"):
        Post(tmp_path, create=False)


def test_a_clock_that_runs_backwards_is_marked_and_order_stays(post: Post) -> None:
    post.issue()
    post.clock.move(-3600)
    post.issue()

    events = [event for _n, event in post.journal.read()]
    assert [event.clock.suspect for event in events] == [False, True]
    assert post.journal.verify() == 2


def test_a_full_disk_records_nothing_and_says_so(post: Post) -> None:
    row = post.issue()
    pages = post.journal.connection.execute("PRAGMA page_count").fetchone()[0]
    post.journal.connection.execute(f"PRAGMA max_page_count = {pages}")

    told = ""
    for _ in range(200):
        try:
            post.pass_through(row, Direction.EXIT)
            post.pass_through(row, Direction.ENTRY)
            post.clock.move(24 * 3600)
        except StorageError as error:
            told = str(error)
            break

    assert "the disk is full, nothing was recorded" in told
    count = post.journal.verify()
    post.journal.connection.execute("PRAGMA max_page_count = 1000000")
    post.issue()
    assert post.journal.verify() == count + 1


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is not a database, but it may be all that is left" * 20)
    before = (tmp_path / FILE_NAME).read_bytes()

    with pytest.raises(StorageError, match="damaged"):
        Post(tmp_path, create=False)

    assert (tmp_path / FILE_NAME).read_bytes() == before


@pytest.mark.parametrize("series", range(5))
def test_kill_9_loses_no_acknowledged_passage(tmp_path: Path, series: int) -> None:
    """Ten kills a series, fifty in all, each at another moment of the work, on one growing file."""
    chance = random.Random(series)
    promised: list[str] = []
    for _kill in range(10):
        promised += _killed_gate(tmp_path, after_acks=chance.randrange(1, 40), spin_s=chance.random() * 0.001)

    post = Post(tmp_path, create=False)
    recorded = {event.hash for _n, event in post.journal.read()}
    assert len(promised) >= 10
    assert recorded.issuperset(promised)
    assert post.journal.verify() == len(recorded)
    before = {table: list(post.journal.db[table].rows) for table in REGISTER_TABLES}
    post.register.rebuild()
    assert {table: list(post.journal.db[table].rows) for table in REGISTER_TABLES} == before
    post.journal.close()


def _killed_gate(folder: Path, after_acks: int, spin_s: float) -> list[str]:
    """Run a gate until it has promised so many records, kill it a moment later, and return all it promised."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.station.child_gate", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        promised = [child.stdout.readline().strip() for _ in range(after_acks)]
        for _ in _until(time.monotonic() + spin_s):
            pass
        child.kill()
        promised += [line.strip() for line in child.stdout if line.endswith("\n")]
    assert all(len(line) == 64 for line in promised)
    return promised


def _until(deadline_s: float) -> Iterator[None]:
    while time.monotonic() < deadline_s:
        yield


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
