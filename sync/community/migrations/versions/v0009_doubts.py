"""The index by which doubts about stations' heads are found."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_IS_DOUBT = sa.text("kind = 'head.doubted'")


def upgrade() -> None:
    """Create it."""
    op.create_index(
        "events_of_doubts", "events", ["community", "feed_no"], postgresql_where=_IS_DOUBT, sqlite_where=_IS_DOUBT
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_index("events_of_doubts", "events")
