"""`gatepost log` and `gatepost sync`: the journal looked after, and sent by hand."""

import json
from pathlib import Path

import pytest

from passes.number import number_of
from station.assembly import open_station
from station.journal import COLUMNS
from station.settings import FILE_NAME
from station.storage import FILE_NAME as JOURNAL_FILE
from station.storage import open_file
from tests.cli.conftest import VALID, Run, rewrite


@pytest.fixture
def busy(run: Run, folder: Path) -> Path:
    """A station with five records."""
    for number in range(5):
        told = run("pass", "issue", "--holder", f"住户{number}", "--address", "1-1-101", *VALID, "--dir", folder)
        assert told.code == 0
    return folder


def change(folder: Path, sql: str) -> None:
    """Do to the file what nobody may: somebody with an editor does not ask the triggers."""
    connection = open_file(folder)
    try:
        connection.executescript("DROP TRIGGER events_never_change; DROP TRIGGER events_never_go;")
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(sql)
        connection.commit()
    finally:
        connection.close()


def test_a_whole_journal_verifies(run: Run, busy: Path) -> None:
    assert "5 records" in run("log", "verify", "--dir", busy).out
    with open_station(busy) as station:
        head = station.journal.head()
    told = run("log", "verify", "--dir", busy, "--json")
    assert (told.code, json.loads(told.out)) == (
        0,
        {"events": 5, "emptied": 0, "epoch": head.epoch, "seq": head.seq, "hash": head.hash},
    )


@pytest.mark.parametrize(
    ("sql", "n"),
    [
        ("UPDATE events SET at_ms = at_ms + 1 WHERE n = 3", 3),
        ("UPDATE events SET guard = 'somebody else' WHERE n = 3", 3),
        ("UPDATE events SET body = replace(body, '住户2', '住户9') WHERE n = 3", 3),
        ("UPDATE events SET body = 'no JSON' WHERE n = 3", 3),
        ("UPDATE events SET suspect = 1 WHERE n = 3", 3),
        ("UPDATE events SET seq = 30 WHERE n = 3", 3),
        ("DELETE FROM events WHERE n = 3", 4),
        ("DELETE FROM events WHERE n = 1", 2),
        ("UPDATE events SET at_ms = at_ms + 1 WHERE n = 1", 1),
        ("UPDATE events SET at_ms = at_ms + 1 WHERE n = 5", 5),
        (f"INSERT INTO events (n, {COLUMNS}) SELECT 6, {COLUMNS} FROM events WHERE n = 5", 6),
    ],
)
def test_a_changed_journal_names_the_first_wrong_record(run: Run, busy: Path, sql: str, n: int) -> None:
    change(busy, sql)

    for words in (["log", "verify"], ["log", "verify", "--json"], ["log", "rebuild"]):
        told = run(*words, "--dir", busy)
        told.refused(1, f"{busy / JOURNAL_FILE}:", f"record {n} ")
        assert told.out == ""


def test_the_register_is_made_anew(run: Run, busy: Path) -> None:
    with open_station(busy) as station:
        number = station.register.find_passes()[0].number
        with station.journal.writing():
            station.journal.connection.execute("DELETE FROM passes")
    run("pass", "show", number, "--dir", busy).refused(1, "not known")

    assert "5 records" in run("log", "rebuild", "--dir", busy).out

    assert run("pass", "show", number, "--dir", busy).code == 0


def test_a_table_that_is_gone_is_one_sentence(run: Run, busy: Path) -> None:
    change(busy, "DROP TABLE passes")

    run("pass", "show", number_of(bytes(16)), "--dir", busy).refused(1, str(busy / JOURNAL_FILE), "passes")


def test_the_backlog_is_told(run: Run, folder: Path, busy: Path) -> None:
    told = run("sync", "status", "--dir", busy)
    assert (told.code, told.out.startswith("unsent: 5, oldest: 20")) == (0, True)
    answer = json.loads(run("sync", "status", "--dir", busy, "--json").out)
    assert (answer["unsent"], answer["stuck"], answer["oldest"][:2]) == (5, 0, "20")


def test_an_empty_backlog_is_told(run: Run, folder: Path) -> None:
    assert "unsent: 0, oldest: -" in run("sync", "status", "--dir", folder).out
    assert json.loads(run("sync", "status", "--dir", folder, "--json").out)["oldest"] is None


def test_records_set_aside_are_told(run: Run, busy: Path) -> None:
    with open_station(busy) as station, station.journal.writing():
        station.journal.connection.execute("INSERT INTO deliveries VALUES (1, 'fork', 'seq: taken', 0)")

    assert "1 set aside" in run("sync", "status", "--dir", busy).out


def test_a_community_that_does_not_answer_is_one_sentence(run: Run, busy: Path) -> None:
    run("sync", "run", "--dir", busy).refused(1, "http://127.0.0.1:9", "cannot be reached", "sent later")


def test_a_station_without_a_community_has_nobody_to_send_to(run: Run, busy: Path) -> None:
    rewrite(busy, 'url = "http://127.0.0.1:9"', 'url = ""')

    run("sync", "run", "--dir", busy).refused(2, FILE_NAME, "community.url", "write its address")
