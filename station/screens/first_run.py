"""The first run as a screen: one step after the other, each can be gone back to, an error stands at its field."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Footer, Input, Static

from passes.errors import GatepostError
from passes.plaintext import plain
from station.access import Role
from station.actions import HELP, Action, bound
from station.actions.setup import FIRST_RUN
from station.devices.guessing import SCANNER
from station.devices.listening import Heard, PortListener
from station.devices.measurement import LinkState
from station.devices.ports import PortInfo, list_ports
from station.dialogs.help import HelpDialog
from station.first_run import PORT, Device, FieldError, FirstRun, Step
from station.i18n import _, explain, set_language
from station.screens.binding import bind_actions
from station.screens.first_run_rows import NEW, TITLES, TOLD, WHO, rows_of
from station.screens.rows import RowsPart
from station.widgets.device_rows import Choices, PortPanel, Row, Rows
from station.widgets.scan_field import PlainInput

if TYPE_CHECKING:
    from station.devices.guessing import Proposal
    from station.devices.printers.found import FoundPrinter

_SECRET = {"pin", "again"}


class PortSaid(Message):
    """The listener of `port` heard something."""

    def __init__(self, port: str, event: Heard | LinkState) -> None:
        super().__init__()
        self.port = port
        self.event = event


class Done(Message):
    """A thread has done what it was asked; `error` is why it could not."""

    def __init__(self, error: GatepostError | None) -> None:
        super().__init__()
        self.error = error


class PrintersFound(Message):
    """The printers of this machine are known."""

    def __init__(self, printers: "tuple[FoundPrinter, ...]") -> None:
        super().__init__()
        self.printers = printers


class FirstRunScreen(RowsPart):
    """Asks step by step; whoever leaves in between goes on there the next time."""

    DEFAULT_CSS = """
    FirstRunScreen > #title { height: 1; padding: 0 1; background: $primary; text-style: bold; }
    FirstRunScreen > #told { height: auto; max-height: 2; padding: 0 1; background: $boost; }
    FirstRunScreen > Horizontal { height: 1fr; margin: 1 0 0 0; }
    FirstRunScreen > PortPanel { display: none; }
    FirstRunScreen.-listening > PortPanel { display: block; }
    FirstRunScreen > PlainInput { height: 1; margin: 0 1; background: $boost; }
    FirstRunScreen > #trouble { height: 2; padding: 0 1; color: $text-warning; text-style: bold; }
    FirstRunScreen.-small > Horizontal { margin: 0; }
    FirstRunScreen.-small > #told { display: none; }
    FirstRunScreen.-small Choices { display: none; }
    FirstRunScreen.-small Rows { width: 1fr; }
    """

    def __init__(self, run: FirstRun) -> None:
        super().__init__()
        self.first_run = run
        self.actions: list[Action] = bound((*FIRST_RUN, HELP))
        bind_actions(self, self.actions)
        self._new = dict.fromkeys(NEW, "")
        self._ports: list[PortInfo] = []
        self._printers: tuple[FoundPrinter, ...] = ()
        self._listener: PortListener | None = None
        self._proposal: tuple[Proposal, int] | None = None
        self._is_busy = False
        self._is_forgetting = False

    @property
    def step(self) -> Step:
        """The step that is asked."""
        return self.first_run.answers.step

    def compose(self) -> ComposeResult:
        """Lay the areas out."""
        yield Static(id="title", markup=False)
        yield Static(id="told", markup=False)
        with Horizontal():
            yield Rows(id="rows")
            yield Choices(id="choices")
        yield PortPanel()
        yield PlainInput(placeholder=_("Value of the marked line, then Enter"), compact=True, id="value")
        yield Static(id="trouble", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin where it was left."""
        self._enter(self.step)

    def on_resize(self) -> None:
        """Leave out what a small terminal has no room for."""
        self.set_class(self.size.width < 64 or self.size.height < 16, "-small")

    def on_unmount(self) -> None:
        """Let the port go."""
        self._stop()

    def rows(self) -> list[Row]:
        """Return the lines of this step."""
        return rows_of(self.first_run, self._new, self._ports, self._printers)

    def hint(self, text: str) -> None:
        """Say one line next to the field."""
        self.query_one("#trouble", Static).update(Content(text))

    def paint(self) -> None:
        """Show the lines; what is secret is painted as stars."""
        super().paint()
        self.query_one(PlainInput).password = self.marked.name in _SECRET

    def change(self, name: str, value: str) -> None:
        """Take an answer."""
        self.hint("")
        if name in NEW:
            self._new[name] = value
        elif name.startswith(PORT):
            self._use(name.removeprefix(PORT), value)
        elif name == "port":
            self._use(plain(value, 200), "thermometer")
        else:
            self.first_run.change(name, value)
        if name == "language":
            set_language(self.first_run.answers.language)
            self.app.switch_screen(FirstRunScreen(self.first_run))
            return
        self.paint()

    def action_move(self, steps: int) -> None:
        """Mark another line, and listen to its port."""
        super().action_move(steps)
        self._listen()

    @on(Input.Submitted, "#value")
    def _entered(self) -> None:
        if self._is_busy or not self.take_typed():
            return
        if self.step is Step.PEOPLE and self.marked.name == "again":
            self.action_add()
        elif self.step is Step.LAST or self.is_at_end:
            self.action_next()
        else:
            self.action_move(1)

    def action_next(self) -> None:
        """Go on to the next step, once what was answered here is good; from the last one, set the station up."""
        if self._is_busy or not self.take_typed():
            return
        if self.step is Step.COMMUNITY:
            self._do(self.first_run.ask, _("Asking …"))
        elif self.step is Step.LAST:
            self._do(self.first_run.finish, _("Setting up …"))
        elif self.step is Step.DEVICES and not self.told_of(self.first_run.check_devices):
            return
        elif self.step is not Step.PEOPLE or not any(self._new[name] for name in ("person", "pin")) or self._add():
            self._enter(Step(self.step + 1))

    def action_before(self) -> None:
        """Go back to the step before; answers stay."""
        if not self._is_busy and self.step is not Step.LANGUAGE:
            self._enter(Step(self.step - 1))

    def action_add(self) -> None:
        """Take what the port seems to be, or enter somebody."""
        if self.step is Step.PEOPLE and self.take_typed():
            self._add()
        elif self.step is Step.DEVICES:
            self._take()

    def action_remove(self) -> None:
        """Take somebody out again."""
        if self.step is Step.PEOPLE and self.marked.name.startswith(WHO):
            self.first_run.remove(self.marked.name.removeprefix(WHO))
            self.paint()

    def action_forget(self) -> None:
        """Give it up, at the second press: nothing stays."""
        if self._is_busy:
            return
        if not self._is_forgetting:
            self._is_forgetting = True
            self.hint(_("Once more, and all answers are forgotten. A code that was accepted cannot be used again."))
            return
        self.first_run.forget()
        self.app.exit()

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpDialog(self.actions, _("Keys: {screen}").format(screen=_(TITLES[self.step]))))

    def told_of(self, do: Callable[[], object]) -> bool:
        """Do something, and say next to the field why it could not be done."""
        try:
            do()
        except GatepostError as error:
            self._tell(error)
            return False
        return True

    def code_read(self) -> None:
        """Say that a code was read, which does nothing here."""
        self.hint(_("The scanner works: a code was read. Nothing was done with it."))

    @on(Done)
    def _is_done(self, message: Done) -> None:
        self._is_busy = False
        if message.error is not None:
            self._tell(message.error)
        elif self.step is Step.LAST:
            self.app.exit(result=True)
        else:
            self._enter(Step(self.step + 1))

    @on(PrintersFound)
    def _show_printers(self, message: PrintersFound) -> None:
        self._printers = message.printers
        self.paint()

    @on(PortSaid)
    def _port_said(self, message: PortSaid) -> None:
        if self._listener is None or self.marked.name != PORT + message.port:
            return
        panel = self.query_one(PortPanel)
        if isinstance(message.event, Heard):
            heard = message.event
            if heard.proposals:
                self._proposal = (heard.proposals[0], heard.baud_rate)
            panel.show_heard(heard, self._proposal)
        elif not message.event.is_connected:
            panel.show_nothing(explain(message.event.trouble))

    def _enter(self, step: Step) -> None:
        self.first_run.answers.step = step
        self._is_forgetting = False
        self.hint("")
        if step is not Step.LANGUAGE:
            self.told_of(self.first_run.keep)
        if step is Step.DEVICES:
            self._ports = list_ports()
        if step is Step.PRINTER and not self._printers:
            self.run_worker(self._find_printers, thread=True, exit_on_error=False)
        title = _("Gatepost: first run   {number}/{count}   {step}")
        words = title.format(number=step + 1, count=len(Step), step=_(TITLES[step]))
        self.query_one("#title", Static).update(Content(words))
        self.query_one("#told", Static).update(Content(_(TOLD[step])))
        self.mark(len(self.first_run.answers.people) if step is Step.PEOPLE else 0)
        self.set_class(step is Step.DEVICES, "-listening")
        self._listen()

    def _tell(self, error: GatepostError) -> None:
        if isinstance(error, FieldError):
            at = next((number for number, row in enumerate(self.rows()) if row.name == error.field), None)
            if at is not None:
                self.mark(at)
        self.hint(explain(error))
        self.app.bell()

    def _do(self, work: Callable[[], object], words: str) -> None:
        """Do what may take seconds beside the screen."""
        self._is_busy = True
        self.hint(words)

        def done() -> None:
            error: GatepostError | None = None
            try:
                work()
            except GatepostError as caught:
                error = caught
            self.post_message(Done(error))

        self.run_worker(done, thread=True, exit_on_error=False)

    def _find_printers(self) -> None:
        from station.devices.printers.found import list_printers

        self.post_message(PrintersFound(list_printers()))

    def _add(self) -> bool:
        new = self._new
        if not self.told_of(
            lambda: self.first_run.add(new["person"], Role(new["role"] or Role.GUARD), new["pin"], new["again"])
        ):
            return False
        self._new = dict.fromkeys(NEW, "")
        self.mark(len(self.first_run.answers.people))
        return True

    def _use(self, port: str, role: str) -> None:
        if role and port:
            self.first_run.set_device(port, Device(role))  # type: ignore[arg-type] # one of the choices
        elif port:
            self.first_run.set_device(port, None)

    def _take(self) -> None:
        """Use the marked port as what it seems to be."""
        if self._proposal is None or not self.marked.name.startswith(PORT):
            self.hint(_("Nothing was recognised yet; left and right say what it is. F11 at the gate tries it out"))
            return
        proposal, rate = self._proposal
        port = self.marked.name.removeprefix(PORT)
        if proposal.protocol == SCANNER:
            device = Device("scanner", baud_rate=rate)
        else:
            device = Device("thermometer", proposal.protocol, rate, dict(proposal.options))
        self.first_run.set_device(port, device)
        self.paint()

    def _listen(self) -> None:
        """Listen to the marked port, and to no other."""
        self._stop()
        if self.step is not Step.DEVICES:
            return
        panel = self.query_one(PortPanel)
        if not self.marked.name.startswith(PORT):
            panel.show_nothing(_("No port is marked. A scanner that types: scan any code"))
            return
        port = self.marked.name.removeprefix(PORT)
        panel.show_nothing(_("Listening …"))
        self._listener = PortListener(port, lambda event: self._heard(port, event))
        self._listener.start()

    def _heard(self, port: str, event: Heard | LinkState) -> None:
        """Hand on what the listener says; runs on its thread."""
        self.post_message(PortSaid(port, event))

    def _stop(self) -> None:
        self._proposal = None
        if self._listener is not None:
            self._listener.stop()
            self._listener = None
