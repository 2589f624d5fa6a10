"""The feed at the station: what the community sent of all gates, kept beside the journal, folded into the register."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import tzinfo
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from passes.errors import KeyFileError
from passes.keys import IssuingKey
from station.folding import Fold
from station.journal import noted_epoch
from station.lives import (
    Stretch,
    current_epoch,
    is_behind,
    is_own,
    lacks_answered,
    leave_epoch,
    notice_twin,
    own_epochs,
)
from station.notes import CURSOR, EPOCH, GENERATION, HEADS, SERVER, SYNCED, delete_note, read_note, write_note
from station.settings import HEAD_KEY_FILE
from station.storage import writing
from station.witness import watch
from sync.events import understood
from sync.heads import head_key, sign_head
from sync.wire import FeedAnswer, FeedHead, FeedItem, SignedHead

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

    def generation(self) -> str | None:
        """Return the life of the community's database that this station agreed with, None where it did not yet."""
        return read_note(self._db, GENERATION)

    def epoch(self) -> str | None:
        """Return the epoch in which this station writes: of that, it needs nothing from the feed."""
        # Not that of the newest record: a copied disk has written nothing yet, and needs what the original goes on to.
        noted = noted_epoch(self._path.parent)
        return noted and max(noted, read_note(self._db, EPOCH) or "")

    def head(self) -> SignedHead | None:
        """Return how far the journal goes, signed; None while it is empty, or without a key that can be used."""
        newest = "SELECT epoch, seq, hash FROM events ORDER BY n DESC LIMIT 1"
        row = self._db.execute(newest).fetchone()
        return sign_head(self._key, self._station, *row) if row and self._key else None

    @cached_property
    def _key(self) -> IssuingKey | None:
        # A head says more of a journal; without one it travels all the same.
        with suppress(KeyFileError):
            return head_key(self._path.parent / HEAD_KEY_FILE)
        return None

    def take(self, answer: FeedAnswer, now_ms: int) -> int:
        """Keep a piece of the feed and fold it into the register, in one transaction; return how many events were new.

        `now_ms` is the device's time, from which the age of the lists is counted.
        """
        with writing(self._db, self._path):
            epochs, current = own_epochs(self._db), current_epoch(self._db, noted_epoch(self._path.parent))
            new = [item for item in answer.items if self._is_new(item, epochs, current)]
            for item in new:
                body = understood(item.kind, item.body)
                if body is not None:
                    self._fold.apply(None, item, body)
            write_note(self._db, CURSOR, answer.cursor)
            if answer.from_start:
                # The feed is not what it was, so the database may not be either: it is asked what it holds.
                delete_note(self._db, GENERATION)
            if not answer.more:
                write_note(self._db, SYNCED, str(now_ms))
                write_note(self._db, SERVER, str(answer.server_time_ms))
                write_note(self._db, HEADS, msgspec.json.encode(answer.heads).decode())
                self._look_at_own(answer.heads, epochs, current, now_ms)
                watch(self._db, self._station, answer.heads, now_ms)
        return len(new)

    def _is_new(self, item: FeedItem, epochs: dict[str, Stretch], current: str) -> bool:
        if item.station == self._station:
            if is_own(self._db, item, epochs):
                return False
            notice_twin(self._db, item, current)
        return self._keep(item)

    def _look_at_own(self, heads: list[FeedHead], epochs: dict[str, Stretch], current: str, now_ms: int) -> None:
        """See whether the community knows another life of this journal, or less than it has said it had."""
        head = next((head for head in heads if head.station == self._station), None)
        if head and is_behind(self._db, head, epochs, current):
            leave_epoch(self._db, current, now_ms)
        elif heads and lacks_answered(self._db, head, epochs):
            delete_note(self._db, GENERATION)

    def _keep(self, item: FeedItem) -> bool:
        """Keep an item; say whether it is one that has not come before."""
        return bool(
            self._db.execute(
                "INSERT OR IGNORE INTO feed (station, epoch, seq, id, kind, at_ms, body) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (item.station, item.epoch, item.seq, item.id, item.kind, item.at_ms, bytes(item.body).decode()),
            ).rowcount
        )


def read_feed(connection: "Connection", *, but_passages: bool = False) -> Iterator[FeedItem]:
    """Yield what has come, in the order of its coming; all of it, or what is no passage."""
    wanted = "kind NOT LIKE 'passage.%'" if but_passages else "1"
    rows = connection.execute(
        f"SELECT station, epoch, seq, id, kind, at_ms, body FROM feed WHERE {wanted} ORDER BY n"  # noqa: S608 - no input
    )
    for station, epoch, seq, event_id, kind, at_ms, body in rows:
        yield FeedItem(
            station=station, epoch=epoch, seq=seq, id=event_id, kind=kind, at_ms=at_ms, body=msgspec.Raw(body.encode())
        )


def last_heads(connection: "Connection") -> list[FeedHead]:
    """Return how far the community had heard of every station when this one was last in contact."""
    text = read_note(connection, HEADS)
    return msgspec.json.decode(text, type=list[FeedHead]) if text else []
