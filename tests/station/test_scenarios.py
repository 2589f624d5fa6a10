"""The rule book: every scenario file brings what it says, or is refused as it says."""

from pathlib import Path

import pytest

from station.policy_try.errors import ScenarioError
from station.policy_try.player import play
from station.policy_try.reading import read_scenario

RULE_BOOK = sorted((Path(__file__).parents[1] / "scenarios").glob("*.toml"))


@pytest.mark.parametrize("path", RULE_BOOK, ids=lambda path: path.stem)
def test_the_rule_book(path: Path) -> None:
    try:
        scenario = read_scenario(path)
        steps = play(scenario)
    except ScenarioError as error:
        if not error.expected:
            raise
        return

    assert scenario.expect_error is None
    assert len(steps) == len(scenario.steps)
    told = {
        f"steps[{number}]": {d.key: (d.expected, d.found) for d in played.differences}
        for number, played in enumerate(steps)
        if played.differences
    }
    assert told == {}
