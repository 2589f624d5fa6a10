"""`gatepost policy try`: what it says of files that come true, that do not, and that cannot be played."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

HEAD = """
title = "每天一次"
start = 2026-03-10T07:00:00
gates = ["G1", "G2"]
kinds.R1 = { first_leg = "exit" }
passes.p1 = { kind = "R1", holder = "王小明" }
"""
OUT = '{ at = 2026-03-10T08:00:00, gate = "G1", do = "scan", pass = "p1", direction = "exit", expect = { %s } }'
EVERY_KEY = {
    *("outcome", "verdict", "reasons", "first", "used", "used_on", "trips", "open", "inside"),
    *("conflicts", "alerts", "recorded", "reading"),
}


@pytest.fixture
def write(tmp_path: Path) -> "Write":
    return Write(tmp_path)


class Write:
    """Writes a scenario of the steps given."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, *steps: str, name: str = "once.toml", head: str = HEAD) -> Path:
        path = self._folder / name
        path.write_text(f"{head}\nsteps = [\n  {','.join(steps)}\n]\n", "utf-8")
        return path


def test_a_scenario_that_comes_true(run: Run, write: Write) -> None:
    path = write(OUT % 'outcome = "allow", reasons = [], used = 1, open = true, reading = "36,5"')

    told = run("policy", "try", path)

    assert (told.code, told.err) == (0, "")
    assert told.out.splitlines() == [
        f"OK  每天一次  ({path}, steps: 1)",
        "files: 1   as expected: 1   not: 0   wrong: 0",
    ]


def test_what_does_not_come_true_is_shown_side_by_side(run: Run, write: Write) -> None:
    path = write(
        OUT % 'outcome = "refuse", reasons = ["over_limit"], used = 1, open = false, used_on = { 2026-03-09 = 4 }'
    )

    told = run("policy", "try", path)

    assert told.code == 1
    assert told.out.splitlines() == [
        f"XX  每天一次  ({path})",
        "    steps[0]  2026-03-10 08:00:00  scan  G1  p1  exit",
        "        outcome (outcome): expected REFUSE refuse | found ALLOW allow",
        "        reasons (reasons): expected trips used up over_limit | found (none)",
        "        trips used by day (used_on): expected 2026-03-09: 4 | found 2026-03-09: 0, 2026-03-10: 1",
        "        trip open (open): expected no | found yes",
        "files: 1   as expected: 0   not: 1   wrong: 0",
    ]


def test_machines_are_told_every_value_of_every_step(run: Run, write: Write) -> None:
    path = write(
        '{ at = 2026-03-10T07:30:00, gate = "G2", do = "offline" }',
        OUT % "used = 7",
        '{ at = 2026-03-10T08:10:00, gate = "G1", do = "scan", pass = "p1", direction = "entry", reading = 38.0 }',
    )

    told = run("policy", "try", path, "--json")

    assert told.code == 1
    answer = json.loads(told.out)
    assert {key: answer[key] for key in ("passed", "failed", "wrong")} == {"passed": 0, "failed": 1, "wrong": 0}
    offline, out, home = answer["files"][0]["steps"]
    assert EVERY_KEY <= set(offline) == set(out) == set(home)
    assert (offline["outcome"], offline["verdict"], offline["used"], offline["recorded"]) == ("accepted", None, None, 0)
    assert out["differences"] == [{"key": "used", "expected": 7, "found": 1}]
    assert {key: out[key] for key in EVERY_KEY} == {
        "outcome": "allow",
        "verdict": "allow",
        "reasons": [],
        "first": None,
        "used": 1,
        "used_on": {"2026-03-10": 1},
        "trips": 1,
        "open": True,
        "inside": False,
        "conflicts": 0,
        "alerts": [],
        "recorded": 1,
        "reading": 36.5,
    }
    assert (home["outcome"], home["reasons"], home["first"]) == ("attention", ["fever"], "fever")
    assert (home["alerts"], home["reading"], home["inside"], home["differences"]) == (["fever"], 38.0, True, [])


def test_a_wrong_file_is_told_with_key_and_nearest_name_and_the_others_are_played(run: Run, write: Write) -> None:
    wrong = write(OUT.replace("direction", "directon") % "", name="wrong.toml")
    failing = write(OUT % "used = 2", name="failing.toml")
    right = write(OUT % "used = 1", name="right.toml")

    told = run("policy", "try", wrong, failing, right)

    assert told.code == 2
    lines = told.out.splitlines()
    assert lines[:2] == [
        "XX  wrong.toml",
        f"    {wrong}: steps[0].directon: there is no such key; the nearest is direction",
    ]
    assert lines[-2:] == [
        f"OK  每天一次  ({right}, steps: 1)",
        "files: 3   as expected: 1   not: 1   wrong: 1",
    ]
    assert run("policy", "try", right, failing).code == 1


def test_a_missing_file_is_wrong_use(run: Run, tmp_path: Path) -> None:
    told = run("policy", "try", tmp_path / "none.toml")

    assert told.code == 2
    assert "none.toml: cannot be read" in told.out


def test_a_file_that_must_be_refused(run: Run, write: Write) -> None:
    unknown_zone = 'expect_error = "zone"\ncommunity = { zone = "Asia/Shangai" }\n'

    refused = run("policy", "try", write(head=unknown_zone + HEAD))
    accepted = run("policy", "try", write(head='expect_error = "zone"\n' + HEAD))

    assert (refused.code, refused.out.splitlines()[0][:2]) == (0, "OK")
    assert accepted.code == 1
    assert "must be refused because of zone" in accepted.out


@pytest.mark.parametrize(
    ("head", "step", "key"),
    [
        (HEAD + 'keys.K2 = { key_id = "00" }\n', "", "keys: "),
        (HEAD + 'passes.p2 = { kind = "R1", holder = "\\u0007" }\n', "", "passes.p2: "),
        (HEAD, OUT.replace('pass = "p1"', 'token = { of = "p1", flip_signature_bit = 512 }') % "", "steps[0].token: "),
    ],
)
def test_what_only_shows_in_playing_is_still_a_wrong_file(
    run: Run, write: Write, head: str, step: str, key: str
) -> None:
    path = write(step, head=head)

    told = run("policy", "try", path)

    assert told.code == 2
    assert f"{path}: {key}" in told.out


def test_titles_from_outside_cannot_steer_the_terminal(run: Run, write: Write) -> None:
    path = write(OUT % "used = 2", head=HEAD.replace("每天一次", "\\u001b[2J[red]x"))

    told = run("policy", "try", path)

    assert "\x1b" not in told.out
    assert "[2J[red]x" in told.out
