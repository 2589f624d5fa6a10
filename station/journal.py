"""The station's append-only journal: numbered, chained, on disk before anybody sees green."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from passes.errors import N_, GatepostError
from station.clock import Clock
from station.storage import FILE_NAME, StorageError, open_file, reading, writing
from sync import events
from sync.bodies import Body, ClockConfirmed
from sync.events import Event

if TYPE_CHECKING:
    from sqlite3 import Connection

    from sqlite_utils import Database

EPOCH_FILE = "epoch.json"
_NOTE_EVERY = 50

COLUMNS = "epoch, seq, id, kind, at_ms, device_ms, drift_ms, suspect, shift, guard, body, body_sha256, prev, hash"
_INSERT = f"INSERT INTO events ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - no input
_LAST = (
    "SELECT n, epoch, seq, hash, at_ms, drift_ms, suspect, kind, id, shift, guard,"
    " (SELECT value FROM notes WHERE name = 'epoch') FROM events ORDER BY n DESC LIMIT 1"
)
_LATEST = "SELECT at_ms, drift_ms FROM events WHERE suspect = 0 ORDER BY n DESC LIMIT 1"
_DRIFT = "SELECT drift_ms FROM events ORDER BY n DESC LIMIT 1"

Fold = Callable[[int, Event, Body], None]
"""Takes an event's local number, the event and its body into the register, in the transaction that appends it."""


class BrokenChainError(GatepostError):
    """The journal is not what was written: some event was changed, removed or put in."""


class Head(msgspec.Struct, frozen=True):
    """The newest event of a journal; all zero and `GENESIS` in an empty one.

    `latest_ms` is the latest time that any event has, counted since the lead last confirmed the clock, and
    `latest_drift_ms` how far the device's clock was ahead of the community's then. `next_epoch` is the one to go on in
    at least (`station.lives`).
    """

    n: int = 0
    epoch: str = ""
    seq: int = 0
    hash: str = events.GENESIS
    latest_ms: int = 0
    latest_drift_ms: int = 0
    shift: str | None = None
    guard: str | None = None
    next_epoch: str = ""


class Journal:
    """One station's journal in `folder`; it belongs to the thread that opens it.

    Every append also hands the event to `fold`, so the register can never miss one. `drift_ms` is how far the device's
    clock was ahead of the community's at the last contact, None before any; it is kept with every event. Raises
    `StorageError` when the file cannot be used.
    """

    def __init__(self, folder: Path, station: str, clock: Clock, *, create: bool = False) -> None:
        self.folder = folder
        self.path = folder / FILE_NAME
        self.station = station
        self.connection = open_file(folder, create=create)
        row = self.connection.execute(_DRIFT).fetchone()
        self.drift_ms: int | None = row[0] if row else None
        self.fold: Fold = lambda _n, _event, _body: None
        self._clock = clock
        self._held: Head | None = None
        self._committed_n = self._noted_n = 0
        self._epoch = self._enter_epoch()

    def close(self) -> None:
        """Note how far the journal has come, and close the file."""
        self._note_progress(self.head().n)
        self.connection.close()

    @cached_property
    def db(self) -> "Database":
        """The file seen through sqlite-utils, for all that is not done at every passage."""
        from sqlite_utils import Database

        return Database(self.connection)

    def writing(self) -> AbstractContextManager[None]:
        """Return the transaction that decisions and their records share (`BEGIN IMMEDIATE` to commit).

        Inside one that is open it is that same transaction: what does several things does all of them or none.
        """
        if self.connection.in_transaction:
            return nullcontext()
        self._held = None
        return writing(self.connection, self.path)

    def reading(self) -> AbstractContextManager[None]:
        """Return a transaction for reads that belong together; nothing may be written in it."""
        if self.connection.in_transaction:
            return nullcontext()
        self._held = None
        return reading(self.connection)

    def head(self) -> Head:
        """Return the newest event's place."""
        # Inside a transaction nobody else writes, or nothing of it is seen.
        if self._held and self.connection.in_transaction:
            return self._held
        self._held = self._read_head()
        self._committed_n = self._held.n
        return self._held

    def _read_head(self) -> Head:
        row = self.connection.execute(_LAST).fetchone()
        if row is None:
            return Head()
        n, epoch, seq, digest, latest_ms, drift_ms, is_suspect, *last, next_epoch = row
        if is_suspect:
            latest_ms, drift_ms = self.connection.execute(_LATEST).fetchone() or (latest_ms, drift_ms)
        return Head(n, epoch, seq, digest, latest_ms, drift_ms or 0, *_duty_after(*last), next_epoch or "")

    def append(
        self, body: Body, *, at_ms: int, shift: str | None, guard: str | None, event_id: str | None = None
    ) -> Event:
        """Write one event inside `writing()`; it is recorded once that block has been left.

        Where `at_ms` lies before the last record the clock is marked suspect, unless the event is the lead's word that
        it is right: order is told by number, not by time. `event_id` is a new one unless it had to be known before.
        """
        head = self.head()
        is_suspect = at_ms < head.latest_ms and not isinstance(body, ClockConfirmed)
        # Another program on this folder may have begun a newer epoch, or the courier found that one has to begin;
        # writing on in the old one would fork the journal.
        self._epoch = max(self._epoch, head.epoch, head.next_epoch)
        event = events.seal(
            body,
            station=self.station,
            epoch=self._epoch,
            seq=head.seq + 1 if head.epoch == self._epoch else 1,
            at_ms=at_ms,
            clock=events.Clock(device_ms=self._clock.now_ms(), drift_ms=self.drift_ms, suspect=is_suspect),
            shift=shift,
            guard=guard,
            prev=head.hash,
            event_id=event_id,
        )
        cursor = self.connection.execute(_INSERT, _row_of(event))
        n = int(cursor.lastrowid or 0)
        latest = (head.latest_ms, head.latest_drift_ms) if is_suspect else (at_ms, self.drift_ms or 0)
        duty = _duty_after(event.kind, event.id, event.shift, event.guard)
        self._held = Head(n, event.epoch, event.seq, event.hash, *latest, *duty, head.next_epoch)
        self.fold(n, event, body)
        # What this transaction appends may still be lost; a note of it would make the file look cut off.
        if self._committed_n >= self._noted_n + _NOTE_EVERY:
            self._note_progress(self._committed_n)
        return event

    def read(self, after_n: int = 0, limit: int = -1) -> Iterator[tuple[int, Event]]:
        """Yield `(n, event)` in the order of writing, from the first after `after_n`."""
        return read_events(self.connection, self.station, after_n, limit)

    def verify(self) -> int:
        """Walk every link and return the number of events.

        Of one that retention has emptied the header is looked at; for what is left of it a certificate stands
        (`station.purging`). Raises `BrokenChainError` naming the first event that is not as it was written.
        """
        count, prev, last = 0, events.GENESIS, ("", 0)
        purged = self.connection.execute("SELECT n FROM events WHERE purge_id IS NOT NULL ORDER BY n")
        next_purged = next(purged, (0,))[0]
        for n, event in self.read():
            follows = event.seq == (last[1] + 1 if event.epoch == last[0] else 1) and event.epoch >= last[0]
            is_purged = n == next_purged
            if is_purged:
                next_purged = next(purged, (0,))[0]
            is_good = events.recompute_hash(event) == event.hash if is_purged else events.is_intact(event)
            if n != count + 1 or event.prev != prev or not follows or not is_good:
                raise BrokenChainError(
                    N_("{path}: the chain breaks at record {n} ({epoch}/{seq}): it is not as it was written"),
                    path=self.path,
                    n=n,
                    epoch=event.epoch,
                    seq=event.seq,
                )
            count, prev, last = count + 1, event.hash, (event.epoch, event.seq)
        return count

    def _enter_epoch(self) -> str:
        """Go on with the epoch noted beside the file, or start a new one where this is another life of it.

        A copied or cloned folder has another inode or network card than noted; a file restored from a backup is
        behind what was noted. Either would reuse numbers that the community has already seen.
        """
        # The note first: what another program appends between the two only makes the head newer.
        note, head = _read_note(self.folder), self.head()
        if note and note.n and not head.n:
            raise StorageError(
                N_("{path}: is empty, but held {count} records; keep the folder, restore the file from a backup"),
                path=self.path,
                count=note.n,
            )
        if note and note.life == _life(self.path) and note.n <= head.n:
            began_here = note.epoch > head.epoch and note.n == head.n
            if note.epoch == head.epoch or began_here:
                self._noted_n = note.n
                return note.epoch
        epoch = events.new_id(self._clock.now_ms())
        if epoch <= head.epoch:
            epoch = events.new_id(int(head.epoch.replace("-", "")[:12], 16) + 1)
        self._epoch = epoch
        self._note_progress(head.n)
        return epoch

    def _note_progress(self, n: int) -> None:
        self._noted_n = n
        path = self.folder / EPOCH_FILE
        part = path.with_name(f"{EPOCH_FILE}.{os.getpid()}")
        # A lost note costs nothing but a new epoch, so it must never stop a passage from being recorded.
        with suppress(OSError):
            part.write_bytes(msgspec.json.encode(_Note(self._epoch, _life(self.path), n)))
            part.replace(path)


class _Note(msgspec.Struct):
    """What is kept beside the journal: its epoch, the life that began it, and a number it has surely reached."""

    epoch: str
    life: list[int]
    n: int


def noted_epoch(folder: Path) -> str | None:
    """Return the epoch in which the journal in `folder` was last opened; None where that could not be noted."""
    note = _read_note(folder)
    return note.epoch if note and note.life == _life(folder / FILE_NAME) else None


def _life(path: Path) -> list[int]:
    card = uuid.getnode()
    # A made-up node id has the multicast bit set (RFC 9562 section 6.10), a made-up or changing card address the
    # bit for locally administered ones (IEEE 802): neither tells one machine from another.
    is_made_up = bool(card >> 40 & 0b11)
    return [path.stat().st_ino, 0 if is_made_up else card]


def _read_note(folder: Path) -> _Note | None:
    try:
        return msgspec.json.decode((folder / EPOCH_FILE).read_bytes(), type=_Note)
    except (OSError, msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def read_events(
    connection: "Connection", station: str, after_n: int = 0, limit: int = -1, *, but_passages: bool = False
) -> Iterator[tuple[int, Event]]:
    """Yield `(n, event)` from a station's file in the order of writing, from the first after `after_n`.

    With `but_passages` those are left out that are about a passage.
    """
    wanted = " AND kind NOT LIKE 'passage.%'" if but_passages else ""
    rows = connection.execute(
        f"SELECT n, {COLUMNS} FROM events WHERE n > ?{wanted} ORDER BY n LIMIT ?",  # noqa: S608 - no input
        (after_n, limit),
    )
    for row in rows:
        yield int(row[0]), _event_of(station, row[1:])


def _duty_after(kind: str, event_id: str, shift: str | None, guard: str | None) -> tuple[str | None, str | None]:
    """Return the shift and the guard on duty behind an event; every event names those that it was recorded under."""
    if kind == "shift.opened":
        return event_id, guard
    return (None, None) if kind == "shift.handed_over" else (shift, guard)


def _row_of(event: Event) -> tuple[object, ...]:
    clock = event.clock
    return (
        event.epoch,
        event.seq,
        event.id,
        event.kind,
        event.at_ms,
        clock.device_ms,
        clock.drift_ms,
        int(clock.suspect),
        event.shift,
        event.guard,
        bytes(event.body).decode(),
        event.body_sha256,
        event.prev,
        event.hash,
    )


def _event_of(station: str, row: tuple[Any, ...]) -> Event:
    epoch, seq, event_id, kind, at_ms, device_ms, drift_ms, suspect, shift, guard, body, body_sha256, prev, digest = row
    return Event(
        station=station,
        epoch=epoch,
        seq=seq,
        id=event_id,
        kind=kind,
        at_ms=at_ms,
        clock=events.Clock(device_ms=device_ms, drift_ms=drift_ms, suspect=bool(suspect)),
        shift=shift,
        guard=guard,
        body=msgspec.Raw(body.encode()),
        body_sha256=body_sha256,
        prev=prev,
        hash=digest,
    )
