"""The devices of one station: who keeps which port open, how each fares, and what they say, in one place.

One thread for each port, and none for a port that two settings name: what one device says would go to the other.
"""

import os
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from passes.errors import N_
from passes.plaintext import plain
from passes.trips import Direction
from station.devices import PROTOCOLS
from station.devices.measurement import DeviceError, Fault, Link, LinkState, Measurement
from station.devices.port import PortError
from station.devices.ports import STOP_TIMEOUT_S, PortThread, locate
from station.devices.thermometer import Thermometer
from station.settings import ScannerSettings, Settings

if TYPE_CHECKING:
    from station.devices.idcard.card import CardError, IdCard

_SHARED = N_("{port}: {setting} and {other} name the same port; give each device its own in settings.toml")


class Device(StrEnum):
    """What kind of device it is."""

    THERMOMETER = "thermometer"
    SCANNER = "scanner"
    IDCARD = "idcard"


class DeviceState(msgspec.Struct, frozen=True):
    """How one device fares: `setting` is where its port is written, `link` None until its thread has said something."""

    device: Device
    setting: str
    link: LinkState | None = None

    @property
    def is_in_trouble(self) -> bool:
        """Whether the device is known not to work."""
        return self.link is not None and not self.link.is_connected

    @property
    def trouble(self) -> DeviceError | None:
        """What is wrong and what to do in one full sentence; None when nothing is."""
        return self.link.trouble if self.link is not None and self.is_in_trouble else None


class Measured(msgspec.Struct, frozen=True):
    """What the thermometer said."""

    event: Measurement | Fault


class CodeScanned(msgspec.Struct, frozen=True):
    """What a scanner read; `direction` is what its place says of whoever scanned there, if anything."""

    code: str
    direction: Direction | None


class CardRead(msgspec.Struct, frozen=True):
    """A card that lies on the ID card reader, or why it cannot be read."""

    event: "IdCard | CardError"


class DeviceChanged(msgspec.Struct, frozen=True):
    """A device fares differently from before."""

    state: DeviceState


DeviceNews: TypeAlias = Measured | CodeScanned | CardRead | DeviceChanged


class DeviceManager:
    """Owns the threads of all devices that `settings` name, and tells what they say through `on_news`.

    `on_news` runs on the devices' threads; it must not raise and should be quick. `monotonic_s` stamps measurements.
    Nothing here raises and nothing waits for a device: one that is dead, gone or set wrongly is a `DeviceState` with
    its remedy, while the others go on.
    """

    def __init__(
        self,
        settings: Settings,
        on_news: Callable[[DeviceNews], None],
        *,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._on_news = on_news
        self._monotonic_s = monotonic_s
        self._states = {state.setting: state for state in _configured(settings)}
        self._threads: list[PortThread[Any]] = []

    @property
    def states(self) -> tuple[DeviceState, ...]:
        """How the configured devices fare: thermometer, scanners, ID card reader."""
        return tuple(self._states.values())

    def start(self) -> None:
        """Begin to read all devices; does nothing when they are read already."""
        if self._threads:
            return
        taken: dict[str, str] = {}
        for setting, address, make in list(self._planned()):
            port = _whereabouts(address)
            if port in taken:
                values = {"port": plain(address), "setting": setting, "other": taken[port]}
                self._tell_link(setting, LinkState(Link.UNUSABLE, _SHARED, values))
                continue
            taken[port] = setting
            self._threads.append(make())
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop all devices, in under 0.5 seconds together; may be called twice.

        A port that hangs keeps its daemon thread, which says nothing any more.
        """
        for thread in self._threads:
            thread.begin_stop()
        ends_s = time.monotonic() + STOP_TIMEOUT_S
        for thread in self._threads:
            thread.stop(max(0.0, ends_s - time.monotonic()))
        self._threads = []

    def _planned(self) -> Iterator[tuple[str, str, Callable[[], PortThread[Any]]]]:
        """Yield setting, address and maker of each device."""
        settings = self._settings
        if settings.thermometer.port:
            yield "thermometer.port", settings.thermometer.port, self._thermometer
        for setting, scanner in _scanners(settings):
            yield setting, scanner.port, partial(self._scanner, setting, scanner)
        if settings.idcard.port:
            yield "idcard.port", settings.idcard.port, self._idcard

    def _thermometer(self) -> PortThread[Any]:
        settings = self._settings.thermometer

        def told(event: Measurement | Fault | LinkState) -> None:
            if isinstance(event, LinkState):
                self._tell_link("thermometer.port", event)
            else:
                self._on_news(Measured(event))

        return Thermometer(
            settings.port,
            lambda: PROTOCOLS[settings.protocol].make_parser(settings.options),
            told,
            baud_rate=settings.baud_rate,
            monotonic_s=self._monotonic_s,
        )

    def _scanner(self, setting: str, settings: ScannerSettings) -> PortThread[Any]:
        from station.devices.scanner.reader import SerialScanner

        direction = Direction(settings.direction) if settings.direction else None

        def told(event: str | LinkState) -> None:
            if isinstance(event, LinkState):
                self._tell_link(setting, event)
            else:
                self._on_news(CodeScanned(event, direction))

        return SerialScanner(settings.port, told, baud_rate=settings.baud_rate, setting=setting)

    def _idcard(self) -> PortThread[Any]:
        from station.devices.idcard.reader import IdCardReader

        def told(event: "IdCard | CardError | LinkState") -> None:
            if isinstance(event, LinkState):
                self._tell_link("idcard.port", event)
            else:
                self._on_news(CardRead(event))

        settings = self._settings.idcard
        return IdCardReader(settings.port, told, baud_rate=settings.baud_rate)

    def _tell_link(self, setting: str, link: LinkState) -> None:
        state = msgspec.structs.replace(self._states[setting], link=link)
        self._states[setting] = state
        self._on_news(DeviceChanged(state))


def _configured(settings: Settings) -> Iterator[DeviceState]:
    if settings.thermometer.port:
        yield DeviceState(Device.THERMOMETER, "thermometer.port")
    for setting, _scanner in _scanners(settings):
        yield DeviceState(Device.SCANNER, setting)
    if settings.idcard.port:
        yield DeviceState(Device.IDCARD, "idcard.port")


def _scanners(settings: Settings) -> Iterator[tuple[str, ScannerSettings]]:
    """Yield each scanner with its place in the file, numbered from 0 as in the sentences about the file itself."""
    for number, scanner in enumerate(settings.scanners):
        yield ("scanners.port" if len(settings.scanners) == 1 else f"scanners[{number}].port"), scanner


def _whereabouts(address: str) -> str:
    """Return the same for addresses that lead to the same port now, such as a device and a link to it."""
    try:
        found = locate(address)
    except PortError:  # not plugged in, or no address at all: its thread says so
        return address
    return found if "://" in found else os.path.realpath(found)
