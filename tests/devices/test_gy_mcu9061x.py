"""The parser of the GY-MCU9061x: exactly the frames, however the bytes come."""

import itertools
import random
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from station.devices import PROTOCOLS
from station.devices.gy_mcu9061x import GyMcu9061x, Options
from station.devices.measurement import Fault, FaultCode, Measurement
from station.devices.voices import gy_mcu9061x_frame as encode_frame

DOCUMENTED = bytes.fromhex("5A5A45040C780D19A7")
HEADER = bytes.fromhex("5A5A4504")


def framed(object_bytes: bytes, ambient_bytes: bytes = b"\x09\x60") -> bytes:
    body = HEADER + object_bytes + ambient_bytes
    return body + bytes([sum(body) % 256])


def parsed(*parts: bytes, at_s: float = 1.0) -> list[Measurement | Fault]:
    parser = GyMcu9061x(Options())
    return [event for part in parts for event in parser.feed(part, at_s)]


def temperatures(events: Iterable[Measurement | Fault]) -> list[float]:
    return [event.celsius for event in events if isinstance(event, Measurement)]


def codes(events: Iterable[Measurement | Fault]) -> list[FaultCode]:
    return [event.code for event in events if isinstance(event, Fault)]


def test_documented_frame() -> None:
    expected = Measurement(31.92, "surface", 33.53, DOCUMENTED, "gy-mcu9061x", 7.5)
    assert parsed(DOCUMENTED, at_s=7.5) == [expected]


def test_the_simulator_writes_the_documented_frame() -> None:
    assert encode_frame(31.92, 33.53) == DOCUMENTED


def test_a_frame_in_single_bytes() -> None:
    assert temperatures(parsed(*(bytes([byte]) for byte in DOCUMENTED))) == [31.92]


def test_several_frames_at_once() -> None:
    assert temperatures(parsed(DOCUMENTED * 3)) == [31.92] * 3


@pytest.mark.parametrize("tenth", [0x00, 0x5A, 0x45, 0xFF])
def test_the_tenth_byte_is_skipped(tenth: int) -> None:
    frame = DOCUMENTED + bytes([tenth])
    assert parsed(frame * 4) == parsed(DOCUMENTED * 4)


def test_payload_may_look_like_a_header() -> None:
    # 5A5A is 231.30: hot for a person, possible for the sensor.
    assert temperatures(parsed(framed(b"\x5a\x5a") * 2)) == [231.30] * 2
    inner = framed(b"\x5a\x5a", b"\x0a\x5a")
    assert temperatures(parsed(inner + DOCUMENTED)) == [231.30, 31.92]


def test_three_5a_in_a_row() -> None:
    assert temperatures(parsed(b"\x5a" + DOCUMENTED)) == [31.92]
    assert temperatures(parsed(b"\x5a", b"\x5a", b"\x5a" + DOCUMENTED[2:])) == [31.92]


def test_the_end_of_a_frame_is_not_the_beginning_of_the_next() -> None:
    ends_in_5a = framed(b"\x0e\x4c", b"\x00\x03")
    assert ends_in_5a[-1] == 0x5A
    assert parsed(ends_in_5a, DOCUMENTED[1:]) == parsed(ends_in_5a + DOCUMENTED[1:]) == parsed(ends_in_5a)


@pytest.mark.parametrize("cut", range(1, 9))
def test_the_first_fragment_is_no_frame(cut: int) -> None:
    assert parsed(DOCUMENTED[cut:] + DOCUMENTED) == parsed(DOCUMENTED)


def test_zero_at_start_up_is_no_measurement() -> None:
    events = parsed(framed(b"\x00\x00"))
    assert codes(events) == [FaultCode.NO_MEASUREMENT]
    assert isinstance(events[0], Fault)
    assert events[0].is_answer


def test_cold_ambient_is_below_zero() -> None:
    [event] = parsed(encode_frame(34.5, -12.4))
    assert isinstance(event, Measurement)
    assert event.ambient_celsius == -12.4


@pytest.mark.parametrize(("seen", "ambient"), [(-70.01, 20.0), (36.5, -40.01), (36.5, 125.01)])
def test_what_no_sensor_can_see_is_out_of_range(seen: float, ambient: float) -> None:
    assert codes(parsed(encode_frame(seen, ambient))) == [FaultCode.OUT_OF_RANGE]


def test_a_wrong_checksum_costs_one_byte_only() -> None:
    damaged = DOCUMENTED[:8] + bytes([DOCUMENTED[8] ^ 0x10])
    events = parsed(damaged + DOCUMENTED)
    assert codes(events) == [FaultCode.CHECKSUM]
    assert temperatures(events) == [31.92]
    # A frame cut in half swallows nothing of the one behind it.
    events = parsed(DOCUMENTED[:5] + DOCUMENTED)
    assert codes(events) == [FaultCode.CHECKSUM]
    assert temperatures(events) == [31.92]


def test_every_single_bit_error_is_noticed() -> None:
    for bit in range(len(DOCUMENTED) * 8):
        damaged = bytearray(DOCUMENTED)
        damaged[bit // 8] ^= 1 << bit % 8
        assert temperatures(parsed(bytes(damaged))) == []


def test_a_half_frame_is_truncated_after_an_idle_gap_only() -> None:
    parser = GyMcu9061x(Options())
    assert parser.feed(DOCUMENTED[:3], 1.0) == []
    assert parser.feed(DOCUMENTED[3:6], 1.09) == []
    assert parser.feed(b"", 1.15) == []
    assert parser.feed(b"", 1.2) == [Fault(FaultCode.TRUNCATED, DOCUMENTED[:6], 1.0)]
    assert parser.feed(b"", 2.0) == []
    assert temperatures(parser.feed(DOCUMENTED, 3.0)) == [31.92]


def test_a_frame_may_take_its_time() -> None:
    parser = GyMcu9061x(Options())
    parser.feed(DOCUMENTED[:6], 1.0)
    parser.feed(b"", 1.05)
    assert temperatures(parser.feed(DOCUMENTED[6:], 1.06)) == [31.92]


def test_a_tenth_byte_before_a_gap_is_no_truncated_frame() -> None:
    parser = GyMcu9061x(Options())
    parser.feed(DOCUMENTED + b"\x5a", 1.0)
    assert parser.feed(b"", 5.0) == []
    assert temperatures(parser.feed(DOCUMENTED, 6.0)) == [31.92]


def test_a_measurement_is_as_old_as_its_first_byte() -> None:
    parser = GyMcu9061x(Options())
    parser.feed(DOCUMENTED[:4], 1.0)
    events = parser.feed(DOCUMENTED[4:] + DOCUMENTED + DOCUMENTED[:2], 1.5)
    assert [event.at_s for event in events] == [1.0, 1.5]
    parser.feed(DOCUMENTED[2:8], 1.6)
    assert [event.at_s for event in parser.feed(DOCUMENTED[8:], 1.7)] == [1.5]


_PIECE = st.one_of(
    st.binary(max_size=12),
    st.builds(framed, st.binary(min_size=2, max_size=2), st.binary(min_size=2, max_size=2)),
    st.sampled_from([DOCUMENTED, DOCUMENTED + b"\x5a", DOCUMENTED[:7], b"\x5a", b"\x5a\x5a", HEADER, HEADER * 3]),
)


@settings(deadline=None, derandomize=True)
@given(pieces=st.lists(_PIECE, max_size=8), cuts=st.lists(st.integers(0, 120), max_size=12))
@example(pieces=[DOCUMENTED, b"\x5a\x5a", DOCUMENTED], cuts=[9, 10, 11])
def test_read_boundaries_decide_nothing(pieces: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(pieces)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]
    parts = [stream[start:end] for start, end in itertools.pairwise(edges)]
    whole = parsed(stream)
    assert parsed(*parts) == whole
    assert parsed(*(bytes([byte]) for byte in stream)) == whole


@settings(deadline=None, derandomize=True)
@given(
    frames=st.lists(st.tuples(st.integers(1, 32767), st.integers(-4000, 12500)), max_size=6),
    junk=st.binary(max_size=6).map(lambda data: data.replace(b"\x5a", b"")),
)
def test_every_good_frame_between_junk_is_found(frames: list[tuple[int, int]], junk: bytes) -> None:
    stream = junk + b"".join(encode_frame(seen / 100, ambient / 100) + junk for seen, ambient in frames)
    events = parsed(stream)
    assert [(event.celsius, event.ambient_celsius) for event in events if isinstance(event, Measurement)] == [
        (seen / 100, ambient / 100) for seen, ambient in frames
    ]
    assert codes(events) == []


def test_a_megabyte_of_random_bytes_leaves_nothing_behind() -> None:
    source = random.Random(20260207)
    parser = GyMcu9061x(Options())
    for _ in range(256):
        parser.feed(source.randbytes(4096), 1.0)
        assert len(parser._pending) < 9
    assert temperatures(parser.feed(b"\0" * 9 + DOCUMENTED, 2.0))[-1:] == [31.92]


def test_endless_headers_leave_nothing_behind() -> None:
    parser = GyMcu9061x(Options())
    for _ in range(64):
        parser.feed(HEADER * 1024, 1.0)
        assert len(parser._pending) < 9


def test_all_bits_set_is_a_sensor_that_is_not_connected() -> None:
    [event] = parsed(framed(b"\xff\xff"))
    assert isinstance(event, Fault)
    assert event.code is FaultCode.SENSOR_FAULT
    assert "655.35" in event.sentence


def test_the_protocol_is_registered() -> None:
    protocol = PROTOCOLS["gy-mcu9061x"]
    assert protocol.baud_rate == 115200
    assert set(protocol.baud_rates) == {9600, 115200}
    assert temperatures(protocol.make_parser().feed(DOCUMENTED, 0.0)) == [31.92]
