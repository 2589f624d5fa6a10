"""What the project ships and runs: the wheel, the README's commands, the make targets, the lock file."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.house.tree import FLOORS, ROOT

_DATA_SUFFIXES = {".mako", ".tcss", ".css", ".html", ".svg", ".toml", ".json"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names in a wheel built from the source files alone, as on a clean clone."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "clone of gatepost"
    for path in _sources():
        target = source / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    run = subprocess.run(
        [sys.executable, "-c", "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])", folder],
        cwd=source,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def _sources() -> list[Path]:
    files = [path for floor in FLOORS for path in (ROOT / floor).rglob("*") if path.is_file()]
    names = ("pyproject.toml", "hatch_build.py", "README.md", "LICENSE", ".gitignore")
    return [ROOT / name for name in names] + [
        path for path in files if path.suffix not in {".mo", ".pyc"} and "__pycache__" not in path.parts
    ]


def test_wheel_speaks_both_languages(wheel: set[str]) -> None:
    for language in ("zh_CN", "en"):
        assert f"station/locale/{language}/LC_MESSAGES/gatepost.mo" in wheel


def test_wheel_holds_every_module_and_data_file(wheel: set[str]) -> None:
    expected = {
        path.relative_to(ROOT).as_posix()
        for path in _sources()
        if path.relative_to(ROOT).parts[0] in FLOORS and path.suffix in _DATA_SUFFIXES | {".py", ".po"}
    }
    assert expected - wheel == set()


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == set(FLOORS)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel)


@pytest.mark.parametrize("end", ["pytest", "gatepost demo"])
def test_readme_names_each_command_once(end: str) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = {line.strip() for line in readme.splitlines() if line.strip().startswith("python3 -m venv .venv && ")}
    assert len([command for command in commands if command.endswith(end)]) == 1, commands


def test_ci_runs_what_make_lint_runs() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    lint = re.findall(r"^\t\$\(BIN\)(.+)$", makefile.split("\nlint:\n")[1].split("\n\n")[0], re.MULTILINE)
    ci = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert len(lint) == 4
    assert [command for command in lint if f"\n.venv/bin/{command}\n" not in ci] == []


def test_lock_has_hashes_and_no_addresses() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    assert "http" not in re.sub(r"\bhttp(x|core)2\b", "", lock)
    assert "/" not in lock, "a path or an address"
    entries = re.split(r"\n(?=[a-z0-9])", lock.split("\n", 2)[2])
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_lock_holds_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[^a-z0-9-]", requirement.lower())[0] for requirement in wanted}
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    locked = set(re.findall(r"^([a-z0-9-]+)(?:\[[a-z]+\])?==", lock, re.MULTILINE))
    assert names - locked == set(), "run `make lock`"


def test_licence_is_apache_2() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert text.split()[:6] == ["Apache", "License", "Version", "2.0,", "January", "2004"]
    assert "END OF TERMS AND CONDITIONS" in text
    assert "Copyright [yyyy] [name of copyright owner]" in text
