"""The office's keys: the trust list in its folder, and each change of it in the community's own journal."""

import errno
import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from passes.errors import KeyFileError, UsageError
from passes.keyfiles import load_key, save_key
from passes.keys import IssuingKey
from passes.token import PassClaims, issue_token, read_token
from passes.trust import TrustedKey, TrustList, newer_trust_list, read_trust_list, sign_trust_list, trust_list_bytes
from sync.bodies import KeyAdded, KeyWithdrawn
from sync.community.database import events, open_engine, reading, writing
from sync.community.journal import append
from sync.community.keys import Office, add_key, current_list, list_keys, rotate_key, trust_key, withdraw_key
from sync.community.office import (
    create_keys,
    load_root,
    load_root_public,
    load_trust_list,
    protect_root,
    save_trust_list,
    trusted,
)
from sync.community.registry import add_community, lock_community
from sync.community.schema import migrate
from sync.community.stations import add_station, withdraw_station
from sync.events import read_body
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS

KEYS_EACH = 5
PASSPHRASE = "correct horse battery"
one_database = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what does not depend on the kind of database."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "office"
    made.mkdir()
    create_keys(made, COMMUNITY, NOW_MS)
    return made


@pytest.fixture
def office(engine: sa.Engine, folder: Path) -> Office:
    for station in ("east", "west"):
        add_station(engine, COMMUNITY, station, station, NOW_MS)
    return Office(engine, folder, COMMUNITY, load_root(folder))


@pytest.fixture
def other(engine: sa.Engine, database_url: str) -> Iterator[sa.Engine]:
    """Return a second program's engine of the same database."""
    assert engine.dialect.name in database_url
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def listed(office: Office) -> TrustList:
    """The list in the folder, checked with the root's public key alone."""
    return read_trust_list(load_trust_list(office.folder), load_root_public(office.folder))


def recorded(office: Office) -> list[KeyAdded | KeyWithdrawn]:
    """What the journal says of keys, in order; every list in it was signed by the root, the last being the folder's."""
    query = sa.select(events.c.kind, events.c.body).where(events.c.kind.like("key.%")).order_by(events.c.feed_no)
    with reading(office.engine) as connection:
        bodies: list[Any] = [read_body(kind, body.encode()) for kind, body in connection.execute(query)]
    lists = [read_trust_list(trust_list_bytes(body.trust_list), office.root.public_key) for body in bodies]
    assert [trust.issued_at_ms for trust in lists] == sorted({trust.issued_at_ms for trust in lists})
    for earlier, later in pairwise([*lists, listed(office)]):
        assert newer_trust_list(earlier, later) == later
    return bodies


def test_a_station_s_key_is_made_trusted_and_recorded(office: Office) -> None:
    before = listed(office)
    made = add_key(office, "east", NOW_MS + 5)
    assert (made.station, made.path.parent) == ("east", office.folder)
    assert load_key(made.path).public_key == made.key.public_key
    if os.name == "posix":
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert listed(office) == TrustList(COMMUNITY, (*before.entries, made.key), NOW_MS + 5)
    (body,) = recorded(office)
    assert isinstance(body, KeyAdded)
    assert (body.key_id, body.station) == (made.key.key_id.hex(), "east")
    assert trust_list_bytes(body.trust_list) == load_trust_list(office.folder)
    assert [(entry.key, entry.station) for entry in list_keys(office.engine, office.folder, COMMUNITY)] == [
        (before.entries[0], None),
        (made.key, "east"),
    ]


def test_keys_made_at_once_are_all_trusted(office: Office, other: sa.Engine) -> None:
    before = listed(office).entries
    start = threading.Barrier(2)

    def issue(of: sa.Engine) -> list[TrustedKey]:
        start.wait(DEADLINE_S)
        mine = Office(of, office.folder, COMMUNITY, office.root)
        return [trust_key(mine, IssuingKey.generate(), "east", NOW_MS) for _ in range(KEYS_EACH)]

    with ThreadPoolExecutor(2) as pool:
        made = [key for keys in pool.map(issue, [office.engine, other]) for key in keys]
    assert len(made) == 2 * KEYS_EACH
    assert set(listed(office).entries) == {*before, *made}
    assert len(recorded(office)) == 2 * KEYS_EACH
    assert not list(office.folder.glob("*.part"))


def test_who_holds_the_lock_holds_up_nobody_who_adds_a_station(postgresql_database: str) -> None:
    first, second = open_engine(postgresql_database), open_engine(postgresql_database)
    try:
        migrate(first)
        add_community(first, COMMUNITY, "平安里", "Asia/Shanghai")
        with writing(first) as connection:
            lock_community(connection, COMMUNITY)
            assert add_station(second, COMMUNITY, "east", "East", NOW_MS)
    finally:
        first.dispose()
        second.dispose()


@one_database
def test_a_full_disk_leaves_everything_as_it_was(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = {path.name: path.read_bytes() for path in office.folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("sync.community.office.os.fsync", full)
        with pytest.raises(KeyFileError, match="No space"):
            add_key(office, "east", NOW_MS)
        with pytest.raises(KeyFileError, match=r"trust\.cose: cannot be written.*No space"):
            trust_key(office, IssuingKey.generate(), "east", NOW_MS)
    assert before == {path.name: path.read_bytes() for path in office.folder.iterdir()}
    assert recorded(office) == []
    add_key(office, "east", NOW_MS)
    assert len(listed(office).entries) == 2


@one_database
@pytest.mark.parametrize("station", ["north", "gone", "../x", ""])
def test_only_an_enrolled_station_gets_a_key(office: Office, station: str) -> None:
    add_station(office.engine, COMMUNITY, "gone", "gone", NOW_MS)
    withdraw_station(office.engine, COMMUNITY, "gone", NOW_MS)
    before = sorted(office.folder.iterdir())
    with pytest.raises(UsageError, match="no enrolled station has this id"):
        add_key(office, station, NOW_MS)
    assert sorted(office.folder.iterdir()) == before
    assert recorded(office) == []


@one_database
def test_a_rotated_key_is_still_trusted(office: Office) -> None:
    """What the station issued before, and goes on to issue until the new key is there, stays good at every gate."""
    old, west = add_key(office, "east", NOW_MS), add_key(office, "west", NOW_MS)
    day = date(2026, 2, 7)
    claims = PassClaims(bytes(16), COMMUNITY, "resident", day, day, "山小石", "3-2-501")
    token = issue_token(claims, load_key(old.path))
    new = rotate_key(office, "east", NOW_MS + 1)
    assert listed(office).entries[1:] == (old.key, west.key, new.key)
    assert read_token(token, listed(office)).key == old.key
    assert read_token(issue_token(claims, load_key(new.path)), listed(office)).key == new.key


@one_database
def test_a_rotated_key_may_end(office: Office) -> None:
    old, west = add_key(office, "east", NOW_MS), add_key(office, "west", NOW_MS)
    last = date(2026, 2, 14)
    new = rotate_key(office, "east", NOW_MS, old_until=last)
    newest = rotate_key(office, "east", NOW_MS, old_until=date(2026, 3, 1))
    untils = {entry.public_key: entry.valid_until for entry in listed(office).entries}
    assert [untils[made.key.public_key] for made in (old, west, new, newest)] == [last, None, date(2026, 3, 1), None]


@one_database
def test_a_station_without_a_key_has_none_to_rotate(office: Office) -> None:
    made = add_key(office, "east", NOW_MS)
    withdraw_key(office, made.key.key_id.hex(), None, NOW_MS)
    for station in ("east", "west", "north"):
        with pytest.raises(UsageError, match=f"station '{station}': has no key.*community key add"):
            rotate_key(office, station, NOW_MS)


def test_a_withdrawal_and_its_exception(office: Office) -> None:
    made = add_key(office, "east", NOW_MS)
    key_id = made.key.key_id.hex()
    first = withdraw_key(office, f" {key_id.upper()} ", None, NOW_MS + 10)
    assert (first.withdrawn_at_ms, first.honoured_before_ms) == (NOW_MS + 10, None)
    second = withdraw_key(office, made.key.public_key.hex(), NOW_MS + 5, NOW_MS + 20)
    assert (second.withdrawn_at_ms, second.honoured_before_ms) == (NOW_MS + 10, NOW_MS + 5)
    assert listed(office).entries[1] == second
    assert [second.is_withdrawn_for(at_ms) for at_ms in (NOW_MS + 4, NOW_MS + 5, None)] == [False, True, True]
    bodies = recorded(office)[1:]
    assert [(type(body), body.key_id) for body in bodies] == [(KeyWithdrawn, key_id)] * 2
    assert [body.honoured_before_ms for body in bodies if isinstance(body, KeyWithdrawn)] == [None, NOW_MS + 5]
    with pytest.raises(UsageError, match=f"key {key_id}: is withdrawn already"):
        withdraw_key(office, key_id, NOW_MS + 5, NOW_MS + 30)


@one_database
@pytest.mark.parametrize("name", ["", "00" * 8, "east", "x\x1b[2J"])
def test_a_key_that_is_not_there_cannot_be_withdrawn(office: Office, name: str) -> None:
    with pytest.raises(UsageError, match="the trust list has no such key") as caught:
        withdraw_key(office, name, None, NOW_MS)
    assert "\x1b" not in str(caught.value)
    assert recorded(office) == []


@one_database
def test_an_exception_cannot_lie_ahead(office: Office) -> None:
    (key,) = listed(office).entries
    with pytest.raises(UsageError, match="--honour-before: lies ahead"):
        withdraw_key(office, key.key_id.hex(), NOW_MS + 1, NOW_MS)
    assert listed(office).entries == (key,)


@one_database
def test_of_two_keys_with_one_id_the_public_key_says_which(office: Office) -> None:
    one = add_key(office, "east", NOW_MS).key
    same = trust_key(office, IssuingKey.generate(one.key_id), "west", NOW_MS)
    with pytest.raises(UsageError, match="several keys have this id") as caught:
        withdraw_key(office, one.key_id.hex(), None, NOW_MS)
    assert one.public_key.hex() in str(caught.value)
    withdraw_key(office, same.public_key.hex(), None, NOW_MS)
    assert [entry.withdrawn_at_ms for entry in listed(office).entries[1:]] == [None, NOW_MS]


@one_database
def test_a_clock_that_was_set_back_still_makes_a_later_list(office: Office) -> None:
    add_key(office, "east", NOW_MS + 1000)
    made = add_key(office, "west", NOW_MS - 1000)
    assert listed(office).issued_at_ms == NOW_MS + 1001
    assert withdraw_key(office, made.key.key_id.hex(), None, NOW_MS - 500).withdrawn_at_ms == NOW_MS - 500
    assert len(recorded(office)) == 3


@one_database
def test_a_folder_restored_from_a_backup_loses_no_key(office: Office) -> None:
    backup = load_trust_list(office.folder)
    east = add_key(office, "east", NOW_MS + 1)
    withdrawn = withdraw_key(office, east.key.key_id.hex(), None, NOW_MS + 2)
    save_trust_list(office.folder, backup)
    assert current_list(office.engine, office.folder, COMMUNITY).entries[1:] == (withdrawn,)
    west = add_key(office, "west", NOW_MS + 3)
    assert listed(office).entries[1:] == (withdrawn, west.key)


@one_database
def test_a_database_restored_from_a_backup_loses_no_key(office: Office) -> None:
    made = add_key(office, "east", NOW_MS + 1)
    with writing(office.engine) as connection:
        connection.execute(sa.delete(events))
    west = add_key(office, "west", NOW_MS + 2)
    assert listed(office).entries[1:] == (made.key, west.key)
    assert len(recorded(office)) == 1


def test_a_station_has_no_say_in_whose_key_it_is(office: Office) -> None:
    """A gate can copy what the office recorded into its own journal, under its own name."""
    made = add_key(office, "east", NOW_MS)
    (body,) = recorded(office)
    with writing(office.engine) as connection:
        claimed = KeyAdded(key_id=body.key_id, station="west", trust_list=body.trust_list)
        copied = append(connection, COMMUNITY, claimed, NOW_MS)
        connection.execute(sa.update(events).where(events.c.id == copied.id).values(station="west", epoch="01"))
    stations = [entry.station for entry in list_keys(office.engine, office.folder, COMMUNITY)]
    assert stations == [None, made.station]


@one_database
def test_a_list_that_the_root_did_not_sign_is_not_continued(office: Office) -> None:
    stranger = IssuingKey.generate()
    forged = sign_trust_list(stranger, COMMUNITY, [trusted(COMMUNITY, stranger)], NOW_MS + 9)
    mine = load_trust_list(office.folder)
    save_trust_list(office.folder, forged)
    with pytest.raises(KeyFileError, match="not signed by the root key"):
        add_key(office, "east", NOW_MS + 10)
    assert load_trust_list(office.folder) == forged
    save_trust_list(office.folder, mine)
    assert recorded(office) == []


@one_database
def test_an_encrypted_root_signs_with_its_passphrase_and_is_read_without(office: Office) -> None:
    protect_root(office.folder, None, PASSPHRASE)
    with pytest.raises(KeyFileError, match=r"root-key\.pem needs a passphrase"):
        load_root(office.folder)
    assert load_root_public(office.folder) == office.root.public_key
    assert len(list_keys(office.engine, office.folder, COMMUNITY)) == 1
    root = load_root(office.folder, PASSPHRASE)
    add_key(Office(office.engine, office.folder, COMMUNITY, root), "east", NOW_MS)
    assert len(listed(office).entries) == 2


def test_new_keys_are_encrypted_where_a_passphrase_is_given(tmp_path: Path) -> None:
    create_keys(tmp_path, COMMUNITY, NOW_MS, PASSPHRASE)
    for name in ("root-key.pem", "office-key.pem"):
        with pytest.raises(KeyFileError, match="needs a passphrase"):
            load_key(tmp_path / name)
        assert load_key(tmp_path / name, PASSPHRASE)
    trust = read_trust_list(load_trust_list(tmp_path), load_root_public(tmp_path))
    assert [entry.public_key for entry in trust.entries] == [
        load_key(tmp_path / "office-key.pem", PASSPHRASE).public_key
    ]


def test_a_folder_of_an_older_version_knows_its_root(folder: Path) -> None:
    public_key = load_root_public(folder)
    (folder / "root-key.pub").unlink()
    assert load_root_public(folder) == public_key
    (folder / "root-key.pub").write_text("no key")
    with pytest.raises(KeyFileError, match=r"root-key\.pub: this is no root key"):
        load_root_public(folder)


def test_a_root_key_that_others_can_read_is_refused(folder: Path, tmp_path: Path) -> None:
    if os.name != "posix":
        pytest.skip("file modes are POSIX")
    (folder / "root-key.pem").chmod(0o644)
    with pytest.raises(KeyFileError, match=r"root-key\.pem has mode 0644.*chmod 600"):
        load_root(folder)
    save_key(tmp_path / "fresh.pem", IssuingKey.generate())
    assert load_key(tmp_path / "fresh.pem")
