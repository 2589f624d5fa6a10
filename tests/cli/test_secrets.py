"""Secrets of gate and office: in nothing that a command says, refuses or writes for others to read."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import VALID, Run
from tests.cli.test_sealed_day import contents
from tests.station.post import COMMUNITY

PASSWORD, WRONG, PIN = "correct horse battery", "wrong horse battery", "836154"


def secrets_in(*folders: Path) -> Iterator[bytes]:
    """Yield what must stay in its file: secrets, their digests, and private keys in each of their writings."""
    for folder in folders:
        for path in sorted(folder.iterdir()):
            text = path.read_bytes().strip()
            if path.suffix == ".pem":
                inner = b"".join(text.splitlines()[1:-1])
                yield from (inner, base64.b64decode(inner)[-32:], base64.b64decode(inner)[-32:].hex().encode())
            elif path.name in {"secret", "digest.key"}:
                yield from (text, hashlib.sha256(text).hexdigest().encode())


def set_up(run: Run, folder: Path) -> tuple[Path, Path, Path]:
    """Return a community's folder, that of its gate, and an empty one."""
    office, station, out = folder / "office", folder / "east", folder / "out"
    out.mkdir()
    assert run("community", "init", "--dir", office, "--id", COMMUNITY, "--name", "平安里").code == 0
    assert run("community", "station", "add", "--dir", office, "east", "--name", "东门", "--issue").code == 0
    enrolment = office / "east.enrolment.json"
    assert run("init", enrolment, "--dir", station).code == 0
    enrolment.unlink()
    return office, station, out


def test_no_secret_is_said_or_exported(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GATEPOST_PASSWORD", PASSWORD)
    office, station, out = set_up(run, tmp_path)
    in_office, at_gate = ("--dir", office), ("--dir", station)
    pin_file = tmp_path / "pin.txt"
    pin_file.write_text(PIN)
    pin_file.chmod(0o600)
    said = [
        run("community", "staff", "add", *in_office, "孙主任", "--role", "lead"),
        run("staff", "set", *at_gate, "李组长", "--role", "lead"),
        run("staff", "pin", *at_gate, "李组长", "--pin-file", pin_file),
        run("staff", "list", *at_gate),
        run("pass", "issue", *at_gate, "--holder", "王小明", "--address", "3-2-501", "--png", out / "a.png", *VALID),
        run("log", "verify", *at_gate),
        run("sync", "status", *at_gate),
        run("sync", "export", *at_gate, out),
        run("community", "import", *in_office, out),
        run("sync", "import", *at_gate, out),
        run("community", "station", "list", *in_office, "--json"),
        run("community", "key", "list", *in_office),
        run("community", "check", *in_office),
        run("community", "pull", *in_office, "--station", "east", "--out", out / "pull.xlsx"),
        run("community", "ledger", "passes", *in_office, "--out", out / "passes.json"),
        run("community", "report", "daily", *in_office, "--out", out / "daily.csv"),
    ]
    assert [told for told in said if told.code] == []
    monkeypatch.setenv("GATEPOST_PASSWORD", WRONG)
    refused = [
        run("sync", "run", *at_gate),
        run("pass", "verify", *at_gate, "GP1AAAA"),
        run("community", "pull", *in_office, "--station", "east", "--unmask", "--as", "孙主任", "--out", out / "x.csv"),
        run("init", out / "passes.json", "--dir", tmp_path / "again"),
    ]
    assert [told for told in refused if told.code == 0] == []
    assert run("community", "backup", *in_office, out / "backup").code == 0

    kept = [PASSWORD.encode(), WRONG.encode(), PIN.encode(), *secrets_in(office, station)]
    assert len(kept) > 20
    spoken = "\n".join(told.out + told.err for told in (*said, *refused)).encode()
    assert [secret for secret in kept if secret in spoken] == []
    # The database names stations by the digests of their secrets, so only a backup may, and no key is in it.
    digest = hashlib.sha256((station / "secret").read_bytes().strip()).hexdigest().encode()
    written = [path for path in out.rglob("*") if path.is_file()]
    assert len(written) > 8
    for path in written:
        for data in contents(path):
            found = [secret for secret in kept if secret in data]
            assert found == ([digest] if path.name == "community.sqlite" else []), path
