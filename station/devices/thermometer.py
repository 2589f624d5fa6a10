"""One thermometer: a thread that opens its port, drains it for ever, and tells what came."""

import time
from collections.abc import Callable
from typing import Final

from passes.errors import N_
from station.devices.measurement import (
    CONNECTED_SENTENCE,
    DeviceEvent,
    Fault,
    FaultCode,
    Link,
    Measurement,
    Parser,
)
from station.devices.port import DRAIN_LIMIT_BYTES, Port
from station.devices.ports import PortThread

SILENT_AFTER_S: Final = 3.0
"""A port that has been open so long without an answer is told as silent."""

_FAULT_EVERY_S: Final = 0.25
"""A line full of junk makes thousands of faults a second; nobody reads more than these of one kind."""

_MUTE = N_("{port}: open, but nothing comes; check that the thermometer has power and sends by itself")
_UNANSWERED = N_(
    "{port}: open, but the thermometer does not answer; check its power, whether RX and TX are crossed,"
    " and thermometer.protocol and thermometer.baud_rate (now {baud_rate}) in settings.toml"
)
_GIBBERISH = N_(
    "{port}: sends, but not what was expected; check thermometer.protocol and thermometer.baud_rate"
    " (now {baud_rate}) in settings.toml"
)


class Thermometer(PortThread[Measurement | Fault]):
    """Reads the thermometer at `address` and calls `on_event` with measurements, faults and changes of the link.

    `url` is an address for `ports.locate` or for `Port`.
    A device whose protocol wants it is asked; nothing is written to any other.
    `on_event` runs on the reader's thread; it must not raise and should be quick. `baud_rate` is in bit/s.
    `monotonic_s` stamps the measurements and has to be the clock that `StabilityRule.step_up` is called with.
    """

    def __init__(
        self,
        address: str,
        parser_factory: Callable[[], Parser],
        on_event: Callable[[DeviceEvent], None],
        *,
        baud_rate: int,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("thermometer", "thermometer.port", address, baud_rate, on_event)
        self._parser_factory = parser_factory
        self._monotonic_s = monotonic_s
        self._next_fault_s: dict[FaultCode, float] = {}
        self._is_asked = False

    def use(self, port: Port) -> None:
        """Decode what comes; see `PortThread.use`."""
        parser = self._parser_factory()
        answered_s = heard_s = emptied_s = self._monotonic_s()
        while not self.is_stopped:
            first = port.wait()
            # What piled up while this thread was held up may be of the person before. So bytes are stamped with the
            # moment at which the line was last known to hold nothing, not with the moment at which they are read.
            now_s = self._monotonic_s()
            rest = port.drain()
            data = first + rest
            events = parser.feed(data, emptied_s if data else now_s)
            if len(rest) < DRAIN_LIMIT_BYTES:
                emptied_s = now_s
            if data:
                heard_s = now_s
            if any(isinstance(event, Measurement) or event.is_answer for event in events):
                answered_s = now_s
                self.tell_link(Link.CONNECTED, CONNECTED_SENTENCE)
            elif now_s - answered_s >= SILENT_AFTER_S:
                self._tell_silence(is_mute=now_s - heard_s >= SILENT_AFTER_S)
            self._tell_events(events, now_s)
            if question := parser.due(now_s):
                self._is_asked = True
                port.write(question)

    def _tell_silence(self, *, is_mute: bool) -> None:
        sentence = _GIBBERISH
        if is_mute:
            sentence = _UNANSWERED if self._is_asked else _MUTE
        self.tell_link(Link.SILENT, sentence, baud_rate=self._baud_rate)

    def _tell_events(self, events: list[Measurement | Fault], now_s: float) -> None:
        for event in events:
            if isinstance(event, Fault):
                if now_s < self._next_fault_s.get(event.code, now_s):
                    continue
                self._next_fault_s[event.code] = now_s + _FAULT_EVERY_S
            self.tell(event)
