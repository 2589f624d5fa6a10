"""A serial scanner that is not there: it sends codes as a real one does, with whatever its settings put around them."""

import random
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Final

from station.devices.simulated_line import Transport, make_line

TERMINATORS: Final[Mapping[str, bytes]] = MappingProxyType(
    {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n", "tab": b"\t", "none": b""}
)
"""What a scanner can be set to send behind a code."""

AIM_QR: Final = b"]Q1"
"""What it can be set to send before a QR code (ISO/IEC 15424)."""

_CHUNK_PAUSE_S: Final = 0.01
_BODY: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BODY_CHARACTERS: Final = 200


def invented_codes(seed: int) -> Iterator[str]:
    """Yield texts in the form of pass tokens, without end; nobody signed them, so that every gate refuses them."""
    source = random.Random(seed)  # noqa: S311 - a simulation that must be repeatable, no secret
    while True:
        yield "GP1" + "".join(source.choices(_BODY, k=_BODY_CHARACTERS))


class SimulatedScanner:
    """A scanner behind the symbolic link `link` or by TCP on loopback; see `make_line`.

    `terminator` and `prefix` are bytes behind and before each code. `is_doubled`: it reads each code twice and puts
    nothing between. `chunk_bytes`: how much arrives at once, 0 for all of it. Raises DeviceError when the line cannot
    be made.
    """

    def __init__(
        self,
        link: Path | None = None,
        *,
        terminator: bytes = TERMINATORS["cr"],
        prefix: bytes = b"",
        is_doubled: bool = False,
        chunk_bytes: int = 0,
        transport: Transport | None = None,
        port: int = 0,
    ) -> None:
        self._line = make_line(link, transport, port)
        self._terminator = terminator
        self._prefix = prefix
        self._is_doubled = is_doubled
        self._chunk_bytes = chunk_bytes
        self._stopped = threading.Event()
        self._line.plug()

    def __enter__(self) -> "SimulatedScanner":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """What to write as `scanners.port`."""
        return self._line.url

    def scan(self, code: str) -> None:
        """Send one code; what nobody reads is lost."""
        sent = self._prefix + code.encode() * (2 if self._is_doubled else 1) + self._terminator
        size = self._chunk_bytes or len(sent) or 1
        for start in range(0, len(sent), size):
            if start:
                self._stopped.wait(_CHUNK_PAUSE_S)
            self._line.send(sent[start : start + size])

    def stop(self) -> None:
        """Unplug and end; may be called twice."""
        self._stopped.set()
        self._line.unplug()
