"""The feed at the station: what the community sent of all gates, kept beside the journal, folded into the register."""

from collections.abc import Iterator
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from station.folding import Fold
from station.journal import noted_epoch
from station.notes import CURSOR, HEADS, SYNCED, read_note, write_note
from station.storage import writing
from sync.events import understood
from sync.wire import FeedAnswer, FeedHead, FeedItem

if TYPE_CHECKING:
    from sqlite3 import Connection


class Feed:
    """The feed of one station's file, on a connection of its own."""

    def __init__(self, connection: "Connection", path: Path, station: str, zone: tzinfo) -> None:
        self._db = connection
        self._path = path
        self._station = station
        self._fold = Fold(connection, zone)

    def cursor(self) -> str | None:
        """Return what to ask the community for next; None before the first time."""
        return read_note(self._db, CURSOR)

    def epoch(self) -> str | None:
        """Return the epoch in which this station writes: of that, it needs nothing from the feed."""
        # Not that of the newest record: a copied disk has written nothing yet, and needs what the original goes on to.
        return noted_epoch(self._path.parent)

    def take(self, answer: FeedAnswer, now_ms: int) -> int:
        """Keep a piece of the feed and fold it into the register, in one transaction; return how many events were new.

        `now_ms` is the device's time, from which the age of the lists is counted.
        """
        with writing(self._db, self._path):
            own = self._own_epochs()
            new = [item for item in answer.items if not self._is_in_journal(item, own) and self._keep(item)]
            for item in new:
                body = understood(item.kind, item.body)
                if body is not None:
                    self._fold.apply(None, item, body)
            write_note(self._db, CURSOR, answer.cursor)
            if not answer.more:
                write_note(self._db, SYNCED, str(now_ms))
                write_note(self._db, HEADS, msgspec.json.encode(answer.heads).decode())
        return len(new)

    def _own_epochs(self) -> dict[str, int]:
        """Return the epochs of the journal and how far each goes; numbers run without gaps, so few rows are read."""
        epochs: dict[str, int] = {}
        row = self._db.execute("SELECT n, epoch, seq FROM events ORDER BY n DESC LIMIT 1").fetchone()
        while row:
            n, epoch, seq = row
            epochs[epoch] = seq
            row = self._db.execute("SELECT n, epoch, seq FROM events WHERE n = ?", (n - seq,)).fetchone()
        return epochs

    def _is_in_journal(self, item: FeedItem, own: dict[str, int]) -> bool:
        return item.station == self._station and item.seq <= own.get(item.epoch, 0)

    def _keep(self, item: FeedItem) -> bool:
        """Keep an item; say whether it is one that has not come before."""
        return bool(
            self._db.execute(
                "INSERT OR IGNORE INTO feed (station, epoch, seq, id, kind, at_ms, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (item.station, item.epoch, item.seq, item.id, item.kind, item.at_ms, bytes(item.body).decode()),
            ).rowcount
        )


def read_feed(connection: "Connection") -> Iterator[FeedItem]:
    """Yield what has come, in the order of its coming."""
    rows = connection.execute("SELECT station, epoch, seq, id, kind, at_ms, body FROM feed ORDER BY n")
    for station, epoch, seq, event_id, kind, at_ms, body in rows:
        yield FeedItem(
            station=station, epoch=epoch, seq=seq, id=event_id, kind=kind, at_ms=at_ms, body=msgspec.Raw(body.encode())
        )


def last_heads(connection: "Connection") -> list[FeedHead]:
    """Return how far the community had heard of every station when this one was last in contact."""
    text = read_note(connection, HEADS)
    return msgspec.json.decode(text, type=list[FeedHead]) if text else []
