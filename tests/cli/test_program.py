"""The program as a whole: its commands, its exit codes, and terminals and pipes that are not what they should be."""

import json
import os
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click
import pytest

from station.cli import gatepost
from station.cli.helping import WideFormatter
from station.settings import FILE_NAME
from tests.cli.conftest import VALID, EnrolmentFile, Run, rewrite
from tests.web import web

PATIENCE_S = 60


def leaves(command: click.Command, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, *path, name)
    else:
        yield path, command


COMMANDS = dict(leaves(gatepost))


def gatepost_process(*words: object, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run the program in a process of its own, with warnings as errors and no terminal."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "station", *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GATEPOST_LANG": "en", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=PATIENCE_S,
        check=False,
    )


def test_the_commands_are_those_of_the_design() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {
        "community init",
        "community pull",
        "community serve",
        "community station add",
        "demo",
        "init",
        "log rebuild",
        "log verify",
        "pass issue",
        "pass revoke",
        "pass show",
        "pass verify",
        "sync run",
        "sync status",
    }


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_explains_itself_and_its_options(run: Run, path: tuple[str, ...]) -> None:
    told = run(*path, "--help")

    assert (told.code, told.err) == (0, "")
    assert COMMANDS[path].help
    options = [option for option in COMMANDS[path].params if isinstance(option, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("path", [(), ("pass",), *COMMANDS], ids=" ".join)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_help_is_in_the_users_language_and_fits_80_columns(run: Run, lang: str, path: tuple[str, ...]) -> None:
    told = run("--lang", lang, *path, "--help").out

    assert ("用法：" in told, "Usage:" in told) == (lang == "zh", lang == "en")
    assert [line for line in told.splitlines() if columns(line) > 80] == []
    indented = [line for line in told.splitlines() if line.startswith("  ") and line.lstrip()[0] not in "-["]
    assert lang == "en" or [line for line in indented if max(line) >= "\u4e00"]


def test_words_are_not_torn_and_marks_do_not_begin_a_line() -> None:
    text = "存放发证密钥口令的文件（默认：GATEPOST_KEY_PASSPHRASE，没有就询问）。\n\nSecond."
    formatter = WideFormatter(width=26)
    formatter.write_text(text)

    assert formatter.getvalue().splitlines() == [
        "存放发证密钥口令的文件（默",
        "认：",
        "GATEPOST_KEY_PASSPHRASE，",
        "没有就询问）。",
        "",
        "Second.",
    ]


def test_wrong_use_is_told_in_chinese(run: Run) -> None:
    assert "错误：没有 'nope' 这个命令。" in run("--lang", "zh", "pass", "nope").err
    assert "错误：缺少选项 '--holder'" in run("--lang", "zh", "pass", "issue").err


def test_the_option_overrules_a_language_in_the_environment_that_is_none() -> None:
    told = gatepost_process("--lang", "en", "pass", "--help", GATEPOST_LANG="fr")
    assert (told.returncode, told.stderr, "Usage:" in told.stdout) == (0, "", True)

    told = gatepost_process("pass", "--help", GATEPOST_LANG="fr")
    assert (told.returncode, told.stdout) == (2, "")
    assert "GATEPOST_LANG" in told.stderr


def test_a_console_without_chinese_gets_its_numbers() -> None:
    told = gatepost_process("--help", GATEPOST_LANG="zh", PYTHONIOENCODING="latin-1")

    assert (told.returncode, told.stderr) == (0, "")
    assert "\\u7528\\u6cd5" in told.stdout


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1 for char in line)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_an_unknown_option_is_wrong_use(run: Run, path: tuple[str, ...]) -> None:
    told = run(*path, "--no-such-option")

    assert (told.code, told.out) == (2, "")
    assert "--no-such-option" in told.err


@pytest.mark.parametrize("words", [["no-such"], ["pass"], ["pass", "no-such"], ["pass", "verify"], ["pass", "issue"]])
def test_wrong_use_exits_2(run: Run, words: list[str]) -> None:
    assert run(*words).code == 2


def test_a_language_that_is_none_is_told(run: Run, folder: Path) -> None:
    told = run("--lang", "fr", "log", "verify", "--dir", folder)

    told.refused(2, "--lang", "fr", "zh", "en")


def test_the_station_speaks_its_own_language_unless_told(run: Run, folder: Path) -> None:
    rewrite(folder, 'language = "zh"', 'language = "en"')

    assert "records" in gatepost_process("log", "verify", "--dir", folder, GATEPOST_LANG="").stdout
    assert "records" in run("log", "verify", "--dir", folder).out


def test_the_gate_needs_a_terminal(folder: Path) -> None:
    told = gatepost_process("--dir", folder)

    assert (told.returncode, told.stdout) == (2, "")
    assert told.stderr.splitlines() == [
        "gatepost: the gate needs a terminal; for a look without one run: gatepost demo"
    ]


def test_the_gate_of_a_folder_without_a_station_is_one_sentence(tmp_path: Path) -> None:
    told = gatepost_process("--dir", tmp_path)

    assert told.returncode == 2
    assert told.stderr.startswith(f"{tmp_path / FILE_NAME}: there is no station in this folder yet")


def test_the_version_is_told() -> None:
    told = gatepost_process("--version")

    try:
        expected = (0, f"gatepost {version('gatepost')}\n", "")
    except PackageNotFoundError:
        expected = (2, "", "--version: this copy is not installed, so it has none; install it with pip\n")
    assert (told.returncode, told.stdout, told.stderr) == expected


@pytest.mark.parametrize(
    "env",
    [
        {"LC_ALL": "C", "LANG": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "no_such_LOCALE"},
        {"TERM": "dumb", "NO_COLOR": "1"},
    ],
    ids=str,
)
def test_a_poor_locale_is_no_traceback(run: Run, folder: Path, env: dict[str, str]) -> None:
    number = json.loads(
        run("pass", "issue", "--holder", "王小明", "--address", "东院", *VALID, "--dir", folder, "--json").out
    )["number"]

    shown = gatepost_process("pass", "show", number, "--dir", folder, **env)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert number in shown.stdout
    refused = gatepost_process("pass", "show", "王小明", "--dir", folder, **env)
    assert (refused.returncode, len(refused.stderr.splitlines())) == (2, 1)
    named = gatepost_process("pass", "issue", "--holder", "李", "--address", "东", *VALID, "--dir", folder, **env)
    assert (named.returncode, len(named.stderr.splitlines())) in [(0, 0), (2, 1)]


@pytest.mark.skipif(os.name != "posix", reason="Windows has other pipes and no /dev/full")
def test_output_that_nobody_takes_is_no_traceback(folder: Path) -> None:
    command = [sys.executable, "-W", "error", "-m", "station", "log", "verify", "--json", "--dir", str(folder)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "GATEPOST_LANG": "en"}
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as gone:
        told = subprocess.run(command, env=env, stdout=gone, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
    assert (told.returncode, told.stderr) == (1, b"")
    with Path("/dev/full").open("wb") as full:
        told = subprocess.run(command, env=env, stdout=full, stderr=subprocess.PIPE, timeout=PATIENCE_S, check=False)
    assert told.returncode == 1
    assert told.stderr.decode().startswith("the output: cannot be read or written (No space left on device)")


def test_from_the_office_to_the_gate_and_back(run: Run, tmp_path: Path) -> None:
    """Every command of the main job, the server in a process of its own."""
    office, gate = tmp_path / "office", tmp_path / "gate"
    in_office, at_gate = ("--dir", office), ("--dir", gate)
    assert run("community", "init", *in_office, "--id", "370212004001", "--name", "平安里").code == 0
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    serve = [sys.executable, "-W", "error", "-m", "station", "community", "serve", "--dir", str(office), "--port", "0"]
    with subprocess.Popen(serve, env=env, stdout=subprocess.PIPE, encoding="utf-8") as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            assert (
                run("community", "station", "add", *in_office, "east", "--name", "东门", "--url", url, "--issue").code
                == 0
            )
            assert run("init", office / "east.enrolment.json", *at_gate).code == 0
            told = run("pass", "issue", "--holder", "王小明", "--address", "1", *VALID, *at_gate, "--json")
            number = json.loads(told.out)["number"]
            assert run("pass", "revoke", number, "--reason", "void", *at_gate).code == 0
            assert "sent: 2" in run("sync", "run", *at_gate).out
            assert "sent: 0" in run("sync", "run", *at_gate).out
            assert json.loads(run("sync", "status", *at_gate, "--json").out)["unsent"] == 0
            assert run("community", "station", "withdraw", *in_office, "east").code == 0
            run("sync", "run", *at_gate).refused(1, url, "does not accept this station", "withdrawn")
            assert web.get(f"{url}/v1/health").status_code == 200
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(PATIENCE_S) == 0
    (heard,) = json.loads(run("community", "station", "list", *in_office, "--json").out)
    assert (heard["station"], heard["last_contact_ms"] is not None) == ("east", True)
    assert json.loads(run("community", "pull", *in_office, "--station", "east", "--json").out) == []


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["init", "--id", "a/b", "--name", "x"], 2, ["community.toml", "a/b"]),
        (["init", "--id", "a", "--name", ""], 2, ["--name"]),
        (["init", "--id", "a", "--name", "x", "--zone", "Nowhere"], 2, ['community.zone = "Nowhere"', "Asia/Shanghai"]),
        (["init", "--id", "a", "--name", "x", "--database", "mysql://x"], 2, ["mysql://x", "postgresql://"]),
        (["init", "--id", "a", "--name", "x", "--url", "nowhere"], 2, ["community.toml", "nowhere"]),
        (["serve"], 2, ["community.toml", "gatepost community init"]),
        (["shifts"], 2, ["community.toml", "gatepost community init"]),
        (["pull", "--station", "east", "--json"], 2, ["community.toml", "gatepost community init"]),
        (["pull", "--station", "east", "--out", "x.pdf"], 2, ["x.pdf", ".csv"]),
        (["upgrade"], 2, ["community.toml", "gatepost community init"]),
    ],
    ids=str,
)
def test_the_office_is_told_in_one_sentence_too(
    run: Run, tmp_path: Path, words: list[str], code: int, expected: list[str]
) -> None:
    command, *rest = words

    run("community", command, "--dir", tmp_path / "office", *rest).refused(code, *expected)


def test_a_second_community_is_not_made_over_the_first(run: Run, tmp_path: Path) -> None:
    init = ("community", "init", "--dir", tmp_path, "--id", "a", "--name", "平安里")
    assert run(*init).code == 0

    run(*init).refused(2, str(tmp_path / "community.toml"), "another --dir")


def test_a_folder_that_is_a_file_is_told(run: Run, enrolment_file: EnrolmentFile) -> None:
    file = enrolment_file()

    run("log", "verify", "--dir", file).refused(2, str(file))
    run("demo", "--dir", file).refused(2, str(file), "name a new one")
