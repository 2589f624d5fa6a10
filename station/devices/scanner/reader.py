"""One serial scanner: a thread that keeps its port open and tells each code."""

import time
from collections.abc import Callable
from typing import Final

from passes.errors import N_
from station.devices.measurement import Link, LinkState
from station.devices.port import Port
from station.devices.ports import PortThread
from station.devices.scanner.lines import ScanLines

BAUD_RATE: Final = 9600
"""The factory setting of most scanners on a real serial port; a USB-CDC scanner takes any."""

_READY = N_("{port}: the scanner is connected")


class SerialScanner(PortThread[str]):
    """Reads the scanner at `address` and calls `on_event` with codes and changes of the link, on its own thread.

    What was scanned while nobody was listening is not told: pyserial throws it away when opening.
    """

    def __init__(
        self,
        address: str,
        on_event: Callable[[str | LinkState], None],
        *,
        baud_rate: int = BAUD_RATE,
        setting: str = "scanners.port",
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__("scanner", setting, address, baud_rate, on_event)
        self._monotonic_s = monotonic_s

    def use(self, port: Port) -> None:
        """Cut what comes into codes; see `PortThread.use`."""
        lines = ScanLines()
        while not self.is_stopped:
            data = port.wait() + port.drain()
            # A scanner says nothing by itself: a port that can be read is all there is to know.
            self.tell_link(Link.CONNECTED, _READY)
            for code in lines.feed(data, self._monotonic_s()):
                self.tell(code)
