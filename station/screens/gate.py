"""The gate screen: scan, look, Enter."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Input

from passes.errors import GatepostError, UsageError
from passes.policy import Outcome
from passes.trips import Direction
from station.actions import Action, bound
from station.actions import gate as keys
from station.assembly import Station
from station.clock import SleepWatch
from station.corrections import CorrectionError
from station.devices.manager import Device, DeviceState
from station.devices.measurement import Measurement
from station.i18n import _, explain
from station.lane import Lane
from station.scan_states import is_decided
from station.screens.bell import Bell
from station.screens.binding import bind_actions
from station.screens.catalogue import gate_actions
from station.screens.dealer import Scanner
from station.screens.gate_view import GateView
from station.screens.messages import (
    CourierSaid,
    DeviceSaid,
    JournalGrew,
    ScreenWanted,
    ThermometerSaid,
)
from station.storage import storage_errors
from station.travel import report_doubts
from station.widgets.lines import CountLine, HealthLine, HintLine, PassageList, RestLine, StatusLine
from station.widgets.reading_panel import ReadingPanel
from station.widgets.scan_field import ScanField
from station.widgets.verdict_panel import VerdictPanel, why_not_yet

if TYPE_CHECKING:
    from station.access import Member, Role
    from station.devices.idcard.card import CardError, IdCard
    from station.screens.duty_desk import DutyDesk
    from station.screens.front_desk import FrontDesk
    from station.screens.lane_desk import LaneDesk

_Given = TypeVar("_Given")
TALL_ROWS = 30
"""From so many rows on there is room for every reason with its remedy, and for big digits."""

GONE_AFTER_MS = 120_000
"""Who stood here before the machine slept for longer than this is not expected to stand here still."""

_LEAST_DIGITS = 14
"""Fewer are in no number of an ID card."""


class GateScreen(Screen[None]):
    """What the guard looks at all day; it shows what the lane holds and decides nothing."""

    DEFAULT_CSS = """
    GateScreen > ScanField { height: 1; margin: 1 1 0 1; background: $boost; }
    GateScreen > Horizontal { height: 8; padding: 0 1; margin-bottom: 1; }
    GateScreen.-tall > Horizontal { height: 13; }
    """
    AUTO_FOCUS = "#scan"

    def __init__(
        self, station: Station, lane: Lane, scanner: Scanner | None, devices: Sequence[DeviceState] = ()
    ) -> None:
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-low"), (TALL_ROWS, "-tall")]
        self._actions = (*gate_actions(), *((keys.DEAL,) if scanner else ()))
        bind_actions(self, self._actions)
        self._scanner = scanner
        self._station = station
        self._lane = lane
        self._zone = station.settings.zone
        self._day = station.gate.today()
        self._sleep = SleepWatch(station.clock)
        self.pressed_at_s = 0.0
        self._view = GateView(self, station, lane, {state.setting: state for state in devices})

    def compose(self) -> ComposeResult:
        """Lay the areas out."""
        yield StatusLine(self._zone)
        yield ScanField(_("Scan, or type: name, pinyin, pass number, plate"))
        yield HintLine()
        with Horizontal():
            yield VerdictPanel(self._zone)
            yield ReadingPanel(self._station.gate.rule)
        yield RestLine()
        yield PassageList(self._zone)
        yield CountLine()
        yield HealthLine()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Show what the journal knows, then begin the shift if nobody is on duty."""
        self.set_interval(1.0, self._tick)
        self._view.scan()
        # The first count reads all legs; nobody has to wait for it before a pass can be scanned.
        self.call_after_refresh(self._count)
        if self._station.register.current_shift() is None:
            self._duty.open_shift()

    @on(Input.Submitted, "#scan")
    def _entered(self) -> None:
        """Take a code, or with an empty field record the passage on display."""
        text = self.query_one(ScanField).take()
        with self._told():
            if text:
                if not self._is_for_the_desk(text) and not self._desk.people(text):
                    self._scan(text)
            else:
                self._record(acknowledged=False)

    @on(events.DescendantBlur)
    def _focus_lost(self) -> None:
        """Give the field its focus back: a terminal that lost sight of us must not swallow the next scan."""
        if self.is_active and self.focused is None:
            self.query_one(ScanField).focus()

    @on(events.ScreenResume)
    def _back_in_front(self) -> None:
        """Call whoever was scanned while something else was in front; that has been answered by now."""
        with self._told(quietly=True):
            if self.is_active and self._lane.call_next():
                self._view.all()
                self._ring()
                self.post_message(JournalGrew())

    @on(ThermometerSaid)
    def _thermometer_said(self, message: ThermometerSaid) -> None:
        if isinstance(message.event, Measurement):
            with self._told(quietly=True):
                if self._lane.measured(message.event):
                    self._view.all()
                    self._ring()
            self._view.reading()

    @on(DeviceSaid)
    def _device_said(self, message: DeviceSaid) -> None:
        state = message.state
        self._view.devices[state.setting] = state
        if state.device is Device.THERMOMETER and state.is_in_trouble:
            self._lane.sight.lose()
            self._view.reading()
        with self._told(quietly=True):
            self._view.health()

    def use_devices(self, devices: tuple[DeviceState, ...]) -> None:
        """Show other devices from now on; what the ones before had measured is nobody's."""
        self._view.devices = {state.setting: state for state in devices}
        self._lane.sight.lose()
        with self._told(quietly=True):
            self._view.health()
            self._view.reading()

    @property
    def offered(self) -> list[Action]:
        """What can be done here now."""
        one_stands_here = {"turn_back", "acknowledge", "refuse_id"}
        not_now = set() if self._lane.is_pending else one_stands_here
        if not self._station.gate.is_clock_behind():
            not_now.add("confirm_clock")
        return [action for action in self._actions if action.name not in not_now]

    def told(self) -> AbstractContextManager[None]:
        """Do something for the gate and show the outcome; an error is shown where the verdict would be, in words."""
        return self._told()

    def card_said(self, event: "IdCard | CardError") -> None:
        """Take what the ID card reader said."""
        with self._told():
            self._desk.card(event)

    @on(CourierSaid)
    def _courier_said(self, message: CourierSaid) -> None:
        before, self._view.courier = self._view.courier, message.state
        if message.state.drift_ms is not None:
            self._station.journal.drift_ms = message.state.drift_ms
        with self._told(quietly=True):
            if message.state.trouble is None and report_doubts(self._station):
                self.post_message(JournalGrew())
            self._view.health()
            if before is not None and before.news != message.state.news:
                self._view.counts()

    def take_code(self, text: str, direction: Direction | None = None) -> None:
        """Take a code that a scanner sent; one that came while a dialog is in front waits until that is closed."""
        with self._told():
            if self._is_for_the_desk(text):
                return
            if self.is_active:
                self._scan(text, direction)
            else:
                self._lane.keep(text, direction)
                self.app.bell()

    def action_deal(self) -> None:
        """Let the simulated scanner read the next visitor's pass, once the one before is done."""
        if self._lane.is_pending:
            self._view.hint(_("Enter = record    F6 = turn back"))
        elif self._scanner:
            with self._told():
                self._scan(self._scanner.deal(self._lane.direction))

    def action_turn_direction(self) -> None:
        """Change between people going out and coming in."""
        with self._told():
            self._lane.turn_direction()

    def action_visitor(self) -> None:
        """Register a visitor without a pass, or let one leave."""
        with self._told():
            self._desk.visitor()

    def action_vehicle(self) -> None:
        """Register a vehicle with its driver and passengers, on its way in or out."""
        with self._told():
            self._desk.vehicles.ask()

    def action_issue(self) -> None:
        """Issue a pass."""
        with self._told():
            self._desk.issue()

    def action_acknowledge(self) -> None:
        """Record an amber passage: the guard has seen what it asks for."""
        with self._told():
            self._record(acknowledged=True)

    def action_turn_back(self) -> None:
        """Ask what becomes of this person: turned back, or what else can be done."""
        self._lane_desk.outcomes()

    def action_refuse_id(self) -> None:
        """Refuse whoever has no ID card, or another person's."""
        with self._told():
            self._lane.refuse_id()

    def action_undo(self) -> None:
        """Ask why the last recorded passage is taken back."""
        self._lane_desk.undo()

    def action_confirm_clock(self) -> None:
        """Ask the lead whether the device's time is right although the clock went back."""
        self._duty.confirm_clock()

    def action_reading(self) -> None:
        """Ask for a typed temperature, a reason for none, or another measurement; else who has rested."""
        self._lane_desk.reading()

    def action_more(self) -> None:
        """Ask which other screen is wanted."""
        self.post_message(ScreenWanted())

    def action_help(self) -> None:
        """Show what the keys do."""
        from station.dialogs.help import HelpDialog

        self.app.push_screen(HelpDialog(bound((keys.RECORD, *self._actions)), _("Keys at the gate")))

    def action_quit(self) -> None:
        """Leave the program."""
        self.app.exit()

    @cached_property
    def _bell(self) -> Bell:
        return Bell(self.app)

    @cached_property
    def _duty(self) -> "DutyDesk":
        from station.screens.duty_desk import DutyDesk  # dialogs are no part of a cold start

        return DutyDesk(self._station, self._ask, self._prove, self._view.hint)

    @cached_property
    def _lane_desk(self) -> "LaneDesk":
        from station.screens.lane_desk import LaneDesk  # as above

        return LaneDesk(self._station, self._lane, self._ask, self._prove, self._view.hint)

    @cached_property
    def _desk(self) -> "FrontDesk":
        from station.screens.front_desk import FrontDesk  # a tenth of a cold start, and no pass needs it

        return FrontDesk(self, self._station, self._lane, self._told, self._view.hint)

    def _is_for_the_desk(self, text: str) -> bool:
        return sum(map(str.isdecimal, text[:64])) >= _LEAST_DIGITS and self._desk.number(text)

    def _scan(self, text: str, direction: Direction | None = None) -> None:
        self._lane.scan(text, direction)
        self._ring()

    def _ring(self) -> None:
        """Ring what has just been decided about whoever stands here; nothing while something is still asked for."""
        scan = self._lane.current
        if scan and not scan.again and is_decided(scan):
            self._bell.ring(scan.verdict.outcome)

    def _record(self, *, acknowledged: bool) -> None:
        lane = self._lane
        if lane.is_pending and self.pressed_at_s < self._view.shown_at_s:
            self._view.hint(_("Look first, then press again: this was not on the screen yet"))
            return
        if not lane.is_pending:
            if lane.call_next():
                self._ring()
            else:
                self._view.hint(_("Nobody is waiting here; scan a pass first"))
            return
        if acknowledged and lane.checklist.is_open:
            lane.checklist.tick_all()
        elif lane.record(acknowledged=acknowledged):
            # Shown before the next one is looked at: where that fails, this passage is still seen to be on disk.
            self._view.all()
            if lane.call_next():
                self._ring()
        elif lane.current:
            self._view.hint(why_not_yet(lane.current, lane.checklist))

    def _ask(self, dialog: ModalScreen[_Given | None], answered: Callable[[_Given], None]) -> None:
        """Open a dialog and do what was answered, before anybody who was scanned meanwhile is called."""

        def closed(answer: _Given | None) -> None:
            with self._told():
                try:
                    if answer is not None:
                        answered(answer)
                    elif self._station.register.current_shift() is None:
                        self._view.hint(_("Nobody is on duty: F9 = take up duty"))
                except (UsageError, CorrectionError) as error:
                    self._view.hint(explain(error))

        self.app.push_screen(dialog, closed)

    def _prove(self, title: str, role: "Role", proved: "Callable[[Member], None]") -> None:
        """Ask who is responsible for something and do it when that is proved."""
        from station.screens.proving import ask_pin

        ask_pin(self.app, self._station, title, role, self._told, proved)

    @contextmanager
    def _told(self, *, quietly: bool = False) -> Iterator[None]:
        """Do something and show the outcome; an error is shown where the verdict would be, in words."""
        if not quietly:
            self._view.hint("")
        try:
            with storage_errors(self._station.journal.path):
                try:
                    yield
                except UsageError as error:
                    self._view.hint(explain(error))
                if not quietly:
                    self._view.all()
        except GatepostError as error:
            self._view.trouble(error)
            self._bell.ring(Outcome.REFUSE)
            return
        if not quietly:
            if self._scanner and not self._lane.is_pending:
                self._scanner.leave()
            self.post_message(JournalGrew())

    def _tick(self) -> None:
        with self._told(quietly=True):
            slept_ms = self._sleep.slept_ms()
            if slept_ms >= GONE_AFTER_MS:
                self._wake(slept_ms // 60_000)
            today = self._station.gate.today()
            if today != self._day:
                self._day = today
                self._view.all()
            self._view.status()
            self._view.health()
            if self._lane.rest_ends_ms is not None:
                self._view.reading()

    def _wake(self, minutes: int) -> None:
        """Forget who stood here before the machine slept, and say so: a reading from then says nothing of now."""
        count = self._lane.clear()
        self._view.all()
        if count:
            told = _("The computer slept for {minutes} min: scan again who is here (forgotten, unrecorded: {count})")
            self._view.hint(told.format(minutes=minutes, count=count))

    def _count(self) -> None:
        with self._told(quietly=True):
            self._view.counts()
