"""Stations with more than one life: whose numbers were used twice, and which write on two machines at once."""

from dataclasses import dataclass

import sqlalchemy as sa

from sync.community.database import events, forks, happened_ms, stations
from sync.wire import BRANCH_MARK

TOLERANCE_MS = 120_000
"""What the older machine wrote so soon after the newer began may be a matter of clocks."""


@dataclass(frozen=True, slots=True)
class Lives:
    """How many forks a station has, and when (UTC milliseconds) an older life last wrote beside the newest one."""

    forks: int = 0
    twin_ms: int | None = None


def find_lives(connection: sa.Connection, community: str) -> dict[str, Lives]:
    """Return what is to be said of each station; one that lives once is not named."""
    counted = (
        sa.select(forks.c.station, sa.func.count()).where(forks.c.community == community).group_by(forks.c.station)
    )
    forked = {row[0]: int(row[1]) for row in connection.execute(counted)}
    found = {}
    for station in connection.execute(sa.select(stations.c.station).where(stations.c.community == community)).scalars():
        lives = Lives(forked.get(station, 0), _twin_ms(connection, community, station))
        if lives != Lives():
            found[station] = lives
    return found


def _twin_ms(connection: sa.Connection, community: str, station: str) -> int | None:
    """Return when the life before the newest one last wrote, if that was after the newest began.

    The primary key has both ends of an epoch at once, however many events there are.
    """
    of_station = (
        events.c.community == community,
        events.c.station == station,
        ~events.c.epoch.contains(BRANCH_MARK, autoescape=True),
    )
    ends = sa.select(events.c.epoch, happened_ms.label("at_ms")).where(*of_station)
    newest = connection.execute(ends.order_by(events.c.epoch.desc(), events.c.seq.desc()).limit(1)).one_or_none()
    if newest is None:
        return None
    of_newest = ends.where(events.c.epoch == newest.epoch)
    began = connection.execute(of_newest.order_by(events.c.seq).limit(1)).one()
    before = ends.where(events.c.epoch < newest.epoch).order_by(events.c.epoch.desc(), events.c.seq.desc())
    older = connection.execute(before.limit(1)).one_or_none()
    if older is None or older.at_ms <= began.at_ms + TOLERANCE_MS:
        return None
    return int(older.at_ms)
