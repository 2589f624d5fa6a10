"""What the community gives stations on a stick: receipts for their records, and the feed of all gates."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_
from passes.keyfiles import load_key
from passes.keys import IssuingKey, key_id_of
from passes.trust import USE_ANSWERS, read_trust_list, trust_list_text
from sync.bundle import BundleError, BundleReader, BundleWriter, Header, key_for_station, new_key
from sync.bundlefiles import SPARE_BYTES, free_name, require_room, write_bundle
from sync.bundlewire import AnswerPiece, Receipt
from sync.community.bundles import Desk, Taken
from sync.community.database import reading
from sync.community.feed import read_feed
from sync.community.holdings import holdings
from sync.community.journal import generation
from sync.community.office import key_path, load_root_public, load_trust_list
from sync.community.stations import require_enrolled
from sync.events import new_id
from sync.wire import HoldingsAnswer

_RECEIPTS_IN_A_PIECE = 200


def write_answers(desk: Desk, taken: Sequence[Taken], folder: Path, zone: ZoneInfo) -> list[Path]:
    """Write one bundle for each station whose bundles were taken in: receipts, and the feed since its cursor.

    Raises `BundleError`, `KeyFileError`, `DatabaseError`; what was taken in is stored in any case.
    """
    by_station: dict[str, list[Taken]] = {}
    for one in sorted(taken, key=lambda one: (one.header.first_n, one.header.made_ms)):
        by_station.setdefault(one.header.station, []).append(one)
    paths = []
    for station, files in by_station.items():
        newest = max((one.header for one in files), key=lambda header: header.made_ms)
        receipts = [receipt for one in files for receipt in one.receipts]
        paths.append(_write(desk, folder, zone, station, receipts, newest))
    return paths


def write_feed(desk: Desk, station: str, folder: Path, zone: ZoneInfo) -> Path:
    """Write the whole feed for a station that has sent nothing by stick; raises as `write_answers` does."""
    return _write(desk, folder, zone, station, [], None)


def _write(
    desk: Desk, folder: Path, zone: ZoneInfo, station: str, receipts: Sequence[Receipt], asked: Header | None
) -> Path:
    signer, trust_list = _signer(desk)
    now_ms = desk.now_ms()
    with reading(desk.engine) as connection:
        digest = require_enrolled(connection, desk.community, station)
        held = HoldingsAnswer(
            community=desk.community,
            generation=generation(connection, desk.community),
            server_time_ms=now_ms,
            trust_list=trust_list,
            holdings=holdings(connection, desk.community, station),
        )
    header = Header(
        purpose="answer",
        community=desk.community,
        station=station,
        bundle_id=new_id(now_ms),
        made_ms=now_ms,
        sealed=new_key(),
        public_key=signer.public_key,
        generation=held.generation,
    )

    def fill(file: BinaryIO) -> None:
        writer = BundleWriter(file, header, key_for_station(header, digest))
        writer.add(msgspec.json.encode(AnswerPiece(holdings=held)))
        for start in range(0, len(receipts), _RECEIPTS_IN_A_PIECE):
            piece = AnswerPiece(receipts=list(receipts[start : start + _RECEIPTS_IN_A_PIECE]))
            writer.add(msgspec.json.encode(piece))
        for piece in feed_pieces(desk, station, asked.cursor if asked else None, (asked and asked.epoch) or ""):
            writer.add(msgspec.json.encode(piece))
        writer.finish(signer)

    require_room(folder, SPARE_BYTES)
    path = free_name(folder, station, now_ms, "station", zone)

    def check(reader: BundleReader) -> None:
        reader.verify(signer.public_key)

    write_bundle(path, fill, check)
    return path


def feed_pieces(desk: Desk, station: str, after: str | None, epoch: str) -> Iterator[AnswerPiece]:
    """Yield the feed behind a cursor, as the station would get it over HTTP, a page in each piece."""
    while True:
        with reading(desk.engine) as connection:
            page = read_feed(
                connection,
                desk.community,
                after=after,
                own_station=station,
                own_epoch=epoch,
                now_ms=desk.now_ms(),
            )
        yield AnswerPiece(feed=page, after=after)
        after = page.cursor
        if not page.more:
            return


def _signer(desk: Desk) -> tuple[IssuingKey, str]:
    """Return the key that signs for the community, and the trust list that names it."""
    signed = load_trust_list(desk.folder)
    public_key = read_trust_list(signed, load_root_public(desk.folder)).newest(USE_ANSWERS)
    if public_key is None:
        raise BundleError(
            N_("community {community}: has no keys for bundles yet; run: gatepost community key seal --dir DIR"),
            community=desk.community,
        )
    path = key_path(desk.folder, USE_ANSWERS, key_id_of(public_key))
    return load_key(path, desk.passphrase), trust_list_text(signed)
