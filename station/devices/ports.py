"""The serial ports of this machine: what they seem to be, the same one under another name, and one that is kept open.

Nothing is opened or written to find out what a port is: maker and product number are what USB tells. Many devices share
one bridge chip, so a port only ever *seems* to be something.
"""

import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from passes.errors import N_
from passes.plaintext import plain
from station.devices.measurement import Link, LinkState
from station.devices.port import Port, PortError

_Event = TypeVar("_Event")

_BY_ID: Final = Path("/dev/serial/by-id")
_MARK: Final = "usb:"
_AT: Final = "@"

_NOT_PLUGGED_IN = N_("{port}: no such USB device is plugged in; check the cable, or choose the port again")
_NO_MARK = N_(
    "{port}: write a USB device as usb:VID:PID:SERIAL or usb:VID:PID@LOCATION, as `gatepost device list` does"
)

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0

STOP_TIMEOUT_S: Final = 0.45
"""How long stopping waits for a thread; one that hangs in its port is left behind."""


class Likeness(StrEnum):
    """What a port seems to be."""

    SCANNER = "scanner"
    BRIDGE = "bridge"
    BOARD = "board"
    PRINTER = "printer"
    MODEM = "modem"
    BLUETOOTH = "bluetooth"
    BUILT_IN = "built_in"
    UNKNOWN = "unknown"


SENTENCES: Final = {
    Likeness.SCANNER: N_("a code scanner"),
    Likeness.BRIDGE: N_("a USB-serial converter: a thermometer, an ID card reader or a scanner"),
    Likeness.BOARD: N_("a microcontroller board: a thermometer or a scanner"),
    Likeness.PRINTER: N_("a receipt printer"),
    Likeness.MODEM: N_("a modem: not a device of the gate"),
    Likeness.BLUETOOTH: N_("a Bluetooth connection"),
    Likeness.BUILT_IN: N_("a serial port of this computer"),
    Likeness.UNKNOWN: N_("unknown"),
}
"""What to say of each; marked by `N_`, translated where it is shown."""

# Makers and products as the USB-IF and the Linux USB id list name them; a maker alone stands for all its products.
_MAKERS: Final = {
    0x05E0: Likeness.SCANNER,  # Symbol, Zebra
    0x05F9: Likeness.SCANNER,  # Datalogic
    0x0C2E: Likeness.SCANNER,  # Honeywell, Metrologic
    0x1EAB: Likeness.SCANNER,  # Newland
    0x0403: Likeness.BRIDGE,  # FTDI
    0x067B: Likeness.BRIDGE,  # Prolific
    0x10C4: Likeness.BRIDGE,  # Silicon Labs
    0x1A86: Likeness.BRIDGE,  # WCH: CH340, CH343, CH9102
    0x0483: Likeness.BOARD,  # STMicroelectronics
    0x2341: Likeness.BOARD,  # Arduino
    0x2A03: Likeness.BOARD,  # Arduino
    0x2E8A: Likeness.BOARD,  # Raspberry Pi
    0x303A: Likeness.BOARD,  # Espressif
    0x04B8: Likeness.PRINTER,  # Seiko Epson
    0x0519: Likeness.PRINTER,  # Star
    0x12D1: Likeness.MODEM,  # Huawei
    0x1E0E: Likeness.MODEM,  # Qualcomm, SIMCom
    0x19D2: Likeness.MODEM,  # ZTE
    0x2C7C: Likeness.MODEM,  # Quectel
}


@dataclass(frozen=True, slots=True)
class PortInfo:
    """A serial port that is there now.

    `device` is its name of today (/dev/ttyUSB0, COM3), `by_id` the one that udev derives from the device itself.
    `vid` and `pid` are USB's numbers of maker and product; None on ports that are not USB. `location` is the socket it
    is plugged into, with `:interface` behind it where a device has several. Texts are shown as the device tells them,
    made harmless.
    """

    device: str
    likeness: Likeness
    by_id: str | None = None
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None
    maker: str = ""
    product: str = ""

    @property
    def address(self) -> str:
        """What to keep in the settings: the same after a replug, as far as the device lets itself be told apart."""
        if self.vid is None or self.pid is None:
            return self.device
        numbers = f"{_MARK}{self.vid:04X}:{self.pid:04X}"
        if self.serial_number and _AT not in self.serial_number:
            interface = (self.location or "").partition(":")[2]
            return f"{numbers}:{self.serial_number}" + (f"{_AT}:{interface}" if interface else "")
        return f"{numbers}{_AT}{self.location}" if self.location else self.device


def list_ports(by_id: Path = _BY_ID) -> list[PortInfo]:
    """Return the serial ports of this machine, USB devices first; `by_id` is the folder of udev's links."""
    from serial.tools import list_ports as listing  # only setting up and finding again need it

    links = _links(by_id)
    ports = [_described(port, links) for port in sorted(listing.comports())]
    return sorted(ports, key=lambda port: port.vid is None)


def locate(address: str, ports: Iterable[PortInfo] | None = None) -> str:
    """Return the name under which the device at `address` can be opened today.

    Only a mark (`usb:VID:PID:SERIAL`, `usb:VID:PID@LOCATION`) is looked for among `ports`, else among those of this
    machine; any other address is returned as it is. A device with a serial number is found in any socket, one without
    in the socket it had: two converters of one make are never taken for each other. Raises PortError.
    """
    if not address.startswith(_MARK):
        return address
    vid, pid, serial_number, location = _parts(address)
    same_product = [port for port in (list_ports() if ports is None else ports) if (port.vid, port.pid) == (vid, pid)]
    if serial_number:
        found = [
            port
            for port in same_product
            if port.serial_number == serial_number and (port.location or "").partition(":")[2] == location[1:]
        ]
    else:
        found = [port for port in same_product if port.location == location]
    # Copies of one device with one serial number exist; which of them is meant, nobody can tell.
    if len(found) != 1:
        raise PortError(Link.ABSENT, _NOT_PLUGGED_IN, port=plain(address))
    return found[0].device


def _parts(mark: str) -> tuple[int, int, str, str]:
    """Return maker, product, serial number and location of a mark; one of the last two may be empty."""
    numbers, _, location = mark.removeprefix(_MARK).partition(_AT)
    vid, _, rest = numbers.partition(":")
    pid, _, serial_number = rest.partition(":")
    try:
        found = int(vid, 16), int(pid, 16)
    except ValueError:
        found = None
    if found is None or not (serial_number or location):
        raise PortError(Link.UNUSABLE, _NO_MARK, port=plain(mark))
    return *found, serial_number, location


def _links(folder: Path) -> dict[str, str]:
    try:
        return {os.path.realpath(link): str(link) for link in sorted(folder.iterdir())}
    except OSError:  # no udev, no USB device, or another system
        return {}


def _described(port: Any, links: dict[str, str]) -> PortInfo:
    """Return what pyserial found out about one port; every text comes from the device and may be anything."""
    device = str(port.device)
    return PortInfo(
        device=device,
        likeness=_likeness(port.vid, device),
        by_id=links.get(os.path.realpath(device)),
        vid=port.vid,
        pid=port.pid,
        serial_number=plain(port.serial_number) if port.serial_number else None,
        location=port.location,
        maker=plain(port.manufacturer or ""),
        product=plain(port.product or ""),
    )


def _likeness(vid: int | None, device: str) -> Likeness:
    if vid is not None:
        return _MAKERS.get(vid, Likeness.UNKNOWN)
    name = device.rpartition("/")[2]
    if name.startswith("rfcomm"):
        return Likeness.BLUETOOTH
    return Likeness.BUILT_IN if name.startswith(("ttyS", "ttyAMA", "COM")) else Likeness.UNKNOWN


class PortThread(ABC, Generic[_Event]):
    """A thread that keeps the port at `address` open, across unplugging, and hands it to `use`.

    `address` is one for `locate` or for `Port`, `baud_rate` in bit/s; `setting` is where a user writes it. `on_event`
    is called on the thread with what `tell` is given and with each change of the link, once; it must not raise. No
    trouble with the port is ever raised. A device that was pulled out is found again within about a second, also
    under another name where its address is a mark.
    """

    def __init__(
        self, name: str, setting: str, address: str, baud_rate: int, on_event: Callable[[_Event | LinkState], None]
    ) -> None:
        self._name = name
        self._setting = setting
        self._address = address
        self._baud_rate = baud_rate
        self._on_event = on_event
        self._stopped = threading.Event()
        self._link: LinkState | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to read; does nothing when it runs already. May be called again after `stop`."""
        if self._thread is not None:
            return
        self._stopped, self._link, self._pause_s = threading.Event(), None, _FIRST_PAUSE_S
        self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
        self._thread.start()

    def begin_stop(self) -> None:
        """Let nothing more be told and the thread end soon, without waiting for it."""
        self._stopped.set()

    def stop(self, timeout_s: float = STOP_TIMEOUT_S) -> None:
        """Stop and let the port go, in `timeout_s` seconds at most; may be called twice.

        A port that hangs (a host that does not answer, a Windows driver after an unplug) keeps its daemon thread, which
        says nothing any more and ends when the system lets go of it.
        """
        self.begin_stop()
        if self._thread is not None:
            self._thread.join(timeout_s)
            self._thread = None

    @abstractmethod
    def use(self, port: Port) -> None:
        """Work with the open port until `is_stopped`, or until it raises PortError."""

    @property
    def is_stopped(self) -> bool:
        """Whether `use` has to return; also for a thread that hung and was left behind by a newer start."""
        return self._stopped.is_set() or threading.current_thread() is not self._thread

    def pause(self, seconds: float) -> None:
        """Wait so long, or until stopped."""
        self._stopped.wait(seconds)

    def tell(self, event: _Event) -> None:
        """Tell what the device said; nothing is told after `stop`."""
        if not self.is_stopped:
            self._on_event(event)

    def tell_link(self, state: Link, sentence: str, **values: object) -> None:
        """Tell how the line is, if that is new; `sentence` is marked by `N_` and may name `{port}`."""
        link = LinkState(state, sentence, {**values, "port": plain(self._address)})
        if self.is_stopped:
            return
        if link.is_connected:
            self._pause_s = _FIRST_PAUSE_S
        if link != self._link:
            self._link = link
            self._on_event(link)

    def _run(self) -> None:
        while not self.is_stopped:
            try:
                port = Port(locate(self._address), self._baud_rate, self._setting)
                try:
                    self.use(port)
                finally:
                    port.close()
            except PortError as error:
                self.tell_link(error.state, error.sentence, **error.values)
                self.pause(self._pause_s)
                self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)


def try_port(address: str, baud_rate: int) -> PortError | None:
    """Open the port at `address` at `baud_rate` (bit/s) and close it again; return why it cannot be opened.

    A port that another program holds stays untouched. An address with `://` is not tried, since many network adapters
    hang up on whoever was connected before.
    """
    if "://" in address:
        return None
    try:
        Port(locate(address), baud_rate).close()
    except PortError as error:
        return error
    return None
