"""Getting a batch's events into the table: COPY on PostgreSQL, executemany on SQLite, the same outcome on both."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sync.community.database import events, trouble
from sync.events import Event

_PLACE = [events.c.community, events.c.station, events.c.epoch, events.c.seq]

# PostgreSQL's COPY cannot skip what is there already, so it fills a table of the connection's own.
_MAKE_INCOMING = """
    CREATE TEMPORARY TABLE IF NOT EXISTS gatepost_incoming (
        line bigint, epoch text, seq bigint, id text, kind text, at_ms bigint, device_ms bigint, drift_ms bigint,
        suspect boolean, shift text, guard text, body text, body_sha256 text, prev text, hash text
    ) ON COMMIT DELETE ROWS
"""
_OWN_COLUMNS = (
    *("epoch", "seq", "id", "kind", "at_ms", "device_ms", "drift_ms", "suspect"),
    *("shift", "guard", "body", "body_sha256", "prev", "hash"),
)
_OWN = ", ".join(_OWN_COLUMNS)
_COPY = f"COPY gatepost_incoming (line, {_OWN}) FROM STDIN"
_MOVE = sa.text(
    f"INSERT INTO events (community, station, feed_no, received_at_ms, {_OWN})"  # noqa: S608 - constants only
    f" SELECT :community, :station, :before_feed_no + line, :received_at_ms, {_OWN} FROM gatepost_incoming"
    " ON CONFLICT (community, station, epoch, seq) DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all events of one batch share."""

    community: str
    station: str
    received_at_ms: int


def stage(connection: sa.Connection, new_events: Sequence[Event]) -> None:
    """Bring the events as far as possible without taking a lock that another batch could wait for."""
    if connection.dialect.name == "postgresql" and new_events:
        _copy(connection, new_events)


def insert_staged(connection: sa.Connection, setting: Setting, new_events: Sequence[Event], before_feed_no: int) -> int:
    """Insert those events whose place is free, numbered after `before_feed_no`; return how many there were.

    The events are those given to `stage` on this connection, and their places differ from each other.
    """
    shared = {
        "community": setting.community,
        "station": setting.station,
        "received_at_ms": setting.received_at_ms,
    }
    if connection.dialect.name == "postgresql":
        return connection.execute(_MOVE, {**shared, "before_feed_no": before_feed_no}).rowcount
    insert = sqlite.insert(events).on_conflict_do_nothing(index_elements=_PLACE)
    rows = [
        {**shared, "feed_no": before_feed_no + number, **dict(zip(_OWN_COLUMNS, _own_values(event), strict=True))}
        for number, event in enumerate(new_events, 1)
    ]
    return connection.execute(insert, rows).rowcount


def insert_unless_there(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows into `table`, leaving alone those whose primary key is there."""
    if not rows:
        return
    key = list(table.primary_key.columns)
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(index_elements=key), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(index_elements=key), rows)


def _copy(connection: sa.Connection, new_events: Sequence[Event]) -> None:
    import psycopg

    connection.exec_driver_sql(_MAKE_INCOMING)
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
            for number, event in enumerate(new_events, 1):
                copy.write_row((number, *_own_values(event)))
    except psycopg.Error as error:
        raise trouble(connection.engine, error) from error


def _own_values(event: Event) -> tuple[Any, ...]:
    clock = event.clock
    body = bytes(event.body).decode()
    return (
        *(event.epoch, event.seq, event.id, event.kind, event.at_ms, clock.device_ms, clock.drift_ms, clock.suspect),
        *(event.shift, event.guard, body, event.body_sha256, event.prev, event.hash),
    )
