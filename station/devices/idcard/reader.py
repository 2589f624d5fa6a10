"""One ID card reader: a thread that keeps asking for a card and tells each card once."""

import time
from collections.abc import Callable
from typing import Final

from passes.errors import N_
from station.devices.idcard.card import CardError, IdCard
from station.devices.idcard.client import FOUND, NO_CARD, CardClient, trouble
from station.devices.idcard.frames import BAUD_RATE
from station.devices.measurement import Link, LinkState
from station.devices.port import Port
from station.devices.ports import PortThread

POLL_EVERY_S: Final = 0.3

_MOST_UNANSWERED: Final = 3
"""Commands in a row without an answer until the reader is told as silent."""

_READ: Final = "read"
"""What stands in the place of a trouble's sentence once the card that lies there was told."""

_READY = N_("{port}: the ID card reader answers")
_MUTE = N_("{port}: open, but the ID card reader does not answer; check its power, and idcard.port in settings.toml")


class IdCardReader(PortThread[IdCard | CardError]):
    """Reads cards at `address` and calls `on_event` with cards, errors and changes of the link, on its own thread.

    A card that stays on the reader is told once, whether the reader goes on finding it or not; lifted and put on again
    it is told again. Nothing of a card is kept here but whether one lies there.
    """

    def __init__(
        self,
        address: str,
        on_event: Callable[[IdCard | CardError | LinkState], None],
        *,
        baud_rate: int = BAUD_RATE,
        poll_every_s: float = POLL_EVERY_S,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("idcard", "idcard.port", address, baud_rate, on_event)
        self._poll_every_s = poll_every_s
        self._monotonic_s = monotonic_s

    def use(self, port: Port) -> None:
        """Ask for cards; see `PortThread.use`."""
        client = CardClient(port, self._monotonic_s, lambda: self.is_stopped)
        unanswered = 0
        said = ""
        while not self.is_stopped:
            status = client.find()
            unanswered = 0 if status is not None else unanswered + 1
            if status is not None:
                self.tell_link(Link.CONNECTED, _READY)
            elif unanswered >= _MOST_UNANSWERED:
                self.tell_link(Link.SILENT, _MUTE)
            if status == NO_CARD:  # also the answer to a card that was read and still lies there
                said = ""
            elif status is not None and said != _READ:
                event = self._read(client, status)
                if isinstance(event, IdCard):
                    said = _READ
                    self.tell(event)
                elif event.sentence != said:
                    said = event.sentence
                    self.tell(event)
            self.pause(self._poll_every_s)

    def _read(self, client: CardClient, status: int) -> IdCard | CardError:
        if status != FOUND:
            return trouble(status)
        try:
            return client.card()
        except CardError as error:
            return error
