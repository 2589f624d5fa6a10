"""One thermometer: a thread that opens its port, drains it for ever, and tells what came."""

import threading
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
    LinkState,
    Measurement,
    Parser,
)
from station.devices.port import DRAIN_LIMIT_BYTES, Port, PortError
from station.devices.ports import locate

SILENT_AFTER_S: Final = 3.0
"""A port that has been open so long without an answer is told as silent."""

_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.0
_STOP_TIMEOUT_S: Final = 0.45

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


class Thermometer:
    """Reads the thermometer at `url` and calls `on_event` with measurements, faults and changes of the link.

    `url` is an address for `ports.locate` or for `Port`.
    A device whose protocol wants it is asked; nothing is written to any other.
    `on_event` runs on the reader's thread; it must not raise and should be quick. `baud_rate` is in bit/s.
    `monotonic_s` stamps the measurements and has to be the clock that `StabilityRule.step_up` is called with.
    An unplugged device is found again by itself within about a second. No trouble with the port is ever raised:
    it is a `LinkState`, told once, with a remedy.
    """

    def __init__(
        self,
        url: str,
        parser_factory: Callable[[], Parser],
        on_event: Callable[[DeviceEvent], None],
        *,
        baud_rate: int,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._parser_factory = parser_factory
        self._on_event = on_event
        self._baud_rate = baud_rate
        self._monotonic_s = monotonic_s
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read; does nothing when it runs already."""
        if self._thread is not None:
            return
        self._stopped = threading.Event()
        reader = _Reader(
            url=self._url,
            parser_factory=self._parser_factory,
            on_event=self._on_event,
            baud_rate=self._baud_rate,
            monotonic_s=self._monotonic_s,
            stopped=self._stopped,
        )
        self._thread = threading.Thread(target=reader.run, name="thermometer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop reading and let the port go, in under 0.5 seconds; may be called twice.

        A port that hangs (a host that does not answer, a Windows driver after an unplug) keeps its daemon thread, which
        says nothing any more and ends when the system lets go of it.
        """
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(_STOP_TIMEOUT_S)
            self._thread = None


class _Reader:
    """What one reader thread holds; nobody else touches it."""

    def __init__(
        self,
        *,
        url: str,
        parser_factory: Callable[[], Parser],
        on_event: Callable[[DeviceEvent], None],
        baud_rate: int,
        monotonic_s: Callable[[], float],
        stopped: threading.Event,
    ) -> None:
        self._url = url
        self._parser_factory = parser_factory
        self._on_event = on_event
        self._baud_rate = baud_rate
        self._monotonic_s = monotonic_s
        self._stopped = stopped
        self._link: LinkState | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._next_fault_s: dict[FaultCode, float] = {}
        self._is_asked = False

    def run(self) -> None:
        """Open, read, and open again until stopped."""
        while not self._stopped.is_set():
            try:
                port = Port(locate(self._url), self._baud_rate)
                try:
                    self._read(port)
                finally:
                    port.close()
            except PortError as error:
                self._tell_link(LinkState(error.state, error.sentence, error.values))
                self._stopped.wait(self._pause_s)
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _read(self, port: Port) -> None:
        parser = self._parser_factory()
        answered_s = heard_s = emptied_s = self._monotonic_s()
        while not self._stopped.is_set():
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
                self._pause_s = _FIRST_PAUSE_S
                self._tell_link(LinkState(Link.CONNECTED, CONNECTED_SENTENCE, {"port": self._url}))
            elif now_s - answered_s >= SILENT_AFTER_S:
                self._tell_silence(is_mute=now_s - heard_s >= SILENT_AFTER_S)
            self._tell(events, now_s)
            if question := parser.due(now_s):
                self._is_asked = True
                port.write(question)

    def _tell_silence(self, *, is_mute: bool) -> None:
        sentence = _GIBBERISH
        if is_mute:
            sentence = _UNANSWERED if self._is_asked else _MUTE
        self._tell_link(LinkState(Link.SILENT, sentence, {"port": self._url, "baud_rate": self._baud_rate}))

    def _tell_link(self, link: LinkState) -> None:
        if link != self._link and not self._stopped.is_set():
            self._link = link
            self._on_event(link)

    def _tell(self, events: list[Measurement | Fault], now_s: float) -> None:
        for event in events:
            if isinstance(event, Fault):
                if now_s < self._next_fault_s.get(event.code, now_s):
                    continue
                self._next_fault_s[event.code] = now_s + _FAULT_EVERY_S
            if not self._stopped.is_set():
                self._on_event(event)
