"""The terminal app: owns the device threads and the courier, and shows the gate."""

import gc

from textual.app import App

from station.assembly import Station
from station.devices import PROTOCOLS
from station.devices.measurement import DeviceEvent
from station.devices.thermometer import Thermometer
from station.lane import make_lane
from station.parcels import open_parcels
from station.screens.dealing import Scanner
from station.screens.gate import GateScreen
from station.screens.messages import CodeRead, CourierSaid, JournalGrew, ThermometerSaid
from sync.claiming import HttpClaims
from sync.courier import Courier, CourierState

START_DELAY_S = 0.05
"""Threads begin after the first paint, so the guard can scan before httpx and the serial port have been loaded."""


class GatepostApp(App[None]):
    """One station's terminal; a simulated `scanner` deals visitors when its key is pressed."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "Gatepost 岗亭"

    def __init__(self, station: Station, *, scanner: Scanner | None = None) -> None:
        super().__init__()
        self.station = station
        self._gate_screen = GateScreen(station, make_lane(station), scanner)
        self._thermometer = self._make_thermometer()
        self._is_community_reachable = False
        self._courier = self._make_courier()
        self._claims = self._make_claims()

    def on_mount(self) -> None:
        """Show the gate, then start what runs beside it."""
        self.push_screen(self._gate_screen)
        self.set_timer(START_DELAY_S, self._start_threads)

    def on_unmount(self) -> None:
        """Stop the threads; what has not been sent is sent the next time."""
        if self._thermometer:
            self._thermometer.stop()
        if self._courier:
            self._courier.stop(timeout_s=0.5)
        if self._claims:
            self._claims.close()

    def on_journal_grew(self, _message: JournalGrew) -> None:
        """Tell the courier that there may be something to carry."""
        if self._courier:
            self._courier.nudge()

    def on_code_read(self, message: CodeRead) -> None:
        """Hand a code that a dialog met to the gate behind it."""
        self._gate_screen.take_code(message.text)

    def _start_threads(self) -> None:
        if not gc.isenabled():
            # What has been loaded by now stays for good: no later collection needs to look at it.
            gc.freeze()
            gc.enable()
        if self._thermometer:
            self._thermometer.start()
        if self._courier:
            self._courier.start()

    def _make_thermometer(self) -> Thermometer | None:
        settings = self.station.settings.thermometer
        if not settings.port:
            return None
        return Thermometer(
            settings.port,
            lambda: PROTOCOLS[settings.protocol].make_parser(settings.options),
            self._thermometer_said,
            baud_rate=settings.baud_rate,
        )

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

    def _thermometer_said(self, event: DeviceEvent) -> None:
        self._gate_screen.post_message(ThermometerSaid(event))

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
