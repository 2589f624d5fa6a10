"""A strip printer that is not there: reads ESC/POS on its own terms, over whatever line it is put on."""

import os
import re
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import qrcode
from PIL import Image

from tests.devices.listening import DEADLINE_S

READY = {1: 0x12, 4: 0x12}
PAPER_OUT = {1: 0x1A, 4: 0x72}
OFF_LINE = {1: 0x1A, 4: 0x12}


class PaperRoll:
    """Understands what a printer needs for a pass, as Epson's reference defines it, and nothing else.

    `strips` are the pictures between cuts; `answer` is called with each n of DLE EOT n that stands between commands.
    """

    def __init__(self, answer: Callable[[int], None] = lambda _n: None, *, answers_in_bitmaps: bool = False) -> None:
        self._answers_in_bitmaps = answers_in_bitmaps
        self.strips: list[Image.Image] = []
        self.heard: list[str] = []
        self._answer = answer
        self._bytes = bytearray()
        self._rows: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self._bytes += data
        while (length := self._command()) is not None:
            del self._bytes[:length]

    def _command(self) -> int | None:
        """Obey the command at the front and return its length; None when it is not all there yet."""
        head = bytes(self._bytes[:8])
        if head.startswith(b"\x1b@"):
            self.heard.append("initialise")
            return 2
        if head.startswith(b"\x1bd") and len(head) >= 3:
            self.heard.append("feed")
            return 3
        if head.startswith(b"\x10\x04") and len(head) >= 3:
            self._answer(head[2])
            return 3
        if head.startswith(b"\x1dV") and len(head) >= 3:
            self.heard.append("cut")
            return self._cut(head[2])
        if head.startswith(b"\x1dv0") and len(head) == 8:
            return self._raster(head[4] + 256 * head[5], head[6] + 256 * head[7])
        known = (b"\x1b@", b"\x1bd", b"\x10\x04", b"\x1dV", b"\x1dv0")
        assert any(head.startswith(start[: len(head)]) for start in known), f"no such command: {head.hex(' ')}"
        return None

    def _raster(self, row_bytes: int, rows: int) -> int | None:
        length = 8 + row_bytes * rows
        if len(self._bytes) < length:
            return None
        self.heard.append("bitmap")
        if self._answers_in_bitmaps:
            for question in re.findall(rb"\x10\x04[\x01\x04]", self._bytes[8:length]):
                self._answer(question[2])
        self._rows += [bytes(self._bytes[start : start + row_bytes]) for start in range(8, length, row_bytes)]
        return length

    def _cut(self, mode: int) -> int:
        assert mode in {0, 1, 48, 49}
        # In a printer's bitmap 1 is black, in a picture of this kind white.
        black = b"".join(self._rows)
        size = (8 * len(self._rows[0]), len(self._rows))
        self.strips.append(Image.frombytes("1", size, bytes(~byte & 0xFF for byte in black)))
        self._rows = []
        return 3


class NetworkPrinter:
    """A printer on a real TCP socket; `states` are what it tells, one per job, the last one for good.

    `states` empty: it cannot tell. It reads on until the other side ends, then closes.
    """

    def __init__(self, *states: dict[int, int], answers_in_bitmaps: bool = False, answers: int = 10_000) -> None:
        self.roll = PaperRoll(self._answer, answers_in_bitmaps=answers_in_bitmaps)
        self.trouble: BaseException | None = None
        self._states = list(states)
        self._answers_left = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def address(self) -> str:
        return f"escpos:tcp://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "NetworkPrinter":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is None:  # nobody called; end the waiting
            socket.create_connection(self._listener.getsockname()).close()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive()
        self._listener.close()
        if self.trouble is not None:
            raise self.trouble

    def _serve(self) -> None:
        self._connection, _ = self._listener.accept()
        with self._connection:
            try:
                while data := self._connection.recv(4096):
                    self.roll.feed(data)
            except ConnectionError:
                return
            except AssertionError as error:
                self.trouble = error

    def _answer(self, n: int) -> None:
        if not self._states or not self._answers_left or self._connection is None:
            return
        self._answers_left -= 1
        done = len(self.roll.strips)
        state = self._states[min(done, len(self._states) - 1)]
        self._connection.sendall(bytes([state[n]]))


@contextmanager
def reading(line: int, *states: dict[int, int], pause_s: float = 0) -> Iterator[PaperRoll]:
    """Be a printer at the end of the open file `line`, in the first of `states`; with none it cannot answer.

    `pause_s` makes it a slow one: so long for each 1000 bytes.
    """
    over, pace = threading.Event(), threading.Event()

    def answer(n: int) -> None:
        if states:
            os.write(line, bytes([states[0][n]]))

    def run() -> None:
        while select.select([line], [], [], 0.02)[0] or not over.is_set():
            if select.select([line], [], [], 0)[0]:
                roll.feed(os.read(line, 1000 if pause_s else 4096))
                pace.wait(pause_s)

    roll = PaperRoll(answer)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield roll
    finally:
        over.set()
        thread.join(DEADLINE_S)
        assert not thread.is_alive()


def strip(text: str = "GP1" + "ABCDEFG234567" * 22, *, width: int = 384, dots: int = 4) -> Image.Image:
    """Draw a code as a strip would hold it; black and white, `width` dots wide."""
    code = qrcode.QRCode(error_correction=qrcode.ERROR_CORRECT_Q, border=4)
    code.add_data(text)
    code.make(fit=True)
    matrix = code.get_matrix()
    picture = Image.new("1", (width, dots * len(matrix) + 60), 1)
    for y, row in enumerate(matrix):
        for x, is_dark in enumerate(row):
            if is_dark:
                picture.paste(0, (x * dots, y * dots, (x + 1) * dots, (y + 1) * dots))
    picture.paste(0, (0, picture.height - 20, width // 2, picture.height))
    return picture
