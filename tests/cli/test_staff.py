"""`gatepost staff`: entered, listed, given a PIN, removed."""

import json
from pathlib import Path

from tests.cli.conftest import Run


def test_staff_from_entry_to_removal(run: Run, folder: Path, tmp_path: Path) -> None:
    at = ("--dir", folder)
    assert "gatepost staff set NAME" in run("staff", "list", *at).out
    assert run("staff", "set", "张带班", "--role", "lead", "--role", "issuer", *at).out == (
        "张带班  lead, issuer  without PIN\n"
    )
    file = tmp_path / "pin"
    file.write_text("2580\n")
    file.chmod(0o600)
    assert run("staff", "pin", "张带班", "--pin-file", file, *at).out == "张带班: new PIN set\n"
    assert json.loads(run("staff", "list", "--json", *at).out) == [
        {"name": "张带班", "roles": ["issuer", "lead"], "has_pin": True}
    ]
    run("staff", "pin", "nobody", "--pin-file", file, *at).refused(2, "nobody", "gatepost staff set")
    assert run("staff", "remove", "张带班", *at).code == 0
    assert json.loads(run("staff", "list", "--json", *at).out) == []
