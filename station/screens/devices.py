"""The devices screen: which device hangs on which port, with what the port says before the user's eyes."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from textual import on
from textual.app import ComposeResult
from textual.message import Message

from passes.errors import N_, GatepostError
from station.devices import PROTOCOLS
from station.devices.guessing import Proposal
from station.devices.listening import Heard, PortListener
from station.devices.measurement import LinkState
from station.devices.ports import PortInfo, list_ports
from station.i18n import _, explain
from station.screens.rows import RowsScreen
from station.screens.work import Host
from station.settings import Settings
from station.widgets.device_rows import PortPanel, Row
from station.wizard import (
    ROLES,
    SITES,
    Draft,
    Role,
    Trial,
    TrialEvent,
    draft_of,
    event_words,
    make_trial,
    option_choices,
    option_default,
    port_words,
    rates_of,
    save,
    with_proposal,
    with_protocol,
)

_TRIAL_LINES: Final = 5
_YES_NO = {"true": N_("yes"), "false": N_("no")}


class TrialSaid(Message):
    """A thread of the screen has something to say; `source` tells an old thread's words from the new one's."""

    def __init__(self, source: object, event: Heard | TrialEvent) -> None:
        super().__init__()
        self.source = source
        self.event = event


class DevicesScreen(RowsScreen):
    """Set one device after the other; the ports are its own only while it is in front."""

    NAME = "devices"

    def __init__(self, host: Host, given: object = None) -> None:
        super().__init__(host, given)
        self._settings = self.station.settings
        self._ports: list[PortInfo] = []
        self._draft = self._saved = draft_of(self._settings, Role.THERMOMETER)
        self._given_up: Draft | None = None
        self._thread: Trial | None = None
        self._source: object = None
        self._is_trying = False
        self._proposal: tuple[Proposal, int] | None = None
        self._said: deque[str] = deque(maxlen=_TRIAL_LINES)

    def body(self) -> ComposeResult:
        """Lay the areas out."""
        yield from super().body()
        yield PortPanel()

    def on_mount(self) -> None:
        """Take the ports over, and listen."""
        self.take_up()

    def on_unmount(self) -> None:
        """Let the port go."""
        self._stop()

    def take_up(self) -> None:
        """Take the ports over, and listen."""
        self.host.release_devices()
        self._ports = list_ports()
        self.paint()
        self._listen()

    def put_aside(self) -> None:
        """Give the ports back to the gate."""
        self._stop()
        self.host.resume_devices(self._settings)

    @on(TrialSaid)
    def _thread_said(self, message: TrialSaid) -> None:
        if message.source is not self._source:
            return
        event, panel = message.event, self.query_one(PortPanel)
        if isinstance(event, Heard):
            self._remember(event)
            panel.show_heard(event, self._proposal)
        elif self._is_trying:
            self._said.append(event_words(event))
            panel.show_trial(list(self._said))
        elif isinstance(event, LinkState) and not event.is_connected:
            self._proposal = None
            panel.show_nothing(explain(event.trouble))

    def _remember(self, heard: Heard) -> None:
        """Keep the best that was recognised, while the listener goes on to other rates."""
        if heard.proposals and (
            self._proposal is None or heard.proposals[0].confidence >= self._proposal[0].confidence
        ):
            self._proposal = (heard.proposals[0], heard.baud_rate)

    def action_take(self) -> None:
        """Take what the port seems to be."""
        if self._proposal is None:
            self.hint(_("Nothing was recognised yet. A device that speaks only when asked: choose it and press F6"))
            return
        self._draft = with_proposal(self._draft, *self._proposal)
        self._saved = draft_of(self._settings, self._draft.role)
        self.hint(_("Taken: look at the lines, then F10 = save"))
        self.paint()

    def action_try(self) -> None:
        """Try the device out, or go back to listening."""
        if not self.take_typed():
            return
        if self._is_trying:
            self._listen()
        elif not self._draft.port:
            self.hint(_("Choose the port first"))
        else:
            self._try()

    def action_save(self) -> None:
        """Write the device into the settings."""
        if not self.take_typed():
            return
        try:
            self._settings = save(self.station.folder, self._draft)
        except GatepostError as error:
            self.hint(explain(error))
            return
        self._saved = self._draft
        self.hint(_("Saved. It is in force as soon as you go back to the gate: Esc"))
        self.paint()

    def action_leave(self) -> None:
        """Go back to the gate; what was not saved is asked for once."""
        if self._draft not in (self._saved, self._given_up):
            self._given_up = self._draft
            self.hint(_("Not saved: F10 = save, Esc again = leave it as it was"))
            return
        self.put_aside()
        super().action_leave()

    def change(self, name: str, value: str) -> None:
        """Change one thing of the draft, and listen anew where that makes a difference."""
        before = self._draft
        if name == "role":
            is_chosen = before.port != self._saved.port
            self._saved = draft_of(self._settings, Role(value))
            self._draft = replace(self._saved, port=before.port if is_chosen else self._saved.port)
        elif name == "protocol":
            self._draft = with_protocol(before, value)
        elif name.startswith("option."):
            self._draft = replace(before, options={**before.options, name.removeprefix("option."): value})
        else:
            changes: Mapping[str, str] = {name: value}
            self._draft = replace(before, **changes)  # type: ignore[arg-type] # all but role are texts
        self.paint()
        if self._draft.port != before.port or (self._is_trying and self._draft != before):
            self._listen()

    def _listen(self) -> None:
        self._is_trying = False
        self._proposal = None
        if self._draft.port:
            self._begin(lambda tell: PortListener(self._draft.port, tell))
        else:
            self._stop()
            self.query_one(PortPanel).show_nothing(_("No port chosen: nothing to hear"))

    def _try(self) -> None:
        self._is_trying = True
        self._said.clear()
        try:
            self._begin(lambda tell: make_trial(self.station.folder, self._settings, self._draft, tell))
        except GatepostError as error:
            self._is_trying = False
            self.hint(explain(error))
            return
        self.hint(_("Trying it out; F6 = only listen again"))
        self.query_one(PortPanel).show_trial([])

    def _begin(self, make: Callable[[Callable[[Heard | TrialEvent], None]], Trial]) -> None:
        self._stop()
        source = object()
        thread = make(lambda event: self._tell(source, event))
        self._source, self._thread = source, thread
        thread.start()

    def _tell(self, source: object, event: Heard | TrialEvent) -> None:
        """Hand on what a thread says; runs on that thread."""
        self.post_message(TrialSaid(source, event))

    def _stop(self) -> None:
        self._source = None
        if self._thread is not None:
            self._thread.stop()
            self._thread = None

    def rows(self) -> list[Row]:
        """Return the lines of the device."""
        return _rows_of(self._draft, self._saved.port, self._ports, self._settings)


def _rows_of(draft: Draft, saved_port: str, ports: list[PortInfo], settings: Settings) -> list[Row]:
    """Return the lines of a device; what another role has is not among them."""
    roles = tuple((role.value, _(words)) for role, words in ROLES.items())
    places = [("", _("none")), *((port.address, port_words(port, settings)) for port in ports)]
    # A port that does not show in the system's list stays among the choices once it was set.
    places += [(port, port) for port in dict.fromkeys([draft.port, saved_port]) if port not in dict(places)]
    rates = tuple((str(rate), str(rate)) for rate in rates_of(draft))
    rows = [
        Row("role", _("Device"), draft.role, roles),
        Row("port", _("Port"), draft.port, tuple(places), is_free=True),
    ]
    if draft.role is Role.THERMOMETER:
        names = tuple((name, name) for name in PROTOCOLS)
        rows.append(Row("protocol", _("Protocol"), draft.protocol, names))
    rows.append(Row("baud_rate", _("Baud rate"), draft.baud_rate, rates, is_free=True))
    if draft.role is Role.SCANNER:
        ways = (("", _("as the gate is set")), ("entry", _("always coming in")), ("exit", _("always going out")))
        rows.append(Row("direction", _("A code means"), draft.direction, ways))
    if draft.role is Role.THERMOMETER:
        sites = tuple((site, _(words)) for site, words in SITES.items())
        rows += [
            Row("offset", _("Degrees to add"), draft.offset, is_free=True),
            Row("site", _("Where"), draft.site, sites),
            *_option_rows(draft),
        ]
    return rows


def _option_rows(draft: Draft) -> list[Row]:
    return [
        Row(
            f"option.{name}",
            name,
            draft.options.get(name) or option_default(draft.protocol, name),
            tuple((choice, _(_YES_NO.get(choice, choice))) for choice in choices),
            is_free=not choices,
        )
        for name, choices in option_choices(draft.protocol).items()
    ]
