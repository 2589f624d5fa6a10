"""What holds for every protocol: vendors' examples, any cut of the stream, noise, faults, there and back."""

import itertools
import math
import pickle
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.soak_devices import MOST_KEPT_BYTES, chance, most_by_chance, soak
from station.devices import NO_OPTIONS, PROTOCOLS, OptionError, OptionValue, optris, raytek
from station.devices.lines import LONGEST_LINE_BYTES
from station.devices.measurement import Fault, FaultCode, Measurement, Parser
from station.devices.modbus_rtu import Options as ModbusOptions
from station.devices.modbus_rtu import request
from station.devices.voices import VOICES, summed

Options = dict[str, OptionValue]
HS: Options = {"hs": True}
BURST: Options = {"mode": "burst"}
SURFACE: Options = {"quantity": "surface"}

KINDS: list[tuple[str, Options]] = [
    ("gy-mcu9061x", {}),
    ("gy-614v", {}),
    ("heimann-calct", {}),
    ("idc-50", {}),
    ("optris", {}),
    ("optris", BURST),
    ("optris", {"mode": "burst", "hs": True}),
    ("modbus-rtu", {}),
    ("modbus-rtu", {"format": "float32", "scale": 1.0, "word_order": "little", "function": 3, "status_register": -1}),
    ("raytek", {}),
    ("raytek", {"mode": "burst", "unit": "F"}),
    ("raytek", {"head": 2}),
    ("text", {}),
    ("text", {"unit": "F"}),
]
CHECKED = {"gy-mcu9061x", "gy-614v", "heimann-calct", "idc-50", "modbus-rtu"}
every_kind = pytest.mark.parametrize(
    ("name", "options"), KINDS, ids=[":".join([name, *map(str, options.values())]) for name, options in KINDS]
)

Event = Measurement | Fault


def parsed(name: str, options: Options, *parts: bytes) -> list[Event]:
    parser = PROTOCOLS[name].make_parser(options)
    return [event for part in parts for event in parser.feed(part, 1.0)]


def temperatures(events: Iterable[Event]) -> list[float]:
    return [event.celsius for event in events if isinstance(event, Measurement)]


def kept_bytes(parser: Parser) -> int:
    """Return how much the parser holds, its compiled pattern included."""
    return len(pickle.dumps(parser))


def said(name: str, options: Options, *values: float) -> bytes:
    voice = VOICES[name](PROTOCOLS[name].read_options(options))
    return b"".join(voice.say(celsius, 21.5) for celsius in values)


@pytest.mark.parametrize(
    ("name", "options", "data", "celsius"),
    [
        ("gy-mcu9061x", {}, bytes.fromhex("5A5A45040C780D19A7"), [31.92]),
        ("gy-614v", {}, summed(bytes.fromhex("A40307075F0E1009600E38")), [36.4]),  # the manual's layout
        ("heimann-calct", {}, bytes.fromhex("A5554C0E100F73"), [36.6]),
        ("idc-50", {}, bytes.fromhex("AA5506240730"), [36.7]),
        ("optris", {}, bytes.fromhex("04D3"), [23.5]),
        ("optris", HS, bytes.fromhex("303E"), [23.5]),
        ("optris", BURST, bytes.fromhex("AAAA03B8"), [-4.8]),
        ("optris", BURST, bytes.fromhex("AAAAAA04D3AAAA04D3"), [23.5, 23.5]),  # after the end of another frame
        ("modbus-rtu", {}, bytes.fromhex("010402016E394C"), [36.6]),
        ("raytek", {}, b"!T0036.5\r\n", [36.5]),
        ("raytek", {}, b"!1T=36.5\r\n", [36.5]),
        ("raytek", {}, b"!1T36.5\r", [36.5]),
        ("raytek", {}, b"!UF\r\n!T0097.7\r\n", [36.5]),
        ("raytek", BURST, b"UC T0036.5 I0024.6 XT0045.0\r\n", [36.5]),
        ("raytek", BURST, b"T0097.7 I0075.0 XT0045.0 UF\r\n", [36.5]),
        ("text", {}, b"Ambient = 24.85*C\tObject = 25.33*C\r\n", [25.33]),
        ("text", {}, b"Ambient = 76.73*F\tObject = 77.59*F\r\n", [25.3278]),
        ("text", {}, b"Object: 97.75F\n", [36.5278]),
        ("text", {"pattern": r"^t=([0-9.]+)"}, b"t=36.52\nx=1\n", [36.52]),
        ("text", {"pattern": r"T (?P<object>\S+) (?P<unit>[CF])"}, b"T 97.7 F\nT 36.5 C\nT -- C\n", [36.5, 36.5]),
    ],
)
def test_what_the_makers_document(name: str, options: Options, data: bytes, celsius: list[float]) -> None:
    assert temperatures(parsed(name, options, data)) == celsius


def test_the_documented_questions() -> None:
    assert request(ModbusOptions()) == bytes.fromhex("01040012000451CC")
    questions = {name: PROTOCOLS[name].make_parser().due(0.0) for name in PROTOCOLS}
    assert questions["heimann-calct"] == bytes.fromhex("A55501FB")
    assert questions["optris"] == b"\x01"
    assert questions["raytek"] == b"?U\r"
    assert [questions[name] for name in ("gy-mcu9061x", "gy-614v", "idc-50", "text")] == [b""] * 4
    assert PROTOCOLS["gy-mcu9061x"].make_parser({"query": True}).due(0.0) == bytes.fromhex("A515BA")
    assert PROTOCOLS["gy-614v"].make_parser({"query": True}).due(0.0) == summed(bytes.fromhex("A4030707"))
    # The manuals' examples of the same sums: to ask only, and to push.
    assert summed(bytes.fromhex("A4060301"))[-1] == 0xAE
    assert summed(bytes.fromhex("A545")) == bytes.fromhex("A545EA")


@every_kind
def test_what_is_said_is_understood(name: str, options: Options) -> None:
    events = parsed(name, options, said(name, options, 36.6, 37.3, 34.1, 41.0))
    assert temperatures(events) == pytest.approx([36.6, 37.3, 34.1, 41.0], abs=0.051)
    assert not [event for event in events if isinstance(event, Fault)]
    for event in events:
        assert isinstance(event, Measurement)
        assert (event.protocol, event.at_s) == (name, 1.0)
        assert event.quantity == ("body" if name == "gy-614v" else "surface")
        assert event.ambient_celsius is None or event.ambient_celsius == pytest.approx(21.5, abs=0.051)
        assert event.raw


_PIECES = st.lists(
    st.one_of(st.binary(max_size=16), st.integers(0, 4500), st.sampled_from(["cut", "headers", "long", "end"])),
    max_size=7,
)


def stream_of(name: str, options: Options, pieces: list[bytes | int | str]) -> bytes:
    frame = said(name, options, 36.6)
    spelt = {"cut": frame[:-1], "headers": frame[:3] * 5, "long": b"7" * (LONGEST_LINE_BYTES + 9), "end": b"\r\n\r"}
    parts = []
    for piece in pieces:
        if isinstance(piece, int):
            parts.append(said(name, options, piece / 100))
        else:
            parts.append(spelt[piece] if isinstance(piece, str) else piece)
    return b"".join(parts)


@every_kind
@settings(deadline=None, derandomize=True, max_examples=60)
@given(pieces=_PIECES, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_read_boundaries_decide_nothing(
    name: str, options: Options, pieces: list[bytes | int | str], cuts: list[int]
) -> None:
    stream = stream_of(name, options, pieces)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(stream)), len(stream)]  # equal edges: an empty read
    whole = parsed(name, options, stream)
    assert parsed(name, options, *(stream[start:end] for start, end in itertools.pairwise(edges))) == whole
    assert parsed(name, options, *(bytes([byte]) for byte in stream)) == whole


@every_kind
@settings(deadline=None, derandomize=True, max_examples=40)
@given(values=st.lists(st.integers(300, 450), min_size=1, max_size=5), junk=st.binary(max_size=9))
def test_junk_in_front_costs_no_frame(name: str, options: Options, values: list[int], junk: bytes) -> None:
    if (name, options) == ("optris", {}):  # two bare bytes: there only the question says where a value begins
        return
    junk = junk.translate(None, b"\xa4\xa5\xaa\x5a\x01") + b"\r\n"
    events = parsed(name, options, junk + said(name, options, *(value / 10 for value in values)))
    assert temperatures(events)[-len(values) :] == pytest.approx([value / 10 for value in values], abs=0.051)


@every_kind
def test_a_megabyte_of_noise_is_no_reading(name: str, options: Options) -> None:
    size = 2**20
    soaked = soak(name, options, size, 20260207)  # the same noise in every run
    assert soaked.readings == 0
    assert soaked.kept_bytes < MOST_KEPT_BYTES
    by_chance = chance(name, options)
    assert (by_chance is not None) == (name in CHECKED)
    if by_chance is not None:
        assert soaked.people <= most_by_chance(size * by_chance)


@every_kind
def test_after_noise_a_frame_is_understood(name: str, options: Options) -> None:
    parser = PROTOCOLS[name].make_parser(options)
    parser.feed(random.Random(20260207).randbytes(2**16), 1.0)
    last = temperatures(parser.feed(b"\r\n" * 9 + said(name, options, 36.6), 999.0))[-1]
    assert last == pytest.approx(36.6, abs=0.06)


def test_what_chance_allows() -> None:
    # Two bytes of header, the value, the sum: in 50 MB about 0.07 of 2 ** -24 * 1501 / 65536.
    assert 50e6 * (chance("heimann-calct", {}) or 0) == pytest.approx(0.0683, abs=0.0001)
    assert [most_by_chance(mean) for mean in (0.0, 1e-8, 0.0683, 3.0)] == [0, 1, 5, 18]


@every_kind
def test_an_endless_beginning_is_not_kept(name: str, options: Options) -> None:
    parser = PROTOCOLS[name].make_parser(options)
    for _ in range(20):
        parser.feed(said(name, options, 36.6)[:3] * 500, 1.0)
        assert kept_bytes(parser) < MOST_KEPT_BYTES


@every_kind
def test_half_a_frame_is_told_after_an_idle_gap(name: str, options: Options) -> None:
    parser = PROTOCOLS[name].make_parser(options)
    half = said(name, options, 36.6)[:-1]
    if half.endswith(b"\r"):
        half = half[:-1]
    assert parser.feed(half, 1.0) == parser.feed(b"", 1.05) == []
    assert parser.feed(b"", 1.11) == [Fault(FaultCode.TRUNCATED, half, 1.0)]
    assert parser.feed(b"", 9.0) == []
    assert len(temperatures(parser.feed(said(name, options, 36.6), 10.0))) == 1


def test_a_whole_frame_behind_one_that_broke_off_is_found_after_the_gap() -> None:
    reply, begun = bytes.fromhex("010402016E394C"), bytes.fromhex("010408")  # 13 bytes were announced
    parser = PROTOCOLS["modbus-rtu"].make_parser()
    assert parser.feed(begun + reply, 1.0) == []
    broken_off, found = parser.feed(b"", 2.0)
    assert broken_off == Fault(FaultCode.TRUNCATED, begun, 1.0)
    assert (temperatures([found]), found.at_s, found.raw) == ([36.6], 1.0, reply)
    assert parser.feed(b"", 9.0) == []


@pytest.mark.parametrize(("name", "options"), [kind for kind in KINDS if kind[0] in CHECKED])
@settings(deadline=None, derandomize=True, max_examples=60)
@given(junk=st.lists(st.one_of(st.binary(max_size=9), st.sampled_from(["head", "cut"])), max_size=4))
def test_any_junk_costs_the_frame_it_runs_into_at_most(name: str, options: Options, junk: list[bytes | str]) -> None:
    frame = said(name, options, 36.6)
    begun = {"head": frame[:3], "cut": frame[:-1]}
    lead = b"".join(begun[piece] if isinstance(piece, str) else piece for piece in junk)
    parser = PROTOCOLS[name].make_parser(options)
    found = temperatures([*parser.feed(lead + frame * 4, 1.0), *parser.feed(b"", 9.0)])
    assert found[-3:] == pytest.approx([36.6] * 3)


@pytest.mark.parametrize(("name", "options"), [kind for kind in KINDS if kind[0] in CHECKED])
def test_every_single_bit_error_is_noticed(name: str, options: Options) -> None:
    frame = said(name, options, 36.6)
    for bit in range(len(frame) * 8):
        damaged = bytearray(frame)
        damaged[bit // 8] ^= 1 << bit % 8
        assert temperatures(parsed(name, options, bytes(damaged))) == []
        assert temperatures(parsed(name, options, bytes(damaged) + b"\0" * 16 + frame)) == pytest.approx([36.6])


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("raytek", b"#XI started\r\n?T\r!S1\r\nT\r\nXT0036.5\r\n"),
        ("text", b"Adafruit MLX90614 test\r\nject = 36.52*C\r\n6.52*C\r\nAmbient = 24.85*C\r\nSubject: 36.5\r\n"),
        ("gy-614v", summed(b"\xa4\x06\x03\x01")),
        ("modbus-rtu", request(ModbusOptions())),  # the echo of a line with two wires
    ],
)
def test_what_is_no_measurement_is_passed_over(name: str, data: bytes) -> None:
    assert parsed(name, {}, data) == []


def test_the_same_sample_in_two_units_counts_once() -> None:
    lines = b"Ambient = 24.85*C\tObject = 36.52*C\r\nAmbient = 76.73*F\tObject = 97.74*F\r\n"
    assert temperatures(parsed("text", {}, lines * 3)) == [36.52] * 3
    # Without its pair a line in F is a sample of its own.
    assert temperatures(parsed("text", {}, b"Object: 97.74F\n" * 3)) == pytest.approx([36.52] * 3, abs=0.01)


def test_nothing_is_converted_unless_the_device_says_so() -> None:
    assert temperatures(parsed("text", {}, b"Object = 97.74\n")) == [97.74]
    assert temperatures(parsed("raytek", {}, b"!T0097.7\r\n!UF\r\n!T0097.7\r\n!UC\r\n!T0036.5\r\n")) == [
        97.7,
        36.5,
        36.5,
    ]


def test_the_skin_or_the_body_of_a_gy_614v() -> None:
    data = said("gy-614v", {}, 36.6)
    [body], [skin] = parsed("gy-614v", {}, data), parsed("gy-614v", SURFACE, data)
    assert isinstance(body, Measurement)
    assert isinstance(skin, Measurement)
    assert (body.celsius, body.quantity) == (36.6, "body")
    assert (skin.celsius, skin.quantity) == (36.2, "surface")


def test_a_longer_line_than_any_is_passed_over() -> None:
    line = b"Object = 36.52*C\n"
    assert temperatures(parsed("text", {}, b" " * LONGEST_LINE_BYTES + line + line)) == [36.52]


def test_optris_takes_two_bytes_for_a_question() -> None:
    parser = optris.make_parser(optris.Options())
    assert parser.due(0.0) == b"\x01"
    assert parser.due(0.4) == b""  # the answer may still come
    assert parser.due(0.5) == b"\x01"
    assert temperatures(parser.feed(b"\x04", 0.51) + parser.feed(b"\xd3\x04\xd3\x04", 0.52)) == [23.5]
    assert parser.feed(b"\xd3\x04", 0.53) == []  # late, or noise: nobody asked
    assert parser.due(0.55) == b""
    assert parser.due(0.7) == b"\x01"
    assert temperatures(parser.feed(b"\x05\x55", 0.71)) == [36.5]


def test_raytek_asks_for_the_unit_first_and_not_for_ever() -> None:
    parser = raytek.Raytek(raytek.Options(head=1))
    assert [parser.due(now_s) for now_s in (0.0, 0.6, 1.2, 1.8)] == [b"?1U\r"] * 3 + [b"?1T\r"]
    parser = raytek.Raytek(raytek.Options())
    assert parser.due(0.0) == b"?U\r"
    assert parser.feed(b"!UF\r\n", 0.1) == []
    assert parser.due(0.2) == b"?T\r"
    assert temperatures(parser.feed(b"!T0097.7\r\n", 0.3)) == [36.5]


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("idc-50", {"colour": "red"}, ["colour", "quantity"]),
        ("heimann-calct", {"query": True}, ["query"]),
        ("optris", {"hs": "perhaps"}, ["hs = perhaps"]),
        ("modbus-rtu", {"address": 300}, ["address = 300", "247"]),
        ("modbus-rtu", {"register": "0xzz"}, ["register = 0xzz"]),
        ("modbus-rtu", {"scale": math.nan}, ["scale = nan"]),
        ("modbus-rtu", {"register": 0xFFFF, "format": "int32", "status_register": -1}, ["65535"]),
        ("modbus-rtu", {"register": 0x200}, ["status_register"]),
        ("text", {"pattern": "("}, ["pattern"]),
        ("text", {"pattern": "Object"}, ["pattern", "brackets"]),
        ("text", {"pattern": "\x1b[2J("}, ["pattern"]),
    ],
)
def test_a_wrong_option_is_one_sentence(name: str, options: Options, words: list[str]) -> None:
    with pytest.raises(OptionError) as caught:
        PROTOCOLS[name].make_parser(options)
    assert all(word in str(caught.value) for word in [f"{name}: ", *words])
    assert str(caught.value).isprintable()


def test_options_may_be_text_as_on_a_command_line() -> None:
    made = PROTOCOLS["modbus-rtu"].read_options({"register": "0x0E", "scale": "0.01", "status_register": "-1"})
    assert made == ModbusOptions(register=14, scale=0.01, status_register=-1)
    assert PROTOCOLS["optris"].read_options({"hs": "true"}) == optris.Options(hs=True)
    assert PROTOCOLS["optris"].read_options(NO_OPTIONS) == optris.Options()
