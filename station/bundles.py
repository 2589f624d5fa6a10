"""Records by USB stick, the station's side: what is unsent goes into bundles, what the community answers is taken over.

Everything here opens the station's file for itself, so it may run on a thread beside the gate.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from passes.errors import N_
from passes.keys import key_id_of
from passes.trust import USE_BUNDLES, TrustList
from station.feed import Feed
from station.journal import read_events
from station.outbox import JournalOutbox
from station.settings import HEAD_KEY_FILE
from station.storage import FILE_NAME, open_file, storage_errors
from sync.bundle import MAX_FILE_BYTES, BundleError, BundleWriter, Header, new_key, seal_for_community
from sync.bundlefiles import (
    FILE_BYTES,
    SUFFIX,
    bundles_in,
    free_name,
    open_bundle,
    remove_parts,
    require_room,
    stick_errors,
    write_bundle,
)
from sync.bundlewire import journal_piece
from sync.courier import BATCH_BYTES, fitting
from sync.events import new_id
from sync.heads import head_key
from sync.secrets import key_proof, secret_digest
from sync.wire import MAX_EVENTS

if TYPE_CHECKING:
    from sqlite3 import Connection

    from station.assembly import Station

_HEADER_BYTES = 500
"""Of an event's JSON, beside its body."""

Progress = Callable[[int, int], None]
"""Called with how many records are done, and of how many."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """What bundles need of a station; `drift_ms` is how far its clock was ahead of the community's."""

    folder: Path
    station: str
    community: str
    zone: tzinfo
    secret: str
    trust: TrustList
    root_public_key: bytes
    now_ms: Callable[[], int]
    drift_ms: int


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did: its new files, the records in them, those that were on the stick before, and those left."""

    files: list[Path] = field(default_factory=list)
    events: int = 0
    there_before: int = 0
    left: int = 0


class _CancelledError(Exception):
    """The user does not want to wait for the rest."""


def carrier_of(station: "Station") -> Carrier:
    """Return what an open station's bundles need; raises `SettingsError` for a damaged secret."""
    return Carrier(
        folder=station.folder,
        station=station.settings.station.id,
        community=station.settings.community.id,
        zone=station.settings.zone,
        secret=station.secret(),
        trust=station.trusting.newest(),
        root_public_key=station.trusting.root_public_key,
        now_ms=station.clock.now_ms,
        drift_ms=station.journal.drift_ms or 0,
    )


def export_to(
    carrier: Carrier,
    path: Path,
    *,
    progress: Progress = lambda _done, _of: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Exported:
    """Write what the community has not acknowledged to a stick's folder, or to a new file `*.gatepost`.

    A folder gets files of bounded size. What whole files of this station there hold is not written again, so an export
    that was broken off is gone on with; a cancelled one leaves the files that are whole. Raises `BundleError` with the
    remedy, and `StorageError`; the records stay here until the community's answer has come in any case.
    """
    seal_to = carrier.trust.newest(USE_BUNDLES)
    if seal_to is None:
        raise BundleError(
            N_(
                "this station knows no key of community {community} to seal bundles to; the office makes one with"
                " `gatepost community key seal`, and the next contact brings it here"
            ),
            community=carrier.community,
        )
    is_file = path.suffix == SUFFIX
    _require_place(path, is_file=is_file)
    connection = open_file(carrier.folder)
    try:
        with storage_errors(carrier.folder / FILE_NAME):
            return _Export(carrier, connection, seal_to, progress, is_cancelled).run(path, is_file=is_file)
    finally:
        connection.close()


def _require_place(path: Path, *, is_file: bool) -> None:
    with stick_errors(path):
        if is_file and path.exists():
            raise BundleError(N_("{path}: is there already; name another file, or its folder"), path=path)
        if not (path.parent if is_file else path).is_dir():
            raise BundleError(N_("{path}: no such folder; look whether the stick is plugged in"), path=path)


class _Export:
    def __init__(
        self,
        carrier: Carrier,
        connection: "Connection",
        seal_to: bytes,
        progress: Progress,
        is_cancelled: Callable[[], bool],
    ) -> None:
        self._carrier = carrier
        self._db = connection
        self._seal_to = seal_to
        self._progress = progress
        self._is_cancelled = is_cancelled
        self._key = head_key(carrier.folder / HEAD_KEY_FILE)
        self._outbox = JournalOutbox(connection, carrier.folder / FILE_NAME, carrier.station)
        self._feed = Feed(connection, carrier.folder / FILE_NAME, carrier.station, carrier.zone)
        self._n = 0
        self._hash = ""

    def run(self, path: Path, *, is_file: bool) -> Exported:
        backlog = self._outbox.backlog()
        unsent = self._outbox.unsent(1)
        if not unsent:
            return Exported()
        first_n = unsent[0][0]
        last_n = first_n + backlog.pending - 1
        folder = path.parent if is_file else path
        remove_parts(folder, self._carrier.station)
        self._n = first_n - 1 if is_file else self._reached_on(folder, first_n) - 1
        there_before = self._n - first_n + 1
        files: list[Path] = []
        try:
            while self._n < last_n and not (files and is_file):
                # Of what is compressed and sealed, less than half of the records' size is left.
                require_room(folder, min(self._bytes_after(self._n) // 2, FILE_BYTES))
                files.append(self._write_file(path if is_file else None, folder, (first_n, last_n)))
        except _CancelledError:
            pass
        written = self._n - first_n + 1 - there_before
        return Exported(files, written, there_before, last_n - self._n)

    def _reached_on(self, folder: Path, first_n: int) -> int:
        """Return the first number, from `first_n`, that is in no whole file of ours on the stick."""
        firsts: list[tuple[int, Path]] = []
        for path in bundles_in([folder], "community"):
            header = self._own_header(path)
            if header:
                firsts.append((header.first_n, path))
        next_n = first_n
        while reaching := sorted((first for first in firsts if first[0] <= next_n), reverse=True):
            end_n = self._whole_end(reaching[0][1])
            firsts.remove(reaching[0])
            if end_n is not None and end_n < next_n:
                # The newest that begins before it ends before it, so do the older ones.
                break
            next_n = max(next_n, (end_n or 0) + 1)
        return next_n

    def _own_header(self, path: Path) -> Header | None:
        try:
            with open_bundle(path) as reader:
                header = reader.header
        except BundleError:
            return None
        # One sealed to a key that the community has withdrawn since can be of no use to it.
        own = (self._carrier.community, self._carrier.station, self._key.public_key, key_id_of(self._seal_to).hex())
        is_own = (header.community, header.station, header.public_key, header.key_id) == own
        return header if is_own and header.purpose == "journal" else None

    def _whole_end(self, path: Path) -> int | None:
        """Return the last number in a file of ours; None when it is damaged or of another life of the journal."""
        try:
            with open_bundle(path) as reader:
                end = reader.verify(self._key.public_key)
        except BundleError:
            return None
        row = self._db.execute("SELECT hash FROM events WHERE n = ?", (end.last_n,)).fetchone()
        return end.last_n if row and row[0] == end.last_hash else None

    def _bytes_after(self, n: int) -> int:
        count, size = self._db.execute(
            "SELECT count(*), coalesce(sum(length(body)), 0) FROM events WHERE n > ?", (n,)
        ).fetchone()
        return int(count * _HEADER_BYTES + size)

    def _write_file(self, path: Path | None, folder: Path, span: tuple[int, int]) -> Path:
        carrier, before_n, made_ms = self._carrier, self._n, self._carrier.now_ms()
        first_n, last_n = span
        place = path or free_name(folder, carrier.station, made_ms, "community", carrier.zone)
        key = new_key()
        header = Header(
            purpose="journal",
            community=carrier.community,
            station=carrier.station,
            bundle_id=new_id(made_ms),
            made_ms=made_ms,
            sealed=b"",
            public_key=self._key.public_key,
            proof=key_proof(secret_digest(carrier.secret), carrier.community, carrier.station, self._key.public_key),
            first_n=before_n + 1,
            epoch=self._feed.epoch(),
            cursor=self._feed.cursor(),
        )
        header = seal_for_community(key, header, self._seal_to)
        most = FILE_BYTES if path is None else MAX_FILE_BYTES - 4 * BATCH_BYTES

        def fill(file: BinaryIO) -> None:
            writer = BundleWriter(file, header, key)
            for piece in self._pieces(last_n):
                writer.add(piece)
                self._progress(self._n - first_n + 1, last_n - first_n + 1)
                if writer.size >= most:
                    break
            writer.finish(self._key, self._n, self._hash)

        try:
            write_bundle(place, fill, lambda reader: reader.verify(self._key.public_key))
        except BaseException:
            self._n = before_n
            raise
        return place

    def _pieces(self, last_n: int) -> Iterator[bytes]:
        while self._n < last_n:
            if self._is_cancelled():
                raise _CancelledError
            from_n = self._n + 1
            unread = read_events(self._db, self._carrier.station, self._n, min(MAX_EVENTS, last_n - self._n))
            batch, lines = fitting(unread)
            self._n, self._hash = batch[-1][0], batch[-1][1].hash
            yield journal_piece(from_n, lines)
