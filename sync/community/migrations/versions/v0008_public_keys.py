"""The key that each station signs with."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column."""
    op.add_column("stations", sa.Column("public_key", sa.Text))


def downgrade() -> None:
    """Take it away; stations show their keys again."""
    op.drop_column("stations", "public_key")
