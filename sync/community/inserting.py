"""Getting a batch's events into the table: COPY on PostgreSQL, executemany on SQLite, the same outcome on both."""

from dataclasses import dataclass
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from sync.community.database import events, trouble
from sync.events import Event

_PLACE = [events.c.community, events.c.station, events.c.epoch, events.c.seq]

_COLUMNS = (
    *("feed_no", "community", "station", "received_at_ms", "epoch", "seq", "id", "kind", "at_ms", "device_ms"),
    *("drift_ms", "suspect", "shift", "body_sha256", "prev", "hash", "guard", "body"),
)
_NAMES = ", ".join(_COLUMNS)

_NULL = r"\N"
"""What COPY's text format writes for a cell without a value."""

# COPY cannot skip what is there already, so it fills a table of the connection's own.
_MAKE_INCOMING = "CREATE TEMPORARY TABLE IF NOT EXISTS gatepost_incoming (LIKE events) ON COMMIT DELETE ROWS"
_MOVE = sa.text(
    f"INSERT INTO events ({_NAMES})"  # noqa: S608 - constants only
    f" SELECT {_NAMES} FROM gatepost_incoming"
    # No index is named: where the table is spread over several servers, its unique keys lie with its parts.
    " ON CONFLICT DO NOTHING"
)


class PlaceTakenError(Exception):
    """A place that should have been free was not; the transaction cannot go on."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What all events of one batch share."""

    community: str
    station: str
    received_at_ms: int


class Rows(Protocol):
    """The rows of new events, whose places differ from each other; everything is ready but their feed numbers."""

    def add(self, event: Event, body: str) -> None:
        """Lay out one row more; `body` is the event's body as text."""
        ...

    def insert(self, connection: sa.Connection, before_feed_no: int) -> None:
        """Insert all, numbered after `before_feed_no`; raises `PlaceTakenError` when one of the places was taken."""
        ...

    def insert_free(self, connection: sa.Connection, before_feed_no: int) -> int:
        """Insert those whose place is free, numbered after `before_feed_no`; return how many there were."""
        ...


def make_rows(engine: sa.Engine, setting: Setting) -> Rows:
    """Return no rows yet, of the kind that the database of `engine` takes."""
    return _CopyRows(setting) if engine.dialect.name == "postgresql" else _ValueRows(setting)


def insert_unless_there(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows into `table`, leaving alone those whose primary key is there."""
    if not rows:
        return
    key = list(table.primary_key.columns)
    if connection.dialect.name == "postgresql":
        connection.execute(postgresql.insert(table).on_conflict_do_nothing(index_elements=key), rows)
    else:
        connection.execute(sqlite.insert(table).on_conflict_do_nothing(index_elements=key), rows)


class _CopyRows:
    """Rows as the lines of PostgreSQL's COPY in text format, each without its feed number, which comes first."""

    def __init__(self, setting: Setting) -> None:
        self._cells = _Cells()
        self._shared = f"\t{_escaped(setting.community)}\t{_escaped(setting.station)}\t{setting.received_at_ms}"
        self._lines: list[bytes] = []

    def add(self, event: Event, body: str) -> None:
        # Numbers and digests, which `screening` has checked, hold nothing that COPY reads in its own way.
        cells, clock = self._cells, event.clock
        drift = _NULL if clock.drift_ms is None else clock.drift_ms
        header = (
            f"{self._shared}\t{cells[event.epoch]}\t{event.seq}\t{_escaped(event.id)}\t{cells[event.kind]}"
            f"\t{event.at_ms}\t{clock.device_ms}\t{drift}\t{'t' if clock.suspect else 'f'}\t{cells[event.shift]}"
            f"\t{event.body_sha256}\t{event.prev}\t{event.hash}\t"
        )
        # What may be Chinese stays apart: a string with one such character is slower to make and to encode.
        escaped = _escaped(body)
        cell = event.body if escaped is body else escaped.encode()
        self._lines.append(b"%b%b\t%b\n" % (header.encode(), cells[event.guard].encode(), cell))

    def insert(self, connection: sa.Connection, before_feed_no: int) -> None:
        self._copy(connection, "events", before_feed_no)

    def insert_free(self, connection: sa.Connection, before_feed_no: int) -> int:
        connection.exec_driver_sql(_MAKE_INCOMING)
        self._copy(connection, "gatepost_incoming", before_feed_no)
        return connection.execute(_MOVE).rowcount

    def _copy(self, connection: sa.Connection, table: str, before_no: int) -> None:
        import psycopg

        driver: Any = connection.connection.driver_connection
        try:
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({_NAMES}) FROM STDIN") as copy:
                copy.write(b"".join([b"%d%b" % numbered for numbered in enumerate(self._lines, before_no + 1)]))
        except psycopg.errors.UniqueViolation as error:
            raise PlaceTakenError from error
        except psycopg.Error as error:
            raise trouble(connection.engine, error) from error


class _ValueRows:
    """Rows as the values that SQLite takes."""

    def __init__(self, setting: Setting) -> None:
        self._shared = (setting.community, setting.station, setting.received_at_ms)
        self._rows: list[tuple[object, ...]] = []

    def add(self, event: Event, body: str) -> None:
        clock = event.clock
        self._rows.append(
            (
                *self._shared,
                *(event.epoch, event.seq, event.id, event.kind, event.at_ms),
                *(clock.device_ms, clock.drift_ms, clock.suspect, event.shift),
                *(event.body_sha256, event.prev, event.hash, event.guard, body),
            )
        )

    def insert(self, connection: sa.Connection, before_feed_no: int) -> None:
        try:
            connection.execute(sa.insert(events), self._numbered(before_feed_no))
        except IntegrityError as error:
            raise PlaceTakenError from error

    def insert_free(self, connection: sa.Connection, before_feed_no: int) -> int:
        insert = sqlite.insert(events).on_conflict_do_nothing(index_elements=_PLACE)
        return connection.execute(insert, self._numbered(before_feed_no)).rowcount

    def _numbered(self, before_feed_no: int) -> list[dict[str, Any]]:
        return [
            dict(zip(_COLUMNS, (number, *row), strict=True))
            for number, row in enumerate(self._rows, before_feed_no + 1)
        ]


class _Cells(dict[str | None, str]):
    """The cells of texts of which a batch has few: each is looked at once."""

    def __missing__(self, text: str | None) -> str:
        cell = self[text] = _NULL if text is None else _escaped(text)
        return cell


def _escaped(text: str) -> str:
    """Return `text` as a cell of COPY's text format, what the format uses itself escaped.

    The rules are those of PostgreSQL's manual, COPY, "File Formats: Text Format".
    """
    if "\\" in text or "\t" in text or "\n" in text or "\r" in text:
        return text.replace("\\", r"\\").replace("\t", r"\t").replace("\n", r"\n").replace("\r", r"\r")
    return text
