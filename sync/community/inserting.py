"""Getting a batch's events into the table: COPY on PostgreSQL, executemany on SQLite, the same outcome on both."""

import itertools
import struct
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

_COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_COPY_END = b"\xff\xff"
_SIZE = struct.Struct(">i")
_ROW_HEAD = struct.Struct(">hiq")
_NUMBER = struct.Struct(">iq")
_NUMBER_AND_SIZE = struct.Struct(">iqi")
_TIMES = struct.Struct(">iqiq")
_DIGESTS = struct.Struct(">i64si64si64s")
_NULL = _SIZE.pack(-1)
_TRUE = _SIZE.pack(1) + b"\1"
_FALSE = _SIZE.pack(1) + b"\0"

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
    """Rows as those of PostgreSQL's COPY in binary format, each without its feed number, which comes first.

    The format is that of PostgreSQL's manual, COPY, "File Formats: Binary Format": the number of cells, then before
    each cell its size in bytes. PostgreSQL takes it for two thirds of what reading text costs it.
    """

    def __init__(self, setting: Setting) -> None:
        self._cells = _Cells()
        self._before = (
            self._cells[setting.community] + self._cells[setting.station] + _NUMBER.pack(8, setting.received_at_ms)
        )
        self._rows: list[bytes] = []

    def add(self, event: Event, body: str) -> None:  # noqa: ARG002 - SQLite takes the text
        # `screening` has checked that the numbers fit and that the digests are hexadecimal.
        cells, clock, name = self._cells, event.clock, event.id.encode()
        self._rows.append(
            b"%b%b%b%b%b%b%b%b%b%b%b"
            % (
                self._before,
                cells[event.epoch],
                _NUMBER_AND_SIZE.pack(8, event.seq, len(name)),
                name,
                cells[event.kind],
                _TIMES.pack(8, event.at_ms, 8, clock.device_ms),
                _NULL if clock.drift_ms is None else _NUMBER.pack(8, clock.drift_ms),
                _TRUE if clock.suspect else _FALSE,
                cells[event.shift],
                _DIGESTS.pack(64, event.body_sha256.encode(), 64, event.prev.encode(), 64, event.hash.encode()),
                cells[event.guard],
            )
            + _SIZE.pack(memoryview(event.body).nbytes)
            + event.body
        )

    def insert(self, connection: sa.Connection, before_feed_no: int) -> None:
        self._copy(connection, "events", before_feed_no)

    def insert_free(self, connection: sa.Connection, before_feed_no: int) -> int:
        connection.exec_driver_sql(_MAKE_INCOMING)
        self._copy(connection, "gatepost_incoming", before_feed_no)
        return connection.execute(_MOVE).rowcount

    def _copy(self, connection: sa.Connection, table: str, before_no: int) -> None:
        import psycopg

        driver: Any = connection.connection.driver_connection
        numbers = range(before_no + 1, before_no + 1 + len(self._rows))
        heads = (_ROW_HEAD.pack(len(_COLUMNS), 8, number) for number in numbers)
        parts = itertools.chain.from_iterable(zip(heads, self._rows, strict=True))
        try:
            with driver.cursor() as cursor, cursor.copy(f"COPY {table} ({_NAMES}) FROM STDIN (FORMAT binary)") as copy:
                copy.write(b"".join((_COPY_HEAD, *parts, _COPY_END)))
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


class _Cells(dict[str | None, bytes]):
    """The cells of texts of which a batch has few: each is made once."""

    def __missing__(self, text: str | None) -> bytes:
        cell = self[text] = _NULL if text is None else _cell(text.encode())
        return cell


def _cell(content: bytes) -> bytes:
    return _SIZE.pack(len(content)) + content
