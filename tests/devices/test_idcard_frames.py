"""The frames of an ID card reader: exactly the answers, however the bytes come, and never a photo."""

import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from station.devices.idcard.frames import FIND, PREAMBLE, READ, SELECT, Answer, Answers, FrameFault, command
from station.devices.idcard.simulator import PEOPLE, encode_answer, encode_card

TEXT = encode_card(PEOPLE[0])
PHOTO = b"\x5a" * 1024
CARD = encode_answer(0x90, b"\x01\x00\x04\x00" + TEXT + PHOTO)
FOUND = encode_answer(0x9F)


def parsed(*parts: bytes, is_idle_after: bool = False) -> list[Answer | FrameFault]:
    answers = Answers()
    found = [answer for part in parts if part for answer in answers.feed(part, 1.0)]
    return found + (answers.feed(b"", 9.0) if is_idle_after else [])


def test_the_documented_commands() -> None:
    assert command(FIND) == bytes.fromhex("AAAAAA96690003200122")
    assert command(SELECT) == bytes.fromhex("AAAAAA96690003200221")
    assert command(READ) == bytes.fromhex("AAAAAA96690003300132")


def test_a_documented_answer() -> None:
    assert parsed(bytes.fromhex("AAAAAA9669000400009F9B")) == [Answer(0x9F)]
    assert len(CARD) == 1295


def test_a_card_is_found_by_its_lengths() -> None:
    fingers = b"\x01\x00\x04\x00\x04\x00" + TEXT + PHOTO + PHOTO
    assert parsed(CARD) == [Answer(0x90, TEXT)]
    assert parsed(encode_answer(0x90, fingers)) == [Answer(0x90, TEXT)]
    assert parsed(encode_answer(0x90, b"\x01\x00\x07" + b"\x01\x00\x04\x00" + TEXT + PHOTO)) == [Answer(0x90, TEXT)]


@pytest.mark.parametrize("data", [b"", b"\x01", TEXT, b"\x01\x00\x04\x00" + TEXT, b"\x01\x02\x04\x00" + TEXT + PHOTO])
def test_lengths_that_do_not_fit_are_no_text(data: bytes) -> None:
    assert parsed(encode_answer(0x90, data)) == [Answer(0x90)]


def test_photo_and_text_are_never_in_what_could_be_logged() -> None:
    [answer] = parsed(CARD)
    assert isinstance(answer, Answer)
    assert "Z" not in repr(answer)
    assert "text" not in repr(answer)
    assert PHOTO[:8] not in answer.text


def test_an_aa_too_many_and_junk_are_skipped() -> None:
    assert parsed(b"\xaa" + FOUND + b"\xaa\xaa" + CARD + b"\0\xaa") == [Answer(0x9F), Answer(0x90, TEXT)]


def test_a_wrong_checksum_costs_nothing_of_the_next_frame() -> None:
    damaged = FOUND[:-1] + b"\0"
    assert parsed(damaged + FOUND) == [FrameFault.CHECKSUM, Answer(0x9F)]
    assert parsed(PREAMBLE + b"\x00\x06\x00" + FOUND) == [FrameFault.CHECKSUM, Answer(0x9F)]


@pytest.mark.parametrize("length", [b"\x00\x00", b"\x00\x03", b"\x10\x01", b"\xff\xff"])
def test_an_impossible_length_holds_nothing_back(length: bytes) -> None:
    assert parsed(PREAMBLE + length + FOUND) == [Answer(0x9F)]


def test_every_single_bit_error_is_noticed() -> None:
    for bit in range(len(FOUND) * 8):
        damaged = bytearray(FOUND)
        damaged[bit // 8] ^= 1 << bit % 8
        assert not any(isinstance(one, Answer) for one in parsed(bytes(damaged), is_idle_after=True))


def test_a_cut_frame_is_told_after_an_idle_gap_and_lets_the_next_one_through() -> None:
    answers = Answers()
    assert answers.feed(CARD[:300] + FOUND, 1.0) == []
    assert answers.feed(b"", 1.2) == []
    assert answers.feed(b"", 1.4) == [FrameFault.TRUNCATED, Answer(0x9F)]
    assert answers.feed(FOUND, 2.0) == [Answer(0x9F)]
    assert answers.feed(b"\xaa\xaa", 3.0) == answers.feed(b"", 4.0) == []


_PIECE = st.one_of(
    st.binary(max_size=12),
    st.builds(encode_answer, st.integers(0, 255), st.binary(max_size=20)),
    st.sampled_from([FOUND, CARD, CARD[:200], FOUND[:8], PREAMBLE, PREAMBLE[:3], b"\xaa", PREAMBLE + b"\x10\x00"]),
)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(pieces=st.lists(_PIECE, max_size=6), cuts=st.lists(st.integers(0, 1500), max_size=12))
@example(pieces=[b"\xaa", FOUND, CARD], cuts=[1, 2, 5, 6, 9, 11])
def test_read_boundaries_decide_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    edges = [0, *sorted(at for at in cuts if at <= len(stream)), len(stream)]
    parts = [stream[start:end] for start, end in itertools.pairwise(edges)]
    whole = parsed(stream, is_idle_after=True)
    assert parsed(*parts, is_idle_after=True) == whole
    assert parsed(*(bytes([byte]) for byte in stream), is_idle_after=True) == whole


@settings(deadline=None, derandomize=True)
@given(
    statuses=st.lists(st.integers(0, 255), max_size=6),
    junk=st.binary(max_size=9).map(lambda data: data.replace(b"\x69", b"")),
)
def test_every_answer_between_junk_is_found(statuses: list[int], junk: bytes) -> None:
    stream = junk + b"".join(encode_answer(status) + junk for status in statuses)
    assert parsed(stream) == [Answer(status) for status in statuses]


def test_a_megabyte_of_random_bytes_is_no_answer_and_leaves_nothing_behind() -> None:
    source = random.Random(20260209)
    answers = Answers()
    for number in range(256):
        lead = PREAMBLE if number % 2 else b""
        found = answers.feed(lead + source.randbytes(4096), 1.0)
        # One in 256 checksums fits by chance; a text needs two lengths besides.
        assert not any(one.text for one in found if isinstance(one, Answer))
        assert len(answers._pending) < 4104
    answers.feed(b"", 5.0)
    assert answers.feed(CARD, 6.0) == [Answer(0x90, TEXT)]
