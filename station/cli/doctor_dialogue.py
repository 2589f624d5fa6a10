"""The questions of `gatepost doctor devices`, one after the other, each with numbered choices."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from station.cli.doctor_devices import listen, tell_heard, try_device
from station.devices import PROTOCOLS
from station.devices.guessing import Proposal
from station.devices.listening import Heard
from station.devices.measurement import LinkState
from station.devices.ports import list_ports
from station.i18n import _, explain
from station.settings import SettingsError, load_settings
from station.wizard import (
    ROLES,
    SITES,
    Draft,
    Role,
    draft_of,
    event_words,
    option_choices,
    option_default,
    port_words,
    proposal_words,
    save,
    with_proposal,
    with_protocol,
)

if TYPE_CHECKING:
    from station.settings import Settings

_LISTEN_S = 2.5
_TRY_S = 15.0


def ask_through(folder: Path) -> None:
    """Ask for port and device, try it, and write it into the settings of the station in `folder`."""
    settings = load_settings(folder)
    port = _ask_port(settings)
    draft = _ask_device(replace(draft_of(settings, Role.THERMOMETER), port=port))
    while True:
        draft = _ask_details(draft)
        try:
            for event in try_device(folder, settings, draft, _TRY_S):
                click.echo(f"    {event_words(event)}")
        except SettingsError as error:
            click.echo(explain(error), err=True)
        answer = _choose(
            _("What now"), [_("save it"), _("change the details and try again"), _("leave everything as it was")]
        )
        if answer == 2:
            return
        if answer == 0:
            try:
                save(folder, draft)
            except SettingsError as error:
                click.echo(explain(error), err=True)
                continue
            click.echo(_("Saved. A gate that is open takes it over when it is started again"))
            return


def _ask_port(settings: "Settings") -> str:
    ports = list_ports()
    chosen = _choose(_("Which port"), [*(port_words(port, settings) for port in ports), _("another one")])
    if chosen < len(ports):
        return ports[chosen].address
    typed: str = click.prompt(_("Name of the port, such as /dev/ttyUSB0, COM3 or socket://192.0.2.7:4001"))
    return typed.strip()


def _ask_device(draft: Draft) -> Draft:
    """Listen, and let the user choose among what was heard and everything else."""
    heard: dict[int, Heard] = {}
    click.echo(_("Listening; nothing is written to the port. Scan a code now if it is a scanner"))
    for event in listen(draft.port, [], _LISTEN_S):
        if isinstance(event, LinkState):
            if not event.is_connected:
                click.echo(f"    {explain(event.trouble)}")
        else:
            heard[event.baud_rate] = event
    for one in heard.values():
        tell_heard(one)
    found: list[tuple[Proposal, int]] = [
        (proposal, one.baud_rate) for one in heard.values() for proposal in one.proposals
    ]
    others = [Role.SCANNER, Role.IDCARD]
    labels = [
        *(proposal_words(proposal, rate) for proposal, rate in found),
        *PROTOCOLS,
        *(_(ROLES[role]) for role in others),
    ]
    # Nothing is asked of a device by habit: without a proposal, Enter chooses none.
    chosen = _choose(_("What is it"), labels, has_default=bool(found))
    if chosen < len(found):
        return with_proposal(draft, *found[chosen])
    chosen -= len(found)
    if chosen < len(PROTOCOLS):
        return with_protocol(draft, list(PROTOCOLS)[chosen])
    role = others[chosen - len(PROTOCOLS)]
    return Draft(role, draft.port, baud_rate="9600" if role is Role.SCANNER else "115200")


def _ask_details(draft: Draft) -> Draft:
    draft = replace(draft, baud_rate=_prompt(_("Baud rate in bit/s"), draft.baud_rate))
    if draft.role is Role.SCANNER:
        ways = ["", "entry", "exit"]
        labels = [_("as the gate is set"), _("always coming in"), _("always going out")]
        return replace(draft, direction=ways[_choose(_("What a code of this scanner means"), labels)])
    if draft.role is Role.IDCARD:
        return draft
    options = {}
    for name, choices in option_choices(draft.protocol).items():
        usual = draft.options.get(name) or option_default(draft.protocol, name)
        label = f"{name} ({' / '.join(choices)})" if choices else name
        options[name] = _prompt(label, usual)
    sites = list(SITES)
    offset = _prompt(_("Degrees to add, from -5 to 5"), draft.offset)
    site = sites[_choose(_("Where it measures"), [_(SITES[one]) for one in sites])]
    return replace(draft, options=options, offset=offset, site=site)


def _prompt(label: str, usual: str) -> str:
    typed: str = click.prompt(label, default=usual, show_default=bool(usual))
    return typed.strip()


def _choose(title: str, labels: list[str], *, has_default: bool = True) -> int:
    """Show numbered choices and return the place of the chosen one, from 0; the first one is proposed."""
    click.echo(_("{title}:").format(title=title))
    for number, label in enumerate(labels, 1):
        click.echo(f"  {number}  {label}")
    default = 1 if has_default else None
    chosen: int = click.prompt(_("Number"), type=click.IntRange(1, len(labels)), default=default)
    return chosen - 1
