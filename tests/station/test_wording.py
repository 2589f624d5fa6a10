"""Every verdict has its words, and a temperature is never shown as more than it is."""

from typing import Literal

import pytest
from msgspec.structs import replace
from textual.content import Content

from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station import wording
from station.i18n import set_language
from tests.station.post import SHANGHAI, Post, reading

PANEL_CELLS = 51


@pytest.fixture(autouse=True)
def _english() -> None:
    set_language("en")


@pytest.mark.parametrize("tongue", ["zh", "en"])
def test_every_reason_has_its_words_and_a_next_step_that_fit_the_panel(post: Post, tongue: Literal["zh", "en"]) -> None:
    """A pass's own texts, a host or a stated reason, may be longer: the panel cuts them."""
    row = post.issue()
    post.pass_through(row, Direction.EXIT)
    scan = post.gate.measured(post.gate.verify(row.token, Direction.EXIT), [reading(38.0)])
    scan = replace(scan, state_detail="lost", no_reading_reason="--")
    set_language(tongue)
    for reason in Reason:
        shown = replace(scan, verdict=replace(scan.verdict, reasons=(reason,)))
        why, step = wording.counsel(shown, SHANGHAI)
        for line in (why, step):
            assert line.strip(), reason
            assert "{" not in line
            assert Content(line).cell_length <= PANEL_CELLS, line
            assert any("\u4e00" <= char <= "\u9fff" for char in line) is (tongue == "zh"), line
        assert wording.in_short([reason.value])


def test_a_reason_of_a_newer_version_is_shown_as_it_is() -> None:
    assert wording.in_short(["moon_phase\x1b"]) == "moon_phase\ufffd"
    assert wording.in_short([]) == ""


@pytest.mark.parametrize(
    ("celsius", "shown"),
    [(37.26, "37.2"), (37.3, "37.3"), (36.0, "36.0"), (38.19, "38.1"), (-12.45, "-12.4"), (None, "--")],
)
def test_a_temperature_is_cut_and_never_rounded_up_to_a_fever(celsius: float | None, shown: str) -> None:
    assert wording.celsius_text(celsius) == shown


def test_the_fever_that_decided_is_told(post: Post) -> None:
    scan = post.gate.measured(post.gate.scan(post.issue().token, Direction.EXIT), [reading(38.1), reading(33.0)])

    assert scan.verdict.outcome is Outcome.REFUSE
    assert wording.reasons(scan, SHANGHAI) == ["Fever: 38.1"]


def test_already_out_says_since_when_and_where(post: Post) -> None:
    row = post.issue()
    post.pass_through(row, Direction.EXIT)

    scan = post.gate.scan(row.token, Direction.EXIT)

    assert wording.reasons(scan, SHANGHAI)[0] == "Already out since 03-10 08:00 (G1)"
    assert "F2" in wording.next_step(scan)
