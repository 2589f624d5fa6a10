"""Communities, their stations and staff, and the journals that they receive."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SHIFT_KINDS = sa.text("kind IN ('shift.opened', 'shift.handed_over')")


def upgrade() -> None:
    """Create every table."""
    _create_communities()
    _create_events()
    _create_put_aside()
    _create_people()


def downgrade() -> None:
    """Remove every table."""
    for table in ("exports", "staff", "quarantine", "forks", "events", "stations", "feed_counters", "communities"):
        op.drop_table(table)


def _create_communities() -> None:
    op.create_table(
        "communities",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("generation", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("community", name="communities_pk"),
    )
    op.create_table(
        "feed_counters",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("last_feed_no", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", name="feed_counters_pk"),
        _of_community("feed_counters"),
    )
    op.create_table(
        "stations",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("station", _KEY, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("secret_sha256", _KEY, nullable=False),
        sa.Column("added_at_ms", sa.BigInteger, nullable=False),
        sa.Column("withdrawn_at_ms", sa.BigInteger),
        sa.Column("last_contact_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("community", "station", name="stations_pk"),
        sa.UniqueConstraint("community", "secret_sha256", name="stations_secret_uq"),
        _of_community("stations"),
    )


def _create_events() -> None:
    op.create_table(
        "events",
        *_place_columns(),
        sa.Column("feed_no", sa.BigInteger, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        sa.Column("kind", _KEY, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("device_ms", sa.BigInteger, nullable=False),
        sa.Column("drift_ms", sa.BigInteger),
        sa.Column("suspect", sa.Boolean, nullable=False),
        sa.Column("shift", _KEY),
        sa.Column("guard", sa.Text),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("body_sha256", _KEY, nullable=False),
        sa.Column("prev", _KEY, nullable=False),
        sa.Column("hash", _KEY, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", "station", "epoch", "seq", name="events_pk"),
        sa.UniqueConstraint("community", "feed_no", name="events_feed_no_uq"),
    )
    op.create_index("events_by_shift", "events", ["community", "shift"])
    op.create_index("events_by_time", "events", ["community", "at_ms"])
    op.create_index(
        "events_of_shifts",
        "events",
        ["community", "at_ms", "id"],
        postgresql_where=_SHIFT_KINDS,
        sqlite_where=_SHIFT_KINDS,
    )


def _create_put_aside() -> None:
    op.create_table(
        "forks",
        *_place_columns(),
        sa.Column("hash", _KEY, nullable=False),
        sa.Column("line", sa.LargeBinary, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", "station", "epoch", "seq", "hash", name="forks_pk"),
    )
    op.create_table(
        "quarantine",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("station", _KEY, nullable=False),
        sa.Column("digest", _KEY, nullable=False),
        sa.Column("line", sa.LargeBinary, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("received_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", "station", "digest", name="quarantine_pk"),
    )


def _create_people() -> None:
    op.create_table(
        "staff",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("name", _KEY, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text, nullable=False),
        sa.Column("added_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", "name", name="staff_pk"),
        _of_community("staff"),
    )
    op.create_table(
        "exports",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("staff_name", sa.Text),
        sa.Column("selection", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("passages", sa.BigInteger, nullable=False),
        sa.Column("unmasked", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("community", "id", name="exports_pk"),
        _of_community("exports"),
    )


def _place_columns() -> list[sa.Column[str] | sa.Column[int]]:
    return [
        sa.Column("community", _KEY, nullable=False),
        sa.Column("station", _KEY, nullable=False),
        sa.Column("epoch", _KEY, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    ]


def _of_community(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["community"], ["communities.community"], name=f"{table}_community_fk")
