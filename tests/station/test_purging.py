"""Retention at the station: names go, what is in force stays, and everything can still be shown to be true."""

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from passes.trips import Direction
from station.assembly import Station
from station.feed import Feed
from station.folding import REGISTER_TABLES
from station.journal import BrokenChainError
from station.outbox import JournalOutbox
from station.purge_daily import DailyPurge
from station.purging import Purged, check_certificates, count_overdue, purge
from station.settings import load_settings, save_settings
from station.storage import StorageError
from sync.bodies import HolderBanned, HolderUnbanned, PersonRegistered, RetentionPurged
from sync.events import read_body
from sync.wire import EventAnswer, FeedAnswer, FeedItem
from tests.screens.console import make_station
from tests.station.post import SHANGHAI, Post

DAY_S = 86_400
ROOT = Path(__file__).parents[2]


@dataclass
class Old:
    """A gate and what its community has answered."""

    post: Post
    outbox: JournalOutbox = field(init=False)
    feed: Feed = field(init=False)
    told: int = 0

    def __post_init__(self) -> None:
        journal = self.post.journal
        self.outbox = JournalOutbox(journal.connection, journal.path, journal.station)
        self.feed = Feed(journal.connection, journal.path, journal.station, SHANGHAI)

    def hear(self, *items: FeedItem, acknowledged: bool = True) -> None:
        """Let the community acknowledge everything and send its feed."""
        unsent = self.outbox.unsent(10_000)
        if acknowledged and unsent:
            answers = [(n, EventAnswer(line=line, status="stored")) for line, (n, _event) in enumerate(unsent)]
            self.outbox.settle(answers, self.post.clock.ms)
        self.told += len(items)
        answer = FeedAnswer(
            community="c",
            generation="g",
            server_time_ms=self.post.clock.ms,
            cursor=f"g.{self.told}",
            items=list(items),
        )
        self.feed.take(answer, self.post.clock.ms)

    @property
    def station(self) -> Station:
        post = self.post
        settings = SimpleNamespace(zone=SHANGHAI)
        parts = {"journal": post.journal, "register": post.register, "clock": post.clock, "outbox": self.outbox}
        return cast(Station, SimpleNamespace(settings=settings, **parts))

    def purge(self, days: int = 30) -> Purged:
        return purge(self.station, days)

    def bodies(self) -> str:
        """Return all bodies of journal and feed."""
        query = "SELECT group_concat(body) FROM (SELECT body FROM events UNION ALL SELECT body FROM feed)"
        return str(self.post.journal.connection.execute(query).fetchone()[0])

    def tables(self) -> dict[str, list[Any]]:
        """Return the register, without the numbers that it gives by itself."""
        found = {}
        for table in REGISTER_TABLES:
            start = 1 if table in {"rules", "trust_lists"} else 0
            rows = self.post.journal.connection.execute(f"SELECT * FROM {table}").fetchall()
            found[table] = sorted([tuple(map(repr, row[start:])) for row in rows])
        return found

    def check_whole(self) -> None:
        """See that the chain holds, certificates are right, and the register is the one folded anew."""
        live = self.tables()
        self.post.journal.verify()
        check_certificates(self.station)
        self.post.register.rebuild()
        assert self.tables() == live


@pytest.fixture
def old(tmp_path: Path) -> Iterator[Old]:
    post = Post(tmp_path)
    yield Old(post)
    post.journal.close()


def item(number: int, body: Any, kind: str, at_ms: int) -> FeedItem:
    raw = msgspec.Raw(msgspec.json.encode(body, order="sorted"))
    return FeedItem(station="west", epoch="01", seq=number, id=f"w{number}", kind=kind, at_ms=at_ms, body=raw)


def play(old: Old) -> dict[str, Any]:
    """Let a resident and visitors come and go a long time ago; somebody is still out, somebody is banned."""
    post, at_ms = old.post, old.post.clock.ms
    gone = post.issue("旧访客", kind="visitor", until=date(2026, 3, 12))
    stays = post.issue("王小明")
    out = post.issue("李在外")
    banned = post.issue("赵禁行", kind="visitor", until=date(2026, 3, 12))
    for direction in (Direction.ENTRY, Direction.EXIT):
        post.pass_through(gone, direction)
    for direction in (Direction.EXIT, Direction.ENTRY):
        post.pass_through(stays, direction)
    post.pass_through(out, Direction.EXIT)
    with post.journal.writing():
        for body in (
            HolderBanned(holder_id=banned.holder_id, reason="打架闹事"),
            HolderBanned(holder_id="p-old", reason="旧案"),
            HolderUnbanned(holder_id="p-old", reason="已处理"),
            PersonRegistered(person_id="v1", name="路过人", household="", address="外地"),
        ):
            # Of two orders at one instant either may count as the later one.
            post.clock.move(1)
            post.register.record(body, post.clock.ms)
    old.hear(
        item(
            1, PersonRegistered(person_id="v2", name="西门客", household="", address="远方"), "person.registered", at_ms
        ),
        item(2, HolderBanned(holder_id="p-west", reason="西门禁"), "holder.banned", at_ms),
    )
    return {"gone": gone, "stays": stays, "out": out, "banned": banned}


def test_old_names_go_and_what_is_in_force_stays(old: Old) -> None:
    passes = play(old)
    old.post.clock.move(60 * DAY_S)
    recent = old.post.issue("新来的", kind="visitor")
    old.post.pass_through(recent, Direction.ENTRY)
    old.hear()
    expected = count_overdue(old.station, 30)
    counts = old.post.register.counts(date(2026, 3, 10))
    done = old.purge()
    assert done.is_scrubbed
    assert (done.events, done.feed) == (expected.events, expected.feed)
    assert done.events["passage.recorded"] == 4
    assert done.feed == 1
    text = old.bodies()
    for name in ("旧访客", "路过人", "旧案", "西门客"):
        assert name not in text
    for name in ("王小明", "李在外", "赵禁行", "打架闹事", "新来的", "西门禁"):
        assert name in text
    old.check_whole()
    register = old.post.register
    assert register.find_pass(passes["gone"].pass_id) is None
    assert register.find_number(passes["stays"].number) is not None
    assert register.restrictions(passes["banned"].holder_id, "", date(2026, 5, 9)) != ()
    assert register.restrictions("p-west", "", date(2026, 5, 9)) != ()
    assert register.counts(date(2026, 3, 10)).refused == counts.refused
    scan = old.post.gate.scan(passes["out"].token, Direction.ENTRY)
    assert scan.verdict.outcome != "refuse"
    (certificate,) = [event for _n, event in old.post.journal.read() if event.kind == "retention.purged"]
    body = read_body(certificate.kind, certificate.body)
    assert isinstance(body, RetentionPurged)
    assert body.events == done.events
    assert old.purge().event is None


def test_the_files_hold_no_trace(old: Old) -> None:
    play(old)
    old.post.clock.move(60 * DAY_S)
    old.hear()
    folder = old.post.folder
    assert any("旧访客".encode() in path.read_bytes() for path in folder.iterdir())
    assert old.purge().is_scrubbed
    for path in folder.iterdir():
        assert "旧访客".encode() not in path.read_bytes()
        assert "路过人".encode() not in path.read_bytes()


def test_what_is_not_acknowledged_is_never_touched(old: Old) -> None:
    play(old)
    old.post.issue("没送出", kind="visitor", until=date(2026, 3, 12))
    old.post.clock.move(90 * DAY_S)
    old.hear(acknowledged=False)
    old.purge()
    assert "旧访客" not in old.bodies()
    assert "没送出" in old.bodies()
    old.hear()
    old.purge()
    assert "没送出" not in old.bodies()
    old.check_whole()


def test_before_any_contact_and_with_a_clock_far_ahead_nothing_goes(old: Old) -> None:
    old.post.issue("甲", kind="visitor", until=date(2026, 3, 12))
    assert old.purge().event is None
    old.hear()
    old.post.clock.move(400 * DAY_S)
    assert old.purge().event is None
    assert "甲" in old.bodies()


def test_the_table_itself_refuses_every_other_change(old: Old) -> None:
    play(old)
    old.post.issue("没送出")
    db = old.post.journal.connection

    def refused(change: str) -> None:
        with pytest.raises(StorageError, match="never"), old.post.journal.writing():
            db.execute(change)

    refused("UPDATE events SET body = '{}' WHERE n = 1")
    refused("UPDATE events SET body = '{}', purge_id = 'x' WHERE n = 1")
    db.execute('INSERT INTO notes VALUES (\'purge\', \'{"purge_id":"x","days":30,"feed":0}\')')
    db.commit()
    last = old.post.journal.head().n
    refused(f"UPDATE events SET body = '{{}}', purge_id = 'x' WHERE n = {last}")
    refused("UPDATE events SET guard = 'x', purge_id = 'x' WHERE n = 1")
    refused("UPDATE events SET hash = 'x', purge_id = 'x' WHERE n = 1")
    refused("DELETE FROM events WHERE n = 1")
    with old.post.journal.writing():
        db.execute("UPDATE events SET body = '{}', purge_id = 'x' WHERE n = 1")
    refused("UPDATE events SET body = '{\"a\":1}', purge_id = 'x' WHERE n = 1")


def test_a_purge_that_was_cut_off_is_gone_on_with(old: Old, monkeypatch: pytest.MonkeyPatch) -> None:
    play(old)
    old.post.clock.move(60 * DAY_S)
    old.hear()
    expected = count_overdue(old.station, 30)
    for step in ("_empty_others", "_finish"):
        with monkeypatch.context() as patch:
            patch.setattr(f"station.purging._Purge.{step}", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                old.purge(10)
        old.check_whole()
    done = old.purge(30)
    assert (done.events, done.feed) == (expected.events, expected.feed)
    old.check_whole()


def test_a_purge_that_is_killed_leaves_each_record_whole_or_emptied(tmp_path: Path) -> None:
    folder = make_station(tmp_path)
    old = Old(Post(folder, create=False))
    rows = [old.post.issue(f"旧访客{number}", kind="visitor", until=date(2026, 3, 12)) for number in range(20)]
    for row in rows:
        old.post.pass_through(row, Direction.ENTRY)
        old.post.pass_through(row, Direction.EXIT)
    old.post.clock.move(60 * DAY_S)
    old.hear()
    expected = count_overdue(old.station, 30)
    dice = random.Random(int(os.environ.get("GATEPOST_SEED", "0")) or None)
    reached = [0]
    with contextlib.ExitStack() as children:
        # All start at once, and each goes on where the one before was killed.
        command = [sys.executable, "-m", "tests.station.child_purge"]
        purges = [
            children.enter_context(
                subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            )
            for _ in range(4)
        ]
        for number, child in enumerate(purges):
            old.post.journal.close()
            _purge_until_killed(child, folder, dice.randint(2, 4) if number < 3 else None)
            old = Old(Post(folder, old.post.clock, create=False))
            query = "SELECT body, purge_id FROM events WHERE kind = 'passage.recorded'"
            bodies = old.post.journal.connection.execute(query).fetchall()
            assert all(("旧访客" in body) == (purge_id is None) for body, purge_id in bodies)
            reached.append(sum(purge_id is not None for _body, purge_id in bodies))
            old.check_whole()
    assert reached == sorted(reached)
    assert 0 < reached[-2] <= reached[-1] == expected.events["passage.recorded"]
    (certificate,) = [event for _n, event in old.post.journal.read() if event.kind == "retention.purged"]
    body = read_body(certificate.kind, certificate.body)
    assert isinstance(body, RetentionPurged)
    assert body.events == expected.events
    assert "旧访客" not in old.bodies()
    assert old.purge().event is None
    old.post.journal.close()
    assert not any("旧访客".encode() in path.read_bytes() for path in folder.iterdir())


def _purge_until_killed(child: subprocess.Popen[str], folder: Path, after: int | None) -> None:
    """Let a purge run until it has said so much and a moment, or None: to its end."""
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(f"{folder}\n")
    child.stdin.flush()
    if after is None:
        assert child.wait(60) == 0
        return
    for _ in range(after):
        child.stdout.readline()
    child.kill()
    child.wait(60)


def test_a_certificate_that_does_not_fit_is_told(old: Old) -> None:
    play(old)
    old.post.clock.move(60 * DAY_S)
    old.hear()
    old.purge()
    db = old.post.journal.connection
    db.execute("DROP TRIGGER events_never_change")
    db.execute('UPDATE events SET body = \'{"outcome":"refused"}\' WHERE purge_id IS NOT NULL')
    db.commit()
    old.post.journal.verify()
    with pytest.raises(BrokenChainError, match="certificate"):
        check_certificates(old.station)


def test_by_itself_once_a_day_and_never_while_people_come(tmp_path: Path) -> None:
    folder = make_station(tmp_path)
    rewritten = load_settings(folder)
    rewritten.retention.days = 30
    save_settings(folder, rewritten)
    post = Post(folder, create=False)
    old = Old(post)
    play(old)
    post.clock.move(60 * DAY_S)
    old.hear()
    daily = DailyPurge(folder, post.clock)
    post.issue("刚来的")
    assert not daily.look()
    post.clock.move(600)
    assert daily.look()
    assert "旧访客" not in old.bodies()
    assert not daily.look()
    post.clock.move(DAY_S)
    assert daily.look()
    post.journal.close()
