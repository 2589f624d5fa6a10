import errno
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from passes.errors import KeyFileError
from passes.keys import read_trust_list
from sync.community.database import open_engine, writing
from sync.community.office import create_keys, load_root, load_trust_list, trust_new_key
from sync.community.registry import add_community, lock_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS

KEYS_EACH = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "office"
    made.mkdir()
    create_keys(made, COMMUNITY, NOW_MS)
    return made


@pytest.fixture
def other(engine: sa.Engine, empty_url: str) -> Iterator[sa.Engine]:
    """Return a second program's engine of the same database."""
    assert engine.dialect.name in empty_url
    opened = open_engine(empty_url)
    yield opened
    opened.dispose()


def listed(folder: Path) -> list[bytes]:
    trusted = read_trust_list(load_trust_list(folder), load_root(folder).public_key)
    return [entry.key_id for entry in trusted.entries]


def test_keys_made_at_once_are_all_trusted(engine: sa.Engine, other: sa.Engine, folder: Path) -> None:
    before = listed(folder)
    start = threading.Barrier(2)

    def issue(of: sa.Engine) -> list[bytes]:
        start.wait(DEADLINE_S)
        return [trust_new_key(of, folder, COMMUNITY, None, NOW_MS).key_id for _ in range(KEYS_EACH)]

    with ThreadPoolExecutor(2) as pool:
        made = [key_id for ids in pool.map(issue, [engine, other]) for key_id in ids]
    assert sorted(listed(folder)) == sorted(before + made)
    assert len(set(made)) == 2 * KEYS_EACH
    assert not list(folder.glob("*.part"))


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


def test_a_full_disk_leaves_the_list_as_it_was(
    engine: sa.Engine, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("sync.community.office.os.fsync", full)
        with pytest.raises(KeyFileError, match=r"trust\.cose: cannot be written.*No space"):
            trust_new_key(engine, folder, COMMUNITY, None, NOW_MS)
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}
    trust_new_key(engine, folder, COMMUNITY, None, NOW_MS)
    assert len(listed(folder)) == 2
