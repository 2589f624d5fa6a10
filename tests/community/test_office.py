import csv
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import CliRunner

from passes.errors import GatepostError, UsageError
from passes.keyfiles import load_key
from passes.trust import USE_ANSWERS, USE_BUNDLES, USE_SEALING, read_trust_list
from station.cli.community import community
from station.i18n import set_language
from sync.bodies import ShiftOpened
from sync.community.serving import ListenError, Tls, check_address
from sync.community.serving import serve as serve_app
from sync.community.settings import CommunitySettingsError, load_settings
from sync.enrolment import Enrolment, EnrolmentError, read_enrolment
from sync.sealing import load_digest_key
from tests.community.conftest import COMMUNITY, Chain, answers_of, lines_of, passage
from tests.web import web

PASSWORD = "correct horse"
Command = Callable[..., str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "office"


@pytest.fixture
def command(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Return a function that runs `gatepost community …` on the folder in English and returns what it printed."""
    set_language("en")
    monkeypatch.setenv("GATEPOST_PASSWORD", PASSWORD)
    runner = CliRunner()

    def run(*words: str) -> str:
        names = [word for word in words if not word.startswith("-")]
        depth = 2 if names[0] in {"station", "staff"} else 1
        line = [*words[:depth], "--dir", str(folder), *words[depth:]]
        result = runner.invoke(community, line, catch_exceptions=False, standalone_mode=False)
        if isinstance(result.exception, Exception):
            raise result.exception
        return result.output

    return run


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, command: Command) -> Command:
    """Set a community up on each kind of database."""
    words = ["init", "--id", COMMUNITY, "--name", "平安里", "--zone", "Asia/Shanghai"]
    if request.param == "postgresql":
        words += ["--database", request.getfixturevalue("postgresql_database")]
    command(*words)
    return command


def enrol(command: Command, folder: Path, *words: str) -> Enrolment:
    printed = command("station", "add", "east", "--name", "东门", *words)
    enrolment = read_enrolment(folder / "east.enrolment.json")
    assert enrolment.secret not in printed
    assert "east.enrolment.json" in printed
    return enrolment


@pytest.fixture
def served(folder: Path) -> Callable[..., "subprocess.Popen[str]"]:
    def start(*words: str) -> "subprocess.Popen[str]":
        code = "from station.cli import main; main()"
        line = [sys.executable, "-W", "error", "-c", code, "community", "serve", "--dir", str(folder), *words]
        env = {**os.environ, "GATEPOST_LANG": "en", "PYTHONPATH": os.pathsep.join(sys.path)}
        return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    return start


def test_from_setting_up_to_the_shift_log(
    office: Command, folder: Path, served: Callable[..., "subprocess.Popen[str]"], tmp_path: Path
) -> None:
    enrolment = enrol(office, folder)
    office("staff", "add", "lead", "--role", "lead")
    chain = Chain("east")
    opened = chain.add(ShiftOpened(guards=["王五"]))
    chain.shift = opened.id
    events = [
        opened,
        chain.add(passage("=1+1")),
        chain.add(passage("张三", reasons=["over_limit"])),
        chain.add(passage("[/]\x1b[2J\u202e")),
    ]
    with served("--port", "0") as process:
        assert process.stdout is not None
        said, url = process.stdout.readline().rsplit(maxsplit=1)
        assert said == "listening on"
        assert not url.endswith(":0")
        headers = {"authorization": f"Bearer {enrolment.secret}"}
        response = web.post(f"{url}/v1/journal", content=lines_of(events), headers=headers)
        assert [answer.status for answer in answers_of(response)] == ["stored"] * 4
        process.send_signal(signal.SIGTERM)
        _out, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")

    assert f"{opened.id}\teast\t王五\t2026-02-07 08:00\tnot handed over\t3 passages" in office("shifts")
    assert json.loads(office("shifts", "--json"))[0]["passages"] == 3
    masked = json.loads(office("pull", "--shift", "latest", "--json"))
    assert [row["event"] for row in masked] == [event.id for event in events[1:]]
    assert masked[1]["holder"] == "张*"
    unmasked = ["--unmask", "--as", "lead"]
    assert json.loads(office("pull", "--day", "2026-02-07", "--json", *unmasked))[0]["holder"] == "=1+1"
    out = tmp_path / "log.csv"
    assert "3 passages" in office("pull", "--station", "east", "--shift", opened.id, "--out", str(out), *unmasked)
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(out.read_text("utf-8-sig"), newline="")))
    assert [row[5] for row in rows] == ["Name", "'=1+1", "张三", "[/]\ufffd[2J\ufffd"]
    assert [row[12] for row in rows] == ["Reasons", "", "trips used up", ""]
    book = tmp_path / "log.XLSX"
    office("pull", "--station", "east", "--out", str(book), *unmasked)
    page = openpyxl.load_workbook(io.BytesIO(book.read_bytes())).active
    assert page is not None
    assert (page["F2"].value, page["F2"].data_type) == ("=1+1", "s")
    assert json.loads(office("station", "list", "--json"))[0]["last_contact_ms"] is not None


def test_an_enrolment_file_holds_what_a_station_needs(office: Command, folder: Path, tmp_path: Path) -> None:
    enrolment = enrol(office, folder, "--issue", "--url", "https://gate.example.org")
    if os.name == "posix":
        assert (folder / "east.enrolment.json").stat().st_mode & 0o777 == 0o600
        assert (folder / "community.toml").stat().st_mode & 0o777 == 0o600
    assert (enrolment.community, enrolment.community_name, enrolment.zone) == (COMMUNITY, "平安里", "Asia/Shanghai")
    assert (enrolment.station, enrolment.station_name) == ("east", "东门")
    assert enrolment.url == "https://gate.example.org"
    trusted = read_trust_list(enrolment.trust_list, enrolment.root_public_key)
    assert trusted.community == COMMUNITY
    assert enrolment.issuing_key is not None
    path = tmp_path / "key.pem"
    path.write_text(enrolment.issuing_key)
    path.chmod(0o600)
    issuing, office_key = load_key(path), load_key(folder / "office-key.pem")
    own = [trusted.newest(use) for use in (USE_SEALING, USE_BUNDLES, USE_ANSWERS)]
    assert [entry.public_key for entry in trusted.entries] == [office_key.public_key, *own, issuing.public_key]
    assert enrolment.digest_key == load_digest_key(folder / "digest.key").raw
    assert len(trusted.candidates(issuing.key_id, COMMUNITY)) == 1
    office("station", "add", "west", "--name", "西门")
    west = read_enrolment(folder / "west.enrolment.json")
    assert west.issuing_key is None
    assert west.secret != enrolment.secret
    assert len(read_trust_list(west.trust_list, west.root_public_key).entries) == 5
    assert west.digest_key == enrolment.digest_key


def test_a_station_is_withdrawn_once(office: Command, folder: Path) -> None:
    enrol(office, folder)
    assert "enrolled\tnever heard" in office("station", "list")
    office("station", "withdraw", "east")
    assert "withdrawn" in office("station", "list")
    for words in (["withdraw", "east"], ["withdraw", "none"], ["add", "east", "--name", "x"]):
        with pytest.raises(UsageError, match="station"):
            office("station", *words)


def test_nothing_is_overwritten(office: Command, folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in {".pem", ".toml", ".cose"}}
    with pytest.raises(UsageError, match=r"community\.toml: this folder holds a community"):
        office("init", "--id", COMMUNITY, "--name", "x")
    (folder / "east.enrolment.json").write_text("precious")
    with pytest.raises(UsageError, match="exists already"):
        office("station", "add", "east", "--name", "x")
    assert office("station", "list") == ""
    assert (folder / "east.enrolment.json").read_text() == "precious"
    assert before == {name: (folder / name).read_bytes() for name in before}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["init", "--id", "1", "--name", "x", "--zone", "Asia/Nowhere"], "community.zone"),
        (["init", "--id", "../1", "--name", "x"], "community.id"),
        (["init", "--id", "1", "--name", "a\x1b[2J"], "--name"),
        (["init", "--id", "1", "--name", "x", "--url", "gate.example.org"], "server.url"),
        (["init", "--id", "1", "--name", "x", "--database", "mysql://h/d"], "database.url"),
        (["station", "add", "east", "--name", "x"], "community.toml"),
        (["serve"], "community.toml"),
        (["serve", "--host", "0.0.0.0"], "--tls-cert"),
        (["serve", "--tls-cert", "x"], "--tls-key"),
        (["pull", "--shift", "latest"], "--out"),
        (["pull", "--shift", "latest", "--out", "x.pdf"], ".xlsx"),
        (["pull", "--shift", "latest", "--json", "--unmask"], "--as"),
        (["pull", "--day", "9999-12-31", "--json"], "--day"),
    ],
)
def test_wrong_use_is_one_sentence_that_names_it(command: Command, words: list[str], named: str) -> None:
    with pytest.raises(UsageError) as caught:
        command(*words)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [["--shift", "latest", "--day", "2026-02-07"], []])
def test_a_pull_needs_one_selection(command: Command, words: list[str]) -> None:
    command("init", "--id", COMMUNITY, "--name", "平安里")
    with pytest.raises(UsageError, match="--shift"):
        command("pull", "--json", *words)
    with pytest.raises(UsageError, match="no shift yet"):
        command("pull", "--json", "--shift", "latest")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('zone = "Asia/Shanghai"', 'zone = "Mars"', 'community.zone = "Mars"'),
        ('zone = "Asia/Shanghai"', "zone = 5", "community.zone"),
        ('name = "平安里"', "", "name"),
        ("[server]", "[serve]", "serve"),
        ("[database]", "[database", "line"),
        (f'id = "{COMMUNITY}"', 'id = "another"', "another"),
    ],
)
def test_wrong_settings_are_one_sentence(command: Command, folder: Path, old: str, new: str, named: str) -> None:
    command("init", "--id", COMMUNITY, "--name", "平安里")
    path = folder / "community.toml"
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(GatepostError) as caught:
        command("shifts")
    assert named in str(caught.value)
    assert "community" in str(caught.value)


def test_settings_survive_a_round_trip(command: Command, folder: Path) -> None:
    name = '平安里 "一区" \\ 北'
    command("init", "--id", COMMUNITY, "--name", name)
    settings = load_settings(folder)
    assert settings.community.name == name
    assert settings.database_url(folder) == f"sqlite:///{folder.resolve()}/community.sqlite"
    if os.name == "posix":
        assert (folder / "community.sqlite").stat().st_mode & 0o077 == 0
    with pytest.raises(CommunitySettingsError, match="init"):
        load_settings(folder / "elsewhere")


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"version": 1}'])
def test_a_broken_enrolment_file_is_told(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(data)
    with pytest.raises(EnrolmentError, match=r"x\.json"):
        read_enrolment(path)


def test_listening_beyond_this_machine_needs_tls(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.9.9.9"):
        check_address(host, None, insecure=False)
    for host in ("0.0.0.0", "::", "192.0.2.1", "gate.example.org"):
        with pytest.raises(UsageError, match="--insecure"):
            check_address(host, None, insecure=False)
        check_address(host, None, insecure=True)
    with pytest.raises(UsageError, match="--tls-cert"):
        check_address("0.0.0.0", Tls(tmp_path / "none", tmp_path / "none"), insecure=False)


def test_a_taken_port_is_told(command: Command, served: Callable[..., "subprocess.Popen[str]"]) -> None:
    command("init", "--id", COMMUNITY, "--name", "平安里")
    with served("--port", "0") as first:
        assert first.stdout is not None
        port = first.stdout.readline().strip().rpartition(":")[2]
        with served("--port", port) as second:
            _out, errors = second.communicate(timeout=20)
        first.terminate()
        first.wait(20)
    assert second.returncode == 1
    assert errors.startswith(f"127.0.0.1 port {port}: cannot listen")
    assert "Traceback" not in errors
    with pytest.raises(ListenError):
        serve_app(_nothing, "192.0.2.1", 0, lambda _address: None)


async def _nothing(_scope: object, _receive: object, _send: object) -> None:
    """Serve nobody."""
