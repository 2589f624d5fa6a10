"""The terminal app: owns the devices, the keyboard and the courier, and shows the gate."""

import gc
from typing import TYPE_CHECKING

from textual import events
from textual.app import App

from passes.errors import N_
from station.assembly import Station
from station.devices.manager import CardRead, CodeScanned, DeviceManager, DeviceNews, Measured
from station.lane import make_lane
from station.parcels import open_parcels
from station.screens.dealer import Scanner
from station.screens.gate import GateScreen
from station.screens.messages import (
    CardSaid,
    CodeRead,
    CourierSaid,
    DeviceSaid,
    DevicesWanted,
    JournalGrew,
    ScannerSaid,
    ThermometerSaid,
)
from station.settings import Settings
from station.widgets.keyboard import Keyboard
from sync.claiming import HttpClaims
from sync.courier import Courier, CourierState

if TYPE_CHECKING:
    from station.wizard import Draft

_SETTING_UP = N_("devices are being set up: close that screen to go on")
START_DELAY_S = 0.05
"""Threads begin after the first paint, so the guard can scan before httpx and the serial port have been loaded."""


class GatepostApp(App[None]):
    """One station's terminal; a simulated `scanner` deals visitors when its key is pressed."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "Gatepost 岗亭"

    def __init__(self, station: Station, *, scanner: Scanner | None = None) -> None:
        super().__init__()
        self.station = station
        self._lane = make_lane(station)
        self._devices = self._make_devices()
        self._gate_screen = GateScreen(station, self._lane, scanner, self._devices.states)
        self._keyboard = Keyboard(self, self._take_code)
        self._unsaved_device: Draft | None = None
        self._is_community_reachable = False
        self._courier = self._make_courier()
        self._claims = self._make_claims()

    def on_mount(self) -> None:
        """Show the gate, then start what runs beside it."""
        self.push_screen(self._gate_screen)
        self.set_timer(START_DELAY_S, self._start_threads)

    def on_unmount(self) -> None:
        """Stop the threads; what has not been sent is sent the next time."""
        self._devices.stop()
        if self._courier:
            self._courier.stop(timeout_s=0.5)
        if self._claims:
            self._claims.close()

    async def on_event(self, event: events.Event) -> None:
        """Keep the keys of a scanner that types from whatever has the focus."""
        if isinstance(event, events.Key) and not event.is_forwarded and self._keyboard.holds(event):
            return
        await super().on_event(event)

    def on_journal_grew(self, _message: JournalGrew) -> None:
        """Tell the courier that there may be something to carry."""
        if self._courier:
            self._courier.nudge()

    def on_code_read(self, message: CodeRead) -> None:
        """Hand a code that got into a dialog's field to the gate behind it."""
        self._gate_screen.take_code(message.text)

    def on_devices_wanted(self, _message: DevicesWanted) -> None:
        """Show the devices in front of the gate."""
        if self.screen is not self._gate_screen:
            return
        from station.screens.devices import DevicesScreen  # seldom needed, and a start is cold

        self.push_screen(DevicesScreen(self.station, self, self._unsaved_device), self._devices_closed)

    def release_devices(self) -> None:
        """Let go of all ports, so that the devices screen can listen to them."""
        self._devices.stop()
        self._gate_screen.use_devices(())

    def resume_devices(self, settings: Settings) -> None:
        """Go on with the devices of `settings`, which are in force from now on."""
        from station.wizard import take_over

        self._devices.stop()
        take_over(self.station.settings, settings)
        self._lane.refit(settings)
        self._devices = self._make_devices()
        self._gate_screen.use_devices(self._devices.states)
        self._devices.start()

    def _devices_closed(self, unsaved: "Draft | None") -> None:
        self._unsaved_device = unsaved

    def _take_code(self, text: str) -> None:
        """Hand a typed code to the gate; a screen that is no dialog makes room for it first."""
        if self.screen is self._gate_screen or self.screen.is_modal:
            self._gate_screen.take_code(text)
        else:
            self.screen.post_message(CodeRead(text))

    def _make_devices(self) -> DeviceManager:
        station = self.station
        return DeviceManager(station.settings, self._device_said, monotonic_s=station.clock.monotonic_s)

    def _start_threads(self) -> None:
        if not gc.isenabled():
            # What has been loaded by now stays for good: no later collection needs to look at it.
            gc.freeze()
            gc.enable()
        self._devices.start()
        if self._courier:
            self._courier.start()

    def _make_courier(self) -> Courier | None:
        station = self.station
        community = station.settings.community
        if not community.url:
            return None
        return Courier(
            url=community.url,
            secret=station.secret(),
            community=community.id,
            station=station.settings.station.id,
            open_parcels=lambda: open_parcels(station.folder, station.settings.station.id, station.settings.zone),
            on_state=self._courier_said,
            now_ms=station.clock.now_ms,
        )

    def _device_said(self, news: DeviceNews) -> None:
        """Pass on what a device says; runs on the device's thread."""
        if isinstance(news, Measured):
            self._gate_screen.post_message(ThermometerSaid(news.event))
        elif isinstance(news, CodeScanned):
            self._gate_screen.post_message(ScannerSaid(news.code, news.direction))
        elif isinstance(news, CardRead):
            self._gate_screen.post_message(CardSaid(news.event))
        else:
            self._gate_screen.post_message(DeviceSaid(news.state))

    def _make_claims(self) -> HttpClaims | None:
        station = self.station
        url = station.settings.community.url
        if not url:
            return None
        claims = HttpClaims(url, station.secret(), lambda: self._is_community_reachable)
        station.gate.claims = claims
        return claims

    def _courier_said(self, state: CourierState) -> None:
        self._is_community_reachable = state.trouble is None
        self._gate_screen.post_message(CourierSaid(state))
