"""Who may load what: checked in the modules' text by import-linter, and in a fresh interpreter by sys.modules."""

import json
import os
import subprocess
import sys

import pytest

from tests.house.tree import FLOORS, ROOT, modules, python_files, relative

_REPORT = """
import importlib, json, sys
wanted, unwanted = json.load(sys.stdin)
for name in wanted:
    importlib.import_module(name)
print(json.dumps([name for name in unwanted if name in sys.modules]))
"""

_SERVER = ["alembic", "psycopg", "sqlalchemy", "starlette", "uvicorn"]


def _loaded(wanted: list[str], unwanted: list[str]) -> list[str]:
    """Import `wanted` in a new interpreter and return which of `unwanted` came along."""
    run = subprocess.run(
        [sys.executable, "-c", _REPORT],
        input=json.dumps([wanted, unwanted]),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: list[str] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize(
    ("wanted", "unwanted"),
    [
        pytest.param(
            [name for name in modules("passes") + modules("sync") if not name.startswith("sync.community")],
            ["textual", "serial", *_SERVER],
            id="passes-and-sync",
        ),
        pytest.param(modules("station/devices"), ["textual", *_SERVER], id="devices"),
        pytest.param(
            modules("station/cli"),
            ["textual", *_SERVER, "PIL", "qrcode", "xlsxwriter", "openpyxl", "fpdf", "fontTools", "escpos"],
            id="command-line",
        ),
    ],
)
def test_imports_stay_light(wanted: list[str], unwanted: list[str]) -> None:
    assert wanted, "no modules found"
    assert _loaded(wanted, unwanted) == []


def test_every_folder_with_code_is_a_package() -> None:
    """import-linter does not see modules in a folder without `__init__.py`."""
    folders = {path.parent for path in python_files(*FLOORS)}
    assert sorted(relative(folder) for folder in folders if not (folder / "__init__.py").exists()) == []


def test_contracts_of_the_floors_hold() -> None:
    command = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    run = subprocess.run(
        [sys.executable, "-c", command, "--no-cache"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
