"""The dialogue with an ID card reader over its port: find a card, select it, read its text.

A command is written only after what the line still held was thrown away, and waited for until its answer is there:
nothing is asked twice at once. `30 01` leaves the fingerprints on the card.
"""

from collections.abc import Callable
from typing import Final

from passes.errors import N_
from station.devices.idcard.card import CardError, IdCard, parse_card
from station.devices.idcard.frames import FIND, READ, SELECT, Answer, Answers, command
from station.devices.port import Port

OK: Final = 0x90
FOUND: Final = 0x9F
NO_CARD: Final = 0x80

FIND_TIMEOUT_S: Final = 1.0
READ_TIMEOUT_S: Final = 4.0
"""Finding and selecting take about 0.1 seconds, reading 1 to 3."""

_UNREADABLE = N_("the card could not be read: lay it flat, leave it there for three seconds, and put it on again")
_NOT_GENUINE = N_("the card does not prove to be genuine: put it on again; when it happens again, look at it closely")
_NOT_READY = N_("the ID card reader is not ready: wait ten seconds, else pull its plug and put it in again")
_WRONG_CARD = N_("this is no identity card: put one on alone, with no other card beside it")
_GARBLED = N_(
    "the ID card reader did not understand what it was asked: check its cable, and idcard.port in settings.toml"
)
_ON_THE_WAY = N_("the answer of the ID card reader did not arrive whole: lift the card and put it on again")
_NOT_ON_CARD = N_("the card lacks what was asked for: write its name and number by hand")
_UNKNOWN = N_("the ID card reader answers with {status}, unknown here: put the card on again, or write it by hand")

_SENTENCES: Final = {
    0x10: _GARBLED,  # checksum of the command
    0x11: _GARBLED,  # length of the command
    0x21: _GARBLED,  # no such command
    0x23: _GARBLED,  # no right to that command
    0x24: _GARBLED,
    0x31: _NOT_GENUINE,  # card to module
    0x32: _NOT_GENUINE,  # module to card
    0x33: _NOT_GENUINE,  # signature of what was read
    0x40: _WRONG_CARD,
    0x41: _UNREADABLE,
    0x47: _UNREADABLE,
    0x60: _NOT_READY,
    0x66: _NOT_READY,
    NO_CARD: _UNREADABLE,  # lifted too early
    0x81: _UNREADABLE,
    0x91: _NOT_ON_CARD,
}


def trouble(status: int) -> CardError:
    """Return what the status byte SW3 of a failed command means, as a sentence with its remedy."""
    return CardError(_SENTENCES.get(status, _UNKNOWN), status=f"{status:02X}")


class CardClient:
    """Speaks to the reader at `port`; gives up waiting when `is_stopped` says so. Every method raises PortError."""

    def __init__(self, port: Port, monotonic_s: Callable[[], float], is_stopped: Callable[[], bool]) -> None:
        self._port = port
        self._monotonic_s = monotonic_s
        self._is_stopped = is_stopped

    def find(self) -> int | None:
        """Return `FOUND`, `NO_CARD` or the status of a trouble; None when the reader does not answer."""
        answer = self._asked(FIND, FIND_TIMEOUT_S)
        return None if answer is None else answer.status

    def card(self) -> IdCard:
        """Select and read the card that was found; raises CardError when that fails."""
        self._succeed(SELECT, FIND_TIMEOUT_S)
        return parse_card(self._succeed(READ, READ_TIMEOUT_S).text)

    def _succeed(self, code: bytes, timeout_s: float) -> Answer:
        answer = self._asked(code, timeout_s)
        if answer is None:
            raise CardError(_ON_THE_WAY)
        if answer.status != OK:
            raise trouble(answer.status)
        return answer

    def _asked(self, code: bytes, timeout_s: float) -> Answer | None:
        """Return the answer to a command, None when none came whole in time."""
        self._port.drain()
        self._port.write(command(code))
        answers = Answers()
        ends_s = self._monotonic_s() + timeout_s
        while not self._is_stopped() and (now_s := self._monotonic_s()) < ends_s:
            for answer in answers.feed(self._port.wait() + self._port.drain(), now_s):
                if isinstance(answer, Answer):
                    return answer
        return None
