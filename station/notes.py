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

SERVER = "server_ms"
"""The instant of the last word of the community, by its clock (UTC milliseconds): what retention counts up to."""

PURGE = "purge"
"""The purge that is under way, as JSON; it names what may be emptied (`station.purging`)."""

PURGED_ON = "purged_on"
"""The local day on which the app last looked for what is too old."""

UNSCRUBBED = "unscrubbed"
"""That the file still holds old versions of what a purge has emptied."""

GENERATION = "generation"
"""The life of the community's database that this station last agreed with on what has been sent; none: ask anew."""

EPOCH = "epoch"
"""The epoch in which the journal has to go on, because another life of it used the numbers of the one before."""

TWIN = "twin"
"""The newest record that another machine wrote under this station's id, as JSON."""


def read_note(connection: "Connection", name: str) -> str | None:
    """Return what is kept under a name, None where there is nothing."""
    row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else None


def write_note(connection: "Connection", name: str, value: str) -> None:
    """Keep a value under a name, in the transaction that is open."""
    connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))


def delete_note(connection: "Connection", name: str) -> None:
    """Keep nothing under a name, in the transaction that is open."""
    connection.execute("DELETE FROM notes WHERE name = ?", (name,))
