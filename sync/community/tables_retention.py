"""The table of purges: what retention has begun, and what it has finished."""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from sync.community.database import events, key_text, metadata

purges = Table(
    "purges",
    metadata,
    Column("community", key_text, nullable=False),
    Column("purge_id", key_text, nullable=False),
    Column("started_at_ms", sa.BigInteger, nullable=False),
    Column("days", sa.Text, nullable=False),
    Column("rows_removed", sa.Text, nullable=False),
    Column("finished_at_ms", sa.BigInteger),
    Column("event_id", key_text),
    PrimaryKeyConstraint("community", "purge_id", name="purges_pk"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="purges_community_fk"),
)

_IS_NO_PASSAGE = sa.text("kind <> 'passage.recorded'")
Index(
    "events_but_passages",
    events.c.community,
    events.c.kind,
    events.c.feed_no,
    postgresql_where=_IS_NO_PASSAGE,
    sqlite_where=_IS_NO_PASSAGE,
)
_IS_PURGED = sa.text("purge_id IS NOT NULL")
Index(
    "events_of_purges",
    events.c.community,
    events.c.purge_id,
    events.c.feed_no,
    postgresql_where=_IS_PURGED,
    sqlite_where=_IS_PURGED,
)
