"""Strips over TCP: what arrives is the picture, and whatever is wrong with the printer is told in time."""

import os
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image, ImageChops

from passes.errors import UsageError
from station.devices.printers import LIMIT_S, PrinterError, StripPrinter, job, open_printer, strips
from station.devices.printers.job import Deadline
from station.devices.printers.wires import Condition, TcpWire
from tests.devices.listening import DEADLINE_S
from tests.devices.printing import OFF_LINE, PAPER_OUT, READY, NetworkPrinter, strip


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a printer less time, for the tests whose printer never answers."""
    monkeypatch.setattr(job, "LIMIT_S", 1.2)
    monkeypatch.setattr(strips, "ANSWER_S", 0.1)


def opened(address: str) -> StripPrinter:
    printer = open_printer(address)
    assert isinstance(printer, StripPrinter)
    return printer


def failure(address: str, *pictures: Image.Image) -> PrinterError:
    with pytest.raises(PrinterError) as caught:
        opened(address).print_strips(pictures or [strip()])
    assert str(caught.value).startswith(f"{address}: ")
    assert caught.value.values["printer"] == address
    return caught.value


def assert_same(printed: Image.Image, drawn: Image.Image) -> None:
    assert printed.size == drawn.size
    assert ImageChops.difference(printed.convert("L"), drawn.convert("L")).getbbox() is None


@pytest.mark.parametrize(("query", "width"), [("", 384), ("?width=80", 576)])
def test_paper_holds_the_picture_and_its_code_reads(query: str, width: int) -> None:
    text = "GP1" + "HOUSE7" * 40
    drawn = strip(text, width=width)
    with NetworkPrinter(READY) as device:
        opened(device.address + query).print_strips([drawn])
    [printed] = device.roll.strips
    assert_same(printed, drawn)
    assert [found.text for found in zxingcpp.read_barcodes(printed.convert("L"))] == [text]
    assert device.roll.heard == ["initialise", "bitmap", "feed", "cut"]


def test_long_strips_keep_every_row() -> None:
    drawn = Image.frombytes("1", (384, 2500), bytes(range(256)) * 468 + bytes(192))
    with NetworkPrinter(READY) as device:
        opened(device.address).print_strips([drawn])
    [printed] = device.roll.strips
    assert_same(printed, drawn)


def test_narrow_strips_are_filled_up_in_white() -> None:
    drawn = strip("GP1AB", width=201)
    with NetworkPrinter(READY) as device:
        opened(device.address).print_strips([drawn])
    [printed] = device.roll.strips
    assert printed.width == 208
    assert_same(printed.crop((0, 0, 201, printed.height)), drawn)
    assert printed.crop((201, 0, 208, printed.height)).getextrema() == (255, 255)


def test_several_strips_are_cut_apart() -> None:
    drawn = [strip(f"GP1PASS{number}") for number in range(3)]
    with NetworkPrinter(READY) as device:
        opened(device.address).print_strips(drawn)
    assert [[found.text for found in zxingcpp.read_barcodes(one.convert("L"))] for one in device.roll.strips] == [
        ["GP1PASS0"],
        ["GP1PASS1"],
        ["GP1PASS2"],
    ]


@pytest.mark.usefixtures("_impatient")
def test_a_printer_that_cannot_answer_has_printed_when_it_hangs_up() -> None:
    drawn = [strip("GP1AB"), strip("GP1CD")]
    with NetworkPrinter() as device:
        opened(device.address).print_strips(drawn)
    assert len(device.roll.strips) == 2
    assert_same(device.roll.strips[1], drawn[1])


@pytest.mark.parametrize("answers_in_bitmaps", [True, False])
def test_answers_from_inside_a_picture_are_told_apart(answers_in_bitmaps: bool) -> None:
    """The bytes of a status question stand in the picture, and most printers answer them there."""
    drawn = Image.frombytes("1", (384, 100), bytes(byte ^ 0xFF for byte in b"\x10\x04\x01" * 1600))
    with NetworkPrinter(READY, PAPER_OUT, answers_in_bitmaps=answers_in_bitmaps) as device:
        error = failure(device.address, drawn)
    assert "out of paper" in str(error)
    assert error.printed == 0
    with NetworkPrinter(READY, answers_in_bitmaps=answers_in_bitmaps) as device:
        opened(device.address).print_strips([drawn, strip()])
    assert_same(device.roll.strips[0], drawn)
    assert len(device.roll.strips) == 2


@pytest.mark.parametrize(("state", "words"), [(PAPER_OUT, "put in a new roll"), (OFF_LINE, "close its cover")])
def test_trouble_before_the_strip_prints_nothing(state: dict[int, int], words: str) -> None:
    with NetworkPrinter(state) as device:
        error = failure(device.address)
    assert words in str(error)
    assert error.printed == 0
    assert device.roll.heard == []


def test_paper_that_ends_in_the_third_strip_leaves_two() -> None:
    with NetworkPrinter(READY, READY, READY, PAPER_OUT) as device:
        error = failure(device.address, *[strip("GP1AB")] * 5)
    assert "out of paper" in str(error)
    assert error.printed == 2
    assert len(device.roll.strips) == 3


@pytest.mark.usefixtures("_impatient")
def test_a_printer_that_falls_silent_has_confirmed_nothing() -> None:
    with NetworkPrinter(READY, answers=2) as device:
        error = failure(device.address)
    assert "look whether it came out" in str(error)
    assert error.printed == 0


@contextmanager
def listening(serve: Callable[[socket.socket], None] | None) -> Iterator[str]:
    """Listen and give the connection to `serve`; None never takes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            assert serve is not None
            connection, _ = listener.accept()
            with connection:
                serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        if serve is not None:
            thread.start()
        yield f"escpos:tcp://127.0.0.1:{listener.getsockname()[1]}"
        if serve is not None:
            thread.join(DEADLINE_S)
            assert not thread.is_alive()


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("is_taken", [True, False])
def test_a_printer_that_never_reads(is_taken: bool) -> None:
    over = threading.Event()

    def ignore(_connection: socket.socket) -> None:
        over.wait(DEADLINE_S)

    with listening(ignore if is_taken else None) as address:
        error = failure(address)
        over.set()
    assert "did not confirm" in str(error)
    assert error.printed == 0


@pytest.mark.parametrize("count", [0, 1000])
def test_a_printer_that_hangs_up(count: int) -> None:
    def serve(connection: socket.socket) -> None:
        if count:
            connection.recv(3)
            connection.sendall(bytes([READY[4]]))
            connection.recv(3)
            connection.sendall(bytes([READY[1]]))
            connection.recv(count)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with listening(serve) as address:
        error = failure(address, Image.new("1", (384, 20_000)))
    # The reset may come while there is still something to send, or after that.
    told = ("cannot be reached",) if count == 0 else ("stopped in the middle", "did not confirm")
    assert any(words in str(error) for words in told)
    assert error.printed == 0


def test_nobody_at_the_address() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        error = failure(f"escpos:tcp://127.0.0.1:{listener.getsockname()[1]}")
    assert "cannot be reached" in str(error)
    assert "switch it on" in str(error)


def test_a_strip_that_is_too_wide_is_not_begun() -> None:
    with NetworkPrinter(READY) as device:
        with pytest.raises(UsageError, match="576 dots wide and the paper takes 384"):
            opened(device.address).print_strips([strip(), strip(width=576)])
        assert device.roll.heard == []


@pytest.mark.usefixtures("_impatient")
def test_a_wire_that_hangs_is_left_behind_and_prints_nothing_later() -> None:
    hanging, closed = threading.Event(), threading.Event()
    with NetworkPrinter(READY) as device:
        host, port = "127.0.0.1", int(device.address.rpartition(":")[2])

        class Slow(TcpWire):
            def __init__(self, deadline: Deadline) -> None:
                hanging.wait(DEADLINE_S)
                deadline.grant(DEADLINE_S)
                super().__init__(host, port, Deadline())

            def close(self, *, is_done: bool) -> None:
                super().close(is_done=is_done)
                closed.set()

        with pytest.raises(PrinterError, match="does not answer") as caught:
            StripPrinter("slow", 58, Slow).print_strips([strip()])
        hanging.set()
        assert closed.wait(DEADLINE_S)
    assert caught.value.printed == 0
    assert device.roll.heard == []


_STUCK = """
import threading
from PIL import Image
from station.devices.printers import PrinterError, StripPrinter, job
job.LIMIT_S = 0.6
try:
    StripPrinter("stuck", 58, lambda deadline: threading.Event().wait()).print_strips([Image.new("1", (8, 8))])
except PrinterError as error:
    print(error)
"""


def test_a_wire_that_hangs_for_ever_does_not_keep_the_program() -> None:
    root = Path(__file__).resolve().parents[2]
    run = subprocess.run(
        [sys.executable, "-c", _STUCK],
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        timeout=60,
        check=True,
    )
    assert run.stdout.startswith("stuck: does not answer")
    assert run.stderr == ""


class Silent:
    """A wire that takes everything and tells nothing, on a clock of its own; `now_s` is when it is given up."""

    has_to_answer = False

    def __init__(self) -> None:
        self.now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s

    def condition(self, deadline: Deadline, patience_s: float, strays: int = 0) -> Condition:
        self.now_s += patience_s
        return Condition.SILENT

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Take it."""

    def settle(self, deadline: Deadline) -> None:
        self.now_s += deadline.left_s()
        raise TimeoutError

    def close(self, *, is_done: bool) -> None:
        assert not is_done


@pytest.mark.parametrize("count", [1, 3])
def test_trouble_costs_five_seconds_in_all(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    wire = Silent()
    monkeypatch.setattr(job, "time", wire)
    with pytest.raises(PrinterError, match="within 5 s"):
        StripPrinter("silent", 58, lambda _deadline: wire).print_strips([strip("GP1AB")] * count)
    assert 4 < wire.now_s <= LIMIT_S == 5


def test_time_of_the_line_is_granted_and_abandoned_time_is_over() -> None:
    deadline = Deadline()
    deadline.grant(50)
    assert 50 < deadline.left_s() <= 55
    deadline.abandon()
    deadline.restart()
    with pytest.raises(TimeoutError):
        deadline.left_s()


def test_nothing_is_said_on_the_side(capfd: pytest.CaptureFixture[str]) -> None:
    """The library prints complaints where a terminal app or JSON would show them."""
    with NetworkPrinter(READY) as device:
        opened(device.address).print_strips([strip()])
    assert capfd.readouterr() == ("", "")
