"""An ID card reader that is not there: it answers on a pseudo-terminal as a SAM-V module does; POSIX only.

The people are invented, and their numbers belong to an area code that does not exist.
"""

import contextlib
import errno
import os
import sys
import threading
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final

from passes.errors import N_
from station.devices.idcard.card import LAYOUTS, TYPE_LETTERS, TYPE_PLACE, CardKind, IdCard, Sex
from station.devices.idcard.client import FOUND, NO_CARD, OK
from station.devices.idcard.frames import FIND, READ, SELECT, TEXT_BYTES, command, framed
from station.devices.measurement import DeviceError

_PHOTO_BYTES: Final = 1024
_SELECT_FAILED: Final = 0x81
_READ_FAILED: Final = 0x41
_LOOK_EVERY_S: Final = 0.005
_READ_BYTES: Final = 4096
_WITHOUT_END: Final = "长期"
_SEX_CODES: Final = {Sex.UNKNOWN: "0", Sex.MALE: "1", Sex.FEMALE: "2", Sex.NOT_STATED: "9"}

_NO_LINK = N_(
    "{path}: a simulated ID card reader cannot be put there ({error}); name a path in a folder you may write to"
)

PEOPLE: Final = (
    IdCard(
        kind=CardKind.RESIDENT,
        name="王小明",
        sex=Sex.MALE,
        birth=date(1985, 3, 7),
        id_number="990101198503070017",
        valid_from=date(2015, 6, 1),
        valid_until=None,
        address="幸福市和平区幸福小区三号楼二单元501室",
        issuer="幸福市公安局和平分局",
        ethnicity="01",
    ),
    IdCard(
        kind=CardKind.HONG_KONG_MACAU_TAIWAN,
        name="陈美丽",
        sex=Sex.FEMALE,
        birth=date(1992, 11, 20),
        id_number="990102199211200028",
        valid_from=date(2019, 1, 15),
        valid_until=date(2024, 1, 15),
        address="幸福市和平区平安路8号",
        issuer="幸福市公安局",
        permit_number="H00000000",
    ),
    IdCard(
        kind=CardKind.FOREIGNER,
        name="EXAMPLE, ANNA",
        sex=Sex.FEMALE,
        birth=date(1979, 8, 30),
        id_number="XXX990079083001",
        valid_from=date(2018, 5, 2),
        valid_until=date(2028, 5, 2),
        english_name="EXAMPLE, ANNA",
        nationality="XXX",
    ),
)
"""One card of each kind."""


def encode_card(card: IdCard) -> bytes:
    """Return the 256 bytes of text that are on such a card."""
    values = {
        name: getattr(card, name)
        for name in LAYOUTS[card.kind]
        if not (name == "name" and card.name == card.english_name)  # that card has no Chinese name
    }
    values |= {name: f"{day:%Y%m%d}" for name, day in values.items() if isinstance(day, date)}
    values |= {"sex": _SEX_CODES[card.sex], "valid_until": values["valid_until"] or _WITHOUT_END}
    text = bytearray(" ".encode("utf-16-le") * (TEXT_BYTES // 2))
    letter = next(letter for letter, kind in TYPE_LETTERS.items() if kind is card.kind)
    for place, value in [(TYPE_PLACE, letter), *((LAYOUTS[card.kind][name], value) for name, value in values.items())]:
        written = value.encode("utf-16-le")
        if len(written) > place.size:
            raise ValueError(f"{value}: longer than the {place.size} bytes of its field")
        text[place.start : place.start + len(written)] = written
    return bytes(text)


def encode_answer(status: int, data: bytes = b"") -> bytes:
    """Return the frame in which the module says a status (SW3) and data."""
    return framed(bytes([0, 0, status]) + data)


class SimulatedCardReader:
    """A reader with no card on it, behind the symbolic link `link`, which stays the same from plug to plug.

    As most readers do, it finds a card that was read no more until it is lifted; with `finds_again` it goes on finding
    it. `finds` counts how often it was asked. Raises DeviceError when the link cannot be made.
    """

    def __init__(self, link: Path, *, finds_again: bool = False) -> None:
        self.url = str(link)
        self._link = link
        self._finds_again = finds_again
        self._lock = threading.Lock()
        self._text = b""
        self._found = self._selected = NO_CARD
        self._received = b""
        self.finds = 0
        self._descriptors: list[int] = []
        self._stopped = threading.Event()
        self.replug()
        self._thread = threading.Thread(target=self._run, name="simulated-idcard", daemon=True)
        self._thread.start()

    def __enter__(self) -> "SimulatedCardReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def place(self, text: bytes, *, find_status: int = FOUND) -> None:
        """Put on a card with such a text (see `encode_card`); another status than `FOUND` is a trouble."""
        with self._lock:
            self._text, self._found, self._selected = text, find_status, _SELECT_FAILED

    def lift(self) -> None:
        """Take the card away."""
        with self._lock:
            self._text, self._found = b"", NO_CARD

    def unplug(self) -> None:
        """Pull the cable; does nothing when it is out."""
        with self._lock:
            if self._link.is_symlink():
                self._link.unlink()
            while self._descriptors:
                os.close(self._descriptors.pop())

    def replug(self) -> None:
        """Put the cable in; does nothing when it is in."""
        with self._lock:
            if self._descriptors:
                return
            try:
                self._plug()
            except OSError as error:
                while self._descriptors:
                    os.close(self._descriptors.pop())
                raise DeviceError(_NO_LINK, path=self.url, error=error.strerror or error) from error

    def stop(self) -> None:
        """Unplug and end; may be called twice."""
        self._stopped.set()
        self._thread.join()
        self.unplug()

    def _plug(self) -> None:
        if sys.platform == "win32":
            raise OSError(errno.ENOSYS, "Windows has no pseudo-terminals")
        import tty

        self._descriptors = list(os.openpty())
        master, slave = self._descriptors
        tty.setraw(slave)
        os.set_blocking(master, False)
        if os.path.lexists(self._link) and not self._link.is_symlink():
            raise FileExistsError(errno.EEXIST, "a file of this name exists")
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(os.ttyname(slave))

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY_S):
            with self._lock, contextlib.suppress(BlockingIOError):
                if self._descriptors:
                    self._hear(os.read(self._descriptors[0], _READ_BYTES))

    def _hear(self, data: bytes) -> None:
        self._received = (self._received + data)[-_READ_BYTES:]
        for code in (FIND, SELECT, READ):
            if command(code) in self._received:
                self._received = b""
                # Real modules often send one AA too many.
                os.write(self._descriptors[0], b"\xaa" + self._answer(code))

    def _answer(self, code: bytes) -> bytes:
        if code == FIND:
            self.finds += 1
            self._selected = _SELECT_FAILED
            return encode_answer(self._found)
        if code == SELECT:
            self._selected = OK if self._found == FOUND else _SELECT_FAILED
            return encode_answer(self._selected)
        if self._selected != OK:
            return encode_answer(_READ_FAILED)
        if not self._finds_again:
            self._found = NO_CARD
        sizes = len(self._text).to_bytes(2) + _PHOTO_BYTES.to_bytes(2)
        return encode_answer(OK, sizes + self._text + bytes(_PHOTO_BYTES))
