"""Days are cut by drift-corrected time, and a shift is found by its id and the order of arrival."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IS_OPENING = sa.text("kind = 'shift.opened'")
_SHIFT_KINDS = sa.text("kind IN ('shift.opened', 'shift.handed_over')")


def upgrade() -> None:
    """Rebuild the two indexes by which shifts and days are pulled."""
    _drop()
    op.create_index("events_by_time", "events", ["community", sa.text("coalesce(at_ms - drift_ms, at_ms)")])
    op.create_index(
        "events_of_shifts",
        "events",
        ["community", "id", "feed_no"],
        postgresql_where=_IS_OPENING,
        sqlite_where=_IS_OPENING,
    )


def downgrade() -> None:
    """Bring the indexes of the first version back."""
    _drop()
    op.create_index("events_by_time", "events", ["community", "at_ms"])
    op.create_index(
        "events_of_shifts",
        "events",
        ["community", "at_ms", "id"],
        postgresql_where=_SHIFT_KINDS,
        sqlite_where=_SHIFT_KINDS,
    )


def _drop() -> None:
    for name in ("events_by_time", "events_of_shifts"):
        op.drop_index(name, "events")
