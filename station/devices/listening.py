"""Listening on a port to find out what hangs there: one baud rate after the other, and never a byte written."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from passes.errors import N_
from station.devices import PROTOCOLS
from station.devices.guessing import Confidence, Guesser, Proposal
from station.devices.measurement import Link, LinkState
from station.devices.port import Port
from station.devices.ports import PortThread

SECONDS_PER_RATE: Final = 2.5
"""Long enough for five values of a device that says two a second, or for an Arduino that has just restarted."""

RECENT_BYTES: Final = 96
_TELL_EVERY_S: Final = 0.2
"""A line full of bytes would otherwise be told a thousand times a second."""

_LISTENING = N_("{port}: listening")


def rates_to_try() -> tuple[int, ...]:
    """Return every rate in bit/s at which some thermometer speaks, the ones that most speak at first."""
    rates = [rate for protocol in PROTOCOLS.values() for rate in protocol.baud_rates]
    return tuple(sorted(set(rates), key=lambda rate: (-rates.count(rate), rate)))


@dataclass(frozen=True, slots=True)
class Heard:
    """What has been heard at `baud_rate` (bit/s) since that rate was set.

    `recent` are the last bytes, at most `RECENT_BYTES`, of `count`. `proposals` as `Guesser.proposals` returns them.
    """

    baud_rate: int
    count: int
    recent: bytes
    proposals: tuple[Proposal, ...]

    @property
    def is_sure(self) -> bool:
        """Whether the first proposal leaves no doubt."""
        return bool(self.proposals) and self.proposals[0].confidence is Confidence.SURE


class PortListener(PortThread[Heard]):
    """Listens at `address` and calls `on_event` with what it hears and with changes of the link, on its own thread.

    Goes round through `rates` (bit/s), `seconds_per_rate` at each; stays at a rate at which it is sure, and at an only
    one. Nothing is ever written.
    """

    def __init__(
        self,
        address: str,
        on_event: Callable[[Heard | LinkState], None],
        *,
        rates: Sequence[int] = (),
        seconds_per_rate: float = SECONDS_PER_RATE,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates = tuple(rates) or rates_to_try()
        super().__init__("listener", "thermometer.port", address, self._rates[0], on_event)
        self._seconds_per_rate = seconds_per_rate
        self._monotonic_s = monotonic_s

    def use(self, port: Port) -> None:
        """Listen, one rate after the other; see `PortThread.use`."""
        self.tell_link(Link.CONNECTED, _LISTENING)
        while not self.is_stopped:
            for rate in self._rates:
                port.change_rate(rate)
                port.drain()  # what came in at the rate before
                self._listen(port, rate)

    def _listen(self, port: Port, rate: int) -> None:
        guesser, told = Guesser(), Heard(0, 0, b"", ())
        recent = b""
        ends_s = self._monotonic_s() + self._seconds_per_rate
        next_s = 0.0
        while not self.is_stopped:
            data = port.wait() + port.drain()
            now_s = self._monotonic_s()
            guesser.feed(data, now_s)
            recent = (recent + data)[-RECENT_BYTES:]
            if now_s < min(next_s, ends_s):
                continue
            next_s = now_s + _TELL_EVERY_S
            heard = Heard(rate, guesser.heard_bytes, recent, tuple(guesser.proposals()))
            if heard != told:
                told = heard
                self.tell(heard)
            if now_s >= ends_s and not heard.is_sure and len(self._rates) > 1:
                return
