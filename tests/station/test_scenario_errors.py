"""Scenario files that cannot be played: the key that is named, and the nearest name."""

from pathlib import Path

import pytest

from station.policy_try.errors import ScenarioError
from station.policy_try.reading import read_scenario
from tests.station.scenario_text import HEAD, SCAN, TWO_GATES, read, refused, step


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "scenario.toml"


@pytest.mark.parametrize(
    ("wrong", "key", "nearest"),
    [
        (step(SCAN.replace("direction", "directon")), "steps[0].directon", "direction"),
        ('gatess = ["G1"]', "gatess", "gates"),
        ('[kinds.X]\nfirst_leg = "exit"\ntrip = 1', "kinds.X.trip", "trips"),
        ('[kinds.X]\nfirst_leg = "exit"\nhours = [{ dais = "mon" }]', "kinds.X.hours[0].dais", "days"),
        ('[passes.x]\nkind = "R1"\nhousehol = "h"', "passes.x.househol", "household"),
        ('[passes.x]\nkind = "R1"\nclaims = { knd = "h" }', "passes.x.claims.knd", "kind"),
        ('[keys.K2]\nstat = "trusted"', "keys.K2.stat", "state"),
        ('[community]\nzoen = "UTC"', "community.zoen", "zone"),
        (step(SCAN + "expect = { outcom = 1 }"), "steps[0].expect.outcom", "outcome"),
        (step('do = "scan"\ndirection = "exit"\ntoken = { off = "p1" }'), "steps[0].token.off", "of"),
        (step('do = "kind"\nname = "R1"\ntrisp = 1'), "steps[0].trisp", "trips"),
        (step('do = "issue"\npass = "x"\nissue = { kin = "R1" }'), "steps[0].issue.kin", "kind"),
    ],
)
def test_misspelt_keys(path: Path, wrong: str, key: str, nearest: str) -> None:
    error = refused(path, HEAD, wrong)

    assert (error.key, error.values["nearest"]) == (key, nearest)


@pytest.mark.parametrize(
    ("wrong", "key", "value", "nearest"),
    [
        (step(SCAN.replace("scan", "scam")), "steps[0].do", '"scam"', '"scan"'),
        (step(SCAN.replace("exit", "exist")), "steps[0].direction", '"exist"', '"exit"'),
        (step(SCAN.replace("p1", "q1")), "steps[0].pass", '"q1"', '"p1"'),
        (step(SCAN.replace("p1", "P2")), "steps[0].pass", '"P2"', '"p2"'),
        (step(SCAN + 'gate = "G11"'), "steps[0].gate", '"G11"', '"G1"'),
        (step(SCAN + 'expect = { outcome = "alow" }'), "steps[0].expect.outcome", '"alow"', '"allow"'),
        (step(SCAN + 'expect = { reasons = ["expird"] }'), "steps[0].expect.reasons[0]", '"expird"', '"expired"'),
        (step(SCAN + 'expect = { trips = "unlimted" }'), "steps[0].expect.trips", '"unlimted"', '"unlimited"'),
        (step('do = "scan"\ndirection = "exit"\nnumber = { of = "p3" }'), "steps[0].number.of", '"p3"', '"p2"'),
        (step('do = "scan"\ndirection = "exit"\ntoken = { of = "p11" }'), "steps[0].token.of", '"p11"', '"p1"'),
        (step('do = "sync"\ngates = ["G1", "G2"]'), "steps[0].gates[1]", '"G2"', '"G1"'),
        (step('do = "revoke"\npass = "p1"\nwhere = "comunity"'), "steps[0].where", '"comunity"', '"community"'),
        (step('do = "close_conflict"\npass = "p1"\ndiscard = "G2"'), "steps[0].discard", '"G2"', '"G1"'),
        (step('do = "ban"\nhousehold = "h11"'), "steps[0].household", '"h11"', '"h1"'),
        (step('do = "kind"\nname = "R11"'), "steps[0].name", '"R11"', '"R1"'),
        (step('do = "key"\nname = "K11"\nstate = "trusted"'), "steps[0].name", '"K11"', '"K1"'),
        (step('do = "key"\nname = "K1"\nstate = "lost"'), "steps[0].state", '"lost"', '"trusted"'),
        (step('do = "mode"\nmode = "close"'), "steps[0].mode", '"close"', '"closed"'),
        (step('do = "issue"\npass = "x"\nissue = { kind = "R11" }'), "steps[0].issue.kind", '"R11"', '"R1"'),
        (step('do = "issue"\npass = "x"\nissue = { kind = "R1", key = "K" }'), "steps[0].issue.key", '"K"', '"K1"'),
        (step('do = "clock"\nos_zone = "Asia/Shangai"'), "steps[0].os_zone", '"Asia/Shangai"', '"Asia/Shanghai"'),
        ('passes.x = { kind = "R11" }', "passes.x.kind", '"R11"', '"R1"'),
        ('passes.x = { kind = "R1", key = "K2" }', "passes.x.key", '"K2"', '"K1"'),
        ('passes.x = { kind = "R1", state = "activ" }', "passes.x.state", '"activ"', '"active"'),
        ('kinds.X = { first_leg = "entree" }', "kinds.X.first_leg", '"entree"', '"entry"'),
        ('community.zone = "Asia/Shangai"', "community.zone", '"Asia/Shangai"', '"Asia/Shanghai"'),
        ('gates = { G1 = { os_zone = "Asia/Tokio" } }', "gates.G1.os_zone", '"Asia/Tokio"', '"Asia/Tokyo"'),
    ],
)
def test_names_that_are_not_known(path: Path, wrong: str, key: str, value: str, nearest: str) -> None:
    error = refused(path, HEAD, wrong)

    assert (error.key, error.values["value"], error.values["nearest"]) == (key, value, nearest)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (step(SCAN.replace('direction = "exit"', "")), "steps[0].direction"),
        (step('pass = "p1"'), "steps[0].do"),
        ('[[steps]]\ndo = "scan"\n', "steps[0].at"),
        (step('do = "quarantine"\npass = "p1"'), "steps[0].until"),
        (step('do = "missed"\npass = "p1"\ndirection = "exit"'), "steps[0].time"),
        (step('do = "issue"\npass = "x"'), "steps[0].issue"),
        (step('do = "kind"'), "steps[0].name"),
        ("kinds.X = { trips = 1 }", "kinds.X.first_leg"),
        ("passes.x = {}", "passes.x.kind"),
    ],
)
def test_keys_that_are_missing(path: Path, wrong: str, key: str) -> None:
    error = refused(path, HEAD, wrong)

    assert error.key == key
    assert "missing" in str(error)


def test_two_gates_make_the_gate_a_key_that_is_needed(path: Path) -> None:
    assert refused(path, TWO_GATES, HEAD, step(SCAN)).key == "steps[0].gate"
    assert refused(path, 'title = "no start"').key == "start"


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (step(SCAN + "reading = true"), "steps[0].reading"),
        (step(SCAN + "reading = [36.5, true]"), "steps[0].reading[1]"),
        (step(SCAN + "expect = 3"), "steps[0].expect"),
        (step(SCAN + "expect = { used = -1 }"), "steps[0].expect.used"),
        (step(SCAN + "expect = { used_on = { 2026-02-30 = 1 } }"), "steps[0].expect.used_on"),
        (step(SCAN + 'expect = { used_on = { 2026-03-10 = "1" } }'), "steps[0].expect.used_on"),
        (step("do = []"), "steps[0].do"),
        (step(SCAN, "2026-03-10"), "steps[0].at"),
        (step(SCAN, '"8:00"'), "steps[0].at"),
        (step(SCAN, "1969-12-31T08:00:00"), "steps[0].at"),
        (step(SCAN, "9999-12-31T23:59:59-12:00"), "steps[0].at"),
        (step('do = "clock"\noffset_s = 1e300'), "steps[0].offset_s"),
        (step('do = "clone"\nas = "../G3"'), "steps[0].as"),
        (
            step('do = "scan"\ndirection = "exit"\ntoken = { of = "p1", append_bytes = "0f0" }'),
            "steps[0].token.append_bytes",
        ),
        ("kinds.X = { first_leg = 'exit', period_days = 0 }", "kinds.X.period_days"),
        ("kinds.X = { first_leg = 'exit', trips = -1 }", "kinds.X.trips"),
        ("passes.x = { kind = 'R1', from = 2026-02-31x }", ""),
        ("passes.x = { kind = 'R1', from = '2026-02-31' }", "passes.x.from"),
        ("passes.x = { kind = 'R1', from = 2026-03-10, until = 2026-03-09 }", "passes.x.until"),
        ("passes.x = { kind = 'R1', issued = 2026-03-01 }", "passes.x.issued"),
        ("passes = 3", ""),
        ("keys.K2 = { key_id = 'xyz' }", "keys.K2.key_id"),
        ("gates = 3", "gates"),
        ("gates = []", "gates"),
        ("gates = ['G/1']", "gates[0]"),
        ("gates = ['G1', 'G2', 'G1']", "gates[2]"),
        ("community.id = ''", "community.id"),
    ],
)
def test_values_that_cannot_be(path: Path, wrong: str, key: str) -> None:
    assert refused(path, HEAD, wrong).key == key


@pytest.mark.parametrize(
    ("window", "key"),
    [
        ('days = "mon-fry", from = "06:00", to = "20:00"', "days"),
        ('days = "", from = "06:00", to = "20:00"', "days"),
        ('days = "mon", from = "6", to = "20:00"', "from"),
        ('days = "mon", from = "06:00", to = "24:00"', "to"),
        ('days = "mon", from = "06:00", to = "20:00:30"', "to"),
        ('days = "mon", from = "20:00", to = "06:00"', "to"),
    ],
)
def test_hours_that_cannot_be(path: Path, window: str, key: str) -> None:
    good = '{ from = "06:00", to = "20:00" }'

    error = refused(path, HEAD, f'kinds.X = {{ first_leg = "exit", hours = [{good}, {{ {window} }}] }}')
    later = refused(path, HEAD, step(f'do = "kind"\nname = "R1"\nhours = [{{ {window} }}]'))

    assert (error.key, later.key) == (f"kinds.X.hours[1].{key}", f"steps[0].hours[0].{key}")


@pytest.mark.parametrize("shown", ["", 'pass = "p1"\nnumber = "ABC-DEF-GHK"', 'token = "x"\nnumber = "y"'])
def test_a_scan_shows_exactly_one_thing(path: Path, shown: str) -> None:
    assert refused(path, HEAD, step(f'do = "scan"\ndirection = "exit"\n{shown}')).key == "steps[0].pass"


@pytest.mark.parametrize("whom", ["", 'pass = "p1"\nhousehold = "h1"'])
def test_an_order_is_about_exactly_one(path: Path, whom: str) -> None:
    assert refused(path, HEAD, step(f'do = "ban"\n{whom}')).key == "steps[0].pass"


@pytest.mark.parametrize("how", ["", "offset_s = 1\nset = 2026-03-10T08:00:00"])
def test_a_clock_is_set_in_one_way(path: Path, how: str) -> None:
    assert refused(path, HEAD, step(f'do = "clock"\n{how}')).key == "steps[0].offset_s"


def test_names_are_given_once(path: Path) -> None:
    again = step('do = "issue"\npass = "p1"\nissue = { kind = "R1" }')

    assert refused(path, HEAD, again).key == "steps[0].pass"
    assert refused(path, HEAD, step('do = "clone"\nas = "G1"')).key == "steps[0].as"


def test_names_are_not_known_before_their_step(path: Path) -> None:
    issue = step('do = "issue"\npass = "new"\nissue = { kind = "R1" }')
    scan = step(SCAN.replace("p1", "new"))

    assert len(read(path, HEAD, issue, scan).steps) == 2
    assert refused(path, HEAD, scan, issue).key == "steps[0].pass"


def test_only_a_held_scan_is_confirmed(path: Path) -> None:
    hold, confirm = step(SCAN + "hold = true"), step('do = "confirm"')

    assert len(read(path, HEAD, hold, confirm).steps) == 2
    assert refused(path, HEAD, step(SCAN), confirm).key == "steps[1].gate"
    assert refused(path, HEAD, hold, confirm, confirm).key == "steps[2].gate"


def test_time_never_goes_back(path: Path) -> None:
    before_the_start = refused(path, HEAD, step(SCAN, "2026-03-10T06:59:59"))
    back = refused(path, HEAD, step(SCAN), step(SCAN, '"2026-03-09T23:59:59Z"'))

    assert (before_the_start.key, back.key) == ("steps[0].at", "steps[1].at")
    assert "2026-03-10 08:00:00+08:00" in str(back)


@pytest.mark.parametrize(
    ("at", "zone", "what", "instants"),
    [
        ("2026-03-29T00:30:00", "Asia/Beirut", "skips", ["2026-03-28T21:30:00Z", "2026-03-28T22:30:00Z"]),
        ("2026-04-04T23:30:00", "America/Santiago", "repeats", ["2026-04-05T02:30:00Z", "2026-04-05T03:30:00Z"]),
    ],
)
def test_wall_times_of_a_clock_change_ask_for_an_instant(
    path: Path, at: str, zone: str, what: str, instants: list[str]
) -> None:
    head = HEAD + f'community.zone = "{zone}"\n'

    error = refused(path, head, step(SCAN, at))
    start = refused(path, head.replace("2026-03-10T07:00:00", at))

    assert (error.key, start.key) == ("steps[0].at", "start")
    assert what in str(error)
    assert [error.values["first"], error.values["second"]] == instants


def test_a_file_that_is_no_scenario(path: Path, tmp_path: Path) -> None:
    assert "not valid TOML" in str(refused(path, "start = "))
    assert "not valid TOML" in str(refused(path, "x = " + "[" * 5000))
    path.write_bytes(b"\xff\xfe")
    for unreadable in (path, tmp_path, tmp_path / "missing.toml"):
        with pytest.raises(ScenarioError, match="cannot be read"):
            read_scenario(unreadable)


@pytest.mark.parametrize(
    ("named", "expected"),
    [("zone", True), ("community.zone", True), ("one", False), ("", False), ("community", False)],
)
def test_a_file_may_say_that_it_is_wrong(path: Path, named: str, expected: bool) -> None:
    error = refused(path, f'expect_error = "{named}"\n', HEAD, 'community.zone = "Asia/Nowhere"')

    assert error.expected is expected


def test_a_place_in_a_list_need_not_be_named(path: Path) -> None:
    wrong = step(SCAN + 'expect = { reasons = ["expired", "expird"] }')

    for named in ("reasons", "reasons[1]", "steps[0].expect.reasons[1]"):
        assert refused(path, f'expect_error = "{named}"\n', HEAD, wrong).expected


def test_a_file_that_should_have_been_wrong_says_so(path: Path) -> None:
    assert read(path, 'expect_error = "zone"\n', HEAD).expect_error == "zone"


def test_a_name_where_the_file_has_none(path: Path) -> None:
    error = refused(path, 'start = 2026-03-10T07:00:00\npasses.p1 = { kind = "R1" }')

    assert (error.key, error.values["value"]) == ("passes.p1.kind", '"R1"')
    assert "there are none" in str(error)
