"""The keys that stations sign their bundles with."""

import sqlalchemy as sa
from alembic import op

import sync.community.stationkeys  # noqa: F401 - whoever compares the metadata with the tables finds all of them there

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "station_keys",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("station", _KEY, nullable=False),
        sa.Column("public_key", _KEY, nullable=False),
        sa.Column("registered_at_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("community", "station", name="station_keys_pk"),
        sa.ForeignKeyConstraint(
            ["community", "station"], ["stations.community", "stations.station"], name="station_keys_station_fk"
        ),
    )


def downgrade() -> None:
    """Take the table away; stations show their keys again."""
    op.drop_table("station_keys")
