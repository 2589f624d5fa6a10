"""Scenario files: what is read out of them, and that the rule book is complete."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from passes.kinds import Hours
from passes.reasons import Reason
from passes.trips import Direction
from station.policy_try.errors import ScenarioError
from station.policy_try.model import Claims, Gate, Number, Put, Token
from station.policy_try.reading import read_scenario
from station.policy_try.verbs import (
    VERBS,
    ChangeKey,
    ChangeKind,
    Clock,
    Clone,
    CloseConflict,
    Issue,
    Missed,
    Override,
    Quarantine,
    Replace,
    Scan,
    Sync,
    Verify,
)
from tests.station.scenario_text import HEAD, SCAN, TWO_GATES, read, step

RULE_BOOK = Path(__file__).parents[1] / "scenarios"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scenario.toml"


def utc(hour: int, minute: int = 0, day: int = 10) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_what_a_file_leaves_out(path: Path) -> None:
    scenario = read(path, "start = 2026-02-10T07:00:00\n", 'kinds.R1.first_leg = "entry"\npasses.p1.kind = "R1"\n')

    assert (scenario.title, scenario.steps, scenario.expect_error) == ("scenario", [], None)
    assert scenario.start == datetime(2026, 2, 9, 23, tzinfo=UTC)
    assert (scenario.community.id, scenario.zone.key) == ("370212004001", "Asia/Shanghai")
    assert scenario.gates == {"G1": Gate(os_zone=None)}
    assert [(name, key.state) for name, key in scenario.keys.items()] == [("K1", "trusted")]
    kind, issued = scenario.kinds["R1"], scenario.passes["p1"]
    assert (kind.first_leg, kind.trips, kind.period_days, kind.count) == (Direction.ENTRY, 1, 1, "pass")
    assert (kind.hours, kind.minutes_away, kind.id_check, kind.reading) == ([], 0, False, "required")
    assert (issued.valid_from, issued.valid_until) == (date(2026, 2, 1), date(2026, 2, 28))
    assert (issued.state, issued.key, issued.known, issued.claims) == ("active", "K1", True, Claims())
    assert issued.issued < scenario.start
    assert issued.holder


def test_people_and_households_are_told_apart_unless_the_file_joins_them(path: Path) -> None:
    scenario = read(path, HEAD, 'passes.p3 = { kind = "R1", household = "h1" }')

    p1, p2, p3 = scenario.passes.values()
    assert p1.household == p3.household != p2.household
    assert len({p1.holder, p2.holder, p3.holder}) == 3


def test_what_a_file_says(path: Path) -> None:
    scenario = read(
        path,
        'title = "两次"\nstart = "2026-03-10T00:00:00+01:00"\n',
        'gates = { G1 = { os_zone = "UTC" }, G2 = {} }\n',
        'community = { id = "c-1", zone = "Europe/Berlin", name = "北园" }\n',
        'keys = { K0 = { state = "withdrawn", community = "other", key_id = "0aff" } }\n',
        '[kinds.R1]\nfirst_leg = "exit"\ntrips = "unlimited"\nperiod_days = 2\ncount = "household"\n',
        'hours = [{ days = "mon-fri", from = "06:00", to = 20:00:00 }, '
        '{ days = "sat, sun", from = "9:30", to = "9:30" }]\n',
        'minutes_away = 120\nid_check = true\nreading = "optional"\n',
        '[passes.p1]\nkind = "R1"\nholder = "张三"\nhousehold = "h1"\nfrom = 2026-03-01\nuntil = "2026-04-30"\n',
        'state = "requested"\nkey = "K0"\nissued = 2026-03-01T09:00:00\nknown = false\n',
        'claims = { kind = 7, community = "x", from = 2026-01-01, until = "never", '
        'name = "", id = "00", key_id = "ff" }\n',
    )

    assert scenario.title == "两次"
    assert scenario.start == utc(23, day=9)
    assert scenario.gates == {"G1": Gate(os_zone="UTC"), "G2": Gate()}
    assert list(scenario.keys) == ["K1", "K0"]
    assert (scenario.keys["K0"].community, scenario.keys["K0"].key_id) == ("other", "0aff")
    kind, issued = scenario.kinds["R1"], scenario.passes["p1"]
    assert (kind.trips, kind.period_days, kind.count, kind.reading) == ("unlimited", 2, "household", "optional")
    assert [window.hours() for window in kind.hours] == [
        Hours(time(6), time(20), frozenset(range(5))),
        Hours(time(9, 30), time(9, 30), frozenset({5, 6})),
    ]
    assert (issued.valid_until, issued.issued) == (date(2026, 4, 30), utc(8, day=1))
    assert (issued.claims.kind, issued.claims.valid_from, issued.claims.valid_until) == (7, "2026-01-01", "never")


@pytest.mark.parametrize(
    ("days", "weekdays"),
    [("mon", {0}), ("Mon-Wed, sun", {0, 1, 2, 6}), ("sat-mon", {5, 6, 0}), ("mon-sun", set(range(7)))],
)
def test_days_of_the_week(path: Path, days: str, weekdays: set[int]) -> None:
    window = f'kinds.X = {{ first_leg = "exit", hours = [{{ days = "{days}", from = "06:00", to = "20:00" }}] }}'

    assert read(path, HEAD, window).kinds["X"].hours[0].hours().weekdays == weekdays


def test_a_step_and_what_it_should_bring(path: Path) -> None:
    expect = (
        'expect = { outcome = "again", verdict = "attention", reasons = ["over_limit"], '
        "reasons_include = [], used = 1, "
        'first = "expired", used_on = { 2026-03-10 = 1 }, trips = "unlimited", open = true, inside = false, '
        "conflicts = 0, "
        'alerts = ["fever"], alerts_include = [], recorded = 2, reading = 36.5 }'
    )
    (scan,) = read(path, HEAD, step(SCAN + 'gate = "G1"\nid = true\nhold = true\n' + expect)).steps

    assert isinstance(scan, Scan)
    assert (scan.do, scan.at, scan.gate, scan.pass_, scan.direction) == ("scan", utc(0), "G1", "p1", Direction.EXIT)
    assert (scan.attempts, scan.id, scan.hold) == ([36.5], True, True)
    assert (scan.expect.outcome, scan.expect.verdict, scan.expect.first) == ("again", "attention", Reason.EXPIRED)
    assert (scan.expect.reasons, scan.expect.reasons_include) == ([Reason.OVER_LIMIT], [])
    assert (scan.expect.used, scan.expect.used_on, scan.expect.trips) == (1, {date(2026, 3, 10): 1}, "unlimited")
    assert (scan.expect.open, scan.expect.inside, scan.expect.conflicts) == (True, False, 0)
    assert (scan.expect.alerts, scan.expect.alerts_include, scan.expect.recorded) == (["fever"], [], 2)
    assert scan.expect.reading == 36.5


@pytest.mark.parametrize(
    ("written", "attempts"),
    [
        ("36", [36.0]),
        ('"36,5"', ["36,5"]),
        ('[37.6, "36,5", 36.8]', [37.6, "36,5", 36.8]),
        ("[]", []),
        ('"none"', None),
    ],
)
def test_forms_of_a_reading(path: Path, written: str, attempts: list[float | str] | None) -> None:
    (scan,) = read(path, HEAD, step(f"{SCAN}reading = {written}")).steps

    assert isinstance(scan, Scan)
    assert scan.attempts == attempts


def test_forms_of_a_token_and_a_number(path: Path) -> None:
    damage = (
        'of = "p1", flip_payload_bit = 1, flip_signature_bit = 2, drop_last = 3, append = "AA", append_bytes = "00ff", '
        'put = { at = 4, text = "é" }, prefix = "GP9", lower = true, double = true, pad_left = "  ", newline = true, '
        "zero_signature = true, reencode = true"
    )
    steps = read(
        path,
        HEAD,
        step('do = "verify"\ndirection = "exit"\ntoken = "hello"'),
        step(f'do = "override"\nwhy = "就医"\ndirection = "exit"\ntoken = {{ {damage} }}'),
        step('do = "scan"\ndirection = "entry"\nnumber = { of = "p2" }'),
        step('do = "scan"\ndirection = "entry"\nnumber = "ABC-DEF-GHK"'),
    ).steps

    verify, override, known, typed = steps
    assert isinstance(verify, Verify)
    assert verify.token == "hello"
    assert isinstance(override, Override)
    assert override.why == "就医"
    assert override.token == Token(
        of="p1",
        flip_payload_bit=1,
        flip_signature_bit=2,
        drop_last=3,
        append="AA",
        append_bytes="00ff",
        put=Put(at=4, text="é"),
        prefix="GP9",
        lower=True,
        double=True,
        pad_left="  ",
        newline=True,
        zero_signature=True,
        reencode=True,
    )
    assert isinstance(known, Scan)
    assert known.number == Number(of="p2")
    assert isinstance(typed, Scan)
    assert typed.number == "ABC-DEF-GHK"


def test_steps_about_passes(path: Path) -> None:
    issue, named, replace, copy, missed, later, late, close = read(
        path,
        TWO_GATES,
        HEAD,
        step('do = "issue"\npass = "new"\nissue = { kind = "R1", until = "2026-02-30" }'),
        step('do = "issue"\nissue = { other = { kind = "R1", from = 2026-03-11 } }'),
        step('do = "replace"\npass = "new"\nby = "newer"\nwhy = "lost"\nwhere = "G2"'),
        step('do = "revoke"\npass = "newer"'),
        step('do = "missed"\ngate = "G1"\npass = "p1"\ndirection = "exit"\ntime = 2026-03-09T18:00:00\nwhy = "漏扫"'),
        step('do = "missed"\ngate = "G1"\npass = "p1"\ndirection = "exit"\ntime = 07:30:00'),
        step('do = "missed"\ngate = "G1"\npass = "p1"\ndirection = "exit"\ntime = "2026-03-10T00:15:00Z"'),
        step('do = "close_conflict"\npass = "other"\nwhy = "误扫"\ndiscard = "G2"'),
    ).steps

    assert isinstance(issue, Issue)
    assert (issue.pass_, issue.issue.valid_from, issue.issue.valid_until) == ("new", "2026-03-01", "2026-02-30")
    assert issue.issue.issued == utc(0)
    assert isinstance(named, Issue)
    assert (named.pass_, named.issue.valid_from) == ("other", "2026-03-11")
    assert isinstance(replace, Replace)
    assert (replace.pass_, replace.by, replace.why, replace.where) == ("new", "newer", "lost", "G2")
    assert getattr(copy, "where", None) == "community"
    assert isinstance(missed, Missed)
    assert (missed.time, missed.why) == (utc(10, day=9), "漏扫")
    assert isinstance(later, Missed)
    assert later.time == utc(23, 30, day=9)
    assert isinstance(late, Missed)
    assert late.time == utc(0, 15)
    assert isinstance(close, CloseConflict)
    assert (close.pass_, close.discard) == ("other", "G2")


def test_steps_about_rules(path: Path) -> None:
    first, second, trusted, quarantine, mode = read(
        path,
        HEAD,
        'kinds.R2 = { first_leg = "entry", trips = 3, minutes_away = 30 }\n',
        step('do = "kind"\nname = "R2"\ntrips = 0'),
        step('do = "kind"\nname = "R2"\nid_check = true'),
        step('do = "key"\nname = "K1"\nstate = "withdraw"'),
        step('do = "quarantine"\nhousehold = "h1"\nuntil = 2026-03-12'),
        step('do = "mode"\nmode = "static"'),
    ).steps

    assert isinstance(first, ChangeKind)
    assert (first.kind.trips, first.kind.minutes_away, first.kind.id_check) == (0, 30, False)
    assert isinstance(second, ChangeKind)
    assert (second.kind.trips, second.kind.first_leg, second.kind.id_check) == (0, Direction.ENTRY, True)
    assert isinstance(trusted, ChangeKey)
    assert trusted.state == "withdrawn"
    assert isinstance(quarantine, Quarantine)
    assert (quarantine.household, quarantine.until) == ("h1", date(2026, 3, 12))
    assert getattr(mode, "mode", None) == "static"


def test_steps_about_gates(path: Path) -> None:
    off, sync, ahead, fixed, moved, clone, scan = read(
        path,
        TWO_GATES,
        HEAD,
        step('do = "offline"\ngate = "G1"'),
        step('do = "sync"\ngates = ["G2", "G1"]'),
        step('do = "clock"\ngate = "G1"\noffset_s = -90'),
        step('do = "clock"\ngate = "G1"\nset = 2026-03-09T23:00:00'),
        step('do = "clock"\ngate = "G1"\nos_zone = "UTC"'),
        step('do = "clone"\ngate = "G1"\nas = "G3"'),
        step(SCAN + 'gate = "G3"'),
    ).steps

    assert (off.do, getattr(off, "gate", None)) == ("offline", "G1")
    assert isinstance(sync, Sync)
    assert sync.gates == ["G2", "G1"]
    assert isinstance(ahead, Clock)
    assert ahead.offset_s == -90
    assert isinstance(fixed, Clock)
    assert fixed.set == utc(15, day=9)
    assert isinstance(moved, Clock)
    assert moved.os_zone == "UTC"
    assert isinstance(clone, Clone)
    assert clone.as_ == "G3"
    assert isinstance(scan, Scan)
    assert scan.gate == "G3"


def test_an_instant_names_the_hour_that_a_wall_time_cannot(path: Path) -> None:
    head = HEAD.replace("2026-03-10", "2026-04-04") + 'community = { zone = "America/Santiago" }\n'
    written = [step(SCAN, f'"2026-04-05T0{hour}:30:00Z"') for hour in (2, 3)]

    first, second = read(path, head, *written).steps

    assert second.at - first.at == timedelta(hours=1)


def test_equal_times_are_allowed(path: Path) -> None:
    steps = read(path, HEAD, *[step(SCAN, "2026-03-10T07:00:00")] * 2).steps

    assert [one.at for one in steps] == [utc(23, day=9)] * 2


def test_a_file_with_marks_of_windows_is_read(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.replace("\n", "\r\n").encode())

    assert read_scenario(path).title == "one trip a day"


def test_the_rule_book_is_read_and_shows_every_verb_and_reason() -> None:
    verbs: set[str] = set()
    reasons: set[Reason] = set()
    expectations = 0
    for file in sorted(RULE_BOOK.glob("*.toml")):
        try:
            scenario = read_scenario(file)
        except ScenarioError as error:
            if not error.expected:
                raise
            continue
        assert scenario.expect_error is None, f"{file}: nothing is wrong with it"
        for one in scenario.steps:
            verbs.add(one.do)
            reasons |= {*(one.expect.reasons or []), *(one.expect.reasons_include or [])}
            expectations += one.expect.outcome is not None
    assert verbs == set(VERBS)
    # A scenario has no way to say that a reading was left out for a reason, or that somebody has no pass.
    assert set(Reason) - reasons == {Reason.NO_READING, Reason.NO_HOST}
    assert expectations >= 160
