"""The gate screen: scan, look, Enter."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Footer, Input

from passes.errors import GatepostError, UsageError
from passes.policy import Outcome
from passes.temperature import parse_celsius
from station import actions, shifts
from station.assembly import Station
from station.clock import local_time
from station.corrections import CorrectionError, confirm_clock
from station.devices.measurement import LinkState, Measurement
from station.dialogs.form import Answer, FormDialog
from station.dialogs.gate_forms import (
    clock_form,
    hand_over_form,
    reading_form,
    shift_form,
    turn_back_form,
    undo_form,
)
from station.dialogs.help import HelpDialog
from station.i18n import _, explain
from station.lane import Lane
from station.logbook import recent, shift_counts
from station.screens.dealing import Scanner
from station.screens.front_desk import FrontDesk
from station.screens.messages import CardSaid, CourierSaid, JournalGrew, ThermometerSaid
from station.storage import storage_errors
from station.widgets.lines import CountLine, HealthLine, HintLine, PassageList, StatusLine
from station.widgets.reading_panel import ReadingPanel
from station.widgets.scan_field import ScanField
from station.widgets.verdict_panel import VerdictPanel
from sync.courier import CourierState

LAST_PASSAGES = 8


class GateScreen(Screen[None]):
    """What the guard looks at all day; it shows what the lane holds and decides nothing."""

    DEFAULT_CSS = """
    GateScreen > ScanField { height: 1; margin: 1 1 0 1; background: $boost; }
    GateScreen > Horizontal { height: 8; padding: 0 1; margin-bottom: 1; }
    """
    AUTO_FOCUS = "#scan"

    def __init__(self, station: Station, lane: Lane, scanner: Scanner | None) -> None:
        super().__init__()
        self._actions = (*((actions.DEAL,) if scanner else ()), *actions.GATE, actions.LEAVE)
        for action in self._actions:
            self._bindings.bind(
                action.key,
                action.name,
                _(action.label),
                show=action.in_footer,
                key_display=action.key.upper(),
            )
        self._scanner = scanner
        self._station = station
        self._lane = lane
        self._zone = station.settings.zone
        self._link: LinkState | None = None
        self._live_celsius: float | None = None
        self._day = station.gate.today()
        self._desk = FrontDesk(self, station, lane, self._told, self._hint)
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
            self.action_open_shift()

    @on(Input.Submitted, "#scan")
    def _entered(self) -> None:
        """Take a code, or with an empty field record the passage on display."""
        text = self.query_one(ScanField).take()
        with self._told():
            if text:
                self._scan(text)
            else:
                self._record(acknowledged=False)

    @on(events.DescendantBlur)
    def _focus_lost(self) -> None:
        """Give the field its focus back: a terminal that lost sight of us must not swallow the next scan."""
        if self.is_active and self.focused is None:
            self.query_one(ScanField).focus()

    @on(ThermometerSaid)
    def _thermometer_said(self, message: ThermometerSaid) -> None:
        event = message.event
        if isinstance(event, LinkState):
            self._link = event
            self._live_celsius = None
            if not event.is_connected:
                self._lane.lose_sight()
            with self._told(quietly=True):
                self._show_health()
        elif isinstance(event, Measurement):
            self._live_celsius = event.celsius
            with self._told(quietly=True):
                if self._lane.measured(event):
                    self._show_all()
        self._show_reading()

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
            self._show_health()
            if has_news:
                self._show_counts()

    def take_code(self, text: str) -> None:
        """Take a code that a scanner sent; one that came into a dialog waits until that is closed."""
        with self._told():
            if self.is_active:
                self._scan(text)
            else:
                self._lane.keep(text)
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
        if self._station.gate.is_clock_behind():
            now = local_time(self._station.clock.now_ms(), self._zone)
            self._ask(clock_form(f"{now:%Y-%m-%d %H:%M}"), self._clock_confirmed)
        else:
            self._hint(_("The clock is right as far as this station can tell"))

    def action_reading(self) -> None:
        """Ask for a typed temperature, a reason for none, or another measurement."""
        self._ask(reading_form(), self._reading_answered)

    def action_open_shift(self) -> None:
        """Ask who takes up duty."""
        self._ask(shift_form(), self._shift_opened)

    def action_hand_over(self) -> None:
        """Ask who takes over the shift."""
        with self._told():
            shift = self._station.register.current_shift()
            if shift is None:
                self.action_open_shift()
            else:
                counts = shift_counts(self._station.journal.connection, shift.id)
                self._ask(hand_over_form(counts), self._handed_over)

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpDialog((actions.RECORD, *self._actions)), self._help_closed)

    def action_quit(self) -> None:
        """Leave the program."""
        self.app.exit()

    def _scan(self, text: str) -> None:
        self._lane.scan(text)
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
        """Open a dialog; whoever was scanned meanwhile comes next when it is closed."""

        def closed(answer: Answer | None) -> None:
            with self._told():
                try:
                    if answer is not None:
                        answered(answer)
                    elif self._station.register.current_shift() is None:
                        self._hint(_("Nobody is on duty: F9 = take up duty"))
                except (UsageError, CorrectionError) as error:
                    self._hint(explain(error))
                self._lane.call_next()

        self.app.push_screen(form, closed)

    def _help_closed(self, _nothing: None) -> None:
        with self._told():
            self._lane.call_next()

    def _turned_back(self, answer: Answer) -> None:
        if answer.other:
            self._lane.drop()
        else:
            self._lane.turn_back(answer.values["remark"] or _("turned back"))

    def _undone(self, answer: Answer) -> None:
        self._lane.undo(answer.values["reason"])
        self._hint(_("The last passage was taken back"))

    def _clock_confirmed(self, answer: Answer) -> None:
        station = self._station
        confirm_clock(station.journal, station.register, station.clock, answer.values["lead"])
        self._hint(_("Confirmed: scan again"))

    def _reading_answered(self, answer: Answer) -> None:
        celsius, reason = answer.values["celsius"], answer.values["reason"]
        if answer.other:
            self._lane.remeasure()
        elif celsius:
            self._lane.type_reading(parse_celsius(celsius), reason or "-")
        else:
            self._lane.skip_reading(reason or "-")

    def _shift_opened(self, answer: Answer) -> None:
        station = self._station
        shifts.open_shift(
            station.journal, station.register, station.clock, [answer.values["guard"]], answer.values["lead"]
        )

    def _handed_over(self, answer: Answer) -> None:
        station = self._station
        shifts.hand_over(
            station.journal, station.register, station.clock, answer.values["incoming"], answer.values["outstanding"]
        )

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
            panel.show_nobody()
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
        attempts = self._lane.current.attempts if self._lane.current else ()
        self.query_one(ReadingPanel).show(self._lane.stability, self._live_celsius, attempts)

    def _show_health(self) -> None:
        link = self._link
        self.query_one(HealthLine).show(
            _link_words(link, has_port=bool(self._station.settings.thermometer.port)),
            self._station.outbox.backlog(),
            self._courier,
            self._station.clock.now_ms(),
            fault="" if link is None or link.is_connected else explain(link.trouble),
        )


def _link_words(link: LinkState | None, *, has_port: bool) -> str:
    if not has_port:
        return _("no thermometer: F7 to type")
    if link is None:
        return _("thermometer: starting")
    return _("thermometer OK") if link.is_connected else _("thermometer silent: F7")
