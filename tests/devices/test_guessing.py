"""What is guessed from bytes alone: every device at its rate, at a wrong one, cut anywhere, and noise."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.devices import PROTOCOLS, OptionValue
from station.devices.guessing import SCANNER, Confidence, Guesser, Proposal
from station.devices.listening import rates_to_try
from station.devices.simulator import Scene
from station.devices.voices import VOICES, summed
from tests.devices.uart import heard_at

Options = dict[str, OptionValue]
BURST: Options = {"mode": "burst"}

SPEAKERS: list[tuple[str, Options, Options, Confidence]] = [
    ("gy-mcu9061x", {}, {}, Confidence.SURE),
    ("gy-614v", {}, {}, Confidence.SURE),
    ("heimann-calct", {}, {}, Confidence.SURE),
    ("idc-50", {}, {}, Confidence.SURE),
    ("modbus-rtu", {}, {}, Confidence.SURE),
    ("raytek", BURST, BURST, Confidence.LIKELY),
    ("raytek", {"mode": "burst", "unit": "F"}, BURST, Confidence.LIKELY),
    ("raytek", {}, {"mode": "query"}, Confidence.LIKELY),
    ("text", {}, {}, Confidence.LIKELY),
    ("text", {"unit": "F"}, {}, Confidence.LIKELY),
    ("optris", BURST, BURST, Confidence.POSSIBLE),
    ("optris", {"mode": "burst", "hs": True}, {"mode": "burst", "hs": True}, Confidence.POSSIBLE),
]
every_speaker = pytest.mark.parametrize(
    ("name", "options", "proposed", "confidence"),
    SPEAKERS,
    ids=[":".join([name, *map(str, options.values())]) for name, options, _, _ in SPEAKERS],
)
TOKEN = "GP1" + "ABCDEFGH234567" * 9


def stream(name: str, options: Options, frames: int = 8, celsius: float = 36.6) -> bytes:
    scene = Scene(1, 21.0, VOICES[name](PROTOCOLS[name].read_options(options)))
    scene.present(celsius)
    return b"".join(scene.next_bytes() for _ in range(frames))


def guessed(*parts: bytes) -> list[Proposal]:
    guesser = Guesser()
    for number, part in enumerate(parts):
        guesser.feed(part, 1.0 + number / 100)
    guesser.feed(b"", 100.0)
    return guesser.proposals()


def test_every_protocol_is_among_the_speakers() -> None:
    assert {name for name, *_ in SPEAKERS} == set(PROTOCOLS)


@every_speaker
def test_a_device_is_recognised(name: str, options: Options, proposed: Options, confidence: Confidence) -> None:
    (first, *others) = guessed(stream(name, options))
    assert (first.protocol, dict(first.options), first.confidence, first.frames) == (name, proposed, confidence, 8)
    assert first.celsius == pytest.approx(36.6, abs=0.2 if name != "gy-614v" else 0.6)
    assert all(other.confidence < first.confidence for other in others)


@every_speaker
def test_from_the_middle_of_a_frame_and_with_junk(
    name: str, options: Options, proposed: Options, confidence: Confidence
) -> None:
    said = stream(name, options, 12)
    first = guessed(b"\x00\xff" + said[5:] + said[:3])[0]
    assert (first.protocol, dict(first.options)) == (name, proposed)
    assert first.confidence <= confidence


@every_speaker
@settings(max_examples=25)
@given(data=st.data())
def test_any_cut_gives_the_same_guess(
    name: str, options: Options, proposed: Options, confidence: Confidence, data: st.DataObject
) -> None:
    said = stream(name, options)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=12)))
    parts = [said[start:end] for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True) if end > start]
    assert guessed(*parts) == guessed(said)


@every_speaker
def test_a_wrong_rate_proposes_nothing(name: str, options: Options, proposed: Options, confidence: Confidence) -> None:
    said = stream(name, options, 40)
    assert heard_at(9600, said, 9600) == said
    for sent_at in PROTOCOLS[name].baud_rates:
        for rate in rates_to_try():
            if rate != sent_at:
                assert guessed(heard_at(rate, said, sent_at)) == [], (sent_at, rate)


@settings(max_examples=300)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 4000))
def test_noise_proposes_nothing(seed: int, count: int) -> None:
    noise = random.Random(seed).randbytes(count)
    assert guessed(*(noise[at : at + 50] for at in range(0, count, 50))) == []


@pytest.mark.parametrize("byte", [0x00, 0x0D, 0x20, 0x31, 0x55, 0x5A, 0xA5, 0xAA, 0xFF])
def test_one_byte_over_and_over_proposes_nothing(byte: int) -> None:
    assert [proposal.protocol for proposal in guessed(*[bytes([byte]) * 100] * 5)] in ([], [SCANNER])


def test_a_dead_sensor_is_recognised_and_has_no_temperature() -> None:
    frame = summed(bytes.fromhex("5A5A4504") + bytes.fromhex("FFFF") + (2100).to_bytes(2, "big"))
    (only,) = guessed(frame * 6)
    assert (only.protocol, only.confidence, only.celsius) == ("gy-mcu9061x", Confidence.SURE, None)


def test_too_little_is_no_proposal() -> None:
    assert guessed(stream("gy-mcu9061x", {}, 1)) == []
    (few,) = guessed(stream("gy-mcu9061x", {}, 2))
    assert few.confidence is Confidence.LIKELY


def test_what_has_no_checksum_ranks_below_what_has_one() -> None:
    both = stream("optris", BURST, 200) + stream("gy-614v", {}, 60)
    confidences = {proposal.protocol: proposal.confidence for proposal in guessed(both)}
    assert confidences.get("optris", Confidence.POSSIBLE) < confidences["gy-614v"]


@pytest.mark.parametrize("ends", [b"\r", b"\n", b"\r\n", b"\t", b""], ids=repr)
def test_a_scanner_is_recognised_by_a_pass(ends: bytes) -> None:
    (only,) = guessed(b"\x02]Q1" + TOKEN.encode() + ends)
    assert (only.protocol, only.confidence, only.frames) == (SCANNER, Confidence.SURE, 1)


def test_a_scanner_may_be_recognised_by_any_code() -> None:
    (only,) = guessed(b"6901234567892\r\n")
    assert (only.protocol, only.confidence) == (SCANNER, Confidence.POSSIBLE)


def test_a_thermometer_that_speaks_text_is_no_scanner() -> None:
    assert [proposal.protocol for proposal in guessed(stream("text", {}))] == ["text"]


def test_a_device_that_prints_many_lines_is_no_scanner() -> None:
    assert guessed(b"".join(f"humidity sensor {number}\r\n".encode() for number in range(20))) == []


def test_a_long_listen_holds_little() -> None:
    import pickle

    guesser = Guesser()
    sizes = []
    for turn in range(3):
        for number in range(300):
            guesser.feed(f"line number {turn} {number} \xff".encode("latin-1") + b"\xa5\x55\x5a" * 40, 1.0)
        sizes.append(len(pickle.dumps(guesser)))
    assert sizes[2] < sizes[0] + 5000
