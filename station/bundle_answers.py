"""What the community's bundles bring to a station: receipts for its records, and the feed of all gates."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from passes.errors import N_, KeyFileError
from passes.plaintext import plain
from passes.trust import USE_ANSWERS, TrustList, newer_trust_list, read_trust_list, trust_list_bytes
from station.bundles import Carrier
from station.journal import read_events
from station.notes import SYNCED, read_note
from station.parcels import open_parcels
from station.storage import open_file
from sync.bundle import BundleError, BundleReader, key_for_station
from sync.bundlefiles import bundles_in, open_bundle
from sync.bundlewire import AnswerPiece, Receipt, digest_of, journal_piece
from sync.events import to_json
from sync.secrets import secret_digest
from sync.wire import FeedAnswer, HoldingsAnswer

if TYPE_CHECKING:
    from sqlite3 import Connection

    from sync.courier import Parcels


@dataclass(slots=True)
class TakenOver:
    """What came of an import: files used, records that now have an answer, news from the community; refused files."""

    files: list[Path] = field(default_factory=list)
    settled: int = 0
    news: int = 0
    refused: list[BundleError] = field(default_factory=list)


def import_from(carrier: Carrier, paths: Sequence[Path]) -> TakenOver:
    """Take over the community's bundles for this station, out of files and folders; the same twice changes nothing.

    Each file is judged for itself: one that is refused changes nothing, and the others are used. Raises `BundleError`
    for a path that is not there, `StorageError` when the station's file cannot be written.
    """
    done = TakenOver()
    ready: list[tuple[int, Path]] = []
    for path in bundles_in(paths, "station"):
        try:
            with open_bundle(path) as reader:
                _check(carrier, reader)
                ready.append((reader.header.made_ms, path))
        except BundleError as error:
            done.refused.append(error)
    for _made_ms, path in sorted(ready):
        try:
            with open_bundle(path) as reader:
                _take(carrier, reader, _check(carrier, reader), path, done)
        except BundleError as error:
            done.refused.append(error)
    return done


def _check(carrier: Carrier, reader: BundleReader) -> bytes:
    """See that a whole bundle is for this station, from its community, and can be read; return its key."""
    header = reader.header
    if header.community != carrier.community:
        raise _refused(
            N_("{path}: is of community {found}, this station belongs to {wanted}; nothing of it was used"),
            reader,
            found=header.community,
            wanted=carrier.community,
        )
    if header.purpose != "answer" or header.station != carrier.station:
        raise _refused(
            N_("{path}: is not for station {wanted} ({purpose} of {found}); nothing of it was used"),
            reader,
            wanted=carrier.station,
            purpose=header.purpose,
            found=header.station,
        )
    key = key_for_station(header, secret_digest(carrier.secret))
    pieces = _pieces(reader, key)
    first = next(pieces, None)
    trust = _trust(carrier, first.holdings.trust_list if first and first.holdings else None)
    if all(known.public_key != header.public_key for known in trust.good(USE_ANSWERS)):
        raise _refused(N_("{path}: is signed by a key that is not the community's; nothing of it was used"), reader)
    for _piece in pieces:
        pass
    reader.verify(header.public_key)
    return key


def _trust(carrier: Carrier, offered: str | None) -> TrustList:
    """Return the newest trust list: ours, or the one in the bundle if the community's root signed it."""
    with suppress(KeyFileError):
        if offered:
            return newer_trust_list(carrier.trust, read_trust_list(trust_list_bytes(offered), carrier.root_public_key))
    return carrier.trust


def _pieces(reader: BundleReader, key: bytes) -> Iterator[AnswerPiece]:
    for piece in reader.pieces(key):
        try:
            yield msgspec.json.decode(piece, type=AnswerPiece)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise reader.damaged() from None


def _take(carrier: Carrier, reader: BundleReader, key: bytes, path: Path, done: TakenOver) -> None:
    connection = open_file(carrier.folder)
    try:
        with open_parcels(carrier.folder, carrier.station, carrier.zone) as parcels:
            taking = _Taking(carrier, connection, parcels, reader)
            taking.refuse_old_life()
            held: HoldingsAnswer | None = None
            for piece in _pieces(reader, key):
                held = held or piece.holdings
                taking.agree(held)
                done.settled += taking.settle(piece.receipts)
                if piece.feed:
                    done.news += taking.take_feed(piece.feed, piece.after)
            taking.agree(held)
    finally:
        connection.close()
    done.files.append(path)


class _Taking:
    """Takes one whole bundle over; `connection` reads what is here."""

    def __init__(self, carrier: Carrier, connection: "Connection", parcels: "Parcels", reader: BundleReader) -> None:
        self._carrier = carrier
        self._db = connection
        self._parcels = parcels
        self._reader = reader
        self._made_ms = min(reader.header.made_ms + carrier.drift_ms, carrier.now_ms())
        """When the bundle was made, by this device's clock."""

    def refuse_old_life(self) -> None:
        """Refuse what another life of the community's database said before the present one was last heard."""
        cursor = self._parcels.feed.cursor()
        if cursor and _place(cursor)[0] != self._reader.header.generation and not self._is_newest():
            raise _refused(
                N_("{path}: was made before the community's database became another one; have a new one made"),
                self._reader,
            )

    def agree(self, held: HoldingsAnswer | None) -> None:
        """Take up with the database as it is, if this is the first or the newest that is heard of it."""
        if held and self._parcels.outbox.generation() != held.generation and self._is_newest():
            self._parcels.outbox.agree(held)

    def settle(self, receipts: Sequence[Receipt]) -> int:
        """Keep the answers that follow what has one already; return to how many records.

        What lies further on is sent again: an answer must never hide a record that has none.
        """
        settled = 0
        for receipt in receipts:
            unsent = self._parcels.outbox.unsent(1)
            if not unsent:
                break
            first_unsent = unsent[0][0]
            answers = [(n, answer) for n, answer in receipt.by_number() if n >= first_unsent]
            if answers and answers[0][0] == first_unsent and self._digest(receipt) == receipt.digest:
                life = self._reader.header.generation
                self._parcels.outbox.settle(answers, self._carrier.now_ms(), life, has_gap=receipt.has_gap)
                settled += len(answers)
        return settled

    def take_feed(self, answer: FeedAnswer, after: str | None) -> int:
        """Keep a piece of the feed, unless all of it is known or something is missing before it; return what was new.

        The lists are then as old as the bundle, not as new as its import.
        """
        own, ends = _place(self._parcels.feed.cursor()), _place(answer.cursor)
        begins = (answer.generation, 0) if answer.from_start or after is None else _place(after)
        is_known = own[0] == ends[0] and ends[1] <= own[1]
        is_anew = answer.from_start and ends != own and self._is_newest()
        is_gap = begins[1] > 0 and (own[0] != begins[0] or begins[1] > own[1])
        if is_gap or (is_known and not is_anew):
            return 0
        return self._parcels.feed.take(answer, self._made_ms)

    def _is_newest(self) -> bool:
        """Say whether the bundle was made after this station last heard from its community."""
        synced = read_note(self._db, SYNCED)
        return synced is None or self._made_ms >= int(synced)

    def _digest(self, receipt: Receipt) -> str:
        """Return the digest of the records that a receipt is about, as they are here: another life has others."""
        own = read_events(self._db, self._carrier.station, receipt.first_n - 1, receipt.count)
        return digest_of(journal_piece(receipt.first_n, [to_json(event) for _n, event in own]))


def _place(cursor: str | None) -> tuple[str, int]:
    """Return which life of the database a cursor is of, and how far it reaches there."""
    generation, _, rest = (cursor or "").partition(".")
    number = rest.partition(".")[0]
    return generation, int(number) if number.isascii() and number.isdecimal() else 0


def _refused(sentence: str, reader: BundleReader, **values: object) -> BundleError:
    return BundleError(sentence, path=reader.name, **{name: plain(str(value)) for name, value in values.items()})
