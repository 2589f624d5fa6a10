"""The outbox: what of the journal has an answer, and what has none."""

from pathlib import Path

import pytest

from station.outbox import Backlog, JournalOutbox
from station.parcels import open_parcels
from station.storage import StorageError
from sync.courier import Outbox
from sync.wire import EventAnswer
from tests.station.post import SHANGHAI, Post


@pytest.fixture
def outbox(post: Post) -> JournalOutbox:
    for number in range(5):
        post.issue(f"住户{number}")
        post.clock.move(60)
    return JournalOutbox(post.journal.connection, post.journal.path, "G1")


def answers(*statuses: str) -> list[EventAnswer]:
    return [
        EventAnswer(line=line, status=status, reason=f"why {line}" if status in {"fork", "quarantined"} else None)  # type: ignore[arg-type] # the tests' own literals
        for line, status in enumerate(statuses)
    ]


def settle(outbox: Outbox, first: int, *statuses: str) -> None:
    outbox.settle(list(enumerate(answers(*statuses), first)), 77)


def test_events_come_in_the_order_of_writing(post: Post, outbox: JournalOutbox) -> None:
    written = list(post.journal.read())

    assert outbox.unsent(100) == written
    assert outbox.unsent(2) == written[:2]
    assert outbox.unsent(0) == []


def test_what_has_an_answer_is_not_sent_again(post: Post, outbox: JournalOutbox) -> None:
    settle(outbox, 1, "stored", "already")

    assert [n for n, _event in outbox.unsent(100)] == [3, 4, 5]
    third = list(post.journal.read())[2][1]
    assert outbox.backlog() == Backlog(pending=3, oldest_ms=third.at_ms, stuck=0)
    settle(outbox, 3, "stored", "stored", "stored")
    assert outbox.unsent(100) == []
    assert outbox.backlog() == Backlog()


def test_an_empty_journal_has_nothing_to_send(post: Post) -> None:
    outbox = JournalOutbox(post.journal.connection, post.journal.path, "G1")

    assert outbox.unsent(100) == []
    assert outbox.backlog() == Backlog(pending=0, oldest_ms=None, stuck=0)


def test_forks_and_quarantined_events_stay_visible_and_stop_nothing(outbox: JournalOutbox) -> None:
    settle(outbox, 1, "stored", "fork", "quarantined")

    assert outbox.backlog().stuck == 2
    assert [n for n, _event in outbox.unsent(100)] == [4, 5]
    settle(outbox, 4, "stored", "stored")
    assert (outbox.backlog().pending, outbox.backlog().stuck) == (0, 2)


def test_an_answer_given_twice_is_kept_once(post: Post, outbox: JournalOutbox) -> None:
    settle(outbox, 1, "stored", "fork")
    settle(outbox, 1, "already", "fork")

    rows = [tuple(row) for row in post.journal.connection.execute("SELECT * FROM deliveries ORDER BY n")]
    assert rows == [(2, "fork", "why 1", 77)]


def test_an_answer_for_a_record_that_is_not_there_is_no_answer(outbox: JournalOutbox) -> None:
    with pytest.raises(StorageError):
        settle(outbox, 1, *["stored"] * 6)

    assert outbox.backlog().pending == 5


def test_a_connection_of_its_own_sees_what_the_gate_records(post: Post, outbox: JournalOutbox) -> None:
    with open_parcels(post.folder, "G1", SHANGHAI) as own:
        settle(own.outbox, 1, "stored", "stored", "stored", "stored", "stored")
        post.issue()
        assert [n for n, _event in own.outbox.unsent(100)] == [6]
    assert outbox.backlog().pending == 1


def test_answers_change_no_record(post: Post, outbox: JournalOutbox) -> None:
    before = list(post.journal.read())

    settle(outbox, 1, "stored", "fork", "quarantined", "already", "stored")

    assert list(post.journal.read()) == before
    assert post.journal.verify() == 5


def test_a_file_that_cannot_be_written_keeps_no_answer(post: Post, outbox: JournalOutbox) -> None:
    post.journal.connection.execute("PRAGMA query_only = ON")

    with pytest.raises(StorageError):
        settle(outbox, 1, "stored")

    post.journal.connection.execute("PRAGMA query_only = OFF")
    assert outbox.backlog().pending == 5


def test_a_folder_without_a_station_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no station yet"), open_parcels(tmp_path, "G1", SHANGHAI):
        pass
