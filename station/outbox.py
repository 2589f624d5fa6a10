"""What has been sent and what has not: the courier's view of the journal, on a connection of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from station.journal import read_events
from station.storage import storage_errors, writing
from sync.events import Event
from sync.wire import EventAnswer

if TYPE_CHECKING:
    from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events without an answer, the instant of the oldest, and how many the community could not simply store."""

    pending: int = 0
    oldest_ms: int | None = None
    stuck: int = 0


class JournalOutbox:
    """The unsent part of one station's journal.

    An event without a row in `deliveries` is unsent, so recording one needs no write of its own. Answers come for
    whole batches in the order of writing: the unsent events are those behind the newest answer.
    """

    def __init__(self, connection: "Connection", path: Path, station: str) -> None:
        self._connection = connection
        self._path = path
        self._station = station

    def unsent(self, limit: int) -> list[tuple[int, Event]]:
        """Return the oldest events without an answer, with their local numbers."""
        with storage_errors(self._path):
            return list(read_events(self._connection, self._station, self._answered(), limit))

    def settle(self, answers: Sequence[tuple[int, EventAnswer]], at_ms: int) -> None:
        """Keep the community's answers; an event is marked, never deleted."""
        rows = [(n, answer.status, answer.reason, at_ms) for n, answer in answers]
        with writing(self._connection, self._path):
            self._connection.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", rows)

    def backlog(self) -> Backlog:
        """Count what is still to be sent and what the community could not simply store."""
        with storage_errors(self._path):
            answered = self._answered()
            newest = self._connection.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0]
            oldest = self._connection.execute("SELECT at_ms FROM events WHERE n = ?", (answered + 1,)).fetchone()
            stuck = self._connection.execute(
                "SELECT count(*) FROM deliveries WHERE status IN ('fork', 'quarantined')"
            ).fetchone()[0]
        return Backlog(newest - answered, oldest[0] if oldest else None, stuck)

    def _answered(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(n), 0) FROM deliveries").fetchone()[0])
