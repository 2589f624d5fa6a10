"""Rules of the house that no linter knows: where time comes from, what code may name, how long it may be."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import FLOORS, ROOT, parsed, python_files, relative

_MAX_FILE_LINES = 400
_MAX_FUNCTION_LINES = 50

_MAY_READ_THE_TIME = {
    "station/clock.py": "the one clock of a station",
}
"""Everything else is given the time, so that a test can freeze it and a wrong clock is noticed in one place."""

_WALL_CLOCK = {
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "time.time",
    "time.time_ns",
    "time.localtime",
    "time.gmtime",
}

_MACHINE_PATH = re.compile(r"""(?:^|[\s"'=(:])(?:/(?:home|root|Users|work|tmp|opt|srv|mnt)/\w|[A-Za-z]:\\\w)""")

_ADDRESS = re.compile(r"https?://(?P<host>\[[0-9a-fA-F:]+\]|[^\s/:\"'`<>)\\?#,;]*)")
_HARMLESS_HOST = re.compile(
    r"""
    (127\.0\.0\.1|localhost|\[::1\]|0\.0\.0\.0)?   # this machine, or none
    | (.*\.)?example(\.(com|net|org))?             # RFC 2606
    | .*\.(invalid|test)                           # RFC 2606
    | [{%].*                                       # filled in at run time
    | www\.w3\.org                                 # names of XML vocabularies, never fetched
    """,
    re.VERBOSE,
)
_SUPPRESSION = re.compile(r"# (?:noqa|type: ignore)(?::? ?[A-Z]+[0-9]+(?:, ?[A-Z]+[0-9]+)*|\[[^]]*\])?(?P<reason>.*)")
_CODE_SUFFIXES = {".py", ".css", ".html", ".mako", ".tcss", ".toml"}


def test_only_the_clock_reads_the_time() -> None:
    found = [
        f"{relative(path)}:{line} {name}"
        for path in python_files(*FLOORS)
        if relative(path) not in _MAY_READ_THE_TIME
        for line, name in _wall_clock_reads(path)
    ]
    assert found == [], "time is passed in; take it from station.clock:\n" + "\n".join(found)


def test_every_exception_to_the_clock_rule_is_needed() -> None:
    assert [name for name in _MAY_READ_THE_TIME if not list(_wall_clock_reads(ROOT / name))] == []


def _wall_clock_reads(path: Path) -> Iterator[tuple[int, str]]:
    aliases = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
    }
    # A function passed on as a default or argument reads the time as well as one called, so every mention counts.
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Attribute | ast.Name):
            written = ast.unparse(node)
            name = aliases.get(written, ".".join(written.split(".")[-2:]))
            if name in _WALL_CLOCK:
                yield node.lineno, name


def test_no_path_of_one_machine() -> None:
    found = [
        f"{relative(path)}:{number} {line.strip()}"
        for path in _texts(*FLOORS, "tests", "bench", "docs")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _MACHINE_PATH.search(line)
    ]
    assert found == [], "no paths of one machine; use tmp_path, platformdirs or a setting:\n" + "\n".join(found)


def test_no_address_of_a_real_host_in_code() -> None:
    found = [
        f"{relative(path)}:{number} {match[0]}"
        for path in _texts(*FLOORS, "tests", "bench")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in _ADDRESS.finditer(line)
        if not _HARMLESS_HOST.fullmatch(match["host"])
    ]
    assert found == [], "code names no hosts; take loopback, *.example or a setting:\n" + "\n".join(found)


def _texts(*folders: str) -> Iterator[Path]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in _CODE_SUFFIXES | {".md"} and path.is_file() and path != Path(__file__):
                yield path


def test_files_are_short() -> None:
    lengths = {
        relative(path): len(path.read_text(encoding="utf-8").splitlines())
        for path in [*python_files(*FLOORS, "tests", "bench"), ROOT / "babel_help.py", ROOT / "hatch_build.py"]
    }
    long = [f"{name}: {lines}" for name, lines in lengths.items() if lines > _MAX_FILE_LINES]
    assert long == [], f"a file of more than {_MAX_FILE_LINES} lines is asking to be two:\n" + "\n".join(long)


def test_functions_are_short() -> None:
    long = [
        f"{relative(path)}:{node.lineno} {node.name}: {lines}"
        for path in python_files(*FLOORS, "tests", "bench")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > _MAX_FUNCTION_LINES
    ]
    assert long == [], f"a function of more than {_MAX_FUNCTION_LINES} lines is asking to be two:\n" + "\n".join(long)


def test_every_suppression_says_why() -> None:
    silent = [
        f"{relative(path)}:{number} {line.strip()}"
        for path in [*python_files(*FLOORS, "tests", "bench"), ROOT / "babel_help.py", ROOT / "hatch_build.py"]
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in [_SUPPRESSION.search(line)]
        if match and not re.search(r"\w", match["reason"])
    ]
    assert silent == [], "write the reason beside it in words:\n" + "\n".join(silent)


def test_no_call_catches_everything() -> None:
    bare = [
        f"{relative(path)}:{node.lineno}"
        for path in python_files(*FLOORS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not any(isinstance(inner, ast.Raise) and inner.exc is None for inner in ast.walk(node))
    ]
    assert bare == [], "catch what can happen there, or raise it again:\n" + "\n".join(bare)


_SECRET_NAME = re.compile(r"(?:secret|proof|signature|tag|mac)(?:_\w+)?", re.IGNORECASE)
"""Passwords and PINs are not among them: Argon2id compares their hashes, and forms compare what is typed twice."""


def test_secrets_are_compared_in_constant_time() -> None:
    found = [
        f"{relative(path)}:{node.lineno} {ast.unparse(node)}"
        for path in python_files(*FLOORS)
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Compare) and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        for side in (node.left, *node.comparators)
        if _names_a_secret(side)
    ]
    assert found == [], "use hmac.compare_digest:\n" + "\n".join(found)


def _names_a_secret(side: ast.expr) -> bool:
    # A column is compared by the database, with the digest of what the caller sent: nothing of that can be tried out.
    written = ast.unparse(side)
    is_named = isinstance(side, ast.Name | ast.Attribute) and _SECRET_NAME.fullmatch(written.rpartition(".")[2])
    return bool(is_named) and ".c." not in written
