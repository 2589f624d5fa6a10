"""The watch list: people known again by ID number, or by name with address or phone, at the gate and at issue."""

from datetime import date
from pathlib import Path

import pytest

from passes.errors import UsageError
from passes.kinds import PRESETS
from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station import visiting
from station.assembly import open_station
from station.duty import watch
from station.duty.book import DutyBook
from station.duty.watch import Listing
from station.i18n import set_language
from station.issuing import Application, IssuingError
from station.visiting import Registration
from tests.screens.console import make_station
from tests.station.post import HandClock, Post

NUMBER, OTHER, PHONE = "110101199003074477", "110101199003074493", "13800001234"


@pytest.fixture(autouse=True)
def english() -> None:
    set_language("en")


def test_who_stands_on_the_list_is_refused_at_the_gate_and_gets_no_pass(tmp_path: Path) -> None:
    with open_station(make_station(tmp_path), HandClock()) as station:
        book, sealer = DutyBook.of(station), station.sealer()
        listing = Listing("丁一", "甲市乙路 3 号", NUMBER, PHONE, "途经重点地区", "派出所")
        assert watch.add(book, sealer, listing)
        assert watch.add(book, sealer, listing) is None
        with pytest.raises(UsageError, match="丁二: a name alone is many people"):
            watch.add(book, sealer, Listing("丁二"))

        for asked, is_listed in (
            (Registration("丁某", NUMBER), True),
            (Registration("丁一", phone=PHONE), True),
            (Registration("丁一", address="甲市乙路 3 号"), True),
            (Registration("丁一", OTHER, address="甲市乙路 3 号"), False),
            (Registration("丁一", address="丙市"), False),
        ):
            visitor = visiting.register(station, asked).visitor
            reasons = station.gate.visit(visitor, Direction.ENTRY).verdict.reasons
            assert (Reason.WATCH_LISTED in reasons) is is_listed, asked.name
        kind, first, last = PRESETS["resident"], date(2026, 1, 1), date(2026, 12, 31)
        wanted = Application("丁一", "甲市乙路 3 号", kind, first, last)
        with pytest.raises(IssuingError, match="丁一: is on the watch list"):
            station.desk().issue(wanted)

        (entry,) = watch.listed(book)
        assert (entry.matter.body.name, entry.matter.body.source, entry.matter.body.reason) == (
            *("丁一", "派出所", "途经重点地区"),
        )
        watch.clear(book, entry.matter.body, "已满观察期")
        assert watch.listed(book) == []
        station.desk().issue(wanted)


def test_who_has_a_pass_already_is_found_by_name_and_address(post: Post) -> None:
    row = post.issue()
    event = watch.add(post.book, None, Listing("王小明", "3-2-501"))
    assert event is not None
    scan = post.gate.scan(row.token, Direction.EXIT)
    assert (scan.verdict.outcome, scan.verdict.reasons) == (Outcome.REFUSE, (Reason.WATCH_LISTED,))
