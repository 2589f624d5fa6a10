"""What the community holds of a station's journal, and forked events, which have places of their own.

A station whose number was used twice has two lives in one epoch. The event that came second is kept like any other, in
an epoch made of its own and the beginning of its hash (`branch_of`): it counts, travels with the feed, and is found as
a fork beside.
"""

import sqlalchemy as sa

from sync.community.database import events
from sync.wire import BRANCH_MARK, Holding


def branch_of(epoch: str, digest: str) -> str:
    """Return the epoch under which a forked event with that hash is kept."""
    return f"{epoch}{BRANCH_MARK}{digest[:16]}"


def holdings(connection: sa.Connection, community: str, station: str) -> list[Holding]:
    """Return how far each epoch of the station is held without a gap, in the order of epochs; forks left out."""
    of_station = (events.c.community == community, events.c.station == station)
    query = (
        sa.select(events.c.epoch, sa.func.count(), sa.func.max(events.c.seq))
        .where(*of_station, ~events.c.epoch.contains(BRANCH_MARK, autoescape=True))
        .group_by(events.c.epoch)
        .order_by(events.c.epoch)
    )
    return [
        Holding(epoch=epoch, seq=last if count == last else _before_gap(connection, of_station, epoch))
        for epoch, count, last in connection.execute(query).all()
    ]


def _before_gap(connection: sa.Connection, of_station: tuple[sa.ColumnElement[bool], ...], epoch: str) -> int:
    """Return the last number of an epoch before its first gap."""
    numbered = (
        sa.select(events.c.seq, sa.func.row_number().over(order_by=events.c.seq).label("place"))
        .where(*of_station, events.c.epoch == epoch)
        .subquery()
    )
    held = sa.select(sa.func.count()).select_from(numbered).where(numbered.c.seq == numbered.c.place)
    return int(connection.execute(held).scalar_one())
