"""`gatepost community kind` and `mode`: ordered by the office, obeyed from an instant on."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from tests.cli.conftest import Run

NOW = datetime(2026, 3, 10, 1, 0, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000


@pytest.fixture
def office(run: Run, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "office"
    with time_machine.travel(NOW, tick=False):
        made = run(
            "community", "init", "--dir", folder, "--id", "370212004001", "--name", "平安里", "--zone", "Asia/Shanghai"
        )
        assert made.code == 0, made
        yield folder


def kind(run: Run, office: Path, code: str) -> list[dict[str, object]]:
    told = run("community", "kind", "list", "--dir", office, "--json")
    return [one for one in json.loads(told.out) if one["code"] == code]


def test_a_kind_is_changed_in_what_is_named_only(run: Run, office: Path) -> None:
    words = ("--trips", "2", "--period-days", "3", "--hours", "mon-fri 06:00-20:00", "--note", "带身份证", "--id-check")
    told = run("community", "kind", "set", "resident", *words, "--dir", office)

    assert (told.code, told.err) == (0, "")
    (found,) = kind(run, office, "resident")
    assert found["effective_ms"] == NOW_MS
    assert (found["trips"], found["period_days"], found["id_check"], found["notes"]) == (2, 3, True, ["带身份证"])
    assert (found["label"], found["first_leg"], found["colour"]) == ("Resident", "exit", "green")
    assert found["hours"] == [{"start": "06:00:00", "end": "20:00:00", "weekdays": [0, 1, 2, 3, 4]}]
    run("community", "kind", "set", "resident", "--trips", "unlimited", "--hours", "any", "--dir", office)
    (found,) = kind(run, office, "resident")
    assert (found["trips"], found.get("hours"), found["period_days"]) == (None, None, 3)


def test_a_kind_of_our_own_from_tomorrow(run: Run, office: Path) -> None:
    words = ("nurse", "--label", "护士", "--first-leg", "exit", "--exempt", "--from", "2026-03-11T00:00")
    assert run("community", "kind", "set", *words, "--dir", office).code == 0

    (found,) = kind(run, office, "nurse")
    assert (found["in_force"], found["effective_ms"]) == (False, NOW_MS - 9 * 3_600_000 + DAY_MS)
    assert "护士" in run("community", "kind", "list", "--dir", office).out


def test_a_mode_holds_from_an_instant(run: Run, office: Path) -> None:
    show = ("community", "mode", "show", "--dir", office, "--json")
    assert json.loads(run(*show).out) == [{"mode": "closed", "effective_ms": None}]

    run("community", "mode", "set", "static", "--from", "2026-03-12T08:00", "--dir", office)
    run("community", "mode", "set", "no_visitors", "--dir", office)

    assert [one["mode"] for one in json.loads(run(*show).out)] == ["no_visitors", "static"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nurse",), "--label and --first-leg"),
        (("resident", "--trips", "many"), '--trips = "many"'),
        (("resident", "--trips", "100000"), 'trips = "100000"'),
        (("resident", "--period-days", "0"), 'period_days = "0"'),
        (("resident", "--hours", "monday morning"), '--hours "monday morning"'),
        (("resident", "--hours", "mon-fri 20:00-06:00"), "--hours"),
        (("resident", "--note", "a\x1b[2J"), "notes"),
        (("resident", "--label", " "), 'label = " "'),
        (("resident", "--from", "yesterday"), "--from"),
    ],
)
def test_what_cannot_be_is_refused_with_its_name(run: Run, office: Path, words: tuple[str, ...], said: str) -> None:
    line = run("community", "kind", "set", *words, "--dir", office).refused(2, said)

    assert "\x1b" not in line
    assert kind(run, office, "resident")[0]["effective_ms"] is None
