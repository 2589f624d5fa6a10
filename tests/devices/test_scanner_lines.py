"""The stream of a serial scanner: exactly the codes, however the bytes come."""

import binascii
import itertools
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from station.devices.scanner.code import MOST_CHARACTERS, codes_in
from station.devices.scanner.lines import ScanLines

ANSWER = bytes.fromhex("02000001003331")
TOKEN = "GP1" + "2JIKCQ3ZMF7RTVWXY" * 12
OTHER = "GP1" + "7RTVWXY2JIKCQ3ZMF" * 12


def cut(*parts: bytes, is_idle_after: bool = False) -> list[str]:
    lines = ScanLines()
    codes = [code for part in parts if part for code in lines.feed(part, 1.0)]
    return codes + (lines.feed(b"", 9.0) if is_idle_after else [])


def answered(kind: int, data: bytes) -> bytes:
    body = bytes([kind, len(data)]) + data
    return b"\x02\x00" + body + binascii.crc_hqx(body, 0).to_bytes(2)


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n", b"\t", b"\x03", b"\r\n\t"])
def test_every_terminator_ends_a_code(end: bytes) -> None:
    assert cut(b"ABC" + end + b"DEF" + end) == ["ABC", "DEF"]


def test_the_aim_identifier_and_the_framing_are_no_part_of_the_code() -> None:
    assert cut(b"\x02]Q1ABC\x03\x02]C0DEF\x03", b"]Q1\r", b"]Q\r") == ["ABC", "DEF", "]Q1", "]Q"]


def test_empty_lines_are_no_codes() -> None:
    assert cut(b"\r\n\r\n  \r\x06\r\t\x7f\n") == []


def test_a_code_without_terminator_ends_after_an_idle_gap_only() -> None:
    lines = ScanLines()
    assert lines.feed(b"ABC", 1.0) == []
    assert lines.feed(b"", 1.05) == []
    assert lines.feed(b"DEF", 1.07) == []
    assert lines.feed(b"", 1.14) == []
    assert lines.feed(b"", 1.16) == ["ABCDEF"]
    assert lines.feed(b"", 5.0) == []


def test_command_answers_are_dropped_wherever_they_come() -> None:
    long_answer = answered(0, b"\r\nGP1\t" * 20)
    assert cut(ANSWER + b"ABC\r" + ANSWER + long_answer + b"D" + ANSWER + b"EF\r" + ANSWER) == ["ABC", "DEF"]


def test_what_only_looks_like_an_answer_is_a_code() -> None:
    damaged = ANSWER[:-1] + b"\x32"
    assert cut(b"\x02ABC\x03" + damaged + b"\r\x02DEF\r")[::2] == ["ABC", "DEF"]
    assert cut(b"ABC\x02", is_idle_after=True) == ["ABC"]
    assert cut(b"\x02\x00\x00\x20" + b"ABC", is_idle_after=True)[-1] == "ABC"


def test_too_long_a_code_is_bounded_and_the_next_one_whole() -> None:
    [long, after] = cut(b"A" * 100_000 + b"\rABC\r")
    assert long == "A" * (MOST_CHARACTERS + 1)
    assert after == "ABC"


def test_what_is_not_utf_8_is_still_told() -> None:
    assert cut("王小明\r".encode()) == ["王小明"]
    assert cut(b"\xff\xfeAB\r") == ["\ufffd\ufffdAB"]


@pytest.mark.parametrize(
    "sent",
    [
        TOKEN,
        TOKEN.lower(),
        TOKEN.swapcase() + "\r",
        "]Q1" + TOKEN,
        TOKEN + TOKEN,
        TOKEN + TOKEN[:9],
        TOKEN[:70] + TOKEN,
        "\u3000" + TOKEN.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}),
        "n'" + TOKEN[:20].lower() + "'" + TOKEN[20:].lower() + " ",
        "\ufeff" + TOKEN[:50] + "\u200b" + TOKEN[50:],
    ],
)
def test_a_token_is_restored(sent: str) -> None:
    assert codes_in(sent) == [TOKEN]


def test_two_tokens_that_ran_together_are_two() -> None:
    assert codes_in(TOKEN + OTHER) == [TOKEN, OTHER]


@pytest.mark.parametrize(
    "sent",
    [
        "gp1",
        "gp1abcdef",
        "abc-def-ghk",
        "ＡＢＣ",
        "https://community.example/?pass=" + TOKEN.lower(),
        TOKEN.lower() + "0",
        "gp2" + TOKEN[3:].lower(),
        "王小明" + TOKEN.lower() + "王",
    ],
)
def test_what_is_not_surely_a_token_stays_as_it_is(sent: str) -> None:
    assert codes_in(sent) == [sent]


_PIECE = st.one_of(
    st.binary(max_size=12),
    st.builds(answered, st.integers(0, 255), st.binary(max_size=20)),
    st.sampled_from([TOKEN.encode(), TOKEN.lower().encode() + b"\r", b"\r\n", b"\t", b"\x02", b"\x03", ANSWER[:5]]),
)


@settings(deadline=None, derandomize=True)
@given(pieces=st.lists(_PIECE, max_size=8), cuts=st.lists(st.integers(0, 300), max_size=12))
@example(pieces=[ANSWER, ANSWER[:6], TOKEN.encode()], cuts=[1, 2, 3, 8])
def test_read_boundaries_decide_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    edges = [0, *sorted(at for at in cuts if at <= len(stream)), len(stream)]
    parts = [stream[start:end] for start, end in itertools.pairwise(edges)]
    whole = cut(stream, is_idle_after=True)
    assert cut(*parts, is_idle_after=True) == whole
    assert cut(*(bytes([byte]) for byte in stream), is_idle_after=True) == whole


@settings(deadline=None, derandomize=True)
@given(codes=st.lists(st.text("ABCXYZ2357:/-", min_size=1, max_size=40), max_size=6), end=st.sampled_from("\r\n\t\x03"))
def test_every_code_is_told_once_and_whole(codes: list[str], end: str) -> None:
    assert cut("".join(code + end for code in codes).encode()) == codes


def test_a_megabyte_of_random_bytes_leaves_nothing_behind() -> None:
    source = random.Random(20260208)
    lines = ScanLines()
    for _ in range(256):
        for code in lines.feed(source.randbytes(4096), 1.0):
            assert 0 < len(code) <= MOST_CHARACTERS + 1
        assert len(lines._line) + len(lines._undecided) <= 4 * (MOST_CHARACTERS + 1) + 261
    lines.feed(b"", 2.0)
    assert lines.feed(TOKEN.encode() + b"\r", 2.0) == [TOKEN]
