"""Power cuts: what was promised is on the disk, whatever the disk made of the rest.

A day at a gate is recorded once, as the writes that SQLite really makes. Then the power fails at random steps of it,
the disk loses, tears and reorders what was not synced, and the program starts again on what is left.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from passes.trips import Direction
from station import storage
from station.duty.handover import HandOver, hand_over
from station.folding import REGISTER_TABLES
from station.journal import EPOCH_FILE, Journal
from station.parcels import open_parcels
from station.shifts import open_shift
from sync.bodies import PassageRecorded
from sync.events import canonical_json
from sync.sqlite import sqlite3
from sync.wire import EventAnswer, FeedAnswer, FeedItem
from tests.faults.disk import cut_power
from tests.faults.recording import Recording, library, recording
from tests.station.post import COMMUNITY, SHANGHAI, Post

CUTS = int(os.environ.get("GATEPOST_POWER_CUTS", "500"))
SEED = int(os.environ.get("GATEPOST_SEED", "20260310"))
PASSAGES = 45
FEED_PIECES = 12
LEGS_A_PIECE = 5


@pytest.fixture
def synchronous() -> str:
    """Let every commit be on the disk, as the station does."""
    return "EXTRA"


@pytest.fixture(params=["WAL", "DELETE"])
def journal_mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run in the mode of every recent SQLite, and in that of an affected one."""
    mode: str = request.param
    monkeypatch.setattr(storage, "safe_journal_mode", lambda _version: mode)
    return mode


@pytest.fixture
def day(journal_mode: str, synchronous: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    """A day at a gate, recorded; small checkpoints, so that many are met."""
    if (sqlite := library()) is None:
        pytest.skip("this SQLite hides its interface to the file system, so its writes cannot be recorded")
    folder = tmp_path / "station"
    folder.mkdir()
    with recording(sqlite, folder) as made:
        noted = Journal._note_progress

        def note(journal: Journal, n: int) -> None:
            noted(journal, n)
            made.note(folder / EPOCH_FILE)

        monkeypatch.setattr(Journal, "_note_progress", note)
        for number in range(3):
            _shift(made, folder, number, synchronous)
        monkeypatch.setattr(Journal, "_note_progress", noted)
        yield made


def _shift(made: Recording, folder: Path, number: int, synchronous: str) -> None:
    """Open the station, let people through while its courier sends and fetches, and close it again."""
    post = Post(folder, create=number == 0)
    post.clock.move(number * 8 * 3600)
    assert post.journal.connection.execute("PRAGMA synchronous").fetchone()[0] == 3
    post.journal.connection.execute(f"PRAGMA synchronous = {synchronous}")
    post.journal.connection.execute("PRAGMA wal_autocheckpoint = 40")
    with open_parcels(folder, "G1", SHANGHAI) as parcels:
        post.register.orders()
        made.promise(events=post.journal.head().n)
        with post.journal.writing():
            for i in range(60 if number == 0 else 3):
                post.register.record(PassageRecorded("refused", "exit", "refuse", remark=f"{i}"), post.clock.now_ms())
        rows = [post.issue(f"王{number}{i}", kind="courier") for i in range(3)]
        if number == 0:
            open_shift(post.journal, post.register, post.clock, ["周师傅"])
        for i in range(PASSAGES):
            made.promise(events=post.journal.head().n)
            done = post.pass_through(rows[i % 3], Direction.ENTRY if i // 3 % 2 == 0 else Direction.EXIT)
            assert done.recorded is not None
            made.promise(events=post.journal.head().n)
            if i % 7 == 0:
                sent = parcels.outbox.unsent(20)
                parcels.outbox.settle([(n, EventAnswer(line=0, status="stored")) for n, _event in sent], 0)
                made.promise(delivered=sent[-1][0] if sent else 0)
            if i % 15 == 0:
                piece = number * FEED_PIECES + i // 15 + 1
                parcels.feed.take(_piece(piece), post.clock.now_ms())
                made.promise(fetched=piece)
        hand_over(post.book, HandOver(incoming=["李师傅"]))
        made.promise(events=post.journal.head().n)
    post.journal.close()


def _piece(number: int) -> FeedAnswer:
    """Return a piece of the feed with another gate's legs; its cursor is its number."""
    legs = [
        PassageRecorded("allowed", "entry", "allow", leg="first", pass_id=f"{number:032x}") for _ in range(LEGS_A_PIECE)
    ]
    items = [
        FeedItem(
            station="G2",
            epoch="01",
            seq=number * LEGS_A_PIECE + i,
            id=f"{number}-{i}",
            kind="passage.recorded",
            at_ms=number,
            body=msgspec.Raw(canonical_json(leg)),
        )
        for i, leg in enumerate(legs)
    ]
    return FeedAnswer(community=COMMUNITY, generation="g", server_time_ms=0, cursor=str(number), items=items)


def test_nothing_promised_is_lost_and_no_file_is_damaged(day: Recording, journal_mode: str, tmp_path: Path) -> None:
    everything = _events(day.folder)
    count = CUTS if journal_mode == "WAL" else CUTS // 4
    found = cut_power(day, tmp_path, count, SEED, lambda left, promised: _start_again(left, promised, everything))
    # The cuts are spread over the day: from nothing to everything was there.
    assert len(set(found)) > count / 10


@pytest.mark.parametrize(
    ("journal_mode", "synchronous"), [("WAL", "NORMAL"), ("DELETE", "FULL")], indirect=["journal_mode"]
)
def test_the_disk_would_notice(synchronous: str, day: Recording, tmp_path: Path) -> None:
    """With less care than the station takes, promised records are lost: the cuts are hard enough."""
    everything = _events(day.folder)
    with pytest.raises(AssertionError, match="at step"):
        cut_power(day, tmp_path, CUTS, SEED, lambda left, promised: _start_again(left, promised, everything))


def _start_again(folder: Path, promised: dict[str, int], everything: list[tuple[Any, ...]]) -> int:
    """Open what a power cut left, as the program does, and return how many events are there."""
    note = folder / EPOCH_FILE
    path = folder / storage.FILE_NAME
    if path.exists() and note.exists():
        _same_disk(note, path)
    post = Post(folder, create=not promised.get("events"))
    try:
        events = _events(folder, post.journal.connection)
        assert events == everything[: len(events)]
        assert len(events) >= promised.get("events", 0)
        assert post.journal.verify() == len(events)
        assert [tuple(row) for row in post.journal.connection.execute("PRAGMA integrity_check")] == [("ok",)]
        with open_parcels(folder, "G1", SHANGHAI) as parcels:
            delivered = len(events) - len(parcels.outbox.unsent(-1))
            assert delivered >= promised.get("delivered", 0)
            fetched = int(parcels.feed.cursor() or 0)
            assert fetched >= promised.get("fetched", 0)
        legs = post.journal.connection.execute("SELECT count(*) FROM feed").fetchone()[0]
        assert legs == LEGS_A_PIECE * len([n for n in _pieces() if n <= fetched])
        if len(events) % 5 == 0:
            before = _register(post)
            post.register.rebuild()
            assert _register(post) == before
        post.issue()
        assert post.journal.verify() == len(events) + 1
    finally:
        post.journal.close()
    return len(events)


def _pieces() -> list[int]:
    return [number * FEED_PIECES + i // 15 + 1 for number in range(3) for i in range(0, PASSAGES, 15)]


def _same_disk(note: Path, path: Path) -> None:
    """Name the copied file in the note where it named the original: a power cut gives no file another inode."""
    try:
        noted = msgspec.json.decode(note.read_bytes())
    except msgspec.DecodeError:
        return
    noted["life"][0] = path.stat().st_ino
    note.write_bytes(msgspec.json.encode(noted))


def _events(folder: Path, connection: Any = None) -> list[tuple[Any, ...]]:
    opened = connection or sqlite3.connect(str(folder / storage.FILE_NAME))
    rows = [tuple(row) for row in opened.execute("SELECT n, epoch, seq, hash FROM events ORDER BY n")]
    if connection is None:
        opened.close()
    return rows


def _register(post: Post) -> dict[str, list[tuple[Any, ...]]]:
    db = post.journal.connection
    return {table: [tuple(row) for row in db.execute(f"SELECT * FROM {table}")] for table in REGISTER_TABLES}
