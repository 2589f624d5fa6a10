import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from passes.errors import UsageError
from sync.community.database import DatabaseError, communities, metadata, open_engine, reading, writing
from sync.community.registry import add_community, find_community
from sync.community.schema import SchemaError, migrate, migrate_down, require_current
from sync.sqlite import safe_journal_mode, sqlite3
from tests.community.conftest import DEADLINE_S


@pytest.fixture
def bare(empty_url: str) -> Iterator[sa.Engine]:
    opened = open_engine(empty_url)
    yield opened
    opened.dispose()


def test_up_down_and_up_again(bare: sa.Engine) -> None:
    with pytest.raises(SchemaError, match="upgrade"):
        require_current(bare)
    migrate(bare)
    migrate(bare)
    require_current(bare)
    assert set(sa.inspect(bare).get_table_names()) == {*metadata.tables, "alembic_version"}
    migrate_down(bare)
    assert sa.inspect(bare).get_table_names() == ["alembic_version"]
    migrate(bare)
    require_current(bare)


# SQLite cannot tell what an index of an expression holds; the comparison on PostgreSQL can.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index events_by_time")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index 'events_by_time'")
def test_the_migrations_make_the_tables_that_the_code_uses(bare: sa.Engine) -> None:
    migrate(bare)
    with reading(bare) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_two_processes_may_migrate_at_once(bare: sa.Engine, empty_url: str) -> None:
    other = open_engine(empty_url)
    start = threading.Barrier(2)

    def run(engine: sa.Engine) -> None:
        start.wait(DEADLINE_S)
        migrate(engine)

    try:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(run, [bare, other]))
    finally:
        other.dispose()
    require_current(bare)


def test_programs_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    programs = 4
    start = threading.Barrier(programs)

    def open_first(url: str) -> object:
        opened = open_engine(url)
        start.wait(DEADLINE_S)
        try:
            with writing(opened) as connection:
                return connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        finally:
            opened.dispose()

    with ThreadPoolExecutor(programs) as pool:
        for number in range(25):
            modes = set(pool.map(open_first, [f"sqlite:///{tmp_path}/{number}.sqlite"] * programs))
            assert modes == {safe_journal_mode(sqlite3.sqlite_version_info).lower()}


def test_keys_start_with_the_community_and_stay_inside_it() -> None:
    for table in metadata.tables.values():
        uniques = [one for one in table.constraints if isinstance(one, sa.PrimaryKeyConstraint | sa.UniqueConstraint)]
        assert uniques
        for constraint in uniques:
            assert next(iter(constraint.columns)).name == "community"
        for foreign in table.foreign_key_constraints:
            assert "community" in foreign.column_keys


def test_a_transaction_that_fails_keeps_nothing(bare: sa.Engine) -> None:
    migrate(bare)

    def enter_twice() -> None:
        row = {"community": "1", "name": "a", "zone": "UTC", "generation": "g"}
        with writing(bare) as connection:
            connection.execute(sa.insert(communities), row)
            connection.execute(sa.insert(communities), row)

    with pytest.raises(DatabaseError):
        enter_twice()
    with reading(bare) as connection:
        assert connection.execute(sa.select(communities)).all() == []


def test_a_community_is_entered_once(engine: sa.Engine) -> None:
    with pytest.raises(UsageError, match="holds it already"):
        add_community(engine, "370212004001", "另一个", "UTC")
    first, second = find_community(engine, "370212004001"), add_community(engine, "2", "b", "UTC")
    assert first.name == "平安里"
    assert first.generation != second.generation
    with pytest.raises(UsageError, match="does not hold it"):
        find_community(engine, "3")


@pytest.mark.parametrize("url", ["", "x", "mysql://h/d", "sqlite://", "sqlite:///:memory:", "oracle:secret@h"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(UsageError, match=r"database\.url") as caught:
        open_engine(url)
    assert "secret" not in str(caught.value)


def test_errors_hide_the_password() -> None:
    engine = open_engine("postgresql://u:hidden@127.0.0.1:1/x")
    with pytest.raises(DatabaseError) as caught, reading(engine):
        pass
    assert "hidden" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_sqlite_is_opened_for_durability(tmp_path: object) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/x.sqlite")
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 3
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() in {"wal", "delete"}
    engine.dispose()
