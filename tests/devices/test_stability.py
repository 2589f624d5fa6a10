"""When measurements become a reading, and whose."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.temperature import Finding, TemperatureRule
from station.devices.measurement import Measurement
from station.devices.stability import Phase, Reading, StabilityRule, StabilityState


def measured(celsius: float, at_s: float) -> Measurement:
    return Measurement(celsius, "surface", 24.0, f"{celsius:.2f}".encode(), "gy-mcu9061x", at_s)


def give(rule: StabilityRule, *values: float, from_s: float = 0.1, step_s: float = 0.1) -> None:
    for number, celsius in enumerate(values):
        rule.add(measured(celsius, from_s + number * step_s))


def state(rule: StabilityRule) -> StabilityState:
    return rule.state


def reading(rule: StabilityRule) -> Reading | None:
    return rule.reading


@pytest.fixture
def rule() -> StabilityRule:
    made = StabilityRule()
    made.step_up(0.0)
    return made


def test_five_that_agree_are_a_reading(rule: StabilityRule) -> None:
    assert state(rule).phase is Phase.WAITING
    give(rule, 36.5, 36.6, 36.4, 36.5)
    assert (state(rule).phase, state(rule).count, rule.is_measuring) == (Phase.MEASURING, 4, True)
    assert reading(rule) is None
    give(rule, 36.7, from_s=0.5)
    assert (state(rule).phase, rule.is_measuring) == (Phase.STABLE, False)
    assert rule.reading is not None
    assert rule.reading.celsius == 36.5
    assert state(rule).celsius == 36.5
    assert state(rule).finding is Finding.NORMAL


def test_the_reading_is_one_the_device_made(rule: StabilityRule) -> None:
    give(rule, 36.52, 36.61, 36.48, 36.55, 36.7)
    assert rule.reading is not None
    assert rule.reading.raw == b"36.55"
    assert rule.reading.at_s == pytest.approx(0.4)
    assert (rule.reading.quantity, rule.reading.ambient_celsius) == ("surface", 24.0)
    assert rule.reading.protocol == "gy-mcu9061x"


def test_a_spread_of_exactly_the_limit_agrees(rule: StabilityRule) -> None:
    # 36.7 - 36.4 is 0.30000000000000426 in binary.
    give(rule, 36.4, 36.7, 36.5, 36.5, 36.5)
    assert rule.reading is not None


def test_a_wider_spread_does_not_agree_until_it_has_passed(rule: StabilityRule) -> None:
    give(rule, 36.4, 36.71, 36.7, 36.7, 36.7)
    assert reading(rule) is None
    give(rule, 36.7, from_s=0.6)
    assert rule.reading is not None
    assert rule.reading.celsius == 36.7


def test_samples_too_far_apart_are_no_reading(rule: StabilityRule) -> None:
    give(rule, *[36.5] * 20, step_s=0.26)
    assert reading(rule) is None


def test_nothing_before_the_step_counts(rule: StabilityRule) -> None:
    give(rule, *[38.9] * 4)
    rule.step_up(1.0)
    assert state(rule).phase is Phase.WAITING
    give(rule, *[38.9] * 20, from_s=0.5, step_s=0.025)
    give(rule, *[38.9] * 5, from_s=1.0, step_s=0.0)  # at the very moment
    assert reading(rule) is None
    give(rule, *[36.4] * 5, from_s=1.1)
    assert rule.reading is not None
    assert rule.reading.celsius == 36.4


def test_nobody_has_a_reading_before_anybody_stepped_up() -> None:
    rule = StabilityRule()
    give(rule, *[36.5] * 9)
    assert reading(rule) is None
    assert state(rule).phase is Phase.WAITING


def test_a_reading_stays_until_the_next_person(rule: StabilityRule) -> None:
    give(rule, *[36.5] * 5)
    give(rule, *[24.0] * 5, from_s=1.0)
    give(rule, *[39.0] * 5, from_s=2.0)
    assert rule.reading is not None
    assert rule.reading.celsius == 36.5
    rule.step_up(3.0)
    assert reading(rule) is None


def test_attempts_are_counted_for_each_person(rule: StabilityRule) -> None:
    give(rule, *[38.0] * 5)
    assert rule.reading is not None
    assert rule.reading.attempt == 1
    rule.remeasure(1.0)
    assert (reading(rule), state(rule).attempt) == (None, 2)
    give(rule, *[37.0] * 5, from_s=1.1)
    assert rule.reading is not None
    assert (rule.reading.attempt, rule.reading.celsius) == (2, 37.0)
    rule.step_up(2.0)
    assert state(rule).attempt == 1


def test_the_wall_between_two_foreheads_begins_anew(rule: StabilityRule) -> None:
    give(rule, 36.5, 36.5, 36.5, 24.0, 36.5, 36.5, 36.5, 36.5)
    assert reading(rule) is None
    assert state(rule).count == 4


@pytest.mark.parametrize(
    ("celsius", "finding"), [(24.0, Finding.IMPLAUSIBLE), (34.2, Finding.LOW), (45.1, Finding.IMPLAUSIBLE)]
)
def test_the_state_says_what_a_value_amounts_to(rule: StabilityRule, celsius: float, finding: Finding) -> None:
    give(rule, *[celsius] * 5)
    assert state(rule).finding is finding
    assert (reading(rule) is None) == (finding is Finding.IMPLAUSIBLE)


def test_not_a_number_is_no_sample(rule: StabilityRule) -> None:
    give(rule, 36.5, 36.5, float("nan"), 36.5, 36.5, 36.5)
    assert (reading(rule), state(rule).count) == (None, 3)


def test_the_offset_is_added_and_the_raw_value_kept() -> None:
    rule = StabilityRule(offset_celsius=0.4)
    rule.step_up(0.0)
    give(rule, *[36.9] * 5)
    assert rule.reading is not None
    # In binary 36.9 + 0.4 is a little less than 37.3, and that would be no fever.
    assert rule.reading.celsius == 37.3
    assert (rule.reading.raw_celsius, rule.reading.offset_celsius) == (36.9, 0.4)
    assert state(rule).finding is Finding.FEVER


def test_a_fever_is_never_rounded_away() -> None:
    rule = StabilityRule(rule=TemperatureRule(inclusive=False))
    rule.step_up(0.0)
    give(rule, *[37.34] * 5)
    assert state(rule).celsius == 37.34
    assert state(rule).finding is Finding.FEVER


def test_of_two_middle_samples_the_higher_is_taken() -> None:
    rule = StabilityRule(samples=4)
    rule.step_up(0.0)
    give(rule, 37.2, 37.2, 37.3, 37.3)
    assert rule.reading is not None
    assert rule.reading.celsius == 37.3


def test_no_samples_are_no_reading() -> None:
    with pytest.raises(ValueError, match="samples = 0"):
        StabilityRule(samples=0)


@settings(deadline=None, derandomize=True)
@given(
    values=st.lists(st.tuples(st.integers(2000, 4600), st.integers(1, 400)), max_size=60),
    step_after=st.integers(0, 60),
)
def test_a_reading_always_rests_on_five_samples_of_its_person(values: list[tuple[int, int]], step_after: int) -> None:
    rule, now_ms = StabilityRule(), 0
    own: list[Measurement] = []
    for number, (centi, pause_ms) in enumerate(values):
        if number == step_after:
            rule.step_up(now_ms / 1000)
            own.clear()
        now_ms += pause_ms
        own.append(measured(centi / 100, now_ms / 1000))
        rule.add(own[-1])
        if rule.reading is not None:
            last = own[-5:]
            assert number >= step_after
            assert len(last) == 5
            assert max(last, key=lambda one: one.celsius).celsius - min(one.celsius for one in last) < 0.301
            assert last[-1].at_s - last[0].at_s <= 1.0
            assert rule.reading.raw in {one.raw for one in last}
            return
