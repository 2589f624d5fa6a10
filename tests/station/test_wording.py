"""Every verdict has its words, and a temperature is never shown as more than it is."""

import pytest
from msgspec.structs import replace

from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station import wording
from station.i18n import set_language
from tests.station.post import SHANGHAI, Post, reading

COMES_LATER = {
    *(Reason.REPLACED, Reason.SUSPENDED, Reason.NOT_ACTIVE, Reason.QUARANTINED, Reason.WATCH_LISTED, Reason.MODE),
    *(Reason.NO_ID, Reason.CLOCK, Reason.STALE_DATA, Reason.UNCLAIMED, Reason.OVERRIDDEN, Reason.CLOCK_SUSPECT),
}
"""Reasons that no rule gives yet."""


@pytest.fixture(autouse=True)
def _english() -> None:
    set_language("en")


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in COMES_LATER])
def test_every_reason_has_a_sentence_and_a_few_words(post: Post, reason: Reason) -> None:
    scan = post.gate.measured(post.gate.verify(post.issue().token, Direction.EXIT), [reading(38.0)])

    told = wording.reasons(replace(scan, verdict=replace(scan.verdict, reasons=(reason,))), SHANGHAI)

    assert len(told) == 1
    assert told[0]
    assert "{" not in told[0]
    set_language("zh")
    assert wording.in_short([reason.value]) != reason.value


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
