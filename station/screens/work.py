"""What every screen but the gate is made of: status, title, the last word said, keys, and the way back to the gate."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ClassVar, Protocol, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.events import ScreenResume
from textual.screen import ModalScreen, Screen
from textual.widgets import Footer, Static

from passes.errors import GatepostError
from station.access import Member, Role
from station.actions import BACK, HELP, PALETTE, Action, bound, keyed
from station.assembly import Station
from station.devices.idcard.card import CardError, IdCard
from station.dialogs.help import HelpDialog
from station.i18n import _, explain
from station.lane import Lane
from station.screens import catalogue
from station.screens.binding import bind_actions
from station.screens.messages import JournalGrew
from station.settings import Settings
from station.storage import storage_errors
from station.widgets.lines import HintLine, StatusLine

_Given = TypeVar("_Given")


class Host(Protocol):
    """The app, as screens know it."""

    station: Station
    lane: Lane

    def open_screen(self, name: str, given: object = None) -> None:
        """Show the screen of that name, and let it `receive` what is given."""
        ...

    def close_screen(self, screen: "WorkScreen") -> None:
        """Go back to where the screen was opened from, and forget it."""
        ...

    def show_gate(self) -> None:
        """Put the screen aside as it is, and show the gate."""
        ...

    def restyle(self, settings: Settings) -> None:
        """Look, lock and ring as `settings` say from now on."""
        ...

    def release_devices(self) -> None:
        """Let go of all ports."""
        ...

    def resume_devices(self, settings: Settings) -> None:
        """Go on with the devices of `settings`."""
        ...


class WorkScreen(Screen[None]):
    """A screen beside the gate; a subclass names itself in `NAME` and `station.screens.catalogue`, and has a `body`.

    A scan puts it aside as it is, its dialogs included, and brings the gate; opened again, it goes on from there.
    """

    NAME: ClassVar[str]
    COMMON: ClassVar[tuple[Action, ...]] = (PALETTE, BACK, HELP)

    DEFAULT_CSS = """
    WorkScreen > #title { height: 1; padding: 0 1; background: $boost; text-style: bold; }
    """

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__()
        self.host = host
        self.station = host.station
        self.entry = catalogue.entry(self.NAME)
        self.actions = bound((*self.entry.actions, *self.COMMON))
        bind_actions(self, self.actions)
        self._given = given

    def compose(self) -> ComposeResult:
        """Lay the areas out, the screen's own between title and hint."""
        yield StatusLine(self.station.settings.zone)
        yield Static(_(self.entry.label), markup=False, id="title")
        yield from self.body()
        yield HintLine()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin, once the screen's own parts have: Textual calls its handler first."""
        self._show_status()
        self.set_interval(1.0, self._tick)
        if self._given is not None:
            self.receive(self._given)

    @on(ScreenResume)
    def _in_front(self) -> None:
        with self.told(quietly=True):
            self.show()

    @property
    def offered(self) -> list[Action]:
        """What can be done here now."""
        return [action for action in self.actions if self.check_action(action.calls or action.name, ())]

    def body(self) -> ComposeResult:
        """Lay out what is the screen's own."""
        raise NotImplementedError

    def show(self) -> None:
        """Show what is known now; called whenever the screen comes to the front and after everything that is done."""

    def receive(self, given: object) -> None:
        """Take what another screen handed over when it opened this one."""

    def take_code(self, text: str) -> bool:  # noqa: ARG002 - for those that take some codes themselves
        """Say whether a code that was scanned is for this screen; any other brings the gate."""
        return False

    def take_card(self, card: IdCard | CardError) -> bool:  # noqa: ARG002 - for those that take cards
        """Say whether an ID card that was read is for this screen; any other is told by a bell only."""
        return False

    def put_aside(self) -> None:
        """Let go of what the gate needs; called before the gate comes to the front."""

    def take_up(self) -> None:
        """Go on with what was put aside; called after the screen has come to the front again."""

    @contextmanager
    def told(self, *, quietly: bool = False) -> Iterator[None]:
        """Do something and show the outcome; an error is one sentence on the hint line, whatever the kind.

        `quietly` is for what nobody asked for, such as painting anew: the last hint stays.
        """
        if not quietly:
            self.hint("")
        try:
            with storage_errors(self.station.journal.path):
                yield
                if not quietly:
                    self.show()
        except GatepostError as error:
            self.hint(explain(error))
            self.app.bell()
            return
        if not quietly:
            self.post_message(JournalGrew())

    def ask(self, dialog: ModalScreen[_Given | None], answered: Callable[[_Given], None]) -> None:
        """Open a dialog, and do what was answered under `told`; nothing after Esc."""

        def closed(answer: _Given | None) -> None:
            if answer is not None:
                with self.told():
                    answered(answer)

        self.app.push_screen(dialog, closed)

    def prove(self, title: str, role: Role, proved: Callable[[Member], object]) -> None:
        """Ask who is responsible, then do what only somebody of that role may; `title` says what it is."""
        from station.screens.proving import ask_pin

        ask_pin(self.app, self.station, title, role, self.told, proved)

    def hint(self, text: str) -> None:
        """Say one line in the user's language; it stays until the next."""
        self.query_one(HintLine).update(Content(self.worded(text)))

    def worded(self, text: str) -> str:
        """Return a sentence with the keys that are in use on this screen."""
        return keyed(text, (*self.entry.actions, *self.COMMON))

    def title_is(self, text: str) -> None:
        """Show another title, in the user's language."""
        self.query_one("#title", Static).update(Content(self.worded(text)))

    def action_leave(self) -> None:
        """Go back to where this screen was opened from."""
        self.host.close_screen(self)

    def action_help(self) -> None:
        """Show what the keys do."""
        self.app.push_screen(HelpDialog(self.actions, _("Keys: {screen}").format(screen=_(self.entry.label))))

    def _tick(self) -> None:
        if self.is_active:
            self._show_status()

    def _show_status(self) -> None:
        with self.told(quietly=True):
            self.query_one(StatusLine).show(
                self.station.settings.station.name,
                self.host.lane.direction,
                self.station.register.current_shift(),
                self.station.clock.now_ms(),
            )
