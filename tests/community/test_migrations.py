"""Every version of the tables, down and up again, with rows in all of them, on both databases."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.script import ScriptDirectory

from passes.errors import UsageError
from sync.community.database import Engine, metadata, open_engine, reading, writing
from sync.community.schema import SchemaError, migrate, migrate_down, require_current, take_back
from tests.community.conftest import COMMUNITY

Contents = dict[str, list[dict[str, Any]]]


@pytest.fixture
def bare(empty_url: str) -> Iterator[Engine]:
    opened = open_engine(empty_url)
    yield opened
    opened.dispose()


def _versions() -> list[str]:
    """Return all versions, the newest first."""
    config = Config()
    config.set_main_option("script_location", "sync.community:migrations")
    config.set_main_option("path_separator", "os")
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _fill(engine: Engine) -> None:
    """Put two rows into every table that this version has; of what may be NULL the second has something."""
    with writing(engine) as connection:
        for table in metadata.sorted_tables:
            rows = []
            for number in (1, 2):
                row = {column.name: _value(column, number) for column in table.columns}
                # There is one community; tables that hold one row for each have one.
                keys = [column.name for column in table.primary_key.columns]
                if keys != ["community"] or number == 1:
                    rows.append(row)
            connection.execute(sa.insert(table), rows)


def _value(column: sa.Column[Any], number: int) -> Any:
    if column.name == "community":
        return COMMUNITY
    if column.nullable and number == 1:
        return None
    if isinstance(column.type, sa.Boolean):
        return number == 2
    if isinstance(column.type, sa.BigInteger):
        return 1_770_000_000_000 + number
    return b"\0\xff%d" % number if isinstance(column.type, sa.LargeBinary) else f"周\t\\{number}"


def _contents(engine: Engine) -> Contents:
    """Return the rows of the tables that this version and the present one have, with the columns of both."""
    with reading(engine) as connection:
        there = sa.inspect(connection)
        found: Contents = {}
        for name in sorted({*there.get_table_names()} & {*metadata.tables}):
            columns = {column["name"] for column in there.get_columns(name)}
            table = metadata.tables[name]
            query = sa.select(*(column for column in table.columns if column.name in columns))
            rows = [dict(row._mapping) for row in connection.execute(query)]
            found[name] = sorted(rows, key=repr)
        return found


def _cut(contents: Contents, like: Contents) -> Contents:
    """Return of the contents what an older version can hold."""
    return {
        name: sorted(({key: row[key] for key in rows[0]} for row in contents[name]), key=repr)
        for name, rows in like.items()
    }


def test_every_version_goes_down_and_up_with_rows_in_all_tables(bare: Engine) -> None:
    versions = _versions()
    assert [*versions] == [f"{number:04}" for number in range(len(versions), 0, -1)]
    migrate(bare)
    _fill(bare)
    whole = _contents(bare)
    assert all(whole.values())
    assert {*whole} == {*metadata.tables}
    for version in versions[1:]:
        migrate_down(bare, version)
        older = _contents(bare)
        assert older
        assert older == _cut(whole, older), f"going down to {version} lost or changed something"
        migrate(bare)
        require_current(bare)
        assert _cut(_contents(bare), older) == older, f"coming up from {version} lost or changed something"
        with writing(bare) as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
        _fill(bare)
    migrate_down(bare)
    assert sa.inspect(bare).get_table_names() == ["alembic_version"]
    migrate(bare)
    require_current(bare)
    with pytest.raises(UsageError, match="can go back to 0001"):
        take_back(bare, versions[0])
    take_back(bare, versions[1])
    with pytest.raises(SchemaError, match=versions[1]):
        require_current(bare)
    # One version after the other finds what the one before has left.
    migrate_down(bare)
    for version in reversed(versions):
        migrate(bare, version)
    require_current(bare)
