"""`gatepost device decode`: one line of JSON for everything that recorded bytes say."""

import itertools
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.cli import device_input
from station.cli.device_decoders import make_decoder
from station.cli.device_input import HexError, HexText, is_hex_text, pieces_of
from station.cli.device_results import Result
from station.devices import PROTOCOLS
from station.devices.idcard.simulator import PEOPLE, encode_answer, encode_card
from station.devices.modbus_rtu import with_crc
from station.devices.voices import VOICES, summed
from tests.cli.conftest import Run, Told

PHOTO = b"\x5a" * 1024


def lines(told: Told) -> list[dict[str, Any]]:
    assert (told.code, told.err) == (0, ""), told
    return [json.loads(line) for line in told.out.splitlines()]


@pytest.fixture
def decoded(run: Run, tmp_path: Path) -> Any:
    """Return a function that writes bytes into a file and decodes it."""

    def decode(protocol: str, data: bytes, *words: str) -> list[dict[str, Any]]:
        path = tmp_path / "recorded"
        path.write_bytes(data)
        return lines(run("device", "decode", "--protocol", protocol, *words, path))

    return decode


def options(**values: object) -> list[str]:
    return [word for key, value in values.items() for word in ("--option", f"{key}={value}")]


@pytest.mark.parametrize(
    ("protocol", "words", "data", "celsius", "kind", "ambient"),
    [
        ("gy-mcu9061x", [], "5A5A45040C780D19A7", 31.92, "surface", 33.53),
        ("heimann-calct", [], "A5554C0E100F73", 36.6, "surface", None),
        ("idc-50", [], "AA5506240730", 36.7, "surface", None),
        ("idc-50", options(quantity="body"), "AA5506240730", 36.7, "body", None),
        ("optris", [], "04D3", 23.5, "surface", None),
        ("optris", options(hs="true"), "303E", 23.5, "surface", None),
        ("optris", options(mode="burst"), "AAAA03B8", -4.8, "surface", None),
        ("optris", [], "0555", 36.5, "surface", None),
        ("modbus-rtu", [], "010402016E394C", 36.6, "surface", None),
        ("raytek", [], b"!T0036.5\r\n".hex(), 36.5, "surface", None),
        ("raytek", [], b"!1T=36.5\r\n".hex(), 36.5, "surface", None),
        ("raytek", options(mode="burst"), b"UC T0036.5 I0024.6 XT0045.0\r\n".hex(), 36.5, "surface", 24.6),
        ("text", [], b"Ambient = 24.85*C\tObject = 25.33*C\r\n".hex(), 25.33, "surface", 24.85),
        ("text", [], b"Object: 97.75F\r\n".hex(), 36.5278, "surface", None),
        ("gy-614v", [], summed(bytes.fromhex("A40307075F0E1009600E38")).hex(), 36.4, "body", 24.0),
    ],
)
def test_what_the_makers_document(
    decoded: Any, protocol: str, words: list[str], data: str, celsius: float, kind: str, ambient: float | None
) -> None:
    raw = bytes.fromhex(data)
    [told] = decoded(protocol, raw, *words)
    assert (told["celsius"], told["kind"], told.get("ambient"), told["protocol"]) == (celsius, kind, ambient, protocol)
    assert bytes.fromhex(told["raw"]) == raw.rstrip(b"\r\n")
    # Nobody's temperature is no reading, but an error that keeps its value.
    assert told.get("error") == (None if 30 <= celsius <= 45 else "out_of_range")
    assert decoded(protocol, data.encode(), *words) == [told]


def test_the_form_of_a_line(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "recorded"
    path.write_bytes(bytes.fromhex("A5554C0E100F73"))
    told = run("device", "decode", "--protocol", "heimann-calct", path)
    assert told.out == '{"celsius": 36.6, "kind": "surface", "raw": "a5554c0e100f73", "protocol": "heimann-calct"}\n'


@pytest.mark.parametrize("celsius", ["29.99", "30.0", "45.0", "45.01"])
def test_the_edges_of_what_a_person_can_have(decoded: Any, celsius: str) -> None:
    [told] = decoded("text", f"Object = {celsius}*C\n".encode())
    assert told["celsius"] == float(celsius)
    assert told.get("error") == (None if celsius in {"30.0", "45.0"} else "out_of_range")
    assert ("30.0 to 45.0" in told.get("sentence", "")) == ("error" in told)


@pytest.mark.parametrize(
    ("protocol", "data", "error", "word"),
    [
        ("text", b"Object = 1037.55*C\n", "sensor_fault", "1037.55"),
        ("text", b"Object = -273.15*C\n", "sensor_fault", "-273.15"),
        ("text", b"Object = nan*C\n", "sensor_fault", "nan"),
        ("text", b"Object = 655.35*C\n", "sensor_fault", "655.35"),
        ("text", b"Object = 0.00*C\n", "no_measurement", "0.00"),
        ("text", b"Object = 36.5", "truncated", "broke off"),
        ("heimann-calct", summed(b"\xa5\x55\0\0\x10\x10"), "no_measurement", "0.00"),
        ("gy-mcu9061x", bytes.fromhex("5A5A45040C780D19A8"), "checksum", "damaged"),
        ("gy-mcu9061x", bytes.fromhex("5A5A45040C78"), "truncated", "broke off"),
        ("gy-mcu9061x", bytes.fromhex("5A5A"), "truncated", "broke off"),
        ("optris", b"\x04", "truncated", "broke off"),
        ("modbus-rtu", with_crc(b"\x01\x84\x02"), "device_error", "exception 2"),
        ("modbus-rtu", with_crc(b"\x07\x04\x02\x01\x6e"), "wrong_address", "address"),
        ("idc-50", summed(b"\xaa\x55\x06\x24\x0a"), "out_of_range", "options"),
    ],
)
def test_faults_are_lines_with_a_sentence(decoded: Any, protocol: str, data: bytes, error: str, word: str) -> None:
    [told] = decoded(protocol, data)
    assert (told["error"], told["raw"]) == (error, data.rstrip(b"\n").hex())
    assert word in told["sentence"]
    assert "celsius" not in told


def test_fahrenheit_is_converted_only_where_the_device_says_so(decoded: Any) -> None:
    data = b"Object = 97.74\nObject = 97.74*F\n"
    as_it_is, converted = decoded("text", data)
    assert (as_it_is["error"], as_it_is["celsius"]) == ("out_of_range", 97.74)
    assert (converted["celsius"], "error" in converted) == (36.5222, False)
    assert [one["celsius"] for one in decoded("raytek", b"!UF\r\n!T0097.7\r\n")] == [36.5]


FRAME = bytes.fromhex("A5554C0E100F73")


@pytest.mark.parametrize(
    "text",
    [
        "a5554c0e100f73",
        "A5 55 4C 0E 10 0F 73\n",
        "0xA5, 0x55, 0x4C, 0xE, 0x10, 0XF, 0x73",
        "\r\n A5554C\t0E100F\r\n73\r\n",
        "0xA50x550x4C0x0E100F73",
        "A5,55,4C,E,10,F,73,",
    ],
)
def test_hex_is_seen_however_it_is_written(decoded: Any, text: str) -> None:
    assert [one["celsius"] for one in decoded("heimann-calct", text.encode())] == [36.6]
    assert [one["celsius"] for one in decoded("heimann-calct", text.encode(), "--hex")] == [36.6]


def test_bytes_that_look_like_hex_are_taken_as_told(decoded: Any) -> None:
    pattern = options(pattern="([0-9]+)", unit="C")
    assert [one["celsius"] for one in decoded("text", b"36\r\n37\r\n", *pattern, "--binary")] == [36.0, 37.0]
    assert decoded("text", b"36\r\n37\r\n", *pattern)[0]["error"] == "truncated"
    assert decoded("text", b"\r\n \r\n", *pattern) == decoded("text", b"", *pattern) == []


@pytest.mark.parametrize(("text", "word"), [("A5 554", '"554" behind byte 1'), ("A5 zz", '"zz" behind byte 1')])
def test_hex_that_is_none_is_one_sentence(run: Run, tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "recorded"
    path.write_text(text)
    run("device", "decode", "--protocol", "optris", "--hex", path).refused(1, str(path), word, "--binary")


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (["--protocol", "optris", "none"], 1, ["none", "No such file"]),
        (["--protocol", "optris", "."], 1, ["directory"]),
        (["--protocol", "thermo", "none"], 2, ["thermo", "gy-mcu9061x", "samv"]),
        (["--protocol", "optris", "--option", "hs", "none"], 2, ["hs", "query=true"]),
        (["--protocol", "optris", "--option", "hs=perhaps", "none"], 2, ["hs = perhaps"]),
        (["--protocol", "optris", "--option", "colour=red", "none"], 2, ["colour"]),
        (["--protocol", "samv", "--option", "hs=true", "none"], 2, ["hs", "samv"]),
    ],
    ids=str,
)
def test_wrong_use_and_unreadable_files(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, expected: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run("device", "decode", *words).refused(code, *expected)


def test_protocol_and_file_are_needed(run: Run) -> None:
    assert run("device", "decode", "x").code == run("device", "decode", "--protocol", "optris").code == 2


def answered(text: bytes) -> bytes:
    return encode_answer(0x90, b"\x01\x00\x04\x00" + text + PHOTO)


def test_a_card_is_told_by_its_fields_and_never_with_its_photo(decoded: Any) -> None:
    resident, permit, foreigner = decoded("samv", b"\xaa".join(answered(encode_card(person)) for person in PEOPLE))
    assert resident == {
        "card": "resident",
        "name": "王小明",
        "sex": "male",
        "birth": "1985-03-07",
        "number": "990101198503070017",
        "valid_from": "2015-06-01",
        "valid_until": None,
        "address": "幸福市和平区幸福小区三号楼二单元501室",
        "issuer": "幸福市公安局和平分局",
        "ethnicity": "01",
    }
    assert (permit["card"], permit["permit_number"]) == ("hong_kong_macau_taiwan", "H00000000")
    assert (foreigner["card"], foreigner["nationality"]) == ("foreigner", "XXX")
    assert "address" not in foreigner
    assert PHOTO[:8].hex() not in json.dumps([resident, permit, foreigner])


def test_what_a_reader_answers_otherwise(decoded: Any) -> None:
    text = encode_card(PEOPLE[0])
    unknown = text[:248] + "Y".encode("utf-16-le") + text[250:]
    data = [
        *(encode_answer(status) for status in (0x9F, 0x90, 0x80, 0x66, 0x33, 0x41, 0x91, 0x77)),
        answered(unknown),
        answered(bytes(256)),
        encode_answer(0x90, b"\x01\x02" + text),  # lengths that do not fit
        encode_answer(0x9F)[:-1] + b"\0",
        encode_answer(0x9F)[:-2],
    ]
    found = decoded("samv", b"".join(data))
    assert [one.get("error") for one in found] == [
        *(None, None, "find_failed", "not_ready", "check_failed", "read_failed", "not_on_card", "unknown_status"),
        *("unknown_card", "unreadable_card", "unreadable_card", "checksum", "truncated"),
    ]
    assert [one["status"] for one in found[:3]] == ["9f", "90", "80"]
    assert all(one["sentence"] for one in found)
    assert "王小明" not in json.dumps(found, ensure_ascii=False)


def test_codes_are_told_whole_and_steer_no_terminal(run: Run, decoded: Any, tmp_path: Path) -> None:
    found = decoded("scanner", b"]Q1ABC-DEF-GHK\r\n\x02\x00\x00\x01\x00\x33\x31" + "王\u202e\x1b[2J\tlast".encode())
    assert found == [{"code": "ABC-DEF-GHK"}, {"code": "王\u202e\x1b[2J"}, {"code": "last"}]
    told = run("device", "decode", "--protocol", "scanner", tmp_path / "recorded")
    assert told.out.replace("\n", "").isprintable()
    assert "王" in told.out


def test_the_documented_answer_of_a_scanner_is_no_code(decoded: Any) -> None:
    assert decoded("scanner", bytes.fromhex("02000001003331")) == []


def everything(protocol: str, pieces: list[bytes]) -> list[Result]:
    decoder = make_decoder(protocol, {})
    return [*itertools.chain.from_iterable(map(decoder.feed, pieces)), *decoder.end()]


def recording(protocol: str) -> bytes:
    if protocol == "samv":
        return b"".join(answered(encode_card(person)) for person in PEOPLE) + encode_answer(0x66)
    if protocol == "scanner":
        return b"GP1ABCDEF\r\nabc\t\x02DEF\x03end"
    voice = VOICES[protocol](PROTOCOLS[protocol].read_options({}))
    return b"".join(voice.say(celsius, 21.5) for celsius in (36.5, 37.4, 24.0, 41.0))


@pytest.mark.parametrize("protocol", [*PROTOCOLS, "scanner", "samv"])
@settings(deadline=None, derandomize=True, max_examples=25)
@given(
    cuts=st.lists(st.integers(0, 4200), max_size=8),
    junk=st.binary(max_size=40),
    long=st.sampled_from([0, 300, 9000]),
)
def test_pieces_decide_nothing(protocol: str, cuts: list[int], junk: bytes, long: int) -> None:
    data = junk + b"7" * long + b"\r\n" + recording(protocol)
    edges = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    whole = everything(protocol, [data])
    assert everything(protocol, [data[start:end] for start, end in itertools.pairwise(edges)]) == whole
    assert len(whole) >= 3


@settings(deadline=None, derandomize=True)
@given(data=st.binary(max_size=40), cuts=st.lists(st.integers(0, 260), max_size=6), style=st.integers(0, 3))
def test_hex_may_be_cut_anywhere(data: bytes, cuts: list[int], style: int) -> None:
    text = [data.hex(), data.hex(" "), ", ".join(f"0x{byte:X}" for byte in data), data.hex("\n").upper()][
        style
    ].encode()
    edges = [0, *sorted(cut for cut in cuts if cut <= len(text)), len(text)]
    reader = HexText("-")
    found = b"".join(reader.feed(text[start:end]) for start, end in itertools.pairwise(edges)) + reader.end()
    assert found == data
    assert is_hex_text(text) == bool(data)


def test_big_hex_without_a_space_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_input, "PIECE_BYTES", 100)
    path = tmp_path / "recorded"
    path.write_text(FRAME.hex() * 1000)
    pieces = list(pieces_of(str(path), is_hex=None))
    assert b"".join(pieces) == FRAME * 1000
    assert max(map(len, pieces)) <= 110
    path.write_text(FRAME.hex() * 1000 + "5")
    with pytest.raises(HexError, match="behind byte 6999"):
        list(pieces_of(str(path), is_hex=None))


def test_a_big_file_is_never_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "recorded"
    path.write_bytes(random.Random(1).randbytes(1_000_000))
    assert max(map(len, pieces_of(str(path), is_hex=None))) <= device_input.PIECE_BYTES


@pytest.mark.skipif(os.name != "posix", reason="the pipe is a POSIX one")
def test_standard_input_is_read_as_it_comes() -> None:
    command = [sys.executable, "-W", "error", "-m", "station", "--lang", "zh", "device", "decode", "-"]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [*command, "--protocol", "heimann-calct"], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(FRAME * 10 + FRAME[:-1] + b"\0" + FRAME[:3])
        child.stdin.flush()
        first = [json.loads(child.stdout.readline()) for _ in range(11)]  # while the pipe is still open
        child.stdin.close()
        [last] = map(json.loads, child.stdout)
        assert child.wait(60) == 0
    assert [one.get("celsius") for one in first] == [36.6] * 10 + [None]
    assert (first[-1]["error"], last["error"]) == ("checksum", "truncated")
    assert "线" in first[-1]["sentence"]
