"""Feed numbers are reserved by the batch; two indexes of events become cheap ones on PostgreSQL."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_HAPPENED = sa.text("coalesce(at_ms - drift_ms, at_ms)")
_BRIN = {"pages_per_range": 32, "autosummarize": "on"}


def upgrade() -> None:
    """Create the table of reservations, and indexes that tell what each stretch of the table holds."""
    op.create_table(
        "feed_reservations",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("first_no", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", "first_no", name="feed_reservations_pk"),
        sa.ForeignKeyConstraint(["community"], ["communities.community"], name="feed_reservations_community_fk"),
    )
    if op.get_bind().dialect.name == "postgresql":
        _drop_indexes()
        op.create_index(
            "events_by_shift",
            "events",
            ["community", "shift"],
            postgresql_using="brin",
            postgresql_ops={"community": "text_minmax_ops", "shift": "text_bloom_ops(n_distinct_per_range=32)"},
            postgresql_with=_BRIN,
        )
        op.create_index(
            "events_by_time",
            "events",
            ["community", _HAPPENED],
            postgresql_using="brin",
            postgresql_with=_BRIN,
        )


def downgrade() -> None:
    """Go back to a B-tree of each."""
    op.drop_table("feed_reservations")
    if op.get_bind().dialect.name == "postgresql":
        _drop_indexes()
        op.create_index("events_by_shift", "events", ["community", "shift"])
        op.create_index("events_by_time", "events", ["community", _HAPPENED])


def _drop_indexes() -> None:
    op.drop_index("events_by_shift", "events")
    op.drop_index("events_by_time", "events")
