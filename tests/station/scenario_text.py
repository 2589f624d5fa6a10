"""Texts of scenario files, and how tests read them."""

from pathlib import Path

import pytest

from station.i18n import explain, set_language
from station.policy_try.errors import ScenarioError
from station.policy_try.reading import Scenario, read_scenario

HEAD = """
title = "one trip a day"
start = 2026-03-10T07:00:00
kinds.R1 = { first_leg = "exit" }
passes.p1 = { kind = "R1", household = "h1" }
passes.p2 = { kind = "R1" }
"""
TWO_GATES = 'gates = ["G1", "G2"]\n'
SCAN = 'do = "scan"\npass = "p1"\ndirection = "exit"\n'


def step(rest: str, at: str = "2026-03-10T08:00:00") -> str:
    return f"[[steps]]\nat = {at}\n{rest}\n"


def read(path: Path, *parts: str) -> Scenario:
    path.write_text("".join(parts), "utf-8")
    return read_scenario(path)


def refused(path: Path, *parts: str) -> ScenarioError:
    path.write_text("".join(parts), "utf-8")
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    error = caught.value
    assert error.exit_code == 2
    assert str(error).startswith(str(path))
    set_language("en")
    assert explain(error)
    return error
