"""The ways to a strip printer: what they have in common, TCP and serial lines. Each step obeys a deadline."""

import errno
import socket
import struct
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from enum import Enum
from typing import Any, Final, Protocol

from station.devices.printers.address import Address
from station.devices.printers.job import Deadline

WIRE_ERRORS: tuple[type[Exception], ...] = (OSError,)
"""What a wire raises when it breaks; the errors of pyserial and pyusb are OSErrors."""

if sys.platform != "win32":
    import termios

    WIRE_ERRORS = (OSError, termios.error)

_NEXT_ANSWER_S: Final = 0.5
_POLL_S: Final = 0.02
_RST_ON_CLOSE: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # struct linger: on, 0 s


class Condition(Enum):
    """What a printer tells of itself; SILENT is one that cannot, or does not."""

    READY = "ready"
    PAPER_OUT = "paper out"
    OFF_LINE = "off line"
    SILENT = "silent"


class Wire(Protocol):
    """An open way to one printer, used by one thread; every method may raise one of `WIRE_ERRORS`."""

    has_to_answer: bool
    """Whether nothing else than an answer shows that a printer is there at all."""

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`; raises TimeoutError when the printer does not take it in time."""
        ...

    def condition(self, deadline: Deadline, patience_s: float, strays: int = 0) -> Condition:
        """Ask the printer how it is, and wait up to `patience_s` for the answer. No job may be half sent.

        `strays` is how often the bytes of the question stand in what was sent before, by chance.
        """
        ...

    def settle(self, deadline: Deadline) -> None:
        """Wait until all that was sent is known to be with the printer; raises TimeoutError when it is not in time."""
        ...

    def close(self, *, is_done: bool) -> None:
        """Let go at once; of a job that is not done, what is not with the printer yet is thrown away."""
        ...


class AskedWire(ABC):
    """A wire on which the printer answers DLE EOT n, as Epson's ESC/POS reference describes it."""

    def condition(self, deadline: Deadline, patience_s: float, strays: int = 0) -> Condition:
        """Ask for the paper sensor (n = 4), then for the printer as a whole (n = 1)."""
        paper = self._answer(b"\x10\x04\x04", deadline, patience_s, strays)
        if paper is None:
            return Condition.SILENT
        if paper & 0x60:
            return Condition.PAPER_OUT
        printer = self._answer(b"\x10\x04\x01", deadline, patience_s)
        return Condition.OFF_LINE if printer is not None and printer & 0x08 else Condition.READY

    def _answer(self, question: bytes, deadline: Deadline, patience_s: float, strays: int = 0) -> int | None:
        self.send(question, deadline)
        answer = None
        end_s = time.monotonic() + min(patience_s, deadline.left_s())
        while (left_s := end_s - time.monotonic()) > 0:
            for byte in self._receive(left_s):
                if byte & 0x93 != 0x12:  # the bits that are the same in every answer and in nothing else a printer says
                    continue
                if not strays:
                    return byte
                # Most printers answer what stands in a bitmap as well, before ours; the others have answered already.
                answer, strays = byte, strays - 1
                end_s = min(end_s, time.monotonic() + _NEXT_ANSWER_S)
        return answer

    @abstractmethod
    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`."""

    @abstractmethod
    def _receive(self, timeout_s: float) -> bytes:
        """Return what has come within `timeout_s`, nothing included; raises one of `WIRE_ERRORS` at the end."""


class TcpWire(AskedWire):
    """A network printer's raw port, usually 9100."""

    has_to_answer = False

    def __init__(self, host: str, port: int, deadline: Deadline) -> None:
        self._socket = socket.create_connection((host, port), timeout=deadline.left_s())
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`: into this machine's buffers, which says nothing of the printer."""
        self._socket.settimeout(deadline.left_s())
        self._socket.sendall(data)

    def settle(self, deadline: Deadline) -> None:
        """End the stream and wait for the printer to end its own, as one that has read everything does."""
        self._receive(0)
        self._socket.shutdown(socket.SHUT_WR)
        self._socket.settimeout(deadline.left_s())
        while self._socket.recv(256):
            self._socket.settimeout(deadline.left_s())

    def close(self, *, is_done: bool) -> None:
        """End the connection; a job that is not done is cut off, or the system would go on sending it."""
        if not is_done:
            with suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RST_ON_CLOSE)
        self._socket.close()

    def _receive(self, timeout_s: float) -> bytes:
        self._socket.settimeout(timeout_s)
        try:
            data = self._socket.recv(256)
        except (BlockingIOError, TimeoutError):
            return b""
        if not data:
            raise ConnectionAbortedError("connection closed by the printer")
        return data


class SerialWire(AskedWire):
    """A serial line, 8N1; `baud_rate` in bit/s. Nobody notices bytes that a printer which is off does not take."""

    def __init__(self, port: str, baud_rate: int, deadline: Deadline, *, has_to_answer: bool) -> None:
        import serial

        self.has_to_answer = has_to_answer
        self._bytes_per_s = baud_rate / 10  # a start bit, eight bits and a stop bit
        self._line_s = 0.0  # what the line needs for all that was sent, as far as it was not granted yet
        try:
            self._serial: Any = serial.Serial(port, baud_rate, write_timeout=deadline.left_s(), exclusive=True)
        except ValueError as error:  # pyserial's answer to a rate that the port cannot do
            raise OSError(errno.EINVAL, str(error)) from error

    def send(self, data: bytes, deadline: Deadline) -> None:
        """Send all of `data`, until the system holds none of it; the time that the line itself needs does not count."""
        import serial

        size = max(1, int(self._bytes_per_s / 4))
        for start in range(0, len(data), size):
            piece = data[start : start + size]
            self._line_s += len(piece) / self._bytes_per_s
            begun_s = time.monotonic()
            self._serial.write_timeout = deadline.left_s()
            try:
                self._serial.write(piece)
            except serial.SerialTimeoutException as error:
                raise TimeoutError from error
            self._grant(begun_s, deadline)
            # A system that holds kilobytes would hide for seconds whether the line still moves.
            self._wait_until_few(size // 2, deadline)
        self._wait_until_few(0, deadline)

    def settle(self, deadline: Deadline) -> None:
        """Wait until the last byte has left the port, which is all that can be known here."""
        deadline.left_s()
        self._serial.flush()

    def close(self, *, is_done: bool) -> None:
        """Let the port go, and drop the rest of a job that is not done: the system would wait half a minute for it."""
        if not is_done:
            with suppress(*WIRE_ERRORS):
                self._serial.reset_output_buffer()
        with suppress(*WIRE_ERRORS):
            self._serial.close()

    def _wait_until_few(self, few: int, deadline: Deadline) -> None:
        waiting, begun_s = self._serial.out_waiting, time.monotonic()
        while waiting > few:
            time.sleep(min(_POLL_S, deadline.left_s()))
            if (now_waiting := self._serial.out_waiting) < waiting:
                self._grant(begun_s, deadline)
                waiting, begun_s = now_waiting, time.monotonic()

    def _grant(self, begun_s: float, deadline: Deadline) -> None:
        """Give back the time since `begun_s`, in which bytes moved, but never more than the line needs for them."""
        spent_s = min(time.monotonic() - begun_s, self._line_s)
        self._line_s -= spent_s
        deadline.grant(spent_s)

    def _receive(self, timeout_s: float) -> bytes:
        self._serial.timeout = timeout_s
        return bytes(self._serial.read(max(1, self._serial.in_waiting)))


def open_wire(address: Address, deadline: Deadline) -> Wire:
    """Connect to the strip printer at `address`; raises one of `WIRE_ERRORS`, PrinterError without pyusb."""
    from station.devices.printers.local import FileWire, UsbWire

    match address.scheme:
        case "tcp":
            return TcpWire(*address.host_and_port, deadline)
        case "serial":
            baud_rate = int(address.options.get("baud", "9600"))
            return SerialWire(address.target, baud_rate, deadline, has_to_answer="status" not in address.options)
        case "usb":
            return UsbWire(address, deadline)
        case _:
            return FileWire(address.target)
