"""A morning at one gate writes every kind of event with guard and shift, and the register can be made of them anew."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from docs.sample import PEOPLE, Morning
from passes.trips import Direction
from station import corrections, issuing, restricting, setting_rows
from station.assembly import Station, open_station
from station.duty import errands, incidents, inspections, quarantine, watch
from station.duty.book import DutyBook
from station.i18n import language, set_language
from station.logbook import recent
from station.printing import print_to_file
from station.purging import purge
from station.rebuilding import differences
from station.unmasking import unmask
from sync.bodies import BODY_TYPES, HolderBanned, HolderUnbanned, PassageFollowed, ShiftOpened
from tests.cli.conftest import Run, run
from tests.screens.console import make_station
from tests.station.post import HandClock
from tests.station.town import bodies

__all__ = ["run"]

NOT_AT_A_GATE = {
    "kind.set": "the office's word: gatepost community kind set",
    "mode.set": "the office's word: gatepost community mode set",
    "key.added": "the office's word: gatepost community key add",
    "key.withdrawn": "the office's word: gatepost community key withdraw",
    "conflict.found": "the community's, when journals meet",
    "conflict.closed": "the office's word: gatepost community conflicts close",
    "head.doubted": "nobody's word: the station notices it by itself (tests/station/test_witness.py)",
}


@pytest.fixture(autouse=True)
def _language_restored() -> Iterator[None]:
    before = language()
    yield
    set_language(before)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A station that has lived through everything a gate can write down."""
    set_language("zh")
    folder = make_station(tmp_path, on_duty=False)
    with open_station(folder, HandClock()) as station:
        story = Morning(station)
        story.live()
        _correct(station, story)
        print_to_file(station, story.rows[:1], tmp_path / "pass.png", "card", lambda _count: None)
        _close(station, story)
        story.send()
        assert isinstance(station.clock, HandClock)
        station.clock.move(40 * 86_400)
        purge(station, 30)
    return folder


def _correct(station: Station, story: Morning) -> None:
    """Take back, write down what was missed, and change passes."""
    journal, register, clock = parts = station.journal, station.register, station.clock
    passage = next(row for row in recent(journal.connection, 30) if row.body.outcome == "refused")
    with journal.writing():
        register.record(PassageFollowed(passage_id=passage.id, step="held"), clock.now_ms())
    undone = next(row for row in recent(journal.connection, 1) if row.body.pass_id)
    corrections.undo(*parts, undone.body.pass_id or "", "x")
    corrections.record_missed(
        *parts,
        story.rows[9].pass_id,
        direction=Direction.ENTRY,
        first_leg=Direction.EXIT,
        happened_ms=clock.now_ms() - 60_000,
        reason="x",
    )
    corrections.confirm_clock(*parts, "x")
    issuing.restore(*parts, story.rows[9], reason="x")
    issuing.revoke(*parts, story.rows[10], reason="lost")
    station.desk().replace(story.rows[11], reason="worn")
    for what in (HolderBanned, HolderUnbanned):
        restricting.order(*parts, what, story.rows[5], reason="x")
    unmask(station, story.rows[0].holder_id, "passes")
    setting_rows.record(station, {"temperature.low_celsius": "34.5"}, PEOPLE[0].name)
    station.access.set_member("吴组长", [])


def _close(station: Station, story: Morning) -> None:
    """End every matter of duty that is open, and the shift."""
    book = DutyBook.of(station)
    (incident,) = book.page("incident")
    incidents.handle(book, incident.id, "x")
    incidents.close(book, incident.id, "x")
    errands.done(book, book.page("errand")[0].id, "x")
    inspections.rectify(book, book.page("inspection")[0].id, "x")
    quarantine.release(book, quarantine.cases(book)[0].order, "x")
    watch.clear(book, watch.listed(book)[0].matter.body, "x")
    assert book.today() == date(2026, 3, 10)
    story.leave()


def test_every_kind_is_written_with_guard_and_shift_or_is_not_the_gate_s(folder: Path) -> None:
    with open_station(folder, HandClock()) as station:
        written = {event.kind for _n, event in station.journal.read() if event.guard and event.shift}
        begun = bodies(station, ShiftOpened)
    assert all(one.guards for one in begun), "what opens a shift names its guards itself"
    # The certificate was written after the post had been left; at a gate in use it has its guard as well.
    assert written | {"shift.opened", "retention.purged"} | NOT_AT_A_GATE.keys() == BODY_TYPES.keys()
    assert not written & NOT_AT_A_GATE.keys()


def test_log_rebuild_makes_the_same_register(folder: Path, run: Run) -> None:
    told = run("log", "rebuild", "--dir", folder, "--json")
    assert (told.code, json.loads(told.out)["differences"]) == (0, []), told
    with open_station(folder, HandClock()) as station:
        station.journal.connection.execute("UPDATE passes SET holder = 'somebody else'")
        station.journal.connection.execute("DELETE FROM legs")
        station.journal.connection.commit()
    told = run("log", "rebuild", "--dir", folder, "--json")
    assert told.code == 1
    assert {one["table"] for one in json.loads(told.out)["differences"]} == {"passes", "legs"}
    with open_station(folder, HandClock()) as station:
        assert differences(station.journal, station.settings.zone) == []
