"""Playing scenarios: what the rule book's files leave open, and faults that playing has brought to light."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from station.policy_try.gates import PlayedGate
from station.policy_try.player import PlayedStep, play
from station.policy_try.reading import read_scenario
from station.policy_try.world import World

HEAD = """
start = 2026-03-10T07:00:00
gates = ["G1", "G2"]
kinds.R1 = { first_leg = "exit" }
kinds.R2 = { first_leg = "exit", trips = 2 }
kinds.H1 = { first_leg = "exit", count = "household" }
kinds.T1 = { first_leg = "exit", id_check = true }
kinds.C30 = { first_leg = "entry", trips = "unlimited", minutes_away = 30 }
passes.p1 = { kind = "R1" }
passes.p2 = { kind = "R2" }
passes.p3 = { kind = "H1", household = "h" }
passes.p4 = { kind = "H1", household = "h" }
passes.old = { kind = "T1", until = 2026-03-09 }
passes.stranger = { kind = "R1", known = false }
passes.v1 = { kind = "C30" }
"""


def step(at: str, rest: str, expect: str = "") -> str:
    day = "" if "T" in at else "2026-03-10T"
    return f"{{ at = {day}{at}, {rest}, expect = {{ {expect} }} }}"


def passing(at: str, gate: str, pass_: str, direction: str, expect: str, do: str = "scan", more: str = "") -> str:
    return step(at, f'gate = "{gate}", do = "{do}", pass = "{pass_}", direction = "{direction}"{more}', expect)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scenario.toml"


def played(path: Path, *steps: str) -> list[PlayedStep]:
    path.write_text(f"{HEAD}\nsteps = [{', '.join(steps)}]\n", "utf-8")
    return play(read_scenario(path))


def as_expected(path: Path, *steps: str) -> None:
    told = {i: one.differences for i, one in enumerate(played(path, *steps)) if one.differences}
    assert told == {}


@pytest.mark.parametrize("offset_s", [600, -600, 86_400])
def test_gates_whose_clocks_differ_pair_the_same_legs(path: Path, offset_s: int) -> None:
    as_expected(
        path,
        step("07:30:00", f'gate = "G1", do = "clock", offset_s = {offset_s}', 'outcome = "accepted"'),
        passing("08:00:00", "G1", "p2", "exit", 'outcome = "allow", reasons = [], used = 1, open = true'),
        passing("08:02:00", "G2", "p2", "entry", 'outcome = "allow", reasons = [], used = 1, open = false'),
        passing("08:03:00", "G1", "p2", "exit", 'outcome = "allow", reasons = [], used = 1, open = false', "verify"),
        passing("08:03:00", "G2", "p2", "exit", 'outcome = "allow", reasons = [], used = 1, open = false', "verify"),
        passing("08:04:00", "G2", "p2", "exit", 'outcome = "allow", reasons = [], used = 2, open = true'),
        passing("08:05:00", "G1", "p2", "entry", 'outcome = "allow", reasons = [], used = 2, open = false'),
        passing("08:06:00", "G2", "p2", "exit", 'outcome = "refuse", reasons = ["over_limit"], conflicts = 0'),
        # How long somebody was away is told by one clock, too.
        passing("08:10:00", "G1", "v1", "entry", 'outcome = "allow", reasons = []'),
        passing("08:40:00", "G2", "v1", "exit", 'outcome = "allow", reasons = []'),
        passing("08:41:00", "G2", "v1", "entry", 'outcome = "allow", reasons = []'),
        passing("09:11:01", "G1", "v1", "exit", 'outcome = "allow", reasons = ["late_return"]'),
        # Orders too: the later one holds, whichever clock its gate has.
        step("09:20:00", 'do = "suspend", pass = "p1", where = "G1"', 'outcome = "accepted"'),
        step("09:21:00", 'do = "restore", pass = "p1"', 'outcome = "accepted"'),
        passing("09:22:00", "G1", "p1", "entry", 'outcome = "allow", reasons = ["no_open_trip"]'),
        step("09:23:00", 'do = "mode", mode = "static"', 'outcome = "accepted"'),
        passing("09:23:00", "G1", "p1", "exit", 'outcome = "refuse", reasons = ["mode"]'),
    )


def test_a_clock_that_was_a_day_ahead_is_put_right(path: Path) -> None:
    as_expected(
        path,
        step("07:30:00", 'gate = "G1", do = "clock", offset_s = 86400'),
        passing("08:00:00", "G1", "p1", "exit", 'outcome = "allow", used = 1'),
        passing("08:01:00", "G1", "p1", "entry", 'outcome = "allow", open = false'),
        passing(
            "2026-03-11T08:00:00", "G1", "p1", "exit", 'outcome = "allow", used_on = { 2026-03-10 = 1, 2026-03-11 = 1 }'
        ),
        passing("2026-03-11T08:01:00", "G1", "p1", "entry", 'outcome = "allow", open = false'),
        step("2026-03-11T08:10:00", 'gate = "G1", do = "clock", offset_s = 0'),
        passing("2026-03-11T08:11:00", "G1", "p2", "exit", 'outcome = "refuse", reasons = ["clock"]'),
        passing(
            "2026-03-11T08:12:00", "G1", "p2", "entry", 'reasons = ["no_open_trip", "clock_suspect"], recorded = 1'
        ),
        passing("2026-03-11T08:12:03", "G1", "p2", "entry", 'outcome = "again", verdict = "allow", recorded = 0'),
        step("2026-03-11T08:13:00", 'gate = "G1", do = "confirm_clock"'),
        passing("2026-03-11T08:14:00", "G1", "p1", "exit", 'outcome = "refuse", reasons = ["over_limit"], used = 1'),
        passing("2026-03-11T08:15:00", "G1", "p2", "exit", 'outcome = "allow", reasons = [], used = 1, conflicts = 0'),
    )


def test_copies_of_a_disk_hear_of_each_other_before_they_have_written_anything(path: Path) -> None:
    as_expected(
        path,
        step("08:00:00", 'gate = "G1", do = "clone", as = "G3"', 'outcome = "accepted"'),
        passing("08:01:00", "G1", "p2", "exit", 'outcome = "allow"'),
        passing(
            "08:01:03", "G3", "p2", "exit", 'outcome = "refuse", reasons = ["already_out"], recorded = 1, used = 1'
        ),
        step("08:02:00", 'gate = "G1", do = "offline"'),
        step("08:02:00", 'gate = "G3", do = "offline"'),
        passing("08:03:00", "G1", "p1", "exit", 'reasons = ["unclaimed"]'),
        passing("08:04:00", "G3", "p1", "exit", 'reasons = ["unclaimed"]'),
        step("08:05:00", 'gate = "G3", do = "online"'),
        step("08:05:00", 'gate = "G1", do = "online"', "conflicts = 1"),
        passing("08:06:00", "G2", "p1", "entry", 'outcome = "allow", used = 2, open = false'),
        passing("08:07:00", "G3", "p1", "exit", 'reasons = ["over_limit"], used = 2, open = false', "verify"),
        step("08:08:00", 'do = "close_conflict", pass = "p1"', 'outcome = "rejected", conflicts = 1'),
        step(
            "08:09:00",
            'do = "close_conflict", pass = "p1", why = "两处都真的出去了"',
            'outcome = "accepted", conflicts = 0',
        ),
    )


def test_all_reasons_are_told_also_those_of_reading_and_card(path: Path) -> None:
    bad = ", id = false, reading = 38.2"
    as_expected(
        path,
        passing(
            "08:00:00", "G1", "old", "exit", 'reasons = ["expired", "no_id", "fever"], recorded = 1, used = 0', more=bad
        ),
        passing("08:01:00", "G1", "old", "exit", 'reasons = ["expired"], reading = 36.5', more=", id = true"),
        passing("08:02:00", "G1", "old", "exit", 'outcome = "ignored", recorded = 0', more=', reading = "none"'),
    )


def test_what_is_decided_alone_says_so_and_what_is_taken_back_is_free_again(path: Path) -> None:
    as_expected(
        path,
        passing("08:00:00", "G1", "p1", "exit", 'outcome = "allow"'),
        step("08:01:00", 'gate = "G1", do = "undo", pass = "p1"', 'outcome = "accepted", used = 0'),
        passing("08:01:30", "G2", "p1", "exit", 'outcome = "allow", reasons = [], used = 1'),
        step("08:02:00", 'gate = "G2", do = "offline"'),
        passing("08:03:00", "G1", "p3", "exit", 'outcome = "allow", reasons = []'),
        passing("08:04:00", "G2", "p4", "exit", 'outcome = "allow", reasons = ["unclaimed"], recorded = 0', "verify"),
        passing("08:05:00", "G2", "p4", "exit", 'outcome = "allow", reasons = ["unclaimed"], recorded = 1'),
        step("08:06:00", 'gate = "G2", do = "online"', "conflicts = 1"),
    )


def test_orders_of_one_instant_hold_in_their_order(path: Path) -> None:
    as_expected(
        path,
        *(step("08:00:00", f'do = "mode", mode = "{mode}"') for mode in ("static", "closed", "static", "closed")),
        *(step("08:00:00", f'do = "{do}", pass = "p1"') for do in ("ban", "unban", "ban", "unban")),
        step("08:00:00", 'do = "suspend", pass = "p1"'),
        step("08:00:00", 'do = "restore", pass = "p1", where = "G1"'),
        step("08:00:00", 'do = "suspend", pass = "p1", where = "G2"'),
        step("08:00:00", 'do = "restore", pass = "p1"', 'outcome = "accepted"'),
        step("08:00:00", 'do = "key", name = "K1", state = "withdraw"'),
        step("08:00:00", 'do = "key", name = "K1", state = "trust"'),
        passing("08:00:00", "G1", "p1", "exit", 'outcome = "allow", reasons = []'),
    )


def test_a_key_withdrawn_between_scan_and_enter_no_longer_opens(path: Path) -> None:
    as_expected(
        path,
        passing("08:00:00", "G1", "p1", "exit", 'outcome = "allow", recorded = 0', more=", hold = true"),
        step("08:01:00", 'do = "key", name = "K1", state = "withdrawn"'),
        step(
            "08:02:00", 'gate = "G1", do = "confirm"', 'outcome = "refuse", reasons = ["withdrawn_key"], recorded = 1'
        ),
        # The same refusal at the next scan is not written again within five seconds.
        passing("08:02:04", "G1", "p1", "exit", 'outcome = "refuse", recorded = 0'),
        passing("08:02:06", "G1", "p1", "exit", 'outcome = "refuse", recorded = 1'),
        passing(
            "08:03:00",
            "G1",
            "p1",
            "exit",
            'reasons = ["withdrawn_key", "overridden"], recorded = 1',
            "override",
            ', why = "就医"',
        ),
    )


def test_what_needs_a_reason_is_not_done_without(path: Path) -> None:
    as_expected(
        path,
        passing("08:00:00", "G1", "p1", "exit", 'outcome = "allow"'),
        passing("08:01:00", "G1", "p1", "exit", 'reasons = ["already_out", "over_limit"]', "override"),
        step(
            "08:02:00",
            'gate = "G1", do = "missed", pass = "p1", direction = "entry", time = 2026-03-10T08:01:30',
            'outcome = "rejected", recorded = 0, open = true',
        ),
    )


def test_passes_end_once_and_only_some_come_back(path: Path) -> None:
    as_expected(
        path,
        step("08:00:00", 'do = "revoke", pass = "p1", why = "destroyed"', 'outcome = "accepted"'),
        step("08:01:00", 'do = "revoke", pass = "p1", why = "lost", where = "G1"', 'outcome = "rejected"'),
        step("08:02:00", 'do = "restore", pass = "p1"', 'outcome = "rejected"'),
        step("08:03:00", 'do = "replace", pass = "p3", by = "p4", why = "void"', 'outcome = "accepted"'),
        step("08:04:00", 'do = "replace", pass = "p3", by = "p5", why = "void", where = "G2"', 'outcome = "rejected"'),
        passing("08:05:00", "G1", "p4", "exit", 'outcome = "allow", reasons = []'),
        passing("08:06:00", "G2", "p3", "exit", 'reasons = ["replaced", "already_out", "over_limit"], used = 1'),
        # Nobody's register has it, and its code can be stopped all the same.
        step("08:07:00", 'do = "revoke", pass = "stranger", why = "void"', 'outcome = "accepted"'),
        passing("08:08:00", "G1", "stranger", "exit", 'reasons = ["revoked", "not_in_roster"]'),
    )


def test_who_is_inside(path: Path) -> None:
    as_expected(
        path,
        passing("08:00:00", "G1", "p1", "exit", "inside = false"),
        passing("08:01:00", "G1", "p1", "entry", "inside = true"),
        passing("08:02:00", "G1", "v1", "entry", "inside = true"),
        passing("08:03:00", "G1", "v1", "exit", "inside = false"),
    )


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="this system has no time zone of a process")
def test_a_gate_runs_under_its_systems_zone_and_no_other_does(path: Path, tmp_path: Path) -> None:
    before = os.environ.get("TZ")
    path.write_text(HEAD.replace('["G1", "G2"]', '{ G1 = { os_zone = "America/New_York" }, G2 = {} }'), "utf-8")
    world = World(read_scenario(path), tmp_path)

    def hour(gate: PlayedGate) -> int:
        with gate.system_zone():
            return datetime.fromtimestamp(0, UTC).astimezone().hour

    try:
        plainly = datetime.fromtimestamp(0, UTC).astimezone().hour
        assert (hour(world.gates["G1"]), hour(world.gates["G2"])) == (19, plainly)
        assert os.environ.get("TZ") == before
        assert datetime.fromtimestamp(0, UTC).astimezone().hour == plainly
    finally:
        world.close()


@pytest.mark.parametrize(
    ("claims", "reasons"),
    [
        ('kind = "resident"', []),
        ("kind = 1", []),
        ("kind = 99", ["malformed"]),
        ('kind = ""', ["malformed"]),
        ('from = "2026-02-30"', ["malformed"]),
        ('from = "2026-03-11", until = "2026-03-10"', ["malformed"]),
        ("until = 99999999", ["malformed"]),
        ('from = "2026-03-11", until = "2026-03-31"', ["not_yet_valid"]),
        ('id = "00"', ["malformed"]),
        ('id = "00112233445566778899aabbccddeeff"', ["not_in_roster"]),
        ('community = ""', ["malformed"]),
        ('community = "370212004002"', ["wrong_community"]),
        ('name = "\\u0007"', []),
        ('key_id = "aabbccddeeff0011"', ["unknown_key"]),
    ],
)
def test_odd_tokens_that_are_validly_signed(path: Path, claims: str, reasons: list[str]) -> None:
    path.write_text(
        f'{HEAD}\npasses.odd = {{ kind = "R1", claims = {{ {claims} }} }}\n'
        f"steps = [{passing('08:00:00', 'G1', 'odd', 'exit', f'reasons = {reasons}, recorded = 1')}]\n",
        "utf-8",
    )
    (scan,) = play(read_scenario(path))
    assert scan.differences == []


def test_a_code_of_nobody_uses_nothing(path: Path) -> None:
    as_expected(
        path,
        step("08:00:00", 'gate = "G1", do = "scan", direction = "exit", token = "hello"', "used = 0, open = false"),
        step(
            "08:01:00",
            'gate = "G1", do = "scan", direction = "exit", token = "hello", reading = "none"',
            "recorded = 1",
        ),
    )
