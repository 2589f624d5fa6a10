import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import sqlalchemy as sa

from passes.errors import UsageError
from passes.kinds import PRESETS, Kind
from passes.trips import Direction
from sync.bodies import Body, ConflictClosed, ConflictFound, KindSet, PassageUndone, PassReplaced
from sync.community.conflicts import alerts, find_conflicts
from sync.community.database import events, open_engine, reading
from sync.community.instants import MAX_AT_MS
from sync.community.jobs import keep_finding
from sync.community.screening import MAX_INTEGER
from sync.events import read_body
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS, Chain
from tests.community.gates import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    Gates,
    found,
    issued,
    order,
    pull_all,
    still_open,
)

LAST_INSTANT_MS = 253_402_300_799_999
"""The end of the year 9999, beyond what every zone can show; a body with a later instant is quarantined."""


@pytest.fixture
def gates(engine: sa.Engine) -> Gates:
    return Gates(engine)


def conflict_events(engine: sa.Engine) -> list[Body | None]:
    query = sa.select(events).where(events.c.kind.startswith("conflict.")).order_by(events.c.feed_no)
    with reading(engine) as connection:
        return [read_body(row.kind, row.body.encode()) for row in connection.execute(query)]


def test_two_gates_let_the_same_pass_out(gates: Gates) -> None:
    first = gates.east.leg("p1", "first", NOW_MS)
    second = gates.west.leg("p1", "first", NOW_MS + MINUTE_MS, "unclaimed")
    assert gates.meet() == 1
    (conflict,) = still_open(gates.engine)
    assert (conflict.rule, conflict.pass_id, conflict.found_at_ms) == ("already_out", "p1", NOW_MS)
    assert (conflict.passages, conflict.stations) == ((first.id, second.id), ("east", "west"))
    assert conflict.conflict_id == f"{second.id}:already_out"
    (event,) = conflict_events(gates.engine)
    assert isinstance(event, ConflictFound)
    assert [read_body(item.kind, item.body) for item in pull_all(gates.engine) if item.kind == "conflict.found"] == [
        event
    ]
    assert gates.meet() == 0


def test_what_comes_last_need_not_be_the_one_too_many(gates: Gates) -> None:
    later = gates.east.leg("p1", "first", NOW_MS)
    gates.east.push()
    assert gates.meet() == 0
    earlier = gates.west.leg("p1", "first", NOW_MS - MINUTE_MS)
    assert gates.meet() == 1
    assert still_open(gates.engine)[0].passages == (earlier.id, later.id)


def test_at_one_instant_both_rules_take_the_same_leg_for_the_one_too_many(gates: Gates) -> None:
    # Ids of one instant have chance's order, so that one pass alone would not show it.
    for number in range(12):
        gates.west.leg(f"p{number}", "first", NOW_MS, "unclaimed")
        gates.east.leg(f"p{number}", "first", NOW_MS, "unclaimed")
    assert gates.meet() == 12
    assert {conflict.stations for conflict in still_open(gates.engine)} == {("east", "west")}


def test_somebody_who_never_came_back_is_still_out(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    assert gates.meet() == 0
    gates.west.leg("p1", "first", NOW_MS + 9 * DAY_MS)
    assert gates.meet() == 1


def test_outsiders_are_already_in(gates: Gates) -> None:
    for gate in (gates.east, gates.west):
        gate.leg("v1", "first", NOW_MS, direction="entry", pass_kind="courier")
    assert gates.meet() == 1
    assert still_open(gates.engine)[0].rule == "already_in"


def test_an_override_while_out_is_looked_at_too(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.leg("p1", "first", NOW_MS + 1, "already_out", "over_limit", "overridden")
    assert gates.meet() == 1


def test_each_leg_too_many_is_one_conflict(gates: Gates) -> None:
    for number, gate in enumerate((gates.east, gates.west, gates.east)):
        gate.leg("p1", "first", NOW_MS + number)
    gates.east.leg("p1", "return", NOW_MS + 10)
    assert gates.meet() == 2
    assert [len(one.passages) for one in still_open(gates.engine)] == [2, 3]


def test_ordinary_days_are_no_conflict(gates: Gates) -> None:
    for day in range(3):
        start_ms = NOW_MS + day * DAY_MS
        gates.east.leg("p1", "first", start_ms)
        gates.west.leg("p1", "return", start_ms + HOUR_MS)
        gates.east.leg("p2", "return", start_ms)
        gates.west.leg("p2", "first", start_ms + HOUR_MS)
    assert gates.meet() == 0


def test_a_second_trip_of_the_day_at_another_gate(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.leg("p1", "return", NOW_MS + HOUR_MS)
    gates.west.leg("p1", "first", NOW_MS + 2 * HOUR_MS)
    assert gates.meet() == 1
    assert [(one.rule, len(one.passages)) for one in still_open(gates.engine)] == [("over_limit", 2)]


def test_a_lead_may_allow_a_second_trip(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.leg("p1", "return", NOW_MS + HOUR_MS)
    gates.west.leg("p1", "first", NOW_MS + 2 * HOUR_MS, "over_limit", "overridden")
    assert gates.meet() == 0
    gates.west.leg("p1", "return", NOW_MS + 3 * HOUR_MS)
    gates.east.leg("p1", "first", NOW_MS + 4 * HOUR_MS)
    assert gates.meet() == 1


@pytest.mark.parametrize(("reasons", "count"), [((), 0), (("unclaimed",), 1)])
def test_one_gate_knew_what_it_did_unless_it_decided_alone(gates: Gates, reasons: tuple[str, ...], count: int) -> None:
    for number in range(2):
        gates.east.leg("p1", "first", NOW_MS + 2 * number * HOUR_MS, *reasons)
        gates.east.leg("p1", "return", NOW_MS + (2 * number + 1) * HOUR_MS)
    assert gates.meet() == count


def test_two_lives_of_one_gate_are_two_who_decide(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.leg("p1", "return", NOW_MS + 1)
    gates.east.push()
    gates.east.chain = Chain("east", epoch="02")
    gates.east.leg("p1", "first", NOW_MS + 2)
    assert gates.meet() == 1


def test_the_kind_in_force_then_counts(gates: Gates) -> None:
    def setting(trips: int | None, period_days: int, effective_ms: int) -> None:
        kind = Kind("resident", "Resident", Direction.EXIT, trips=trips, period_days=period_days)
        order(gates.engine, KindSet(kind=kind, effective_ms=effective_ms))

    def trip(pass_id: str, at_ms: int) -> None:
        for number, gate in enumerate((gates.east, gates.west)):
            gate.leg(pass_id, "first", at_ms + 2 * number * MINUTE_MS)
            gate.leg(pass_id, "return", at_ms + (2 * number + 1) * MINUTE_MS)

    setting(2, 1, NOW_MS)
    setting(None, 1, NOW_MS + DAY_MS)
    setting(2, 2, NOW_MS + 2 * DAY_MS)
    trip("p1", NOW_MS)
    trip("p1", NOW_MS + DAY_MS)
    assert gates.meet() == 0
    # Four of yesterday and today are two too many.
    trip("p1", NOW_MS + 2 * DAY_MS)
    trip("p2", NOW_MS + 2 * DAY_MS)
    assert gates.meet() == 2
    # A gate's word on kinds counts for nothing.
    gates.east.record(KindSet(kind=PRESETS["resident"], effective_ms=0))
    trip("p3", NOW_MS)
    assert gates.meet() == 0


def test_days_are_the_communitys(gates: Gates) -> None:
    midnight_ms = NOW_MS + 16 * HOUR_MS
    gates.east.leg("p1", "first", midnight_ms - 2)
    gates.east.leg("p1", "return", midnight_ms - 1)
    gates.west.leg("p1", "first", midnight_ms)
    # This gate's clock is an hour ahead: it was still the day before.
    gates.east.leg("p2", "first", midnight_ms - 3)
    gates.east.leg("p2", "return", midnight_ms - 2)
    gates.west.leg("p2", "first", midnight_ms + HOUR_MS - 1, drift_ms=HOUR_MS)
    assert gates.meet() == 1
    assert still_open(gates.engine)[0].pass_id == "p2"


def test_a_household_counts_together(gates: Gates) -> None:
    per_household = msgspec.structs.replace(PRESETS["resident"], count="household")
    order(gates.engine, KindSet(kind=per_household, effective_ms=0))
    gates.east.record(issued("p1", household="h1"))
    gates.east.record(issued("p3", household="h1", kind="tenant"))
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.leg("p3", "first", NOW_MS)
    gates.east.leg("p4", "first", NOW_MS)
    assert gates.meet() == 0
    other = gates.west.leg("p2", "first", NOW_MS + 1)
    assert gates.meet() == 0
    # Only now does the office hear whose pass that was.
    order(gates.engine, issued("p2", household="h1"))
    assert gates.meet() == 1
    (conflict,) = still_open(gates.engine)
    assert (conflict.rule, conflict.pass_id, conflict.passages[-1]) == ("over_limit", "p2", other.id)


def test_a_replacement_gives_no_second_trip(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.leg("p1", "return", NOW_MS + 1)
    gates.west.leg("p3", "first", NOW_MS + 2)
    assert gates.meet() == 0
    order(gates.engine, PassReplaced(pass_id="p2", by="p3"))
    assert gates.meet() == 0
    order(gates.engine, PassReplaced(pass_id="p1", by="p2"))
    assert gates.meet() == 1
    assert len(gates.counting("p2")) == 3


def test_missed_returns_and_undoings_count(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.east.missed("p1", NOW_MS + HOUR_MS)
    gates.east.leg("p1", "first", NOW_MS + DAY_MS)
    mistaken = gates.east.leg("p2", "first", NOW_MS)
    gates.east.undo(mistaken, "p2")
    gates.west.leg("p2", "first", NOW_MS + 1)
    assert gates.meet() == 0
    # An undone return opens the trip again, and what was allowed since is one too many.
    gates.east.leg("p3", "first", NOW_MS)
    back = gates.east.leg("p3", "return", NOW_MS + HOUR_MS)
    gates.west.leg("p3", "first", NOW_MS + DAY_MS)
    assert gates.meet() == 0
    gates.east.undo(back, "p3")
    assert gates.meet() == 1


def test_a_clock_set_back_does_not_turn_a_gates_order_around(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS + HOUR_MS)
    # From here on the gate knows that it is an hour ahead.
    gates.east.leg("p1", "return", NOW_MS + HOUR_MS + MINUTE_MS, drift_ms=HOUR_MS)
    gates.east.leg("p1", "first", NOW_MS + DAY_MS + HOUR_MS, drift_ms=HOUR_MS)
    assert gates.meet() == 0
    assert len(gates.counting("p1")) == 3


def test_a_conflict_stays_open_until_a_person_closes_it(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    second = gates.west.leg("p1", "first", NOW_MS + MINUTE_MS)
    assert gates.meet() == 1
    gates.west.undo(second, "p1")
    assert gates.meet() == 0
    (conflict,) = still_open(gates.engine)
    gates.close(conflict.conflict_id)
    assert still_open(gates.engine) == []
    gates.east.leg("p1", "return", NOW_MS + 2 * MINUTE_MS)
    assert gates.meet() == 0


def test_what_was_closed_is_not_found_again(gates: Gates) -> None:
    first = gates.east.leg("p1", "first", NOW_MS)
    second = gates.west.leg("p1", "first", NOW_MS + MINUTE_MS)
    assert gates.meet() == 1
    gates.close(still_open(gates.engine)[0].conflict_id)
    assert gates.counting("p1") == [first.id, second.id]
    # Other legs of the pass make the job look at it again; the same leg is one too many by another rule now.
    gates.east.missed("p1", NOW_MS + 1)
    assert gates.meet() == 0


def test_discarding_a_gates_passages(gates: Gates) -> None:
    first = gates.east.leg("p1", "first", NOW_MS)
    gates.west.leg("p1", "first", NOW_MS + MINUTE_MS)
    assert gates.meet() == 1
    (conflict,) = still_open(gates.engine)
    gates.close(conflict.conflict_id, "west", reason="西门误刷")
    assert gates.counting("p1") == [first.id]
    closed = conflict_events(gates.engine)[-1]
    assert closed == ConflictClosed(
        conflict_id=conflict.conflict_id, pass_id="p1", reason="西门误刷", discarded=[conflict.passages[1]]
    )
    assert gates.meet() == 0
    assert gates.counting("p1") == [first.id]


def test_a_conflict_is_closed_once_and_for_a_reason(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS)
    gates.west.leg("p1", "first", NOW_MS + MINUTE_MS)
    gates.meet()
    (conflict,) = still_open(gates.engine)
    with pytest.raises(UsageError, match="say why"):
        gates.close(conflict.conflict_id, reason=" ")
    with pytest.raises(UsageError, match="'north' has no part in it"):
        gates.close(conflict.conflict_id, "west", "north")
    with pytest.raises(UsageError, match="no open conflict"):
        gates.close("x")
    assert still_open(gates.engine) == [conflict]
    gates.close(conflict.conflict_id)
    with pytest.raises(UsageError, match="no open conflict"):
        gates.close(conflict.conflict_id)
    assert len(conflict_events(gates.engine)) == 2


def test_any_number_of_processes_find_each_conflict_once(gates: Gates, database_url: str) -> None:
    for number in range(40):
        gates.east.leg(f"p{number}", "first", NOW_MS)
        gates.west.leg(f"p{number}", "first", NOW_MS + 1)
    gates.east.push()
    gates.west.push()
    start = threading.Barrier(3)

    def run(_number: int) -> int:
        own = open_engine(database_url)
        try:
            start.wait(DEADLINE_S)
            return find_conflicts(own, COMMUNITY, NOW_MS)
        finally:
            own.dispose()

    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(run, range(3)))
    assert sum(counts) + found(gates.engine) == 40
    assert len(conflict_events(gates.engine)) == 40


def test_the_job_runs_until_it_is_stopped(gates: Gates) -> None:
    stop, told = threading.Event(), threading.Event()

    def now_ms() -> int:
        told.set()
        return NOW_MS

    gates.east.leg("p1", "first", NOW_MS)
    gates.west.leg("p1", "first", NOW_MS + 1)
    gates.east.push()
    gates.west.push()
    job = threading.Thread(target=keep_finding, args=(gates.engine, COMMUNITY, now_ms, stop), kwargs={"pause_s": 0.01})
    job.start()
    assert told.wait(DEADLINE_S)
    stop.set()
    job.join(DEADLINE_S)
    assert not job.is_alive()
    assert len(still_open(gates.engine)) == 1


def test_hostile_records_stop_nothing(gates: Gates) -> None:
    wide = "字" * 3000
    for pass_id in (wide, "", "a\0b"):
        gates.east.leg(pass_id, "first", NOW_MS, household=wide, pass_kind="\0")
        gates.east.record(issued(pass_id))
        gates.east.record(PassReplaced(pass_id="p1", by=pass_id))
        gates.east.record(PassageUndone(passage_id=pass_id, pass_id="p1"))
        gates.east.missed(pass_id, NOW_MS)
    for at_ms in (0, MAX_AT_MS + 1, LAST_INSTANT_MS):
        gates.east.missed("p1", at_ms)
    for drift_ms in (MAX_INTEGER, -MAX_INTEGER):
        gates.east.leg("p1", "return", NOW_MS, drift_ms=drift_ms, order_ms=LAST_INSTANT_MS)
    gates.east.leg(wide, "return", NOW_MS, wide, "a\0b", verdict="attention")
    # What only the office says, said by a gate.
    legs = [gates.west.leg("p2", "first", NOW_MS), gates.east.leg("p2", "first", NOW_MS + 1)]
    discarded = [leg.id for leg in legs]
    gates.west.record(ConflictClosed(conflict_id="x", pass_id="p2", reason="", discarded=discarded))
    gates.west.record(
        ConflictFound(conflict_id="x", rule="over_limit", pass_id="p2", passages=[legs[1].id], stations=["east"])
    )
    assert gates.meet() == 1
    assert gates.counting("p2") == discarded


def test_alerts_say_what_staff_must_know(gates: Gates) -> None:
    gates.east.leg("p1", "first", NOW_MS, "expired", "quarantined", "fever", "typed", outcome="refused")
    gates.east.leg("p1", "first", NOW_MS, "expired", outcome="refused")
    gates.east.leg("p1", "first", NOW_MS, "fever", outcome="turned_back")
    gates.east.leg("p2", "return", NOW_MS + HOUR_MS, "revoked", "late_return", drift_ms=HOUR_MS, verdict="attention")
    gates.east.leg("p2", "return", NOW_MS, "late_return", verdict="attention")
    gates.east.leg("p2", "return", NOW_MS, "revoked", verdict="allow")
    gates.meet()
    with reading(gates.engine) as connection:
        first, second = alerts(connection, COMMUNITY)
        assert (first.station, first.pass_id, first.direction, first.at_ms) == ("east", "p1", "exit", NOW_MS)
        assert (first.reasons, second.reasons) == (("quarantined", "fever"), ("revoked",))
        assert (second.pass_id, second.at_ms) == ("p2", NOW_MS)
        assert alerts(connection, COMMUNITY, after=first.feed_no) == [second]
        assert alerts(connection, COMMUNITY, limit=1) == [first]
