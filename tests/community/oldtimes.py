"""A community whose records are old, and what is left of them."""

from typing import Any

import msgspec
import sqlalchemy as sa

from sync.bodies import PassRevoked, PersonRegistered, ShiftHandedOver, ShiftOpened
from sync.community.database import events, reading
from sync.community.purging import Purged, purge
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, RetentionTable, ServerTable
from tests.community.conftest import COMMUNITY, NOW_MS, passage
from tests.community.gates import DAY_MS, HOUR_MS, Gate, issued

SETTINGS = CommunitySettings(
    CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"), DatabaseTable("sqlite:///x"), ServerTable("http://127.0.0.1")
)
LATER_MS = NOW_MS + 100 * DAY_MS


def play_old_times(east: Gate) -> None:
    """Record a shift with everything in it that names people."""
    opened = east.record(ShiftOpened(guards=["王五"], lead="赵七"))
    east.chain.shift = opened.id
    east.record(issued("a"))
    east.record(PersonRegistered(person_id="p-a", name="王小明", household="h1", address="3-2-501"))
    east.record(PersonRegistered(person_id="p-a", name="王晓明", household="h1", address="3-2-502"))
    east.leg("a", "first", NOW_MS, holder="王小明", holder_id="p-a", household="h1", remark="代取药")
    back = east.leg("a", "return", NOW_MS + HOUR_MS, "fever", holder="王小明", verdict="attention")
    east.undo(back, "a")
    east.record(passage("王小明", outcome="refused", verdict="refuse", reasons=["fever"], leg="first", pass_id="a"))
    east.record(PassRevoked(pass_id="a", reason="lost", witness="王小明"))
    east.record(ShiftHandedOver(outgoing="王五", incoming="周九", counts={"exits": 1}, outstanding="王小明 代取药"))
    east.push()


def keeping(**days: int) -> CommunitySettings:
    """Return the settings with these days of retention; what is said at a hand-over is kept for 30."""
    return msgspec.structs.replace(SETTINGS, retention=RetentionTable(**{"shifts": 30, **days}))


def run(engine: sa.Engine, now_ms: int = LATER_MS, **days: int) -> Purged:
    """Purge, keeping records for these days."""
    return purge(engine, keeping(**days), now_ms, guard="孙主任")


def is_idle(done: Purged) -> bool:
    """Say whether a purge found nothing to do, and the database's files are clean."""
    return (done.event, done.events, done.rows, done.is_scrubbed) == (None, {}, {}, True)


def bodies(engine: sa.Engine) -> list[str]:
    """Return the bodies of all events, in the feed's order."""
    with reading(engine) as connection:
        query = sa.select(events.c.body).where(events.c.community == COMMUNITY).order_by(events.c.feed_no)
        return list(connection.execute(query).scalars())


def rows(engine: sa.Engine, table: sa.Table) -> list[sa.Row[Any]]:
    """Return all rows of a table."""
    with reading(engine) as connection:
        return list(connection.execute(sa.select(table)))
