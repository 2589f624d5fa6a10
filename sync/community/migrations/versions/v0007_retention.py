"""Retention: which purge has emptied an event, the purges, and indexes for them and for all that is no passage."""

import sqlalchemy as sa
from alembic import op

import sync.community.tables_retention  # noqa: F401 - whoever compares the metadata with the tables finds all of them there

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_IS_NO_PASSAGE = sa.text("kind <> 'passage.recorded'")
_IS_PURGED = sa.text("purge_id IS NOT NULL")


def upgrade() -> None:
    """Add column, table and indexes."""
    op.add_column("events", sa.Column("purge_id", _KEY))
    op.create_table(
        "purges",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("purge_id", _KEY, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger, nullable=False),
        sa.Column("days", sa.Text, nullable=False),
        sa.Column("rows_removed", sa.Text, nullable=False),
        sa.Column("finished_at_ms", sa.BigInteger),
        sa.Column("event_id", _KEY),
        sa.PrimaryKeyConstraint("community", "purge_id", name="purges_pk"),
        sa.ForeignKeyConstraint(["community"], ["communities.community"], name="purges_community_fk"),
    )
    op.create_index(
        "events_but_passages",
        "events",
        ["community", "kind", "feed_no"],
        postgresql_where=_IS_NO_PASSAGE,
        sqlite_where=_IS_NO_PASSAGE,
    )
    op.create_index(
        "events_of_purges",
        "events",
        ["community", "purge_id", "feed_no"],
        postgresql_where=_IS_PURGED,
        sqlite_where=_IS_PURGED,
    )


def downgrade() -> None:
    """Remove them; what was purged stays purged."""
    op.drop_index("events_of_purges", "events")
    op.drop_index("events_but_passages", "events")
    op.drop_table("purges")
    op.drop_column("events", "purge_id")
