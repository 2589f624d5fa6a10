"""An ID card reader that is not there: it answers as a SAM-V module does.

The people are invented, and their numbers belong to an area code that does not exist.
"""

import threading
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Final

from station.devices.idcard.card import LAYOUTS, TYPE_LETTERS, TYPE_PLACE, CardKind, IdCard, Sex
from station.devices.idcard.client import FOUND, NO_CARD, OK
from station.devices.idcard.frames import FIND, READ, SELECT, TEXT_BYTES, command, framed
from station.devices.simulated_line import Transport, make_line

_PHOTO_BYTES: Final = 1024
_SELECT_FAILED: Final = 0x81
_READ_FAILED: Final = 0x41
_LOOK_EVERY_S: Final = 0.005
_MOST_RECEIVED_BYTES: Final = 4096
_WITHOUT_END: Final = "长期"
_SEX_CODES: Final = {Sex.UNKNOWN: "0", Sex.MALE: "1", Sex.FEMALE: "2", Sex.NOT_STATED: "9"}

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
    """A reader with no card on it, behind the symbolic link `link` or by TCP on loopback; see `make_line`.

    As most readers do, it finds a card that was read no more until it is lifted; with `finds_again` it goes on finding
    it. `extra_aa` are sent before each answer, as real modules often do. `finds` counts how often it was asked. Raises
    DeviceError when the line cannot be made.
    """

    def __init__(
        self,
        link: Path | None = None,
        *,
        finds_again: bool = False,
        extra_aa: int = 1,
        transport: Transport | None = None,
        port: int = 0,
    ) -> None:
        self._line = make_line(link, transport, port)
        self._finds_again = finds_again
        self._extra = extra_aa * b"\xaa"
        self._lock = threading.Lock()
        self._text = b""
        self._found = self._selected = NO_CARD
        self._reads_as = OK
        self._is_silent = False
        self._received = b""
        self.finds = 0
        self._is_plugged = False
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

    @property
    def url(self) -> str:
        """What to write as `idcard.port`; stays the same when it is unplugged and replugged."""
        return self._line.url

    def place(self, text: bytes, *, find_status: int = FOUND, read_status: int = OK) -> None:
        """Put on a card with such a text (see `encode_card`); another status than these two is a trouble."""
        with self._lock:
            self._text, self._found, self._selected = text, find_status, _SELECT_FAILED
            self._reads_as, self._is_silent = read_status, False

    def lift(self) -> None:
        """Take the card away."""
        with self._lock:
            self._text, self._found, self._is_silent = b"", NO_CARD, False

    def fall_silent(self) -> None:
        """Answer nothing, as without power, until a card is put on or lifted."""
        with self._lock:
            self._is_silent = True

    def unplug(self) -> None:
        """Pull the cable; does nothing when it is out."""
        with self._lock:
            self._is_plugged = False
            self._line.unplug()

    def replug(self) -> None:
        """Put the cable in; does nothing when it is in."""
        with self._lock:
            if not self._is_plugged:
                self._line.plug()
                self._is_plugged = True

    def stop(self) -> None:
        """Unplug and end; may be called twice."""
        self._stopped.set()
        self._thread.join()
        self.unplug()

    def _run(self) -> None:
        while not self._stopped.wait(_LOOK_EVERY_S):
            with self._lock:
                if self._is_plugged and (data := self._line.receive()):
                    self._hear(data)

    def _hear(self, data: bytes) -> None:
        self._received = (self._received + data)[-_MOST_RECEIVED_BYTES:]
        for code in (FIND, SELECT, READ):
            if command(code) in self._received:
                self._received = b""
                if self._is_silent:
                    return
                self._line.send(self._extra + self._answer(code))

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
        if self._reads_as != OK:
            return encode_answer(self._reads_as)
        if not self._finds_again:
            self._found = NO_CARD
        sizes = len(self._text).to_bytes(2) + _PHOTO_BYTES.to_bytes(2)
        return encode_answer(OK, sizes + self._text + bytes(_PHOTO_BYTES))
