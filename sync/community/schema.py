"""Bringing a community's database to the tables that this version needs, and telling whether it has them."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from passes.errors import N_, GatepostError, UsageError
from sync.community.database import reading, writing

# Any fixed number: two processes that start at once must not migrate at once.
_POSTGRESQL_LOCK = 0x6761_7465


class SchemaError(GatepostError):
    """The database's tables are not those of this version."""


def migrate(engine: sa.Engine, revision: str = "head") -> None:
    """Run the migrations up to `revision` in one transaction; does nothing when they have run.

    Raises `DatabaseError`, and then nothing has changed.
    """
    with writing(engine) as connection:
        _take_turn(connection)
        command.upgrade(_config(connection), revision)


def migrate_down(engine: sa.Engine, revision: str = "base") -> None:
    """Take the migrations back to `revision` in one transaction; the tables' contents go with them."""
    with writing(engine) as connection:
        _take_turn(connection)
        command.downgrade(_config(connection), revision)


def take_back(engine: sa.Engine, revision: str) -> None:
    """Take the migrations back to `revision`, an earlier version of the tables.

    Raises `UsageError` when there is no such version below the one that the database has.
    """
    with reading(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision() or ""
        scripts = ScriptDirectory.from_config(_config(connection)).walk_revisions()
        earlier = sorted(script.revision for script in scripts if script.revision < found)
    if revision not in earlier:
        raise UsageError(
            N_("--to {revision!r}: the tables are at version {found}, and can go back to {earlier}"),
            revision=revision[:20],
            found=found or "-",
            earlier=", ".join(earlier) or "-",
        )
    migrate_down(engine, revision)


def require_current(engine: sa.Engine) -> None:
    """Raise `SchemaError` unless the database has exactly this version's tables."""
    with reading(engine) as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        needed = ScriptDirectory.from_config(_config(connection)).get_current_head()
    if found != needed:
        raise SchemaError(
            N_(
                "database {url}: its tables are at version {found}, this program needs {needed};"
                " run: gatepost community upgrade --dir DIR, or install the matching version"
            ),
            url=engine.url.render_as_string(hide_password=True),
            found=found or "-",
            needed=needed or "-",
        )


def _take_turn(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_POSTGRESQL_LOCK)))


def _config(connection: sa.Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", "sync.community:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
