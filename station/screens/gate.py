"""The gate screen: scan, look, Enter."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from passes.errors import GatepostError, UsageError
from passes.policy import Outcome
from passes.temperature import parse_celsius
from passes.trips import Direction
from station import actions
from station.assembly import Station
from station.corrections import CorrectionError
from station.devices.manager import Device, DeviceState
from station.devices.measurement import Measurement
from station.dialogs.form import Answer, FormDialog
from station.dialogs.gate_forms import reading_form, site_of, turn_back_form, undo_form
from station.dialogs.help import HelpDialog
from station.i18n import _, explain
from station.lane import Lane
from station.logbook import recent
from station.screens.dealer import Scanner
from station.screens.duty_desk import DutyDesk
from station.screens.messages import (
    CardSaid,
    CourierSaid,
    DeviceSaid,
    DevicesWanted,
    JournalGrew,
    ScannerSaid,
    ThermometerSaid,
)
from station.storage import storage_errors
from station.travel import alarms, report_doubts
from station.widgets.lines import CountLine, HealthLine, HintLine, PassageList, StatusLine
from station.widgets.reading_panel import ReadingPanel
from station.widgets.scan_field import ScanField
from station.widgets.verdict_panel import VerdictPanel
from sync.courier import CourierState

if TYPE_CHECKING:
    from station.screens.front_desk import FrontDesk

LAST_PASSAGES = 8
_LEAST_DIGITS = 14
"""Fewer are in no number of an ID card."""


class GateScreen(Screen[None]):
    """What the guard looks at all day; it shows what the lane holds and decides nothing."""

    DEFAULT_CSS = """
    GateScreen > ScanField { height: 1; margin: 1 1 0 1; background: $boost; }
    GateScreen > Horizontal { height: 8; padding: 0 1; margin-bottom: 1; }
    """
    AUTO_FOCUS = "#scan"

    def __init__(
        self, station: Station, lane: Lane, scanner: Scanner | None, devices: Sequence[DeviceState] = ()
    ) -> None:
        super().__init__()
        self._actions = (*((actions.DEAL,) if scanner else ()), *actions.GATE, actions.LEAVE)
        for action in self._actions:
            key, label = action.key, _(action.label)
            self._bindings.bind(key, action.name, label, show=action.in_footer, key_display=key.upper())
        self._scanner = scanner
        self._station = station
        self._lane = lane
        self._zone = station.settings.zone
        self._devices = {state.setting: state for state in devices}
        self._day = station.gate.today()
        self._duty = DutyDesk(station, self._ask, self._hint)
        self._courier: CourierState | None = CourierState() if station.settings.community.url else None

    def compose(self) -> ComposeResult:
        """Lay the areas out."""
        yield StatusLine(self._zone)
        yield ScanField(_("Scan, or type a pass number"))
        yield HintLine()
        with Horizontal():
            yield VerdictPanel(self._zone)
            yield ReadingPanel(self._station.gate.rule)
        yield PassageList(self._zone)
        yield CountLine()
        yield HealthLine()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Show what the journal knows, then begin the shift if nobody is on duty."""
        self.set_interval(1.0, self._tick)
        self._show_scan()
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
                if not self._is_for_the_desk(text):
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
                self._ring()
                self._show_all()
                self.post_message(JournalGrew())

    @on(ThermometerSaid)
    def _thermometer_said(self, message: ThermometerSaid) -> None:
        if isinstance(message.event, Measurement):
            with self._told(quietly=True):
                if self._lane.measured(message.event):
                    self._show_all()
            self._show_reading()

    @on(DeviceSaid)
    def _device_said(self, message: DeviceSaid) -> None:
        state = message.state
        self._devices[state.setting] = state
        if state.device is Device.THERMOMETER and state.is_in_trouble:
            self._lane.lose_sight()
            self._show_reading()
        with self._told(quietly=True):
            self._show_health()

    def use_devices(self, devices: tuple[DeviceState, ...]) -> None:
        """Show other devices from now on; what the ones before had measured is nobody's."""
        self._devices = {state.setting: state for state in devices}
        self._lane.lose_sight()
        with self._told(quietly=True):
            self._show_health()
            self._show_reading()

    @on(ScannerSaid)
    def _scanner_said(self, message: ScannerSaid) -> None:
        self.take_code(message.code, message.direction)

    @on(CardSaid)
    def _card_said(self, message: CardSaid) -> None:
        with self._told():
            self._desk.card(message.event)

    @on(CourierSaid)
    def _courier_said(self, message: CourierSaid) -> None:
        has_news = self._courier is not None and self._courier.news != message.state.news
        self._courier = message.state
        if message.state.drift_ms is not None:
            self._station.journal.drift_ms = message.state.drift_ms
        with self._told(quietly=True):
            if message.state.trouble is None and report_doubts(self._station):
                self.post_message(JournalGrew())
            self._show_health()
            if has_news:
                self._show_counts()

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
            self._hint(_("Enter = record    F6 = turn back"))
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

    def action_issue(self) -> None:
        """Issue a pass."""
        with self._told():
            self._desk.issue()

    def action_acknowledge(self) -> None:
        """Record an amber passage: the guard has seen what it asks for."""
        with self._told():
            self._record(acknowledged=True)

    def action_turn_back(self) -> None:
        """Ask why this person is not let through."""
        if not self._lane.is_pending:
            self._hint(_("Nobody is waiting here; scan a pass first"))
            return
        self._ask(turn_back_form(), self._turned_back)

    def action_refuse_id(self) -> None:
        """Refuse whoever has no ID card, or another person's."""
        with self._told():
            self._lane.refuse_id()

    def action_undo(self) -> None:
        """Ask why the last recorded passage is taken back."""
        self._ask(undo_form(), self._undone)

    def action_confirm_clock(self) -> None:
        """Ask the lead whether the device's time is right although the clock went back."""
        self._duty.confirm_clock()

    def action_reading(self) -> None:
        """Ask for a typed temperature, a reason for none, or another measurement."""
        current = self._lane.current
        is_low = current is not None and bool(current.attempts) and current.verdict.needs_reading
        self._ask(reading_form(self._lane.site, is_low=is_low), self._reading_answered)

    def action_hand_over(self) -> None:
        """Ask who takes over the shift."""
        with self._told():
            self._duty.hand_over()

    def action_devices(self) -> None:
        """Set devices up, on a screen of its own."""
        self.post_message(DevicesWanted())

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpDialog((actions.RECORD, *self._actions)))

    def action_quit(self) -> None:
        """Leave the program."""
        self.app.exit()

    @cached_property
    def _desk(self) -> "FrontDesk":
        from station.screens.front_desk import FrontDesk  # a tenth of a cold start, and no pass needs it

        return FrontDesk(self, self._station, self._lane, self._told, self._hint)

    def _is_for_the_desk(self, text: str) -> bool:
        return sum(map(str.isdecimal, text[:64])) >= _LEAST_DIGITS and self._desk.number(text)

    def _scan(self, text: str, direction: Direction | None = None) -> None:
        self._lane.scan(text, direction)
        self._ring()

    def _ring(self) -> None:
        if self._lane.current and self._lane.current.verdict.outcome is Outcome.REFUSE:
            self.app.bell()

    def _record(self, *, acknowledged: bool) -> None:
        if not self._lane.is_pending:
            if not self._lane.call_next():
                self._hint(_("Nobody is waiting here; scan a pass first"))
            return
        if self._lane.record(acknowledged=acknowledged):
            # Shown before the next one is looked at: where that fails, this passage is still seen to be on disk.
            self._show_all()
            self._lane.call_next()
        elif self._lane.current and self._lane.current.verdict.needs_reading:
            self._hint(_("The temperature is missing: measure, or press F7"))
        elif self._lane.current and self._lane.current.verdict.outcome is Outcome.ATTENTION:
            self._hint(_("Look at the amber lines first, then press F10"))

    def _ask(self, form: FormDialog, answered: Callable[[Answer], None]) -> None:
        """Open a dialog and do what was answered, before anybody who was scanned meanwhile is called."""

        def closed(answer: Answer | None) -> None:
            with self._told():
                try:
                    if answer is not None:
                        answered(answer)
                    elif self._station.register.current_shift() is None:
                        self._hint(_("Nobody is on duty: F9 = take up duty"))
                except (UsageError, CorrectionError) as error:
                    self._hint(explain(error))

        self.app.push_screen(form, closed)

    def _turned_back(self, answer: Answer) -> None:
        if answer.other:
            self._lane.drop()
        else:
            self._lane.turn_back(answer.values["remark"] or _("turned back"))

    def _undone(self, answer: Answer) -> None:
        self._lane.undo(answer.values["reason"])
        self._hint(_("The last passage was taken back"))

    def _reading_answered(self, answer: Answer) -> None:
        celsius, reason = answer.values["celsius"], answer.values["reason"]
        site = site_of(answer.values["site"])
        is_elsewhere = site != self._lane.site
        if is_elsewhere:
            self._lane.choose_site(site)
        if answer.other or (is_elsewhere and not celsius):
            self._lane.remeasure()
        elif celsius:
            self._lane.type_reading(parse_celsius(celsius), reason or "-")
        else:
            self._lane.skip_reading(reason or "-")

    @contextmanager
    def _told(self, *, quietly: bool = False) -> Iterator[None]:
        """Do something and show the outcome; an error is shown where the verdict would be, in words."""
        if not quietly:
            self._hint("")
        try:
            with storage_errors(self._station.journal.path):
                try:
                    yield
                except UsageError as error:
                    self._hint(explain(error))
                if not quietly:
                    self._show_all()
        except GatepostError as error:
            self.query_one(VerdictPanel).show_trouble(error)
            self.app.bell()
            return
        if not quietly:
            if self._scanner and not self._lane.is_pending:
                self._scanner.leave()
            self.post_message(JournalGrew())

    def _hint(self, text: str) -> None:
        self.query_one(HintLine).update(Content(text))

    def _tick(self) -> None:
        with self._told(quietly=True):
            today = self._station.gate.today()
            if today != self._day:
                self._day = today
                self._show_all()
            self._show_status()
            self._show_health()

    def _count(self) -> None:
        with self._told(quietly=True):
            self._show_counts()

    def _show_all(self) -> None:
        self._show_scan()
        self._show_counts()

    def _show_scan(self) -> None:
        lane, panel = self._lane, self.query_one(VerdictPanel)
        if lane.current is None:
            panel.show_nobody(len(lane.waiting))
        else:
            panel.show(lane.current, len(lane.waiting))
        self._show_status()
        self._show_reading()
        self.query_one(PassageList).show(recent(self._station.journal.connection, LAST_PASSAGES))
        self._show_health()

    def _show_counts(self) -> None:
        self.query_one(CountLine).show(self._station.register.counts(self._station.gate.today()))

    def _show_status(self) -> None:
        self.query_one(StatusLine).show(
            self._station.settings.station.name,
            self._lane.direction,
            self._station.register.current_shift(),
            self._station.clock.now_ms(),
        )

    def _show_reading(self) -> None:
        self.query_one(ReadingPanel).show(self._lane)

    def _show_health(self) -> None:
        self.query_one(HealthLine).show(
            tuple(self._devices.values()),
            self._station.outbox.backlog(),
            self._courier,
            self._station.clock.now_ms(),
            self._alarm() if self._courier else "",
        )

    def _alarm(self) -> str:
        found = alarms(self._station.journal.connection, self._station.clock.now_ms(), self._zone)
        return explain(found[0]) if found else ""
