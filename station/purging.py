"""Retention at the station: what the community has acknowledged and is old loses what names people.

A purge goes in small transactions, so that the gate waits for none of them, and is gone on with where it was cut off.
The table of events itself refuses every other change (`station.migrations`): only what is acknowledged can be emptied,
once, by a purge that is entered, and nothing but its body.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from passes.errors import N_, UsageError
from station.assembly import Station
from station.journal import BrokenChainError
from station.notes import PURGE, SERVER, UNSCRUBBED, delete_note, read_note, write_note
from station.overdue import TABLES, Overdue, Record, Table, find_overdue, records
from station.storage import storage_errors
from sync.bodies import RetentionPurged
from sync.events import Event, canonical_json, new_id, understood
from sync.retention import Pseudonyms, emptied
from sync.sqlite import sqlite3

if TYPE_CHECKING:
    from sqlite3 import Connection

CHUNK = 500
"""Records looked at in one transaction."""

SMALL_BYTES = 64 * 1024 * 1024
"""A file up to this size is rewritten beside a gate at work: nobody waits longer than writing waits for a lock."""


class _Turn(msgspec.Struct, frozen=True):
    """A purge that is under way: its id, the days that it keeps records for, and how many rows of the feed are done."""

    purge_id: str
    days: int
    feed: int = 0


@dataclass(frozen=True, slots=True)
class Purged:
    """What a purge did, or would do: its certificate, None when there was nothing; emptied events by kind; feed's rows.

    Where it is not scrubbed, the station's file still holds old versions of what was changed.
    """

    event: Event | None
    events: dict[str, int]
    feed: int = 0
    is_scrubbed: bool = True


def purge(station: Station, days: int, *, beside_gate: bool = False) -> Purged:
    """Empty what is older than `days` and acknowledged, and record the certificate; raises `StorageError`.

    With `beside_gate` a large file is not rewritten now. Whatever was done before an error stays done, and the next
    purge goes on from there.
    """
    return _Purge(station, days).run(beside_gate=beside_gate)


def count_overdue(station: Station, days: int) -> Purged:
    """Return what a purge would empty now; changes nothing."""
    run = _Purge(station, days)
    found = run.find()
    if found is None:
        return Purged(None, {})
    counts: Counter[str] = Counter()
    feed = 0
    for table in TABLES:
        passages = records(station.journal.connection, table, "kind LIKE 'passage.%'")
        due = [record for record in passages if found.is_due(record) and run.change(record)]
        others = [record for record in run.others(found, table) if run.change(record)]
        if table == "events":
            counts.update(record.kind for record in (*due, *others))
        else:
            feed = len(due) + len(others)
    return Purged(None, dict(sorted(counts.items())), feed)


class _Purge:
    def __init__(self, station: Station, days: int) -> None:
        if days < 1:
            raise UsageError(N_("--days {days}: records are kept for a day at least"), days=days)
        self._station = station
        self._days = days
        self._db = station.journal.connection
        self._pseudonyms = Pseudonyms()

    def run(self, *, beside_gate: bool) -> Purged:
        with storage_errors(self._station.journal.path):
            found = self.find()
            if found is None:
                return Purged(None, {})
            turn = self._begin()
            for table in TABLES:
                self._empty_passages(found, table)
            self._empty_others(found)
            done = self._finish(turn.purge_id)
            return Purged(done.event, done.events, done.feed, _scrub(self._db, beside_gate=beside_gate))

    def find(self) -> Overdue | None:
        """Look at what is over; None before the first contact, when nothing can be acknowledged."""
        server_ms = read_note(self._db, SERVER)
        unsent = self._station.outbox.unsent(1)
        answered_n = unsent[0][0] - 1 if unsent else self._station.journal.head().n
        if server_ms is None or not answered_n:
            return None
        turn = _turn(self._db)
        days = max(self._days, turn.days) if turn else self._days
        return find_overdue(self._db, self._station.settings.zone, days, int(server_ms), answered_n)

    def change(self, record: Record) -> str | None:
        """Return what stays of a record's body; None when it is emptied already."""
        body = canonical_json(record.fields).decode()
        stays = emptied(record.kind, body, self._pseudonyms)
        return None if stays == body else stays

    def others(self, found: Overdue, table: Table) -> list[Record]:
        """Return the records that are over and no passages."""
        numbers = msgspec.json.encode(found.others[table]).decode()
        return list(records(self._db, table, "n IN (SELECT value FROM json_each(?))", (numbers,)))

    def _begin(self) -> _Turn:
        """Enter a new purge, or take up the one that was cut off."""
        with self._station.journal.writing():
            turn = _turn(self._db) or _Turn(new_id(self._station.clock.now_ms()), self._days)
            write_note(self._db, PURGE, canonical_json(turn).decode())
        return turn

    def _empty_passages(self, found: Overdue, table: Table) -> None:
        reached = 0
        while True:
            chunk = list(records(self._db, table, "n > ? AND kind LIKE 'passage.%'", (reached,), CHUNK))
            if not chunk:
                return
            reached = chunk[-1].n
            due = [record for record in chunk if found.is_due(record)]
            if due:
                with self._station.journal.writing():
                    self._empty(table, due)
                    self._forget_legs(found, due)

    def _forget_legs(self, found: Overdue, due: list[Record]) -> None:
        """Take the same out of the register."""
        legs = [
            (found.line_of(record.fields["pass_id"]), *record.order) for record in due if record.fields.get("pass_id")
        ]
        self._db.executemany("DELETE FROM legs WHERE line = ? AND order_ms = ? AND id = ?", legs)
        self._db.executemany("DELETE FROM visits WHERE id = ?", [(record.id,) for record in due])

    def _empty_others(self, found: Overdue) -> None:
        due = [(table, self.others(found, table)) for table in TABLES]
        if not any(due_records for _table, due_records in due):
            return
        with self._station.journal.writing():
            for table, due_records in due:
                self._empty(table, due_records)
            self._station.register.refold_but_passages()

    def _empty(self, table: Table, due: list[Record]) -> None:
        turn = _turn(self._db)
        changes = [(stays, record.n) for record in due if (stays := self.change(record)) is not None]
        if turn is None or not changes:
            return
        if table == "events":
            rows = [(stays, turn.purge_id, n) for stays, n in changes]
            self._db.executemany("UPDATE events SET body = ?, purge_id = ? WHERE n = ? AND purge_id IS NULL", rows)
        else:
            self._db.executemany("UPDATE feed SET body = ? WHERE n = ?", changes)
            counted = msgspec.structs.replace(turn, feed=turn.feed + len(changes))
            write_note(self._db, PURGE, canonical_json(counted).decode())
        write_note(self._db, UNSCRUBBED, turn.purge_id)

    def _finish(self, purge_id: str) -> Purged:
        with self._station.journal.writing():
            turn = _turn(self._db)
            if turn is None or turn.purge_id != purge_id:
                # Another program went on with the same purge, and was faster.
                return Purged(None, {})
            counts, digest = certified_digest(self._db, turn.purge_id)
            delete_note(self._db, PURGE)
            if not counts and not turn.feed:
                return Purged(None, {})
            body = RetentionPurged(
                purge_id=turn.purge_id,
                days={"records": turn.days},
                events=counts,
                rows={"feed": turn.feed},
                digest=digest,
            )
            event = self._station.register.record(body, self._station.clock.now_ms())
        return Purged(event, counts, turn.feed)


def certified_digest(connection: "Connection", purge_id: str) -> tuple[dict[str, int], str]:
    """Return how many events of each kind a purge has emptied, and the digest that its certificate names."""
    counts: Counter[str] = Counter()
    digest = hashlib.sha256()
    for kind, event_hash, body in connection.execute(
        "SELECT kind, hash, body FROM events WHERE purge_id = ? ORDER BY n", (purge_id,)
    ):
        counts[kind] += 1
        digest.update(f"{event_hash} {hashlib.sha256(body.encode()).hexdigest()}\n".encode())
    return dict(sorted(counts.items())), digest.hexdigest()


def check_certificates(station: Station) -> int:
    """See that what purges have left is what their certificates say; return how many events are emptied.

    Raises `BrokenChainError`.
    """
    connection = station.journal.connection
    certificates = {
        body.purge_id: body
        for row in connection.execute("SELECT body FROM events WHERE kind = 'retention.purged'")
        if isinstance(body := understood("retention.purged", row[0].encode()), RetentionPurged)
    }
    turn = _turn(connection)
    count = 0
    for (purge_id,) in connection.execute("SELECT DISTINCT purge_id FROM events WHERE purge_id IS NOT NULL").fetchall():
        counts, digest = certified_digest(connection, purge_id)
        count += sum(counts.values())
        body = certificates.get(purge_id)
        is_under_way = turn is not None and turn.purge_id == purge_id
        if not is_under_way and (body is None or (body.events, body.digest) != (counts, digest)):
            raise BrokenChainError(
                N_("{path}: what purge {purge_id} has left is not what its certificate says"),
                path=station.journal.path,
                purge_id=purge_id,
            )
    return count


def _turn(connection: "Connection") -> _Turn | None:
    text = read_note(connection, PURGE)
    return msgspec.json.decode(text, type=_Turn) if text else None


def _scrub(connection: "Connection", *, beside_gate: bool) -> bool:
    """Let SQLite write the file anew, without the old versions of what was changed; say whether none is left."""
    if read_note(connection, UNSCRUBBED) is None:
        return True
    pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    if beside_gate and pages * size > SMALL_BYTES:
        return False
    try:
        connection.execute("VACUUM")
        busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not busy:
            connection.execute("DELETE FROM notes WHERE name = ?", (UNSCRUBBED,))
            connection.commit()
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError:
        # Another program holds the file: the next purge tries again.
        return False
    return not busy
