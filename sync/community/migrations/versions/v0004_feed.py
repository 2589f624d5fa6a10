"""Claims, and what is folded from all journals: passes, legs, conflicts, alerts."""

import sqlalchemy as sa
from alembic import op

import sync.community.tables_feed  # noqa: F401 - whoever compares the metadata with the tables finds all of them there

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_IS_KIND = sa.text("kind = 'kind.set'")


def upgrade() -> None:
    """Create the tables, and the index by which the kinds of passes are found."""
    op.create_index(
        "events_of_kinds", "events", ["community", "feed_no"], postgresql_where=_IS_KIND, sqlite_where=_IS_KIND
    )
    _create_claims()
    _create_legs()
    _create_findings()


def downgrade() -> None:
    """Remove them."""
    for table in ("alerts", "conflicts", "removed_legs", "legs", "known_passes", "fold_cursors", "claims"):
        op.drop_table(table)
    op.drop_index("events_of_kinds", "events")


def _create_claims() -> None:
    op.create_table(
        "claims",
        _key("community"),
        _key("key"),
        _key("station"),
        _key("event_id"),
        _number("claimed_at_ms"),
        sa.PrimaryKeyConstraint("community", "key", name="claims_pk"),
    )
    op.create_index("claims_by_age", "claims", ["community", "claimed_at_ms"])


def _create_legs() -> None:
    op.create_table(
        "fold_cursors",
        _key("community"),
        _number("last_feed_no"),
        sa.PrimaryKeyConstraint("community", name="fold_cursors_pk"),
        sa.ForeignKeyConstraint(["community"], ["communities.community"], name="fold_cursors_community_fk"),
    )
    op.create_table(
        "known_passes",
        _key("community"),
        _key("pass_id"),
        _key("line"),
        sa.Column("kind", _KEY),
        sa.Column("household", _KEY),
        _flag("is_issued"),
        sa.PrimaryKeyConstraint("community", "pass_id", name="known_passes_pk"),
    )
    op.create_index("known_passes_by_line", "known_passes", ["community", "line"])
    op.create_index("known_passes_by_household", "known_passes", ["community", "household"])
    op.create_table(
        "legs",
        *(_key(name) for name in ("community", "event_id", "line", "pass_id", "station", "epoch")),
        _number("seq"),
        sa.Column("direction", sa.Text, nullable=False),
        sa.Column("leg", sa.Text, nullable=False),
        _number("order_ms"),
        _number("at_ms"),
        *(_flag(name) for name in ("is_missed", "is_overridden", "is_unclaimed")),
        sa.PrimaryKeyConstraint("community", "event_id", name="legs_pk"),
    )
    op.create_index("legs_by_line", "legs", ["community", "line", "order_ms"])
    op.create_table(
        "removed_legs",
        _key("community"),
        _key("event_id"),
        sa.PrimaryKeyConstraint("community", "event_id", name="removed_legs_pk"),
    )


def _create_findings() -> None:
    op.create_table(
        "conflicts",
        _key("community"),
        _key("conflict_id"),
        _key("excess_id"),
        sa.Column("rule", sa.Text, nullable=False),
        _key("pass_id"),
        sa.Column("passages", sa.Text, nullable=False),
        sa.Column("stations", sa.Text, nullable=False),
        _number("found_at_ms"),
        sa.Column("closed_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("community", "conflict_id", name="conflicts_pk"),
    )
    op.create_index("conflicts_by_excess", "conflicts", ["community", "excess_id"])
    op.create_table(
        "alerts",
        _key("community"),
        _number("feed_no"),
        _key("event_id"),
        _key("station"),
        sa.Column("pass_id", sa.Text),
        sa.Column("direction", sa.Text, nullable=False),
        _number("at_ms"),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("community", "feed_no", name="alerts_pk"),
    )


def _key(name: str) -> sa.Column[str]:
    return sa.Column(name, _KEY, nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)
