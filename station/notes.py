"""Small things that a station keeps in its file beside journal and register, each under a name."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection

REGISTER = "register"
"""Whether the register has been folded (`folded`) or must be before it is used."""

CURSOR = "cursor"
"""What to ask the community's feed for next."""

SYNCED = "synced_ms"
"""The instant (UTC milliseconds, the device's) at which the lists were last as new as the community's."""

HEADS = "heads"
"""How far the community had heard of every station at that instant, as JSON."""


def read_note(connection: "Connection", name: str) -> str | None:
    """Return what is kept under a name, None where there is nothing."""
    row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else None


def write_note(connection: "Connection", name: str, value: str) -> None:
    """Keep a value under a name, in the transaction that is open."""
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))


def drop_note(connection: "Connection", name: str) -> None:
    """Forget what is kept under a name, in the transaction that is open."""
    connection.execute("DELETE FROM notes WHERE name = ?", (name,))
