"""The terminal app: owns the devices, the keyboard and the courier, and shows the gate."""

import gc
from dataclasses import replace
from typing import TYPE_CHECKING

from textual import events
from textual.app import App

from passes.trips import Direction
from station.access import Role
from station.actions import PALETTE, Action, bound, use_keys
from station.assembly import Station
from station.devices.manager import CardRead, CodeScanned, DeviceManager, DeviceNews, Measured
from station.i18n import _
from station.lane import make_lane
from station.screens.catalogue import SCREENS, entry, openings
from station.screens.dealer import Scanner
from station.screens.gate import GateScreen
from station.screens.messages import (
    CardSaid,
    CodeRead,
    CourierSaid,
    DeviceSaid,
    JournalGrew,
    ScannerSaid,
    ScreenWanted,
    ThermometerSaid,
)
from station.settings import Settings
from station.widgets.keyboard import Keyboard
from station.widgets.themes import CSS, dress

if TYPE_CHECKING:
    from station.purge_daily import DailyPurge
    from station.screens.work import WorkScreen
    from sync.claiming import HttpClaims
    from sync.courier import Courier, CourierState

_GATE, _LOCK = "gate", "lock"
IDLE_LOOK_S = 5.0
START_DELAY_S = 0.05
"""Threads begin after the first paint, so the guard can scan before httpx and the serial port have been loaded."""


class GatepostApp(App[None]):
    """One station's terminal; a simulated `scanner` deals visitors when its key is pressed.

    The gate and every screen beside it have a stack of their own (Textual's modes), so that a screen that a scan puts
    aside keeps all that was typed into it, its dialogs included.
    """

    DEFAULT_MODE = _GATE
    CSS = CSS
    ENABLE_COMMAND_PALETTE = False
    TITLE = "Gatepost 岗亭"

    def __init__(self, station: Station, *, scanner: Scanner | None = None) -> None:
        super().__init__()
        self.station = station
        use_keys(station.settings.keys)
        self.lane = make_lane(station)
        self._devices = self._make_devices()
        self._gate_screen = GateScreen(station, self.lane, scanner, self._devices.states)
        self.add_mode(_GATE, lambda: self._gate_screen)
        self._screens: dict[str, WorkScreen] = {}
        self._openers: dict[str, str] = {}
        self._keyboard = Keyboard(self, self._take_code)
        self._key_at_s, self._key_at_ms = 0.0, 0
        self._is_community_reachable = False
        self._courier = self._make_courier()
        self._claims = self._make_claims()
        self._purge: DailyPurge | None = None

    def on_mount(self) -> None:
        """Start what runs beside the gate."""
        dress(self, self.station.settings.screen)
        self._key_at_s, self._key_at_ms = self.station.clock.monotonic_s(), self.station.clock.now_ms()
        self.set_interval(IDLE_LOOK_S, self.lock_when_idle)
        self.set_timer(START_DELAY_S, self._start_threads)

    def on_unmount(self) -> None:
        """Stop the threads; what has not been sent is sent the next time."""
        self._devices.stop()
        if self._courier:
            self._courier.stop(timeout_s=0.5)
        if self._claims:
            self._claims.close()
        if self._purge:
            self._purge.stop()

    async def on_event(self, event: events.Event) -> None:
        """Keep the keys of a scanner that types from whatever has the focus."""
        if isinstance(event, events.InputEvent):
            self._key_at_s, self._key_at_ms = self.station.clock.monotonic_s(), self.station.clock.now_ms()
            self._gate_screen.pressed_at_s = event.time
        if isinstance(event, events.Key) and not event.is_forwarded and self._keyboard.holds(event):
            return
        await super().on_event(event)

    def bell(self) -> None:
        """Ring the terminal's bell, unless `gate.sound` is off: whoever rings it asks here."""
        if self.station.settings.gate.sound:
            super().bell()

    def lock_when_idle(self) -> None:
        """Lock when no key has come for as long as the settings say, if there is a PIN to unlock with."""
        # While a machine sleeps only the wall time goes on; where the clock is set back only the other does.
        clock, idle_s = self.station.clock, self.station.settings.screen.idle_lock_minutes * 60
        waited_s = max(clock.monotonic_s() - self._key_at_s, (clock.now_ms() - self._key_at_ms) / 1000)
        is_due = idle_s and waited_s >= idle_s
        if is_due and self.current_mode != _LOCK and self.station.access.provers(Role.GUARD):
            self.open_screen(_LOCK)

    def on_journal_grew(self, _message: JournalGrew) -> None:
        """Tell the courier that there may be something to carry."""
        if self._courier:
            self._courier.nudge()

    def on_code_read(self, message: CodeRead) -> None:
        """Take a code that got into a field that is not for it."""
        self._take_code(message.text)

    def on_scanner_said(self, message: ScannerSaid) -> None:
        """Take a code from a scanner on a serial port."""
        self._take_code(message.code, message.direction)

    def on_card_said(self, message: CardSaid) -> None:
        """Give an ID card to the screen that is in front, if it takes one, else to the gate."""
        screen = self._screens.get(self.current_mode)
        if screen is None or not screen.take_card(message.event):
            self._gate_screen.card_said(message.event)

    def on_screen_wanted(self, message: ScreenWanted) -> None:
        """Open the screen that is wanted, or ask which."""
        if self.screen not in (self._gate_screen, *self._screens.values()) or message.screen == self.current_mode:
            return
        if message.screen:
            self._chosen(message.screen)
            return
        from station.dialogs.menu import MenuDialog

        self.push_screen(MenuDialog(SCREENS, tuple(reversed(self._screens))), self._chosen)

    def action_want(self, name: str) -> None:
        """Open a screen."""
        self.post_message(ScreenWanted(name))

    def action_palette(self) -> None:
        """Ask what is wanted, of all that can be done on the screen in front, and do it there."""
        from station.dialogs.palette import PaletteDialog

        front = self._screens.get(self.current_mode) or self._gate_screen
        if self.screen is not front:
            return
        here = {action.name: action for action in bound(front.offered) if action.name != PALETTE.name}
        behind = [_behind_the_menu(one, here.get("more")) for one in bound(openings()) if one.name not in here]

        def chosen(action: Action | None) -> None:
            if action is not None:
                front.call_later(front.run_action, action.calls or action.name)

        self.push_screen(PaletteDialog([*here.values(), *behind]), chosen)

    def _chosen(self, name: str | None) -> None:
        if name is None:
            return
        role, station = entry(name).role, self.station
        if role is None or name in self._screens or not station.access.provers(role):
            self.open_screen(name)
            return
        from station.screens.proving import ask_pin

        title = _("Open: {screen}").format(screen=_(entry(name).label))
        ask_pin(self, station, title, role, self._gate_screen.told, lambda _member: self.open_screen(name))

    def open_screen(self, name: str, given: object = None) -> None:
        """Show a screen of the catalogue; one that was put aside is as it was, and receives what is given."""
        before, screen = self._screens.get(self.current_mode), self._screens.pop(name, None)
        if before is not None and before is not screen:
            before.put_aside()
        if before is not None or screen is None:
            self._openers[name] = self.current_mode
        if screen is None:
            screen = entry(name).load()(self, given)
            self._screens[name] = screen
            self.add_mode(name, lambda: screen)
            self.switch_mode(name)
            return
        self._screens[name] = screen  # the newest stands last
        self.switch_mode(name)
        screen.take_up()
        if given is not None:
            screen.receive(given)

    def close_screen(self, screen: "WorkScreen") -> None:
        """Go back to where the screen was opened from, and forget it."""
        name = screen.NAME
        if self._screens.pop(name, None) is None:
            return
        opener = self._openers.pop(name)
        if opener in self._screens:
            self.switch_mode(opener)
            self._screens[opener].take_up()
        else:
            self._to_gate()
        self.remove_mode(name)

    def show_gate(self) -> None:
        """Put the screen in front aside as it is, and show the gate."""
        screen = self._screens.get(self.current_mode)
        if screen is not None:
            screen.put_aside()
            self._to_gate()

    def _to_gate(self) -> None:
        self.switch_mode(_GATE)
        with self._gate_screen.told():
            pass  # what it shows may have changed meanwhile

    def restyle(self, settings: Settings) -> None:
        """Look, lock and ring as `settings` say from now on."""
        self.station.settings.screen = settings.screen
        self.station.settings.gate.sound = settings.gate.sound
        self.station.settings.printer = settings.printer
        dress(self, settings.screen)

    def release_devices(self) -> None:
        """Let go of all ports, so that the devices screen can listen to them."""
        self._devices.stop()
        self._gate_screen.use_devices(())

    def resume_devices(self, settings: Settings) -> None:
        """Go on with the devices of `settings`, which are in force from now on."""
        from station.wizard import take_over

        self._devices.stop()
        take_over(self.station.settings, settings)
        self.lane.refit(settings)
        self._devices = self._make_devices()
        self._gate_screen.use_devices(self._devices.states)
        self._devices.start()

    def _take_code(self, text: str, direction: Direction | None = None) -> None:
        """Hand a code to the gate, for which a screen beside it makes room; some take what is for them."""
        screen = self._screens.get(self.current_mode)
        if screen is not None and screen.take_code(text):
            return
        self.show_gate()
        self._gate_screen.take_code(text, direction)

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
        if self.station.settings.retention.days:
            from station.purge_daily import DailyPurge  # only where the settings ask for it

            self._purge = DailyPurge(self.station.folder, self.station.clock)
            self._purge.start()

    def _make_courier(self) -> "Courier | None":
        station = self.station
        community = station.settings.community
        if not community.url:
            return None
        from station.parcels import open_parcels  # a station that works alone starts without them
        from sync.courier import Courier

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
            self.post_message(ScannerSaid(news.code, news.direction))
        elif isinstance(news, CardRead):
            self.post_message(CardSaid(news.event))
        else:
            self._gate_screen.post_message(DeviceSaid(news.state))

    def _make_claims(self) -> "HttpClaims | None":
        station = self.station
        url = station.settings.community.url
        if not url:
            return None
        from sync.claiming import HttpClaims

        claims = HttpClaims(url, station.secret(), lambda: self._is_community_reachable)
        station.gate.claims = claims
        return claims

    def _courier_said(self, state: "CourierState") -> None:
        self._is_community_reachable = state.trouble is None
        self._gate_screen.post_message(CourierSaid(state))


def _behind_the_menu(action: Action, menu: Action | None) -> Action:
    """Return the opening of a screen with the two keys that lead there, or none where the menu has no key."""
    return replace(action, key=f"{menu.key} {action.key}" if menu else "")
