"""Records by USB stick, the community's side: bundles of stations are taken in like what comes over HTTP."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from passes.errors import N_, KeyFileError
from passes.plaintext import plain
from passes.trust import USE_BUNDLES
from sync.bundle import BundleError, BundleReader, Header, key_for_community
from sync.bundlefiles import bundles_in, open_bundle
from sync.bundlewire import Receipt, digest_of, read_journal_piece
from sync.community.database import reading, writing
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.office import key_path
from sync.community.stationkeys import StationKeyError, check_key, register_key
from sync.community.stations import StationWithdrawnError, require_enrolled
from sync.sealing import SealingKey, load_sealing_key

Progress = Callable[[str, int], None]
"""Called with a file's name and how many of its records are stored."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What the office needs for bundles: the community's database, its folder, and what opens the keys in it."""

    engine: sa.Engine
    folder: Path
    community: str
    now_ms: Callable[[], int]
    passphrase: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """One bundle that was taken in: its header, what became of its records, and the receipts for them."""

    path: Path
    header: Header
    counts: dict[str, int]
    receipts: list[Receipt] = field(default_factory=list)


@dataclass(slots=True)
class Import:
    """What came of the bundles that were offered: those taken in, and why others were refused."""

    taken: list[Taken] = field(default_factory=list)
    refused: list[BundleError] = field(default_factory=list)


def import_bundles(desk: Desk, paths: Sequence[Path], progress: Progress = lambda _name, _done: None) -> Import:
    """Take in the stations' bundles in files and folders; the same twice, or what came by HTTP meanwhile, does no harm.

    Each file is judged for itself: of one that is refused nothing is stored. Raises `BundleError` for a path that is
    not there, and `DatabaseError`; whatever was stored before stays, and the import can be repeated.
    """
    done = Import()
    found: list[tuple[str, int, Path]] = []
    for path in bundles_in(paths, "community"):
        try:
            with open_bundle(path) as reader:
                found.append((reader.header.station, reader.header.first_n, path))
        except BundleError as error:
            done.refused.append(error)
    # In the order of recording, whatever the files are called: that is the quickest, and conflicts come once.
    for _station, _first_n, path in sorted(found):
        try:
            with open_bundle(path) as reader:
                done.taken.append(_take_in(desk, reader, path, progress))
        except BundleError as error:
            done.refused.append(error)
        except (KeyFileError, StationKeyError, StationWithdrawnError) as error:
            done.refused.append(
                BundleError(N_("{path}: {why} Nothing of it was used."), path=plain(str(path), 1000), why=error)
            )
    return done


def _take_in(desk: Desk, reader: BundleReader, path: Path, progress: Progress) -> Taken:
    header = reader.header
    key = _check(desk, reader)
    setting = Setting(desk.community, header.station, desk.now_ms())
    counts: Counter[str] = Counter()
    receipts: list[Receipt] = []
    for first_n, lines, digest in _batches(reader, key):
        stored = store_batch(desk.engine, read_batch(desk.engine, setting, lines))
        counts.update(answer.status for answer in stored.answers)
        told = [answer for answer in stored.answers if answer.status != "stored"]
        receipts.append(Receipt(first_n=first_n, count=len(lines), digest=digest, answers=told, has_gap=stored.has_gap))
        progress(path.name, counts.total())
    return Taken(path, header, dict(counts), receipts)


def _check(desk: Desk, reader: BundleReader) -> bytes:
    """See that a whole bundle is of a station of this community and can be read; return its key.

    Only then is the key that signed it remembered as the station's.
    """
    header = reader.header
    if header.community != desk.community or header.purpose != "journal":
        raise BundleError(
            N_("{path}: is not for community {wanted} ({purpose} of {found}); nothing of it was used"),
            path=reader.name,
            wanted=desk.community,
            purpose=header.purpose,
            found=plain(header.community),
        )
    with reading(desk.engine) as connection:
        require_enrolled(connection, desk.community, header.station)
        check_key(connection, desk.community, header.station, header.public_key, header.proof)
    reader.verify(header.public_key)
    key = key_for_community(reader, _sealing_key(desk, header))
    for _batch in _batches(reader, key):
        pass
    with writing(desk.engine) as connection:
        register_key(connection, desk.community, header.station, header.public_key)
    return key


def _batches(reader: BundleReader, key: bytes) -> Iterator[tuple[int, list[bytes], str]]:
    for piece in reader.pieces(key):
        try:
            first_n, lines = read_journal_piece(piece)
        except ValueError:
            raise reader.damaged() from None
        yield first_n, lines, digest_of(piece)


def _sealing_key(desk: Desk, header: Header) -> SealingKey:
    try:
        path = key_path(desk.folder, USE_BUNDLES, bytes.fromhex(header.key_id))
    except ValueError:
        path = desk.folder
    if not path.is_file():
        raise KeyFileError(
            N_("the key {key_id} that it was sealed to is not in {folder}; restore its file from a backup."),
            key_id=plain(header.key_id, 40),
            folder=plain(str(desk.folder), 1000),
        )
    return load_sealing_key(path, desk.passphrase)
