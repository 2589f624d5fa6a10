"""`gatepost holder`: what is ordered against a person or household holds for every pass, and ends again."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_pass import issued


def reasons(run: Run, folder: Path, code: str) -> list[str]:
    told = run("pass", "verify", code, "--dir", folder, "--json")
    found: list[str] = json.loads(told.out)["reasons"]
    return found


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [("ban", "unban", "banned"), ("watch", "clear", "watch_listed"), ("quarantine", "release", "quarantined")],
)
def test_an_order_holds_for_every_pass_of_the_person_until_it_ends(
    run: Run, folder: Path, begin: str, end: str, reason: str
) -> None:
    first, second = issued(run, folder), issued(run, folder, "--kind", "volunteer")

    assert run("holder", begin, first["number"], "--reason", "x", "--dir", folder).code == 0
    assert [reasons(run, folder, one["token"]) for one in (first, second)] == [[reason], [reason]]
    assert run("holder", end, second["number"], "--reason", "x", "--dir", folder).code == 0
    assert [reasons(run, folder, one["token"]) for one in (first, second)] == [[], []]


def test_a_household_in_quarantine_keeps_its_members_in(run: Run, folder: Path) -> None:
    member = issued(run, folder, "--household", "h1")
    told = run(
        "pass",
        "issue",
        "--holder",
        "张三",
        "--address",
        "3-2-501",
        "--from",
        "2020-01-01",
        "--until",
        "2099-01-01",
        "--household",
        "h1",
        "--dir",
        folder,
        "--json",
    )
    other = json.loads(told.out)
    words = ("holder", "quarantine", member["number"], "--household", "--reason", "x", "--dir", folder)

    assert run(*words, "--until", "2099-01-01").code == 0
    assert reasons(run, folder, other["token"]) == ["quarantined"]
    run(*words, "--until", "2020-01-01").refused(2, "--until 2020-01-01")
    run("holder", "ban", member["number"], "--until", "2099-01-01", "--reason", "x", "--dir", folder).refused(
        2, "--until"
    )
    run("holder", "ban", member["number"], "--reason", " ", "--dir", folder).refused(2, "reason")
