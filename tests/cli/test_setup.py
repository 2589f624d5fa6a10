"""`gatepost init`, and what every command says of a station's folder that cannot be used."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from passes.trust import TrustedKey, sign_trust_list
from station.settings import FILE_NAME, ISSUING_KEY_FILE, ROOT_FILE, SECRET_FILE, TRUST_FILE
from station.storage import FILE_NAME as JOURNAL_FILE
from tests.cli.conftest import STATION, VALID, EnrolmentFile, Run, rewrite, trust_list
from tests.station.post import COMMUNITY, KEY, ROOT

HTTP = "http://"
ISSUE = ("pass", "issue", "--holder", "王小明", "--address", "3-2-501", *VALID)


def test_a_station_is_set_up(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "station"
    file = enrolment_file()

    told = run("init", file, "--dir", folder, "--thermometer", "COM3", "--direction", "entry")

    assert (told.code, told.err) == (0, "")
    assert str(folder) in told.out
    assert f"Now delete {file}" in told.out
    assert "gps_secret" not in told.out
    text = (folder / FILE_NAME).read_text("utf-8")
    assert 'name = "东门"' in text
    assert 'port = "COM3"' in text
    assert 'direction = "entry"' in text
    if os.name == "posix":
        modes = [(folder / name).stat().st_mode & 0o777 for name in (SECRET_FILE, ISSUING_KEY_FILE)]
        assert modes == [0o600, 0o600]
    assert run("log", "verify", "--dir", folder).code == 0


def test_a_station_is_set_up_for_machines(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> None:
    told = run("init", enrolment_file(), "--dir", tmp_path / "s", "--json")

    assert json.loads(told.out) == {"folder": str(tmp_path / "s"), "station": STATION, "community": COMMUNITY}


def test_a_station_is_set_up_once(run: Run, enrolment_file: EnrolmentFile, folder: Path) -> None:
    before = (folder / SECRET_FILE).read_bytes()

    run("init", enrolment_file(secret="other"), "--dir", folder).refused(2, f"{folder / FILE_NAME}:", "another --dir")

    assert (folder / SECRET_FILE).read_bytes() == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"zone": "Asia/Nowhere"}, ['community.zone = "Asia/Nowhere"', "Asia/Shanghai"]),
        ({"station": "../x"}, ["station.id = '../x'"]),
        ({"station": ""}, ["station.id = ''"]),
        ({"station_name": ""}, ["station.name = ''"]),
        ({"community_name": "里" * 65}, ["community.name"]),
        ({"url": "nowhere"}, ['community.url = "nowhere"', "https://"]),
        ({"url": f"{HTTP}[::1"}, [f'community.url = "{HTTP}[::1"']),
        ({"url": "http://127.0.0.1:99999"}, ["community.url"]),
        ({"url": f"{HTTP}me:pw@127.0.0.1"}, ["community.url"]),
        ({"secret": "a b"}, ["secret", "gatepost init"]),
        ({"secret": "秘密"}, ["secret"]),
        ({"secret": ""}, ["secret"]),
        ({"trust_list": b"damaged"}, ["trust list", "damaged", "fetch it again"]),
        ({"trust_list": b""}, ["trust list"]),
        ({"root_public_key": b"short"}, ["root key has 5 bytes"]),
        ({"root_public_key": KEY.public_key}, ["not signed by the root key"]),
        ({"community": "370212004002"}, [COMMUNITY, "370212004002"]),
    ],
)
def test_a_wrong_enrolment_leaves_nothing_behind(
    run: Run, enrolment_file: EnrolmentFile, tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    file, folder = enrolment_file(**changes), tmp_path / "s"

    run("init", file, "--dir", folder).refused(2, str(file), *words)

    assert not folder.exists()


def test_a_wrong_issuing_key_is_noticed_at_once(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> None:
    folder = tmp_path / "s"

    run("init", enrolment_file(issuing_key="no PEM"), "--dir", folder).refused(1, str(folder / ISSUING_KEY_FILE), "PEM")

    assert not (folder / FILE_NAME).exists()
    assert run("init", enrolment_file(), "--dir", folder).code == 0
    assert run(*ISSUE, "--dir", folder).code == 0


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"\xff\xfe", "malformed"),
        (b"[]", "array"),
        (b'{"version":1}', "community"),
        (b'{"virus":1}', "virus"),
        (b'{"community":' + b"[" * 100_000, "community"),
    ],
)
def test_a_damaged_enrolment_file_is_named(run: Run, tmp_path: Path, content: bytes, word: str) -> None:
    file = tmp_path / "e.json"
    file.write_bytes(content)

    run("init", file, "--dir", tmp_path / "s").refused(1, f"{file}:", word, "again from the office")


def test_an_enrolment_file_that_is_not_there_is_named(run: Run, tmp_path: Path) -> None:
    run("init", tmp_path / "none.json", "--dir", tmp_path / "s").refused(1, str(tmp_path / "none.json"), "path")
    run("init", tmp_path, "--dir", tmp_path / "s").refused(1, str(tmp_path), "path")


def test_an_enrolment_of_a_later_version_is_named(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> None:
    file = enrolment_file(version=2)

    run("init", file, "--dir", tmp_path / "s").refused(1, f"{file}: version 2", "install")


def test_a_folder_that_cannot_be_made_is_named(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()

    run("init", enrolment_file(), "--dir", in_the_way / "s").refused(2, str(in_the_way), "permissions")


def test_a_journal_of_another_station_is_not_gone_on_with(
    run: Run, enrolment_file: EnrolmentFile, folder: Path
) -> None:
    for _ in range(2):
        assert run(*ISSUE, "--dir", folder).code == 0
    rewrite(folder, 'id = "east"', 'id = "west"')
    run("log", "verify", "--dir", folder).refused(2, str(folder / JOURNAL_FILE), 'station.id = "west"', "settings.toml")

    (folder / FILE_NAME).unlink()
    run("init", enrolment_file(station="west"), "--dir", folder).refused(2, str(folder / JOURNAL_FILE), "west")
    assert run("init", enrolment_file(), "--dir", folder).code == 0
    assert "2 records, every link holds" in run("log", "verify", "--dir", folder).out


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[station]", "[station", ["not valid TOML", "line 1", "correct that line"]),
        ("[station]", "deep = " + "[" * 10_000, ["not valid TOML"]),
        ('id = "east"', "", ["[station]", "`id`"]),
        ('id = "east"', "id = 5", ["station.id = 5", "`str`"]),
        ('id = "east"', 'id = "a/b"', ["station.id = 'a/b'"]),
        ('name = "东门"', 'name = ""', ["station.name = ''"]),
        ('name = "东门"', 'name = "东门"\ncolour = "red"', ["[station]", "`colour`"]),
        ("[station]", "colour = 1\n[station]", ["`colour`"]),
        ('zone = "Asia/Shanghai"', 'zone = "Asia/Nowhere"', ['community.zone = "Asia/Nowhere"', "Asia/Shanghai"]),
        ('zone = "Asia/Shanghai"', 'zone = "../../etc/passwd"', ["community.zone", "Asia/Shanghai"]),
        ('zone = "Asia/Shanghai"', 'zone = ""', ["community.zone"]),
        ('zone = "Asia/Shanghai"', 'zone = "Asia"', ["community.zone"]),
        ('url = "http://127.0.0.1:9"', 'url = "ftp://x.example"', ['community.url = "ftp://x.example"', "https://"]),
        ('url = "http://127.0.0.1:9"', 'url = "http://127.0.0.1\\u0000"', ["community.url", "https://"]),
        ('protocol = "gy-mcu9061x"', 'protocol = "laser"', ['thermometer.protocol = "laser"', "gy-mcu9061x"]),
        ("baud_rate = 115200\noffset", 'baud_rate = "fast"\noffset', ["thermometer.baud_rate = 'fast'", "`int`"]),
        ("baud_rate = 115200\noffset", "baud_rate = -1\noffset", ["thermometer.baud_rate = -1"]),
        ("offset_celsius = 0.0", "offset_celsius = nan", ["thermometer.offset_celsius = nan"]),
        ("fever_celsius = 37.3", "fever_celsius = 99", ["temperature.fever_celsius = 99", "40"]),
        ('operator = ">="', 'operator = "<"', ["temperature.operator = '<'"]),
        ('direction = "exit"', 'direction = "up"', ["gate.direction = 'up'"]),
        ('language = "zh"', 'language = "fr"', ["gate.language = 'fr'"]),
    ],
)
def test_a_wrong_setting_is_one_sentence(run: Run, folder: Path, old: str, new: str, words: list[str]) -> None:
    rewrite(folder, old, new)

    run("log", "verify", "--dir", folder).refused(2, f"{folder / FILE_NAME}:", *words)


@pytest.mark.parametrize("content", [b"\xff\xfe", b"", b"[station]\n"])
def test_settings_that_are_none_are_named(run: Run, folder: Path, content: bytes) -> None:
    (folder / FILE_NAME).write_bytes(content)

    run("log", "verify", "--dir", folder).refused(2, f"{folder / FILE_NAME}:")


def test_a_folder_without_a_station_says_how_to_make_one(run: Run, tmp_path: Path) -> None:
    for words in (["--dir", tmp_path / "none", "log", "verify"], ["log", "verify", "--dir", tmp_path / "none"]):
        run(*words).refused(2, str(tmp_path / "none" / FILE_NAME), "gatepost init --dir")
    run("log", "verify").refused(2, str(tmp_path / "nobody's"), "gatepost init --dir")


def test_settings_in_the_place_of_a_folder_are_named(run: Run, folder: Path) -> None:
    (folder / FILE_NAME).unlink()
    (folder / FILE_NAME).mkdir()

    run("log", "verify", "--dir", folder).refused(2, str(folder / FILE_NAME))


FOREIGN_ROOT = KEY
FOREIGN_LIST = sign_trust_list(FOREIGN_ROOT, COMMUNITY, [TrustedKey(KEY.key_id, KEY.public_key, COMMUNITY)], 1)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (TRUST_FILE, trust_list()[:-9], ["damaged", "fetch it again"]),
        (TRUST_FILE, b"", ["damaged"]),
        (TRUST_FILE, FOREIGN_LIST, ["not signed by the root key"]),
        (TRUST_FILE, trust_list("370212004002"), ["370212004002", f'community.id = "{COMMUNITY}"', "settings.toml"]),
        (ROOT_FILE, b"no digits", ["hexadecimal", "office"]),
        (ROOT_FILE, b"\xff", ["hexadecimal", "office"]),
        (SECRET_FILE, b"\xff\xfe", ["secret", "gatepost init"]),
        (SECRET_FILE, b"", ["secret", "gatepost init"]),
        (SECRET_FILE, b"two lines\nof it", ["secret", "gatepost init"]),
    ],
    ids=range(9),  # workers must give tests of fresh keys the same names
)
def test_a_damaged_file_of_the_station_is_named(
    run: Run, folder: Path, name: str, content: bytes, words: list[str]
) -> None:
    (folder / name).write_bytes(content)

    run("sync", "run", "--dir", folder).refused(2, f"{folder / name}:", *words)


@pytest.mark.parametrize("name", [TRUST_FILE, ROOT_FILE, SECRET_FILE])
def test_a_missing_file_of_the_station_is_named(run: Run, folder: Path, name: str) -> None:
    (folder / name).unlink()

    run("sync", "run", "--dir", folder).refused(2, f"{folder / name}:", "gatepost init")


def test_a_root_key_of_another_length_is_told(run: Run, folder: Path) -> None:
    (folder / ROOT_FILE).write_text(ROOT.public_key.hex()[:-2])

    run("log", "verify", "--dir", folder).refused(2, str(folder), "root key has 31 bytes")


@pytest.mark.skipif(os.name != "posix", reason="files have no modes elsewhere")
def test_an_issuing_key_that_others_may_read_is_refused(run: Run, folder: Path) -> None:
    path = folder / ISSUING_KEY_FILE
    path.chmod(0o644)

    run(*ISSUE, "--dir", folder).refused(1, str(path), "0644", "chmod 600")


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"no PEM", lambda pem: pem[:80]], ids=range(3))
def test_a_damaged_issuing_key_is_named(run: Run, folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = folder / ISSUING_KEY_FILE
    path.write_bytes(damage(path.read_bytes()))

    run(*ISSUE, "--dir", folder).refused(1, str(folder / ISSUING_KEY_FILE), "backup")


def test_a_station_without_a_key_issues_nothing(run: Run, enrolment_file: EnrolmentFile, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    assert run("init", enrolment_file(issuing_key=None), "--dir", folder).code == 0

    run(*ISSUE, "--dir", folder).refused(2, str(folder / ISSUING_KEY_FILE), "office", "--issue")


@pytest.mark.parametrize(
    ("content", "words"), [(b"no database", ["damaged", "gatepost init"]), (None, ["no station", "gatepost init"])]
)
def test_a_damaged_or_missing_database_is_named(
    run: Run, folder: Path, content: bytes | None, words: list[str]
) -> None:
    path = folder / JOURNAL_FILE
    path.unlink()
    if content is not None:
        path.write_bytes(content)

    for command in (["log", "verify"], ["sync", "status"], ["pass", "show", "000-000-000"], ISSUE):
        run(*command, "--dir", folder).refused(1, f"{path}:", *words)
    assert content is None or path.read_bytes() == content


def test_a_page_of_garbage_is_no_traceback(run: Run, folder: Path) -> None:
    for _ in range(5):
        run(*ISSUE, "--dir", folder)
    path = folder / JOURNAL_FILE
    whole = path.read_bytes()
    for start in range(4096, len(whole), 4096):
        path.write_bytes(whole[:start] + b"\xff" * 4096 + whole[start + 4096 :])
        for command in (["log", "verify"], ["sync", "status"], ["pass", "verify", "hello"]):
            told = run(*command, "--dir", folder)
            assert told.code in (0, 1), (start, command, told)
            assert len(told.err.splitlines()) == (0 if told.out else 1), (start, command, told)


def test_the_issuing_key_is_kept_under_a_passphrase(
    run: Run, enrolment_file: EnrolmentFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, folder = tmp_path / "passphrase", tmp_path / "station"
    secret.write_text("a long enough passphrase")
    secret.chmod(0o600)
    issue = ("pass", "issue", "--holder", "王小明", "--address", "3-2-501", *VALID, "--dir", folder)

    assert run("init", enrolment_file(), "--dir", folder, "--key-passphrase-file", secret).code == 0

    assert b"ENCRYPTED" in (folder / "issuing-key.pem").read_bytes()
    run(*issue).refused(2, "needs a passphrase", "GATEPOST_KEY_PASSPHRASE")
    assert run(*issue, "--passphrase-file", secret).code == 0
    monkeypatch.setenv("GATEPOST_KEY_PASSPHRASE", "a long enough passphrase")
    assert run(*issue).code == 0
    monkeypatch.setenv("GATEPOST_KEY_PASSPHRASE", "another passphrase")
    assert run(*issue).code != 0
