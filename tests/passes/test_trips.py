"""Legs become trips by instant, whatever the order in which they arrive."""

import random
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from passes.trips import Direction, Leg, Trip, local_day, pair, standing

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY
SHANGHAI = ZoneInfo("Asia/Shanghai")

legs = st.lists(
    st.builds(Leg, st.integers(0, 10**9), st.sampled_from(Direction), st.sampled_from(["G1", "G2"])),
    max_size=12,
    unique_by=lambda leg: leg.at_ms,
)


def ms(text: str, zone: str = "Asia/Shanghai") -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def test_a_return_closes_everything_that_is_open() -> None:
    first, second, back = Leg(1, EXIT, "G1"), Leg(2, EXIT, "G2"), Leg(3, ENTRY, "G1")

    assert pair([first, second, back], EXIT) == [Trip(first, back), Trip(second, back)]


def test_a_return_with_nothing_open_belongs_to_no_trip() -> None:
    back, first = Leg(1, ENTRY, "G1"), Leg(2, EXIT, "G1")

    assert pair([back, first], EXIT) == [Trip(first)]


def test_outsiders_trips_begin_with_their_entry() -> None:
    entry, leave = Leg(1, ENTRY, "G1"), Leg(2, EXIT, "G1")

    assert pair([entry, leave], ENTRY) == [Trip(entry, leave)]


@given(legs, st.randoms(use_true_random=False), st.sampled_from(Direction))
def test_any_order_of_arrival_gives_the_same_trips(
    found: list[Leg], shuffler: random.Random, first_leg: Direction
) -> None:
    in_order = pair(found, first_leg)
    shuffler.shuffle(found)

    assert pair(found, first_leg) == in_order


@given(legs, st.sampled_from(Direction))
def test_every_first_leg_is_one_trip(found: list[Leg], first_leg: Direction) -> None:
    firsts = [leg for leg in found if leg.direction is first_leg]

    assert [trip.first for trip in pair(found, first_leg)] == sorted(firsts, key=lambda leg: leg.place)


def test_a_trip_counts_on_the_local_day_of_its_first_leg() -> None:
    late, back = Leg(ms("2026-03-09T23:59:59"), EXIT, "G1"), Leg(ms("2026-03-10T00:00:00"), ENTRY, "G1")

    assert standing([late, back], EXIT, date(2026, 3, 9), 1, SHANGHAI).used == 1
    assert standing([late, back], EXIT, date(2026, 3, 10), 1, SHANGHAI).used == 0


def test_a_period_of_two_days_counts_yesterday() -> None:
    leg = Leg(ms("2026-03-09T08:00:00"), EXIT, "G1")

    assert standing([leg], EXIT, date(2026, 3, 10), 2, SHANGHAI).used == 1
    assert standing([leg], EXIT, date(2026, 3, 11), 2, SHANGHAI).used == 0


def test_open_and_last_leg_are_told() -> None:
    first, back, again = Leg(1, EXIT, "G1"), Leg(2, ENTRY, "G1"), Leg(3, EXIT, "G2")

    stands = standing([again, first, back], EXIT, date(1970, 1, 1), 1, UTC)

    assert (stands.open_leg, stands.last_leg) == (again, again)
    assert standing([first, back], EXIT, date(1970, 1, 1), 1, UTC).open_leg is None


def test_days_are_cut_in_the_communitys_zone() -> None:
    at_ms = ms("2026-03-10T00:00:00")

    assert local_day(at_ms, SHANGHAI) == date(2026, 3, 10)
    assert local_day(at_ms, UTC) == date(2026, 3, 9)
    assert local_day(at_ms, ZoneInfo("Pacific/Kiritimati")) == date(2026, 3, 10)
