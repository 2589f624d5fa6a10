"""The rule table: what the guard is told, and why."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from passes.kinds import Hours, Kind
from passes.policy import SKIPPED, Facts, KnownPass, Outcome, Skipped, State, Verdict, decide
from passes.reasons import Reason
from passes.temperature import Finding, TemperatureRule
from passes.trips import Direction, Leg, Standing

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY
NOW = datetime(2026, 3, 10, 8, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
NOW_MS = int(NOW.timestamp() * 1000)
RESIDENT = Kind("resident", "Resident", EXIT)
GOOD = KnownPass(RESIDENT, date(2026, 3, 1), date(2026, 3, 31))
FRESH = Standing(used=0, open_leg=None, last_leg=None)
OUT = Standing(used=1, open_leg=Leg(NOW_MS - 3_600_000, EXIT, "G1"), last_leg=None)


def ask(
    known: KnownPass = GOOD,
    standing: Standing = FRESH,
    direction: Direction = EXIT,
    finding: Finding | Skipped | None = Finding.NORMAL,
    at: datetime = NOW,
    *,
    typed: bool = False,
) -> Verdict:
    return decide(Facts(known, standing, direction, at, finding, typed))


def test_a_good_pass_goes_out() -> None:
    verdict = ask()

    assert (verdict.outcome, verdict.reasons, verdict.leg) == (Outcome.ALLOW, (), "first")
    assert (verdict.used, verdict.trips, verdict.needs_reading) == (0, 1, False)


AGAINST_THE_PASS = [
    (replace(GOOD, state=State.REVOKED), Reason.REVOKED),
    (replace(GOOD, key_withdrawn=True), Reason.WITHDRAWN_KEY),
    (replace(GOOD, against_holder=(Reason.BANNED,)), Reason.BANNED),
    (replace(GOOD, valid_until=date(2026, 3, 9)), Reason.EXPIRED),
    (replace(GOOD, valid_from=date(2026, 3, 11)), Reason.NOT_YET_VALID),
]


@pytest.mark.parametrize(("known", "reason"), AGAINST_THE_PASS)
def test_what_is_wrong_with_pass_or_holder_refuses_the_way_out(known: KnownPass, reason: Reason) -> None:
    verdict = ask(known)

    assert (verdict.outcome, verdict.reasons) == (Outcome.REFUSE, (reason,))


@pytest.mark.parametrize("standing", [OUT, FRESH])
@pytest.mark.parametrize(("known", "reason"), AGAINST_THE_PASS)
def test_nobody_is_locked_out_of_home(known: KnownPass, reason: Reason, standing: Standing) -> None:
    verdict = ask(known, standing, ENTRY)

    assert verdict.outcome is Outcome.ATTENTION
    assert verdict.reasons[0] is reason


def test_the_first_and_the_last_day_are_valid() -> None:
    assert ask(at=NOW.replace(day=1, hour=0, minute=0)).outcome is Outcome.ALLOW
    assert ask(at=NOW.replace(day=31, hour=23, minute=59)).outcome is Outcome.ALLOW
    assert ask(at=datetime(2026, 4, 1, tzinfo=NOW.tzinfo)).reasons == (Reason.EXPIRED,)


def test_the_return_of_an_open_trip_never_looks_at_the_limit() -> None:
    verdict = ask(standing=OUT, direction=ENTRY)

    assert (verdict.outcome, verdict.reasons, verdict.leg) == (Outcome.ALLOW, (), "return")


def test_going_out_twice_is_refused_with_all_reasons() -> None:
    assert ask(standing=OUT).reasons == (Reason.ALREADY_OUT, Reason.OVER_LIMIT)


def test_an_outsider_who_is_in_cannot_come_in_again() -> None:
    visitor = replace(GOOD, kind=Kind("visitor", "Visitor", ENTRY, trips=None))
    inside = Standing(1, Leg(NOW_MS - 1000, ENTRY, "G1"), None)

    assert ask(visitor, inside, ENTRY).reasons == (Reason.ALREADY_IN,)
    assert ask(visitor, inside, EXIT).outcome is Outcome.ALLOW


def test_the_limit_counts_closed_trips() -> None:
    back_home = Standing(used=1, open_leg=None, last_leg=None)

    assert ask(standing=back_home).reasons == (Reason.OVER_LIMIT,)
    assert ask(replace(GOOD, kind=replace(RESIDENT, trips=2)), back_home).outcome is Outcome.ALLOW
    assert ask(replace(GOOD, kind=replace(RESIDENT, trips=None)), back_home).outcome is Outcome.ALLOW


def test_a_barred_kind_never_goes_out_but_may_come_home() -> None:
    barred = replace(GOOD, kind=replace(RESIDENT, trips=0))

    assert ask(barred).reasons == (Reason.OVER_LIMIT,)
    assert ask(barred, direction=ENTRY).outcome is Outcome.ALLOW


def test_a_return_without_a_first_leg_is_allowed_and_says_so() -> None:
    verdict = ask(direction=ENTRY)

    assert (verdict.outcome, verdict.reasons) == (Outcome.ALLOW, (Reason.NO_OPEN_TRIP,))


def test_fever_refuses_the_way_out_and_calls_for_attention_on_the_way_home() -> None:
    assert ask(finding=Finding.FEVER).outcome is Outcome.REFUSE
    home = ask(standing=OUT, direction=ENTRY, finding=Finding.FEVER)
    assert (home.outcome, home.reasons) == (Outcome.ATTENTION, (Reason.FEVER,))


@pytest.mark.parametrize("finding", [None, Finding.LOW, Finding.IMPLAUSIBLE])
def test_without_a_valid_reading_nothing_is_settled(finding: Finding | None) -> None:
    verdict = ask(finding=finding)

    assert (verdict.outcome, verdict.needs_reading) == (Outcome.ALLOW, True)


def test_an_optional_reading_may_be_missing_but_not_be_low() -> None:
    optional = replace(GOOD, kind=replace(RESIDENT, reading="optional"))

    assert not ask(optional, finding=None).needs_reading
    assert ask(optional, finding=Finding.LOW).needs_reading


def test_a_reading_skipped_with_a_reason_is_looked_at() -> None:
    verdict = ask(finding=SKIPPED)

    assert (verdict.outcome, verdict.reasons) == (Outcome.ATTENTION, (Reason.NO_READING,))
    assert ask(replace(GOOD, against_holder=(Reason.BANNED,)), finding=SKIPPED).outcome is Outcome.REFUSE


def test_hours_are_for_first_legs_and_include_both_ends() -> None:
    hours = (Hours(time(6), time(8)),)
    timed = replace(GOOD, kind=replace(RESIDENT, hours=hours))

    assert ask(timed, at=NOW.replace(second=59)).outcome is Outcome.ALLOW
    assert ask(timed, at=NOW.replace(minute=1)).reasons == (Reason.OUTSIDE_HOURS,)
    assert ask(timed, OUT, ENTRY, at=NOW.replace(hour=23)).outcome is Outcome.ALLOW


def test_a_late_return_is_allowed_and_noted() -> None:
    timed = replace(GOOD, kind=replace(RESIDENT, minutes_away=60))

    assert ask(timed, OUT, ENTRY).reasons == ()
    assert ask(timed, OUT, ENTRY, at=NOW.replace(second=1)).reasons == (Reason.LATE_RETURN,)


def test_notes_never_refuse() -> None:
    verdict = ask(replace(GOOD, in_roster=False), typed=True)

    assert (verdict.outcome, verdict.reasons) == (Outcome.ALLOW, (Reason.NOT_IN_ROSTER, Reason.TYPED))


def test_all_reasons_come_in_the_order_of_display() -> None:
    worst = replace(
        GOOD,
        against_holder=(Reason.BANNED,),
        state=State.REVOKED,
        valid_until=date(2026, 3, 1),
        in_roster=False,
    )

    reasons = ask(worst, OUT, finding=Finding.FEVER).reasons

    assert reasons == (
        Reason.REVOKED,
        Reason.EXPIRED,
        Reason.BANNED,
        Reason.ALREADY_OUT,
        Reason.OVER_LIMIT,
        Reason.FEVER,
        Reason.NOT_IN_ROSTER,
    )


@pytest.mark.parametrize(
    ("celsius", "finding"),
    [
        (37.29, Finding.NORMAL),
        (37.3, Finding.FEVER),
        (45.0, Finding.FEVER),
        (45.01, Finding.IMPLAUSIBLE),
        (35.0, Finding.NORMAL),
        (34.99, Finding.LOW),
        (30.0, Finding.LOW),
        (29.99, Finding.IMPLAUSIBLE),
        (float("nan"), Finding.IMPLAUSIBLE),
        (float("inf"), Finding.IMPLAUSIBLE),
    ],
)
def test_bounds_of_a_temperature(celsius: float, finding: Finding) -> None:
    assert TemperatureRule().judge(celsius) is finding


def test_the_threshold_itself_may_be_left_out() -> None:
    assert TemperatureRule(inclusive=False).judge(37.3) is Finding.NORMAL
    assert TemperatureRule(inclusive=False).judge(37.31) is Finding.FEVER
