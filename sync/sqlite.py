"""Which SQLite this program runs on, and how it keeps what it has committed."""

from typing import Any

CACHED_STATEMENTS = 1024
"""How many compiled statements a connection keeps: more than any program has.

What comes when `pysqlite3` has its default of 128 pushes out only what came last, so after the many of a new file or a
busy day the statements of every scan would be compiled anew.
"""


def _newest() -> Any:
    try:
        import pysqlite3.dbapi2 as newest
    except ImportError:
        import sqlite3 as newest
    return newest


sqlite3: Any = _newest()
"""The DB-API module: `pysqlite3`, which brings a recent SQLite, where it is installed; else Python's own."""


def safe_journal_mode(version: tuple[int, ...]) -> str:
    """Return WAL unless this SQLite may lose rows when two connections write and checkpoint at once.

    Fixed in 3.51.3, 3.50.7 and 3.44.6 (sqlite.org, the WAL-reset bug); an affected build runs with DELETE.
    """
    fixed = version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)
    return "WAL" if fixed else "DELETE"
