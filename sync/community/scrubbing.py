"""Letting the database write its files anew after a purge, without the old versions of what was changed."""

import logging
import re
from typing import Any

import sqlalchemy as sa

from passes.errors import GatepostError
from sync.community.database import database_errors, trouble
from sync.sqlite import sqlite3

logger = logging.getLogger("gatepost.community")

_EMPTIED = ("events", "forks", "quarantine", "exports", "legs", "alerts", "conflicts", "known_passes")


def scrub(engine: sa.Engine) -> bool:
    """Rewrite what a purge may have changed; return whether the database's files hold no old version of it any more.

    All tables are rewritten each time, since the purge before may not have managed it. On PostgreSQL gates wait
    meanwhile; write-ahead files and backups keep what they hold until they are removed themselves.
    """
    try:
        with database_errors(engine):
            is_clean = _rewrite_sqlite(engine) if engine.dialect.name == "sqlite" else _rewrite_postgresql(engine)
    except GatepostError as error:
        logger.warning("purge: %s", error)
        return False
    if not is_clean:
        logger.warning("purge: somebody still reads from before it, so old versions were kept in the database's files")
    return is_clean


def _rewrite_sqlite(engine: sa.Engine) -> bool:
    """Rewrite the whole file; say whether nobody's reading kept the old pages.

    SQLite's `secure_delete` is not enough: where it has moved rows within a page, copies stay in the space between.
    """
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("VACUUM")
        is_busy, *_ = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        raise trouble(engine, error) from error
    finally:
        raw.close()
    return not is_busy


def _rewrite_postgresql(engine: sa.Engine) -> bool:
    """Rewrite the tables into new files; say whether the server tells of each that no dead row was taken along.

    Without FULL, names stay readable in the space that was freed. A transaction that began before the purge may still
    see the old rows, and then even FULL takes them along; tables of another owner are left out with a mere warning.
    """
    kept: list[bool] = []

    def hear(notice: object) -> None:
        # Messages are in the server's language; what is told of a table begins with the number of such rows.
        told = re.match(r"\D*(\d+)", getattr(notice, "message_detail", None) or "")
        if told:
            kept.append(told[1] != "0")

    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver: Any = connection.connection.driver_connection
        driver.add_notice_handler(hear)
        try:
            connection.exec_driver_sql(f"VACUUM (FULL, VERBOSE) {', '.join(_EMPTIED)}")
        finally:
            driver.remove_notice_handler(hear)
    return len(kept) == len(_EMPTIED) and not any(kept)
