"""`gatepost pass`: issue, verify, show, revoke."""

import json
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image

from passes.number import number_of
from station.assembly import open_station
from tests.cli.conftest import VALID, Run

HOSTILE = "a\x1b[2Jb"


def issued(run: Run, folder: Path, *words: object) -> dict[str, Any]:
    """Issue a pass and return what was told of it."""
    told = run("pass", "issue", "--holder", "王小明", "--address", "3-2-501", *VALID, "--dir", folder, "--json", *words)
    assert (told.code, told.err) == (0, "")
    answer: dict[str, Any] = json.loads(told.out)
    return answer


def kinds(folder: Path) -> list[str]:
    """What the journal holds."""
    with open_station(folder) as station:
        return [event.kind for _n, event in station.journal.read()]


def test_a_pass_is_issued_drawn_scanned_and_verified(run: Run, folder: Path, tmp_path: Path) -> None:
    png = tmp_path / "王 pass.png"
    answer = issued(run, folder, "--png", png)
    assert answer["png"] == str(png)

    with Image.open(png) as image:
        (found,) = zxingcpp.read_barcodes(image)
    assert found.text == answer["token"]
    for code in (found.text, answer["number"], answer["number"].lower().replace("-", " "), f" {found.text}\n"):
        told = run("pass", "verify", code, "--dir", folder)
        assert (told.code, told.err) == (0, "")
        assert "王*明" in told.out
        assert "王小明" not in told.out
    verdict = json.loads(run("pass", "verify", found.text, "--dir", folder, "--json").out)
    assert (verdict["outcome"], verdict["number"], verdict["used"], verdict["trips"]) == (
        "allow",
        answer["number"],
        0,
        1,
    )
    assert kinds(folder) == ["pass.issued", "pass.printed"]


def test_a_pass_is_shown_and_drawn_once_more(run: Run, folder: Path, tmp_path: Path) -> None:
    number = issued(run, folder, "--kind", "tenant")["number"]
    png = tmp_path / "again.png"

    told = run("pass", "show", number, "--dir", folder, "--png", png)

    assert told.code == 0
    assert [
        word for word in (number, "王*明", "Tenant", "3-2-501", "2099-12-31", "active") if word not in told.out
    ] == []
    with Image.open(png) as image:
        (found,) = zxingcpp.read_barcodes(image)
    shown = json.loads(run("pass", "show", number, "--dir", folder, "--json").out)
    assert (shown["number"], shown["state"], shown["passages"]) == (number, "active", [])
    assert "token" not in shown
    assert run("pass", "verify", found.text, "--dir", folder).code == 0


def test_what_the_gate_would_refuse_exits_1(run: Run, folder: Path) -> None:
    token = issued(run, folder)["token"]
    cases = {
        "hello": "not_a_pass",
        token[:-1]: "malformed",
        token.lower(): "not_a_pass",
        token[:60] + ("A" if token[60] != "A" else "B") + token[61:]: "bad_signature",
        "GP1" + "A" * 100_000: "malformed",
        HOSTILE: "not_a_pass",
    }

    for code, reason in cases.items():
        told = run("pass", "verify", code, "--dir", folder, "--json")
        answer = json.loads(told.out)
        assert (told.code, answer["outcome"], answer["reasons"][0]) == (1, "refuse", reason)
        words = run("pass", "verify", code, "--dir", folder)
        assert (words.code, words.err) == (1, "")
        assert "REFUSE" in words.out
        assert "\x1b" not in words.out


def test_a_pass_is_revoked_once(run: Run, folder: Path) -> None:
    answer = issued(run, folder)
    number = answer["number"]

    told = run("pass", "revoke", number, "--reason", "lost", "--dir", folder)
    assert (told.code, told.err) == (0, "")
    assert number in told.out
    run("pass", "revoke", number, "--reason", "void", "--dir", folder).refused(1, number, "already", "lost")

    verdict = json.loads(run("pass", "verify", answer["token"], "--dir", folder, "--json").out)
    assert verdict["reasons"] == ["revoked"]
    assert "revoked (lost)" in run("pass", "show", number, "--dir", folder).out
    assert kinds(folder) == ["pass.issued", "pass.revoked"]


def test_a_pass_is_destroyed_before_a_witness(run: Run, folder: Path) -> None:
    number = issued(run, folder)["number"]
    revoke = ("pass", "revoke", number, "--reason", "destroyed", "--dir", folder)

    run(*revoke).refused(2, "--witness", "name who saw it")
    run(*revoke, "--witness", "  ").refused(2, 'witness = "  "')
    run(*revoke, "--witness", HOSTILE).refused(2, "witness")
    assert kinds(folder) == ["pass.issued"]
    assert run(*revoke, "--witness", "钱师傅").code == 0


@pytest.mark.parametrize("reason", ["", "  ", HOSTILE, "x" * 201, "\ud800"])
def test_a_reason_is_ordinary_text(run: Run, folder: Path, reason: str) -> None:
    number = issued(run, folder)["number"]

    line = run("pass", "revoke", number, "--reason", reason, "--dir", folder).refused(2, "reason = ")

    assert "\x1b" not in line
    assert kinds(folder) == ["pass.issued"]


@pytest.mark.parametrize("command", ["show", "revoke"])
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        ("000-000-000", 2, ['"000-000-000"', "mistyped"]),
        ("王", 2, ['"王"', "mistyped"]),
        (HOSTILE, 2, ["mistyped"]),
        ("", 2, ["mistyped"]),
        ("0" * 100_000, 2, ["mistyped"]),
        (number_of(bytes(16)), 1, [number_of(bytes(16)), "not known at this station"]),
    ],
)
def test_a_number_that_no_pass_has_is_told(
    run: Run, folder: Path, command: str, number: str, code: int, words: list[str]
) -> None:
    more = ("--reason", "lost") if command == "revoke" else ()

    line = run("pass", command, number, *more, "--dir", folder).refused(code, *words)

    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"--from": "2027-02-29"}, ['--from = "2027-02-29"', "no such day", "2026-03-31"]),
        ({"--until": "2026-13-01"}, ['--until = "2026-13-01"', "no such day"]),
        ({"--until": "tomorrow"}, ['--until = "tomorrow"']),
        ({"--until": "20991231"}, ['--until = "20991231"', "2026-03-31"]),
        ({"--until": "2099-W01-1"}, ['--until = "2099-W01-1"']),
        ({"--from": HOSTILE}, ["--from"]),
        ({"--until": "2019-12-31"}, ["until = 2019-12-31", "before from = 2020-01-01", "last day"]),
        ({"--from": "1969-12-31"}, ["1969-12-31", "1970-01-01"]),
        ({"--holder": ""}, ['holder = ""', "1 to 40 bytes"]),
        ({"--holder": "   "}, ['holder = "   "']),
        ({"--holder": "王" * 14}, ["holder", "1 to 40 bytes"]),
        ({"--holder": HOSTILE}, ["holder"]),
        ({"--holder": "\udce7"}, ["holder"]),
        ({"--holder": "a\u202eb"}, ["holder"]),
        ({"--address": ""}, ['address = ""']),
        ({"--address": "x" * 41}, ["address"]),
        ({"--household": ""}, ['household = ""']),
        ({"--household": HOSTILE}, ["household"]),
    ],
)
def test_a_pass_that_cannot_be_is_one_sentence(
    run: Run, folder: Path, changes: dict[str, str], words: list[str]
) -> None:
    asked = {
        "--holder": "王小明",
        "--address": "3-2-501",
        "--from": "2020-01-01",
        "--until": "2099-12-31",
        "--dir": str(folder),
        **changes,
    }

    line = run("pass", "issue", *(word for pair in asked.items() for word in pair)).refused(2, *words)

    assert "\x1b" not in line
    assert kinds(folder) == []


def test_markup_and_formulas_are_a_name_like_any_other(run: Run, folder: Path) -> None:
    for holder in ("[/]", "[@click=app.quit]x[/]", "=1+1", "';DROP TABLE x"):
        told = run("pass", "issue", "--holder", holder, "--address", "1", *VALID, "--dir", folder)
        assert holder in told.out
    assert kinds(folder) == ["pass.issued"] * 4


def test_a_picture_that_cannot_be_written_does_not_hide_the_pass(run: Run, folder: Path, tmp_path: Path) -> None:
    png = tmp_path / "none" / "pass.png"

    told = run("pass", "issue", "--holder", "王小明", "--address", "1", *VALID, "--dir", folder, "--png", png)

    told.refused(2, str(png), "choose another file")
    number = told.out.split()[1]
    assert run("pass", "show", number, "--dir", folder, "--png", tmp_path / "pass.png").code == 0


def test_a_name_that_the_font_lacks_is_told(run: Run, folder: Path, tmp_path: Path) -> None:
    # No font has it: it is not assigned.
    png = tmp_path / "pass.png"

    told = run("pass", "issue", "--holder", "王\U00033480", "--address", "1", *VALID, "--dir", folder, "--png", png)

    told.refused(0, "\U00033480", "write by hand")
    assert png.exists()


def test_a_visitor_comes_in_first(run: Run, folder: Path) -> None:
    token = issued(run, folder, "--kind", "visitor")["token"]

    entry = json.loads(run("pass", "verify", token, "--direction", "entry", "--dir", folder, "--json").out)
    way_out = json.loads(run("pass", "verify", token, "--direction", "exit", "--dir", folder, "--json").out)

    assert (entry["outcome"], entry["reasons"]) == ("allow", [])
    assert (way_out["outcome"], way_out["reasons"]) == ("allow", ["no_open_trip"])
