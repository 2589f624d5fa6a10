"""The project's files, as the house rules look at them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FLOORS = ("station", "sync", "passes")


def python_files(*folders: str) -> list[Path]:
    """Return every Python file under `folders` of the project, sorted."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    """Return `path` as the project names it, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of `path`, parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def modules(floor: str) -> list[str]:
    """Return the dotted names of every module under the package folder `floor` (such as `sync` or `station/cli`)."""
    return [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in python_files(floor)
    ]


def calls(path: Path) -> Iterator[ast.Call]:
    """Yield every call written in `path`."""
    return (node for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
