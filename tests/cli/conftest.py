"""The `gatepost` command in this process, and a station's folder to run it on."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner

from passes.trust import TrustedKey, sign_trust_list
from station import i18n
from station.cli import main
from station.settings import FILE_NAME
from sync.enrolment import Enrolment, write_enrolment
from tests.station.post import COMMUNITY, KEY, ROOT

STATION = "east"
VALID = ("--from", "2020-01-01", "--until", "2099-12-31")


@dataclass(frozen=True)
class Told:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str

    def refused(self, code: int, *words: str) -> str:
        """Check that it ended with this code and one line which holds the words; return the line."""
        assert self.code == code, self
        assert len(self.err.splitlines()) == 1, self
        assert [word for word in words if word not in self.err] == [], self.err
        return self.err


class Run(Protocol):
    """Runs `gatepost WORDS…` in English."""

    def __call__(self, *words: object) -> Told: ...


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    monkeypatch.setattr(i18n._Chosen, "language", None)
    monkeypatch.setenv("GATEPOST_DIR", str(tmp_path / "nobody's"))
    monkeypatch.delenv("GATEPOST_LANG", raising=False)
    monkeypatch.setenv("LANGUAGE", "en")

    def run(*words: object) -> Told:
        runner = CliRunner()
        with monkeypatch.context() as patch, runner.isolation() as (out, err, _both):
            patch.setattr(sys, "argv", ["gatepost", "--lang", "en", *map(str, words)])
            with pytest.raises(SystemExit) as ended:
                main()
            code = ended.value.code
            assert isinstance(code, int)
            return Told(code, out.getvalue().decode(), err.getvalue().decode())

    return run


def trust_list(community: str = COMMUNITY) -> bytes:
    return sign_trust_list(ROOT, community, [TrustedKey(KEY.key_id, KEY.public_key, community)], 1)


EnrolmentFile = Callable[..., Path]


@pytest.fixture
def enrolment_file(tmp_path: Path) -> EnrolmentFile:
    """Return a function that writes an enrolment file, with whatever fields a test changes."""

    def write(**changes: Any) -> Path:
        fields: dict[str, Any] = {
            "community": COMMUNITY,
            "community_name": "平安里",
            "zone": "Asia/Shanghai",
            "url": "http://127.0.0.1:9",
            "station": STATION,
            "station_name": "东门",
            "secret": "gps_secret",
            "root_public_key": ROOT.public_key,
            "trust_list": trust_list(),
            "issuing_key": KEY.pem().decode(),
        }
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.enrolment.json"
        write_enrolment(path, Enrolment(**{**fields, **changes}))
        return path

    return write


@pytest.fixture
def folder(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> Path:
    """Return the folder of a station that may issue passes."""
    made = tmp_path / "station"
    assert run("init", enrolment_file(), "--dir", made).code == 0
    return made


def rewrite(folder: Path, old: str, new: str) -> None:
    """Put `new` in the place of `old` in the station's settings."""
    path = folder / FILE_NAME
    text = path.read_text("utf-8")
    assert text.count(old) == 1, text
    path.write_text(text.replace(old, new), "utf-8")
