"""`gatepost pass replace|suspend|restore`, a pass that was asked for, and what `show` tells of a life."""

import json
from pathlib import Path

from tests.cli.conftest import Run
from tests.cli.test_pass import issued


def reasons(run: Run, folder: Path, code: str, direction: str = "exit") -> list[str]:
    told = run("pass", "verify", code, "--direction", direction, "--dir", folder, "--json")
    found: list[str] = json.loads(told.out)["reasons"]
    return found


def test_a_replaced_pass_is_refused_and_both_are_one_line(run: Run, folder: Path) -> None:
    old = issued(run, folder)
    replace = ("pass", "replace", old["number"], "--reason", "worn", "--dir", folder)

    new = json.loads(run(*replace, "--json").out)

    assert new["replaces"] == old["number"]
    assert reasons(run, folder, old["token"]) == ["replaced"]
    assert reasons(run, folder, new["token"]) == []
    assert f"replaced by {new['number']}" in run("pass", "show", old["number"], "--dir", folder).out
    run(*replace).refused(1, old["number"], f"replaced already, by {new['number']}")
    run("pass", "restore", old["number"], "--reason", "found", "--dir", folder).refused(1, "stays so")


def test_a_suspended_pass_rests_until_it_is_restored(run: Run, folder: Path) -> None:
    one = issued(run, folder)

    def change(verb: str, reason: str) -> str:
        told = run("pass", verb, one["number"], "--reason", reason, "--dir", folder)
        assert (told.code, told.err) == (0, "")
        return told.out

    assert "suspended" in change("suspend", "holiday")
    assert reasons(run, folder, one["token"]) == ["suspended"]
    assert reasons(run, folder, one["token"], "entry") == ["suspended", "no_open_trip"]
    run("pass", "suspend", one["number"], "--reason", "x", "--dir", folder).refused(1, "not active")
    assert "restored" in change("restore", "back")
    assert reasons(run, folder, one["token"]) == []
    run("pass", "restore", one["number"], "--reason", "x", "--dir", folder).refused(1, "nothing to restore")
    life = run("pass", "show", one["number"], "--dir", folder).out
    assert [step for step in ("issued", "suspended: holiday", "restored: back") if step not in life] == []


def test_a_pass_that_was_asked_for_is_good_when_somebody_grants_it(run: Run, folder: Path) -> None:
    one = issued(run, folder, "--requested")

    assert reasons(run, folder, one["token"]) == ["not_active"]
    assert run("pass", "restore", one["number"], "--reason", "granted", "--dir", folder).code == 0
    assert reasons(run, folder, one["token"]) == []


def test_a_destroyed_pass_stays_so(run: Run, folder: Path) -> None:
    one = issued(run, folder)
    run("pass", "revoke", one["number"], "--reason", "destroyed", "--witness", "钱师傅", "--dir", folder)

    run("pass", "restore", one["number"], "--reason", "sorry", "--dir", folder).refused(1, one["number"], "destroyed")


def test_a_missed_return_closes_the_trip(run: Run, folder: Path) -> None:
    one = issued(run, folder)
    missed = ("pass", "missed", one["number"], "--reason", "gate out of order", "--dir", folder)

    assert run(*missed, "--direction", "exit", "--at", "2026-03-10T08:00").code == 0
    assert reasons(run, folder, one["token"]) == ["already_out"]
    assert run(*missed, "--direction", "entry", "--at", "2026-03-10T09:00").code == 0
    assert reasons(run, folder, one["token"]) == []
    run(*missed, "--direction", "entry", "--at", "2999-01-01T00:00").refused(2, "lies in the past")
    run(*missed[:-3], " ", "--dir", folder, "--direction", "exit", "--at", "2026-03-10T08:00").refused(2, "reason")


def test_a_second_pass_is_issued_from_the_roster(run: Run, folder: Path) -> None:
    first = issued(run, folder, "--household", "h1")
    words = ("pass", "issue", "--from", "2020-01-01", "--until", "2099-12-31", "--kind", "volunteer", "--dir", folder)

    assert run(*words, "--holder", "王小明").code == 0
    run("holder", "ban", first["number"], "--reason", "x", "--dir", folder)
    told = json.loads(run(*words, "--holder", "王小明", "--json").out)

    assert reasons(run, folder, told["token"]) == ["banned"]
    run(*words, "--holder", "张三").refused(2, '"张三"', "0 persons")
    run(*words, "--holder", "王小明", "--address", "9-9-999")
    run(*words, "--holder", "王小明").refused(2, "2 persons", "3-2-501, 9-9-999")
