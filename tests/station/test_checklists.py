"""The checklist of a method: what the program sees itself, what the guard ticks, and what the record says."""

from collections.abc import Iterator
from typing import Literal

import pytest
from textual.content import Content

from station.checklists import METHODS, OWN, Checklist
from station.i18n import _, language, set_language
from tests.station.post import Post
from tests.station.stand import Stand

PANEL_CELLS = 51


@pytest.fixture(autouse=True)
def _language_restored() -> Iterator[None]:
    before = language()
    yield
    set_language(before)


def test_enter_counts_when_all_is_ticked(post: Post) -> None:
    stand = Stand(post, checklist=Checklist("stop_look_ask"))
    stand.lane.scan(post.issue().token)
    stand.see(36.5)
    assert stand.lane.checklist.is_open
    assert not stand.lane.record()
    stand.lane.checklist.tick_all()
    assert stand.lane.record()
    (passage,) = stand.passages
    assert passage.method == "stop_look_ask"
    assert passage.steps == ["stop", "look", "ask", "measure", "papers", "record"]

    stand.leave()
    stand.lane.scan(post.issue("乙").token)
    assert stand.lane.checklist.is_open  # the next person is checked anew


def test_what_was_not_done_is_not_recorded_as_done(post: Post) -> None:
    stand = Stand(post, checklist=Checklist("four_musts"))
    stand.lane.scan(post.issue().token)
    stand.lane.skip_reading("battery empty")
    stand.lane.checklist.tick_all()
    assert stand.lane.record(acknowledged=True)
    assert stand.passages[0].steps == ["identity", "record", "mask"]


def test_own_steps_and_none(post: Post) -> None:
    stand = Stand(post, checklist=Checklist(OWN, ("问行程", "看口罩")))
    stand.lane.scan(post.issue().token)
    stand.see(36.5)
    stand.lane.checklist.tick_all()
    assert stand.lane.record()
    assert stand.passages[0].steps == ["问行程", "看口罩"]
    assert not Checklist("five_checks").is_open
    assert not Checklist("").is_open


@pytest.mark.parametrize("tongue", ["zh", "en"])
def test_what_is_left_to_tick_fits_the_panel(tongue: Literal["zh", "en"]) -> None:
    set_language(tongue)
    for _label, steps in METHODS.values():
        left = " ".join(f"[ ]{_(step.label)}" for step in steps if not step.seen)
        assert Content(left).cell_length <= PANEL_CELLS, left
