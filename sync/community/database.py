"""The community's database: its tables, and how a SQLite file or a PostgreSQL server is opened.

Every primary and unique key starts with `community` and no foreign key crosses communities, so that the tables can be
spread over several servers by community. Instants are UTC milliseconds (`_ms`).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Column, Engine, ForeignKeyConstraint, Index, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from passes.errors import N_, GatepostError, UsageError
from sync.sqlite import CACHED_STATEMENTS, safe_journal_mode, sqlite3

__all__ = [
    "DatabaseError",
    "Engine",
    "asking",
    "communities",
    "database_errors",
    "events",
    "exports",
    "feed_counters",
    "feed_reservations",
    "forks",
    "happened_ms",
    "key_text",
    "metadata",
    "offers",
    "open_engine",
    "quarantine",
    "reading",
    "staff",
    "stations",
    "trouble",
    "writing",
]

SQLITE_BUSY_TIMEOUT_S = 15
LOCK_TIMEOUT_MS = 15_000
_MODE_ATTEMPTS = 10
CONNECT_TIMEOUT_S = 5
IDLE_TRANSACTION_S = 300
"""A transaction that asks nothing for so long is given up; the end of a large export takes a minute or two."""

# Either end notices within half a minute that the other's machine or line is gone, so that a writer that died holds
# neither locks nor reserved feed numbers for the hours that TCP would wait.
_KEEPALIVE = {"idle": 10, "interval": 5, "count": 3}
_GIVE_UP_MS = 30_000

_WRITES = "gatepost_writes"

# Keys are compared byte by byte, so that their order does not depend on the server's language.
key_text = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

metadata = sa.MetaData()

communities = Table(
    "communities",
    metadata,
    Column("community", key_text, nullable=False),
    Column("name", sa.Text, nullable=False),
    Column("zone", sa.Text, nullable=False),
    Column("generation", sa.Text, nullable=False),
    PrimaryKeyConstraint("community", name="communities_pk"),
)

feed_counters = Table(
    "feed_counters",
    metadata,
    Column("community", key_text, nullable=False),
    Column("last_feed_no", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", name="feed_counters_pk"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="feed_counters_community_fk"),
)

feed_reservations = Table(
    "feed_reservations",
    metadata,
    Column("community", key_text, nullable=False),
    Column("first_no", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", "first_no", name="feed_reservations_pk"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="feed_reservations_community_fk"),
)

stations = Table(
    "stations",
    metadata,
    Column("community", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("name", sa.Text, nullable=False),
    Column("secret_sha256", key_text, nullable=False),
    Column("added_at_ms", sa.BigInteger, nullable=False),
    Column("withdrawn_at_ms", sa.BigInteger),
    Column("last_contact_ms", sa.BigInteger),
    Column("head_epoch", key_text),
    Column("head_seq", sa.BigInteger),
    Column("public_key", sa.Text),
    Column("signed_epoch", key_text),
    Column("signed_seq", sa.BigInteger),
    Column("signed_hash", sa.Text),
    Column("signature", sa.Text),
    PrimaryKeyConstraint("community", "station", name="stations_pk"),
    UniqueConstraint("community", "secret_sha256", name="stations_secret_uq"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="stations_community_fk"),
)

offers = Table(
    "offers",
    metadata,
    Column("community", key_text, nullable=False),
    Column("locator", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("proof_sha256", sa.Text, nullable=False),
    Column("secret_sha256", sa.Text, nullable=False),
    Column("sealed", sa.LargeBinary, nullable=False),
    Column("expires_at_ms", sa.BigInteger, nullable=False),
    Column("tries", sa.BigInteger, nullable=False),
    Column("taken_by", sa.Text),
    Column("taken_at_ms", sa.BigInteger),
    PrimaryKeyConstraint("community", "locator", name="offers_pk"),
    ForeignKeyConstraint(
        ["community", "station"], ["stations.community", "stations.station"], name="offers_station_fk"
    ),
)

_IS_PERSON = sa.text("kind = 'person.registered'")
_IS_OPENING = sa.text("kind = 'shift.opened'")
_IS_DOUBT = sa.text("kind = 'head.doubted'")

events = Table(
    "events",
    metadata,
    Column("community", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("epoch", key_text, nullable=False),
    Column("seq", sa.BigInteger, nullable=False),
    Column("feed_no", sa.BigInteger, nullable=False),
    Column("id", key_text, nullable=False),
    Column("kind", key_text, nullable=False),
    Column("at_ms", sa.BigInteger, nullable=False),
    Column("device_ms", sa.BigInteger, nullable=False),
    Column("drift_ms", sa.BigInteger),
    Column("suspect", sa.Boolean, nullable=False),
    Column("shift", key_text),
    Column("guard", sa.Text),
    Column("body", sa.Text, nullable=False),
    Column("body_sha256", key_text, nullable=False),
    Column("prev", key_text, nullable=False),
    Column("hash", key_text, nullable=False),
    Column("received_at_ms", sa.BigInteger, nullable=False),
    Column("purge_id", key_text),
    PrimaryKeyConstraint("community", "station", "epoch", "seq", name="events_pk"),
    UniqueConstraint("community", "feed_no", name="events_feed_no_uq"),
    Index("events_of_persons", "community", "feed_no", postgresql_where=_IS_PERSON, sqlite_where=_IS_PERSON),
    Index("events_of_shifts", "community", "id", "feed_no", postgresql_where=_IS_OPENING, sqlite_where=_IS_OPENING),
    Index("events_of_doubts", "community", "feed_no", postgresql_where=_IS_DOUBT, sqlite_where=_IS_DOUBT),
)

happened_ms: sa.ColumnElement[int] = sa.func.coalesce(events.c.at_ms - events.c.drift_ms, events.c.at_ms)
"""When an event happened, UTC milliseconds: the station's clock less what it was ahead, as far as that was known."""

# A B-tree of each would take a quarter of all that storing an event costs. What arrives together is of few shifts and
# about one time, so that on PostgreSQL it is enough to know what each stretch of the table holds.
Index(
    "events_by_shift",
    events.c.community,
    events.c.shift,
    postgresql_using="brin",
    postgresql_ops={"community": "text_minmax_ops", "shift": "text_bloom_ops(n_distinct_per_range=32)"},
    postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
)
Index(
    "events_by_time",
    events.c.community,
    happened_ms,
    postgresql_using="brin",
    postgresql_with={"pages_per_range": 32, "autosummarize": "on"},
)

forks = Table(
    "forks",
    metadata,
    Column("community", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("epoch", key_text, nullable=False),
    Column("seq", sa.BigInteger, nullable=False),
    Column("hash", key_text, nullable=False),
    Column("line", sa.LargeBinary, nullable=False),
    Column("received_at_ms", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", "station", "epoch", "seq", "hash", name="forks_pk"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("community", key_text, nullable=False),
    Column("station", key_text, nullable=False),
    Column("digest", key_text, nullable=False),
    Column("line", sa.LargeBinary, nullable=False),
    Column("reason", sa.Text, nullable=False),
    Column("received_at_ms", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", "station", "digest", name="quarantine_pk"),
)

staff = Table(
    "staff",
    metadata,
    Column("community", key_text, nullable=False),
    Column("name", key_text, nullable=False),
    Column("role", sa.Text, nullable=False),
    Column("password_hash", sa.Text, nullable=False),
    Column("added_at_ms", sa.BigInteger, nullable=False),
    PrimaryKeyConstraint("community", "name", name="staff_pk"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="staff_community_fk"),
)

exports = Table(
    "exports",
    metadata,
    Column("community", key_text, nullable=False),
    Column("id", key_text, nullable=False),
    Column("at_ms", sa.BigInteger, nullable=False),
    Column("staff_name", sa.Text),
    Column("selection", sa.Text, nullable=False),
    Column("format", sa.Text, nullable=False),
    Column("passages", sa.BigInteger, nullable=False),
    Column("unmasked", sa.Boolean, nullable=False),
    PrimaryKeyConstraint("community", "id", name="exports_pk"),
    ForeignKeyConstraint(["community"], ["communities.community"], name="exports_community_fk"),
)


class DatabaseError(GatepostError):
    """The database did not do what it was asked; nothing of the transaction was kept."""


def open_engine(url: str, *, statement_timeout_s: int | None = None) -> Engine:
    """Make the engine for `sqlite:///FILE` or `postgresql://…`; connections are opened when they are used.

    PostgreSQL gives up a statement that takes longer than `statement_timeout_s`; a server's take no such time, a purge
    or an export may. Raises `UsageError` for any other address.
    """
    try:
        parsed = sa.make_url(url)
    except ArgumentError as error:
        raise _wrong_url("…") from error
    if parsed.get_backend_name() == "postgresql":
        return _open_postgresql(parsed, statement_timeout_s)
    if parsed.get_backend_name() == "sqlite" and parsed.database not in {None, "", ":memory:"}:
        return _open_sqlite(parsed)
    raise _wrong_url(parsed.render_as_string(hide_password=True))


@contextmanager
def reading(engine: Engine) -> Iterator[sa.Connection]:
    """Run the block on one connection that sees the database; raises `DatabaseError`."""
    with database_errors(engine), engine.begin() as connection:
        yield connection


@contextmanager
def asking(engine: Engine) -> Iterator[sa.Connection]:
    """Run statements of which each is a transaction of its own, told by a round trip instead of three.

    Raises `DatabaseError`. On SQLite, where nothing is sent anywhere, it is `reading`.
    """
    if engine.dialect.name != "postgresql":
        with reading(engine) as connection:
            yield connection
        return
    with (
        database_errors(engine),
        engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection,
    ):
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[sa.Connection]:
    """Run the block as one transaction, committed when the block has been left without an exception.

    On SQLite the only write lock is taken at the start (`BEGIN IMMEDIATE`). Raises `DatabaseError`.
    """
    with (
        database_errors(engine),
        engine.connect().execution_options(**{_WRITES: True}) as connection,
        connection.begin(),
    ):
        yield connection


@contextmanager
def database_errors(engine: Engine) -> Iterator[None]:
    """Turn whatever the database raises inside the block into a `DatabaseError` that names it and the remedy."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
        raise trouble(engine, cause) from error


def trouble(engine: Engine, cause: BaseException) -> DatabaseError:
    """Return the error that tells of `cause` without its parameters, which may be personal data."""
    lines = str(cause).strip().splitlines()
    return DatabaseError(
        N_("database {url}: {error}; check that it runs, has room and may be written, then try again"),
        url=engine.url.render_as_string(hide_password=True),
        error=lines[0] if lines else type(cause).__name__,
    )


def _open_postgresql(url: sa.URL, statement_timeout_s: int | None) -> Engine:
    options: dict[str, Any] = {
        "connect_timeout": CONNECT_TIMEOUT_S,
        "application_name": "gatepost",
        "client_encoding": "utf8",
        "tcp_user_timeout": _GIVE_UP_MS,
        **{f"keepalives_{name}": value for name, value in _KEEPALIVE.items()},
    }
    if "options" not in url.query:
        settings = {
            "lock_timeout": LOCK_TIMEOUT_MS,
            "idle_in_transaction_session_timeout": IDLE_TRANSACTION_S * 1000,
            "statement_timeout": (statement_timeout_s or 0) * 1000,
            **{f"tcp_keepalives_{name}": value for name, value in _KEEPALIVE.items()},
        }
        options["options"] = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return sa.create_engine(
        url.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        pool_timeout=LOCK_TIMEOUT_MS / 1000,
        hide_parameters=True,
        connect_args={name: value for name, value in options.items() if name not in url.query},
    )


def _open_sqlite(url: sa.URL) -> Engine:
    journal_mode = safe_journal_mode(sqlite3.sqlite_version_info)
    engine = sa.create_engine(
        url.set(drivername="sqlite+pysqlite"),
        module=sqlite3,
        hide_parameters=True,
        connect_args={"timeout": SQLITE_BUSY_TIMEOUT_S, "cached_statements": CACHED_STATEMENTS},
    )

    def set_up(connection: Any, _record: object) -> None:
        # The driver's own transaction control would begin too late and without the write lock.
        connection.isolation_level = None
        _set_journal_mode(connection, journal_mode)
        # As FULL; where commits delete a rollback journal, a power cut cannot bring that back and undo them.
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("PRAGMA foreign_keys = ON")

    def begin(connection: sa.Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    sa.event.listen(engine, "connect", set_up)
    sa.event.listen(engine, "begin", begin)
    return engine


def _set_journal_mode(connection: Any, mode: str) -> None:
    # Where two programs open a new file at once, SQLite tells one of them "locked" without waiting. Waiting as a writer
    # does work, and then the other has changed the mode.
    for _ in range(_MODE_ATTEMPTS):
        try:
            connection.execute(f"PRAGMA journal_mode = {mode}")
        except sqlite3.OperationalError:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
        else:
            return
    connection.execute(f"PRAGMA journal_mode = {mode}")


def _wrong_url(shown: str) -> UsageError:
    return UsageError(
        N_("database.url: {value!r} is no database; write sqlite:///community.sqlite or postgresql://user@host/name"),
        value=shown,
    )
