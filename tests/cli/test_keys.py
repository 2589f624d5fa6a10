"""`gatepost community key`: the office's keys, from the first list to an encrypted root."""

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from passes.keyfiles import load_key
from passes.token import PassClaims, issue_token, read_token
from passes.trips import local_day
from passes.trust import TrustList, newer_trust_list, read_trust_list, trust_list_bytes
from station.clock import SystemClock
from station.settings import ISSUING_KEY_FILE
from sync.community.office import load_root_public, load_trust_list
from tests.cli.conftest import VALID, Run
from tests.station.post import COMMUNITY, SHANGHAI

PASSPHRASE = "correct horse battery"
NEW_PASSPHRASE = "正确的马 电池 订书钉 海"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A community with the stations east and west, made once."""
    return tmp_path_factory.mktemp("community") / "office"


@pytest.fixture
def office(run: Run, made: Path, tmp_path: Path) -> Path:
    """A copy of that community's folder."""
    if not made.exists():
        assert run("community", "init", "--dir", made, "--id", COMMUNITY, "--name", "平安里").code == 0
        for station in ("east", "west"):
            told = run("community", "station", "add", "--dir", made, station, "--name", station)
            assert told.code == 0, told
    shutil.copytree(made, tmp_path / "office")
    return tmp_path / "office"


def key(run: Run, office: Path, command: str, *words: object) -> Any:
    """Run a command with --json and return what it printed."""
    told = run("community", "key", command, "--dir", office, "--json", *words)
    assert (told.code, told.err) == (0, ""), told
    return json.loads(told.out)


def trust_of(office: Path) -> TrustList:
    return read_trust_list(load_trust_list(office), load_root_public(office))


def passphrase_file(folder: Path, text: str) -> Path:
    path = folder / "passphrase"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(f"{text}\n", "utf-8")
    return path


def test_a_key_from_the_office_to_the_station_and_out_of_trust(run: Run, office: Path, tmp_path: Path) -> None:
    first, sealing, *for_bundles = key(run, office, "list")
    assert (first["station"], first["use"], first["withdrawn_at_ms"]) == ("office", "issue", None)
    assert (sealing["station"], sealing["use"], sealing["withdrawn_at_ms"]) == ("office", "seal", None)
    assert [(entry["station"], entry["use"]) for entry in for_bundles] == [("office", "bundle"), ("office", "answer")]
    east = key(run, office, "add", "east")
    assert east["station"] == "east"
    assert load_key(Path(east["file"])).key_id.hex() == east["key_id"]
    listed = [entry["key_id"] for entry in key(run, office, "list")]
    assert listed == [entry["key_id"] for entry in (first, sealing, *for_bundles, east)]

    shown = key(run, office, "show")
    root = bytes.fromhex(shown["root_public_key"])
    trust = read_trust_list(trust_list_bytes(shown["trust_list"]), root)
    assert (shown["community"], shown["keys"], trust.issued_at_ms) == (COMMUNITY, 5, shown["issued_at_ms"])
    day = local_day(SystemClock().now_ms(), SHANGHAI)
    claims = PassClaims(bytes(16), COMMUNITY, "resident", day, day, "王小明", "3-2-501")
    token = issue_token(claims, load_key(Path(east["file"])))
    assert read_token(token, trust).key.withdrawn_at_ms is None

    withdrawn = key(run, office, "withdraw", east["key_id"], "--honour-before", "2026-03-10T08:00")
    assert withdrawn["honoured_before_ms"] == 1_773_100_800_000
    newer = newer_trust_list(trust, trust_of(office))
    assert read_token(token, newer).key.withdrawn_at_ms == withdrawn["withdrawn_at_ms"]


def test_a_station_issues_with_its_new_key(run: Run, office: Path, tmp_path: Path) -> None:
    """The rotation as the handbook tells it, and what the old key signed stays good."""
    run("community", "station", "add", "--dir", office, "north", "--name", "north", "--issue")
    assert [entry["station"] for entry in key(run, office, "list")] == ["office"] * 4 + ["north"]
    folder = tmp_path / "north"
    assert run("init", office / "north.enrolment.json", "--dir", folder).code == 0
    issue = ("pass", "issue", "--dir", folder, "--holder", "王小明", "--address", "3-2-501", *VALID, "--json")
    before = json.loads(run(*issue).out)["token"]
    added = key(run, office, "rotate", "north")
    (folder / ISSUING_KEY_FILE).unlink()
    shutil.move(added["file"], folder / ISSUING_KEY_FILE)
    run(*issue).refused(2, "not trusted by the newest list here")
    shutil.copy(office / "trust.cose", folder / "trust.cose")
    after = json.loads(run(*issue).out)["token"]
    signers = [read_token(token, trust_of(office)).key.key_id.hex() for token in (before, after)]
    assert signers[0] != signers[1] == added["key_id"]


def test_a_rotation_keeps_the_old_key_and_may_end_it(run: Run, office: Path) -> None:
    old = key(run, office, "add", "east")
    today = local_day(SystemClock().now_ms(), SHANGHAI)
    first = key(run, office, "rotate", "east")
    second = key(run, office, "rotate", "east", "--old-until", today)
    stands = {entry["key_id"]: entry for entry in key(run, office, "list")}
    untils = [stands[made["key_id"]]["valid_until"] for made in (old, first, second)]
    assert untils == [today.isoformat(), today.isoformat(), None]
    assert {entry["withdrawn_at_ms"] for entry in stands.values()} == {None}
    told = run("community", "key", "rotate", "--dir", office, "east", "--old-until", "2020-01-01")
    told.refused(2, "--old-until 2020-01-01: is past", "withdraw")


def test_people_are_told_what_to_do_next(run: Run, office: Path) -> None:
    told = run("community", "key", "add", "--dir", office, "east")
    assert told.code == 0
    assert f"{office}/east." in told.out
    assert f"in the place of {ISSUING_KEY_FILE}" in told.out
    told = run("community", "key", "rotate", "--dir", office, "east")
    assert "key withdraw KEY_ID" in told.out
    key_id = trust_of(office).entries[4].key_id.hex()
    told = run("community", "key", "withdraw", "--dir", office, key_id, "--honour-before", "2026-03-10T00:00:00Z")
    assert "but for passes issued before 2026-03-10 08:00" in told.out
    rows = [line.split("\t") for line in run("community", "key", "list", "--dir", office).out.splitlines()]
    assert [row[1] for row in rows][3:] == ["office", "east", "east"]
    assert rows[1][2:] == ["trusted", "numbers are sealed to it"]
    assert [row[3] for row in rows[2:4]] == ["bundles are sealed to it", "signs bundles for stations"]
    assert rows[4][2].startswith("withdrawn 20")
    assert rows[5][2:] == ["trusted"]
    told = run("community", "key", "show", "--dir", office)
    assert "6 keys, 1 of them withdrawn" in told.out
    assert load_root_public(office).hex() in told.out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["add", "north"], ["station 'north'", "station list"]),
        (["rotate", "east"], ["station 'east'", "key add"]),
        (["withdraw", "feedfeedfeedfeed"], ["key 'feedfeedfeedfeed'", "key list"]),
        (["withdraw", "00", "--honour-before", "yesterday"], ["--honour-before 'yesterday'", "2026-03-10T08:00"]),
        (["withdraw", "00", "--honour-before", ""], ["--honour-before ''"]),
        (["withdraw", "00", "--honour-before", "1969-12-31"], ["--honour-before '1969-12-31'"]),
        (["withdraw", "00", "--honour-before", "0001-01-01T00:00+14:00"], ["--honour-before"]),
        (["withdraw", "00", "--honour-before", "1990-09-16T01:30"], ["skip or repeat", "1990-09-16T01:30+08:00"]),
        (["withdraw", "00", "--honour-before", "9999-12-31T23:59"], ["--honour-before", "lies ahead"]),
        (["protect"], ["--passphrase-file", "GATEPOST_KEY_PASSPHRASE"]),
        (["protect", "--remove", "--new-passphrase-file", "x"], ["--remove"]),
    ],
)
def test_wrong_use_is_one_sentence(run: Run, office: Path, words: list[str], named: list[str]) -> None:
    before = {path: path.read_bytes() for path in office.iterdir() if path.suffix in {".pem", ".cose", ".pub"}}
    run("community", "key", words[0], "--dir", office, *words[1:]).refused(2, *named)
    assert before == {path: path.read_bytes() for path in before}
    assert len(before) == len(list(office.glob("*.pem"))) + 2


def test_an_encrypted_root_key(run: Run, office: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = passphrase_file(tmp_path, PASSPHRASE)
    told = run("community", "key", "protect", "--dir", office, "--new-passphrase-file", file)
    assert (told.code, "root-key.pem" in told.out) == (0, True)
    assert load_key(office / "root-key.pem", PASSPHRASE)

    assert len(key(run, office, "list")) == 4
    assert key(run, office, "show")["keys"] == 4
    run("community", "key", "add", "--dir", office, "east").refused(2, "passphrase", "--passphrase-file")
    key(run, office, "add", "east", "--passphrase-file", file)
    monkeypatch.setenv("GATEPOST_KEY_PASSPHRASE", PASSPHRASE)
    key(run, office, "rotate", "east")
    assert len(trust_of(office).entries) == 6

    monkeypatch.setenv("GATEPOST_KEY_PASSPHRASE", "wrong horse battery")
    run("community", "key", "add", "--dir", office, "east").refused(1, "root-key.pem is wrong")
    told = run("community", "key", "protect", "--dir", office, "--passphrase-file", file, "--remove")
    assert told.code == 0
    key(run, office, "add", "west")
    told = run("community", "key", "add", "--dir", office, "west", "--passphrase-file", file)
    told.refused(1, "not encrypted", "leave it out")
    assert len(trust_of(office).entries) == 7


def test_a_community_may_begin_with_encrypted_keys(run: Run, tmp_path: Path) -> None:
    office, file = tmp_path / "sealed", passphrase_file(tmp_path, PASSPHRASE)
    init = ("community", "init", "--dir", office, "--id", COMMUNITY, "--name", "平安里", "--passphrase-file")
    assert run(*init, file).code == 0
    for name in ("root-key.pem", "office-key.pem"):
        assert load_key(office / name, PASSPHRASE)
    station = ("community", "station", "add", "--dir", office)
    assert run(*station, "east", "--name", "东门").code == 0
    run(*station, "west", "--name", "西门", "--issue").refused(2, "passphrase", "--passphrase-file")
    assert run(*station, "west", "--name", "西门", "--issue", "--passphrase-file", file).code == 0
    assert [entry["station"] for entry in key(run, office, "list")] == ["office"] * 4 + ["west"]


def test_a_short_passphrase_or_an_open_file_of_it_is_refused(run: Run, office: Path, tmp_path: Path) -> None:
    command = ("community", "key", "protect", "--dir", office, "--new-passphrase-file")
    run(*command, passphrase_file(tmp_path, "short")).refused(1, "fewer than 12 characters")
    run(*command, tmp_path / "none").refused(1, "none is missing")
    if os.name == "posix":
        file = passphrase_file(tmp_path, PASSPHRASE)
        file.chmod(0o640)
        run(*command, file).refused(1, "has mode 0640", "chmod 600")
    assert load_key(office / "root-key.pem")


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals are POSIX")
def test_a_passphrase_is_asked_for_at_the_terminal(office: Path) -> None:
    """Typed twice, never shown; the next command asks for it once."""
    from tests.pty.terminal import Terminal, environment

    def asked(command: str, *answers: str) -> Terminal:
        line = [sys.executable, "-m", "station", "community", "key", command, "--dir", str(office)]
        terminal = Terminal([*line, *(["east"] if command == "add" else [])], environment())
        for question, answer in zip(("assphrase of the root key", "epeat for confirmation"), answers, strict=False):
            terminal.sees(question)
            terminal.type(f"{answer}\r")
        return terminal

    for terminal in (asked("protect", NEW_PASSPHRASE, NEW_PASSPHRASE), asked("add", NEW_PASSPHRASE)):
        try:
            assert terminal.end() == 0, terminal.text
            assert NEW_PASSPHRASE.encode() not in terminal.told
        finally:
            terminal.close()
    assert load_key(office / "root-key.pem", NEW_PASSPHRASE)
    assert len(trust_of(office).entries) == 5
