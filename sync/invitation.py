"""Invitations: what a new station joins with, in a file on a stick that only a one-time code opens.

The file is a bundle of purpose `joining` (docs/bundles.md) with the enrolment as its only piece. Whoever finds the
stick has 50 bits to guess, each try as slow as `sync.onetime` makes it. The key that signs it is made for the file
alone: what says that it is the office's is that the code opens it.
"""

from datetime import tzinfo
from pathlib import Path
from typing import BinaryIO

import msgspec

from passes.errors import N_
from passes.keys import IssuingKey
from passes.plaintext import plain
from sync.bundle import BundleError, BundleReader, BundleWriter, Header, new_key
from sync.bundlefiles import SPARE_BYTES, bundles_in, free_name, open_bundle, require_room, write_bundle
from sync.enrolment import Enrolment
from sync.events import new_id
from sync.onetime import CodeKeys, keys_of, make_code


def write_invitation(folder: Path, enrolment: Enrolment, now_ms: int, zone: tzinfo) -> tuple[Path, str]:
    """Write an invitation into a stick's folder and return its path, and the code to be read to the new station.

    Raises `BundleError`; then there is no such file.
    """
    code, signer = make_code(), IssuingKey.generate()
    keys = keys_of(code)
    header = Header(
        purpose="joining",
        community=enrolment.community,
        station=enrolment.station,
        bundle_id=new_id(now_ms),
        made_ms=now_ms,
        sealed=new_key(),
        public_key=signer.public_key,
        key_id=keys.locator,
    )

    def fill(file: BinaryIO) -> None:
        writer = BundleWriter(file, header, _key_of(keys, header))
        writer.add(msgspec.json.encode(enrolment))
        writer.finish(signer)

    def check(reader: BundleReader) -> None:
        reader.verify(signer.public_key)

    require_room(folder, SPARE_BYTES)
    path = free_name(folder, enrolment.station, now_ms, "new-station", zone)
    write_bundle(path, fill, check)
    return path, code


def open_invitation(path: Path, code: str) -> Enrolment:
    """Return what the invitation that belongs to `code` holds; `path` is its file, or the stick's folder.

    Raises `UsageError` for a code with a slip in it, `BundleError` where none belongs to it or it is not whole.
    """
    keys = keys_of(code)
    for file in bundles_in([path], "new-station"):
        with open_bundle(file) as reader:
            header = reader.header
            if header.purpose != "joining" or header.key_id != keys.locator:
                continue
            reader.verify()
            return _enrolment(reader, _key_of(keys, header))
    raise BundleError(
        N_("{path}: no invitation that belongs to this code; is it the right stick, and the code of this one?"),
        path=plain(str(path), 1000),
    )


def _enrolment(reader: BundleReader, key: bytes) -> Enrolment:
    try:
        return msgspec.json.decode(b"".join(reader.pieces(key)), type=Enrolment)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise reader.damaged() from None


def _key_of(keys: CodeKeys, header: Header) -> bytes:
    return keys.file_key(header.sealed, header.info())
