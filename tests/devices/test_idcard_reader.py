"""The ID card reader: from the card to the event, every trouble as a sentence, and nothing left behind."""

import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue

import pytest

from station.devices.idcard import client as client_module
from station.devices.idcard.card import CardError, IdCard
from station.devices.idcard.client import FOUND, OK, CardClient, trouble
from station.devices.idcard.frames import FIND, READ, SELECT, command
from station.devices.idcard.reader import IdCardReader
from station.devices.idcard.simulator import PEOPLE, SimulatedCardReader, encode_answer, encode_card
from station.devices.measurement import DeviceError, Link, LinkState
from station.devices.port import Port
from tests.devices.listening import DEADLINE_S, hand_line, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals")

Events = Queue[IdCard | CardError | LinkState]
FIRST, SECOND = PEOPLE[0], PEOPLE[1]


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def simulated(tmp_path: Path) -> Iterator[SimulatedCardReader]:
    with SimulatedCardReader(tmp_path / "idcard") as made:
        yield made


@contextlib.contextmanager
def reading(url: str, events: Events) -> Iterator[None]:
    reader = IdCardReader(url, events.put, poll_every_s=0.01)
    reader.start()
    try:
        yield
    finally:
        reader.stop()


def next_card(events: Events) -> IdCard | CardError:
    while True:
        if not isinstance(event := events.get(timeout=DEADLINE_S), LinkState):
            return event


def wait_for_link(events: Events, state: Link) -> LinkState:
    while True:
        event = events.get(timeout=DEADLINE_S)
        if isinstance(event, LinkState) and event.state is state:
            return event


def wait_for_finds(simulated: SimulatedCardReader) -> None:
    """Wait until the reader was asked three times more."""
    finds = simulated.finds
    wait_until(lambda: simulated.finds >= finds + 3, "nothing is asked")


def left_behind() -> tuple[int, int]:
    threads = sum("idcard" in thread.name for thread in threading.enumerate())
    return threads, len(list(Path("/dev/fd").iterdir()))


@pytest.mark.parametrize("person", PEOPLE, ids=lambda card: card.kind)
def test_from_the_card_to_the_event(person: IdCard, simulated: SimulatedCardReader, events: Events) -> None:
    with reading(simulated.url, events):
        assert "the ID card reader answers" in str(wait_for_link(events, Link.CONNECTED).trouble)
        simulated.place(encode_card(person))
        assert next_card(events) == person


@pytest.mark.parametrize("finds_again", [False, True])
def test_a_card_that_lies_there_is_told_once_and_the_next_one_too(
    finds_again: bool, tmp_path: Path, events: Events
) -> None:
    with SimulatedCardReader(tmp_path / "idcard", finds_again=finds_again) as simulated:
        with reading(simulated.url, events):
            for person in (FIRST, SECOND, SECOND):
                simulated.place(encode_card(person))
                assert next_card(events) == person
                wait_for_finds(simulated)
                simulated.lift()
                wait_for_finds(simulated)
        assert events.empty()


def test_an_unknown_card_is_an_error_told_once(simulated: SimulatedCardReader, events: Events) -> None:
    text = encode_card(FIRST)
    with reading(simulated.url, events):
        simulated.place(text[:248] + "Y".encode("utf-16-le") + text[250:])
        error = next_card(events)
        assert "of a kind unknown here (“Y”)" in str(error)
        simulated.place(encode_card(SECOND))
        assert next_card(events) == SECOND


def test_a_module_that_is_not_ready_says_so_until_it_is(simulated: SimulatedCardReader, events: Events) -> None:
    with reading(simulated.url, events):
        simulated.place(b"", find_status=0x66)
        assert "not ready" in str(next_card(events))
        simulated.place(encode_card(FIRST))
        assert next_card(events) == FIRST


def test_pulled_and_put_back_ten_times(tmp_path: Path, events: Events) -> None:
    before = left_behind()
    with SimulatedCardReader(tmp_path / "idcard") as simulated, reading(simulated.url, events):
        wait_for_link(events, Link.CONNECTED)
        open_once = left_behind()
        for _ in range(10):
            simulated.unplug()
            assert "check the cable" in str(wait_for_link(events, Link.ABSENT).trouble)
            simulated.replug()
            wait_for_link(events, Link.CONNECTED)
        assert left_behind() <= open_once
        simulated.place(encode_card(FIRST))
        assert next_card(events) == FIRST
    wait_until(lambda: left_behind() == before, "a thread or file descriptor is left behind")


def test_a_reader_that_does_not_answer_is_silent(monkeypatch: pytest.MonkeyPatch, events: Events) -> None:
    monkeypatch.setattr(client_module, "FIND_TIMEOUT_S", 0.01)
    with hand_line() as (_, name), reading(name, events):
        assert "does not answer" in str(wait_for_link(events, Link.SILENT).trouble)
        with pytest.raises(Empty):
            events.get_nowait()


def test_stop_while_a_card_is_being_read_tells_nothing(events: Events) -> None:
    with hand_line() as (master, name):
        reader = IdCardReader(name, events.put)
        reader.start()
        for answer in (FOUND, OK):
            os.read(master, 64)
            os.write(master, encode_answer(answer))
        assert os.read(master, 64) == command(READ)
        reader.stop()
        wait_until(lambda: left_behind()[0] == 0, "the reader goes on")
        assert [event for event in events.queue if not isinstance(event, LinkState)] == []


def answered(*answers: bytes) -> IdCard | str:
    """Select and read at a reader that gives these answers; returns the card, or the error's sentence."""
    asked = []
    with hand_line() as (master, name):
        port = Port(name, 115200)

        def answer() -> None:
            for one in answers:
                asked.append(os.read(master, 64))
                os.write(master, one)

        other = threading.Thread(target=answer)
        other.start()
        try:
            return CardClient(port, lambda: 0.0, lambda: False).card()
        except CardError as error:
            return str(error)
        finally:
            other.join()
            port.close()
            assert asked == [command(SELECT), command(READ)][: len(asked)]


def test_the_dialogue_is_select_and_read() -> None:
    card = encode_answer(OK, b"\x01\x00\x04\x00" + encode_card(FIRST) + bytes(1024))
    assert answered(encode_answer(OK), card) == FIRST
    # Found again behind a damaged answer and junk.
    assert answered(b"\xaa\xaa\x96" + encode_answer(OK), card[:-1] + b"\x77" + card) == FIRST


@pytest.mark.parametrize(
    ("select", "read", "sentence"),
    [
        (0x81, None, "could not be read"),
        (0x40, None, "no identity card"),
        (OK, 0x41, "could not be read"),
        (OK, 0x31, "prove to be genuine"),
        (OK, 0x33, "prove to be genuine"),
        (OK, 0x91, "lacks what was asked for"),
        (OK, 0x10, "did not understand"),
        (OK, 0x77, "answers with 77, unknown here"),
        (OK, OK, "without its text"),
    ],
)
def test_every_failure_is_a_sentence(select: int, read: int | None, sentence: str) -> None:
    answers = [encode_answer(status) for status in (select, read) if status is not None]
    assert sentence in str(answered(*answers))


def test_every_status_has_a_sentence_with_its_values() -> None:
    assert all("{" not in str(trouble(status)) for status in range(256))


def test_an_old_answer_is_not_taken_for_the_new_one() -> None:
    with hand_line() as (master, name):
        port = Port(name, 115200)
        old = encode_answer(FOUND)  # to what an earlier program asked
        os.write(master, old)
        wait_until(lambda: port._serial.in_waiting == len(old), "the old answer did not arrive")
        other = threading.Thread(target=lambda: os.write(master, encode_answer(len(os.read(master, 64)))))
        other.start()
        assert CardClient(port, lambda: 0.0, lambda: False).find() == len(command(FIND))
        other.join()
        port.close()


def test_a_file_is_never_replaced_by_a_simulated_reader(tmp_path: Path) -> None:
    link = tmp_path / "idcard"
    link.write_text("mine")
    with pytest.raises(DeviceError, match="a file of this name exists"):
        SimulatedCardReader(link)
    assert link.read_text() == "mine"


def test_no_field_is_longer_than_its_place() -> None:
    with pytest.raises(ValueError, match="longer than"):
        encode_card(IdCard(**{name: getattr(FIRST, name) for name in FIRST.__slots__} | {"address": "幸" * 36}))
