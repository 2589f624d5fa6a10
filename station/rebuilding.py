"""The register folded anew, beside the one in use: both must say the same, for all of it comes from the events."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING, Any

from passes.plaintext import plain
from station.feed import read_feed
from station.folding import REGISTER_TABLES, Fold
from station.journal import Journal
from station.storage import VERSION
from sync.events import understood
from sync.sqlite import sqlite3

if TYPE_CHECKING:
    from sqlite3 import Connection

_NUMBERED = frozenset({"rules", "trust_lists"})
"""Their column `n` counts in the order of coming, which is no part of what they say."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one table of the register says otherwise than the events: its first row, and which of the two has it."""

    table: str
    row: str
    is_in_use: bool


def differences(journal: Journal, zone: tzinfo) -> list[Difference]:
    """Fold journal and feed into a fresh register and compare it, table by table, with the one in use.

    Both are read in one transaction, so that the gate may go on recording meanwhile.
    """
    from station.migrations import migrate

    connection = journal.connection
    # The empty name is a file that SQLite keeps to itself and removes: a large register need not fit into memory.
    fresh = sqlite3.connect("")
    try:
        migrate(fresh, VERSION)
        connection.execute("BEGIN")
        _fold(journal, fresh, zone)
        found = (_first_difference(connection, fresh, table) for table in REGISTER_TABLES)
        return [one for one in found if one]
    finally:
        connection.rollback()
        fresh.close()


def _fold(journal: Journal, fresh: "Connection", zone: tzinfo) -> None:
    fold = Fold(fresh, zone)
    for n, event in journal.read():
        if body := understood(event.kind, event.body):
            fold.apply(n, event, body)
    for item in read_feed(journal.connection):
        if body := understood(item.kind, item.body):
            fold.apply(None, item, body)


def _first_difference(used: "Connection", fresh: "Connection", table: str) -> Difference | None:
    ours, anew = _rows(used, table), _rows(fresh, table)
    while True:
        row, wanted = next(ours, None), next(anew, None)
        if row != wanted:
            # Sorted alike, the smaller one is missing on the other side.
            is_in_use = wanted is None or (row is not None and _order(row) < _order(wanted))
            return Difference(table, plain(repr(row if is_in_use else wanted), 200), is_in_use)
        if row is None:
            return None


def _rows(connection: "Connection", table: str) -> Iterator[tuple[Any, ...]]:
    names = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    columns = ", ".join(name for name in names if name != "n" or table not in _NUMBERED)
    rows: Iterator[tuple[Any, ...]] = iter(
        connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}")  # noqa: S608 - our own table names
    )
    return rows


def _order(row: tuple[Any, ...]) -> tuple[tuple[bool, Any], ...]:
    """Return what a row is sorted by as SQLite does: nothing before everything."""
    return tuple((cell is not None, cell) for cell in row)
