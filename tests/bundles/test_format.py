"""The form of a bundle: any change is noticed, wherever it is made."""

import io
import zlib

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from passes.keys import IssuingKey
from sync.bundle import (
    MARK,
    BundleError,
    BundleReader,
    BundleWriter,
    Header,
    key_for_community,
    key_for_station,
    new_key,
    seal_for_community,
)
from sync.sealing import SealingKey
from sync.secrets import secret_digest
from sync.wire import MAX_BODY_BYTES

SIGNER = IssuingKey.generate()
OFFICE = SealingKey.generate()
KEY = new_key()
PIECES = [b"one", b"", "三".encode() * 500]
HEADER = seal_for_community(
    KEY,
    Header(
        purpose="journal",
        community="370212004001",
        station="east",
        bundle_id="b1",
        made_ms=1,
        sealed=b"",
        public_key=SIGNER.public_key,
    ),
    OFFICE.public_key,
)


def written(header: Header = HEADER, pieces: list[bytes] = PIECES, key: bytes = KEY) -> bytes:
    file = io.BytesIO()
    writer = BundleWriter(file, header, key)
    for piece in pieces:
        writer.add(piece)
    writer.finish(SIGNER)
    return file.getvalue()


WHOLE = written()


def read(data: bytes) -> list[bytes]:
    """Return the pieces as whoever gets a bundle reads it."""
    reader = BundleReader(io.BytesIO(data), "stick/x.gatepost")
    reader.verify(SIGNER.public_key)
    return list(reader.pieces(key_for_community(reader, OFFICE)))


def test_what_was_written_is_read() -> None:
    assert read(WHOLE) == PIECES
    assert read(written(pieces=[])) == []
    assert written() == WHOLE


def test_a_bundle_cut_anywhere_is_refused() -> None:
    for size in range(len(WHOLE)):
        with pytest.raises(BundleError, match=r"stick/x\.gatepost"):
            read(WHOLE[:size])


@given(st.integers(0, len(WHOLE) * 8 - 1))
def test_a_bit_changed_anywhere_is_refused(bit: int) -> None:
    data = bytearray(WHOLE)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BundleError):
        read(bytes(data))


@given(st.binary(min_size=1, max_size=40))
def test_nothing_may_follow(more: bytes) -> None:
    with pytest.raises(BundleError):
        read(WHOLE + more)


@given(st.binary(max_size=400))
def test_noise_is_no_bundle(noise: bytes) -> None:
    for data in (noise, MARK + noise):
        with pytest.raises(BundleError):
            read(data)


def test_pieces_cannot_be_exchanged_or_left_out() -> None:
    starts, at = [], len(MARK)
    while at < len(WHOLE):
        starts.append(at)
        at += 5 + int.from_bytes(WHOLE[at + 1 : at + 5], "big")
    _header, first, second, third, end = starts
    for data in (
        WHOLE[:first] + WHOLE[second:],
        WHOLE[:first] + WHOLE[second:third] + WHOLE[first:second] + WHOLE[third:],
        WHOLE[:third] + WHOLE[end:],
    ):
        with pytest.raises(BundleError):
            read(data)


def test_a_copy_as_text_is_told() -> None:
    with pytest.raises(BundleError, match="copied as text"):
        read(WHOLE.replace(b"\r\n", b"\n", 1))


def test_a_later_version_asks_for_a_newer_program() -> None:
    later = msgspec.structs.replace(HEADER, version=2)
    with pytest.raises(BundleError, match="version 2"):
        read(written(later))


def test_another_signature_and_another_key_are_told() -> None:
    reader = BundleReader(io.BytesIO(WHOLE), "x")
    with pytest.raises(BundleError, match="not signed by"):
        reader.verify(IssuingKey.generate().public_key)
    with pytest.raises(BundleError, match="sealed for somebody else"):
        key_for_community(reader, SealingKey.generate())
    with pytest.raises(BundleError, match="sealed for somebody else"):
        list(reader.pieces(new_key()))


@pytest.mark.parametrize("field", ["purpose", "community", "station", "bundle_id"])
def test_the_key_opens_for_nothing_else(field: str) -> None:
    other = msgspec.structs.replace(HEADER, **{field: "answer" if field == "purpose" else "other"})
    reader = BundleReader(io.BytesIO(written(other)), "x")
    with pytest.raises(BundleError, match="somebody else"):
        key_for_community(reader, OFFICE)


def test_an_answer_opens_for_the_station_with_the_secret_only() -> None:
    header = msgspec.structs.replace(HEADER, purpose="answer", sealed=new_key())
    keys = {key_for_station(header, secret_digest(secret)) for secret in ("gps_1", "gps_2")}
    keys.add(key_for_station(msgspec.structs.replace(header, sealed=new_key()), secret_digest("gps_1")))
    keys.add(key_for_station(msgspec.structs.replace(header, station="west"), secret_digest("gps_1")))
    assert len(keys) == 4


def test_what_swells_beyond_bounds_is_refused() -> None:
    file = io.BytesIO()
    writer = BundleWriter(file, HEADER, KEY)
    bomb = zlib.compress(bytes(MAX_BODY_BYTES * 4))
    sealed = AESGCM(KEY).encrypt(bytes(12), bomb, msgspec.json.encode(HEADER, order="sorted"))
    writer._part(b"P", sealed)
    writer.pieces += 1
    writer.finish(SIGNER)
    reader = BundleReader(io.BytesIO(file.getvalue()), "x")
    reader.verify(SIGNER.public_key)
    with pytest.raises(BundleError, match="changed"):
        list(reader.pieces(KEY))
