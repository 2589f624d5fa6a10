"""Each station's head is noted: an epoch, and a number beyond which none of its events is stored."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns, empty: each station's next batch finds its head."""
    with op.batch_alter_table("stations") as stations:
        stations.add_column(sa.Column("head_epoch", _KEY))
        stations.add_column(sa.Column("head_seq", sa.BigInteger))


def downgrade() -> None:
    """Take the columns away."""
    with op.batch_alter_table("stations") as stations:
        stations.drop_column("head_epoch")
        stations.drop_column("head_seq")
