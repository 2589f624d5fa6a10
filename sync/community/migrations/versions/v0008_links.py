"""Offers to join by a one-time code, and the head that each station has signed."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_SIGNED = ("public_key", "signed_hash", "signature")


def upgrade() -> None:
    """Make the table and the columns, empty: each station signs at its next contact."""
    with op.batch_alter_table("stations") as stations:
        stations.add_column(sa.Column("signed_epoch", _KEY))
        stations.add_column(sa.Column("signed_seq", sa.BigInteger))
        for name in _SIGNED:
            stations.add_column(sa.Column(name, sa.Text))
    op.create_table(
        "offers",
        sa.Column("community", _KEY, nullable=False),
        sa.Column("locator", _KEY, nullable=False),
        sa.Column("station", _KEY, nullable=False),
        sa.Column("proof_sha256", sa.Text, nullable=False),
        sa.Column("secret_sha256", sa.Text, nullable=False),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("expires_at_ms", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.BigInteger, nullable=False),
        sa.Column("taken_by", sa.Text),
        sa.Column("taken_at_ms", sa.BigInteger),
        sa.PrimaryKeyConstraint("community", "locator", name="offers_pk"),
        sa.ForeignKeyConstraint(
            ["community", "station"], ["stations.community", "stations.station"], name="offers_station_fk"
        ),
    )


def downgrade() -> None:
    """Take table and columns away; offers that nobody took are void."""
    op.drop_table("offers")
    with op.batch_alter_table("stations") as stations:
        for name in ("signed_epoch", "signed_seq", *_SIGNED):
            stations.drop_column(name)
