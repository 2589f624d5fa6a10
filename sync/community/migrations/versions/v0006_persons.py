"""An index of the registrations of persons, so that their numbers are found without reading all passages."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_IS_PERSON = sa.text("kind = 'person.registered'")


def upgrade() -> None:
    """Add the index."""
    op.create_index(
        "events_of_persons",
        "events",
        ["community", "feed_no"],
        postgresql_where=_IS_PERSON,
        sqlite_where=_IS_PERSON,
    )


def downgrade() -> None:
    """Take the index away."""
    op.drop_index("events_of_persons", "events")
