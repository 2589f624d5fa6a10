"""Alembic's entry: runs the migrations on the connection that `sync.community.schema` hands over."""

import alembic

from sync.community.database import metadata

_context = alembic.context
_context.configure(
    connection=_context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite alters a table by copying it.
    render_as_batch=True,
    transactional_ddl=True,
)
_context.run_migrations()
