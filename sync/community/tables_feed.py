"""The tables behind feed, claims and conflicts. All but the claims are folded from the journals and can be made anew.

They belong to the metadata of `sync.community.database`; the rules for keys and instants written there hold here too.
"""

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table

from sync.community.database import events, key_text, metadata

claims = Table(
    "claims",
    metadata,
    Column("community", key_text, nullable=False),
    Column("key", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("event_id", key_text, nullable=False),
    Column("claimed_at_ms", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", "key", name="claims_pk"),
    Index("claims_by_age", "community", "claimed_at_ms"),
)

fold_cursors = Table(
    "fold_cursors",
    metadata,
    Column("community", key_text, nullable=False),
    Column("last_feed_no", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", name="fold_cursors_pk"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="fold_cursors_community_fk"),
)

known_passes = Table(
    "known_passes",
    metadata,
    Column("community", key_text, nullable=False),
    Column("pass_id", key_text, nullable=False),
    Column("line", key_text, nullable=False),
    Column("kind", key_text),
    Column("household", key_text),
    Column("is_issued", sa.Boolean, nullable=False),
    PrimaryKeyConstraint("community", "pass_id", name="known_passes_pk"),
    Index("known_passes_by_line", "community", "line"),
    Index("known_passes_by_household", "community", "household"),
)

legs = Table(
    "legs",
    metadata,
    Column("community", key_text, nullable=False),
    Column("event_id", key_text, nullable=False),
    Column("line", key_text, nullable=False),
    Column("pass_id", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("epoch", key_text, nullable=False),
    Column("seq", sa.BigInteger, nullable=False),
    Column("direction", sa.Text, nullable=False),
    Column("leg", sa.Text, nullable=False),
    Column("order_ms", sa.BigInteger, nullable=False),
    Column("at_ms", sa.BigInteger, nullable=False),
    Column("is_missed", sa.Boolean, nullable=False),
    Column("is_overridden", sa.Boolean, nullable=False),
    Column("is_unclaimed", sa.Boolean, nullable=False),
    PrimaryKeyConstraint("community", "event_id", name="legs_pk"),
    Index("legs_by_line", "community", "line", "order_ms"),
)

removed_legs = Table(
    "removed_legs",
    metadata,
    Column("community", key_text, nullable=False),
    Column("event_id", key_text, nullable=False),
    PrimaryKeyConstraint("community", "event_id", name="removed_legs_pk"),
)

conflicts = Table(
    "conflicts",
    metadata,
    Column("community", key_text, nullable=False),
    Column("conflict_id", key_text, nullable=False),
    Column("excess_id", key_text, nullable=False),
    Column("rule", sa.Text, nullable=False),
    Column("pass_id", key_text, nullable=False),
    Column("passages", sa.Text, nullable=False),
    Column("stations", sa.Text, nullable=False),
    Column("found_at_ms", sa.BigInteger, nullable=False),
    Column("closed_at_ms", sa.BigInteger),
    PrimaryKeyConstraint("community", "conflict_id", name="conflicts_pk"),
    Index("conflicts_by_excess", "community", "excess_id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("community", key_text, nullable=False),
    Column("feed_no", sa.BigInteger, nullable=False),
    Column("event_id", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("pass_id", sa.Text),
    Column("direction", sa.Text, nullable=False),
    Column("at_ms", sa.BigInteger, nullable=False),
    Column("reasons", sa.Text, nullable=False),
    PrimaryKeyConstraint("community", "feed_no", name="alerts_pk"),
)

_IS_KIND = sa.text("kind = 'kind.set'")
Index(
    "events_of_kinds",
    events.c.community,
    events.c.feed_no,
    postgresql_where=_IS_KIND,
    sqlite_where=_IS_KIND,
)
