"""`gatepost doctor devices`: find out what hangs on a port, try it, and write it into the settings."""

import queue
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passes.errors import N_, UsageError
from station.cli.common import echo_json, folder_option, json_option
from station.i18n import _

if TYPE_CHECKING:
    from station.devices.listening import Heard
    from station.devices.measurement import LinkState
    from station.settings import Settings
    from station.wizard import Draft, TrialEvent

_LISTEN_S = 2.5
_TRY_S = 10.0
_ENOUGH_EVENTS = 5


@click.command()
@click.option("--port", help="The port, as `--port /dev/ttyUSB0`, COM3 or socket://HOST:PORT; asked for if not given.")
@click.option(
    "--listen", "listen_s", type=click.FloatRange(0.1, 600), help="Seconds at each rate, or to try (2.5; 10)."
)
@click.option("--baud", type=click.IntRange(1), help="The only rate to listen or to try at, in bit/s.")
@click.option("--role", type=click.Choice(["thermometer", "scanner", "idcard"]), help="What the device is.")
@click.option("--protocol", help="The thermometer's protocol; it is asked then, if it speaks only when asked.")
@click.option("--option", "options", multiple=True, help="An option of the protocol, as `--option mode=burst`.")
@click.option("--offset", help="Degrees that are added to what the thermometer says.")
@click.option("--site", help="Where it measures: forehead, wrist, neck, armpit or ear.")
@click.option("--direction", type=click.Choice(["entry", "exit"]), help="What a code of this scanner always means.")
@click.option("--save", "saves", is_flag=True, help="Write the device into settings.toml.")
@folder_option
@json_option
@click.pass_context
def devices(ctx: click.Context, /, folder: Path | None, as_json: bool, saves: bool, **given: Any) -> None:
    """List the serial ports, listen on one, say what it seems to be, try it and write it into the settings.

    Without --port it asks step by step. With --port it listens and tells; with --role or --protocol as well it tries
    that device. Nothing is written to a port before its protocol was chosen.
    """
    from station.cli.doctor import chosen_folder, speak_station_language

    at = chosen_folder(folder or ctx.obj)
    speak_station_language(at)
    if given["port"] is None:
        if as_json:
            _list_ports(at)
        elif not sys.stdin.isatty():
            raise UsageError(N_("nobody can be asked here; name the port with --port, or list all with --json"))
        else:
            from station.cli.doctor_dialogue import ask_through

            ask_through(at)
        return
    if given["role"] or given["protocol"]:
        _try(ctx, at, as_json=as_json, saves=saves, given=given)
    elif saves:
        raise UsageError(N_("--save needs to know what the device is: add --role or --protocol"))
    else:
        heard = _told_heard(given, as_json=as_json)
        if as_json:
            echo_json({"port": given["port"], "heard": [_heard_fields(one) for one in heard]})
        if not any(one.proposals for one in heard):
            ctx.exit(1)


def listen(port: str, rates: list[int], seconds: float) -> Iterator["Heard | LinkState"]:
    """Yield what is heard on a port, newest last: each rate once, and no longer once it is sure."""
    from station.devices.listening import Heard, PortListener, rates_to_try

    told: queue.Queue[Heard | LinkState] = queue.Queue()
    rates = rates or list(rates_to_try())
    listener = PortListener(port, told.put, rates=rates, seconds_per_rate=seconds)
    listener.start()
    left_s = seconds * len(rates)
    try:
        for event in timed(told, left_s + 0.5):
            yield event
            if isinstance(event, Heard) and event.is_sure:
                return
    finally:
        listener.stop()


def timed(events: "queue.Queue[Any]", seconds: float) -> Iterator[Any]:
    """Yield what comes within so many seconds."""
    from station.clock import SystemClock

    clock = SystemClock()
    ends_s = clock.monotonic_s() + seconds
    while (left_s := ends_s - clock.monotonic_s()) > 0:
        try:
            yield events.get(timeout=left_s)
        except queue.Empty:
            return


def try_device(folder: Path, settings: "Settings", draft: "Draft", seconds: float) -> Iterator["TrialEvent"]:
    """Yield what the device says within so many seconds, up to a few readings, codes or cards."""
    from station.devices.measurement import Fault, LinkState
    from station.wizard import TrialEvent, make_trial

    told: queue.Queue[TrialEvent] = queue.Queue()
    trial = make_trial(folder, settings, draft, told.put)
    trial.start()
    good = 0
    try:
        for event in timed(told, seconds):
            yield event
            good += not isinstance(event, Fault | LinkState)
            if good >= _ENOUGH_EVENTS:
                return
    finally:
        trial.stop()


def tell_heard(heard: "Heard") -> None:
    """Print what is heard at one rate: how much, the last bytes, what it seems to be."""
    from station.wizard import dump, proposal_words

    click.echo(_("{rate} bit/s: {count} bytes heard").format(rate=heard.baud_rate, count=heard.count))
    for line in dump(heard.recent[-32:]):
        click.echo(f"    {line}")
    for proposal in heard.proposals:
        click.echo("    " + _("seems to be: {what}").format(what=proposal_words(proposal, heard.baud_rate)))


def _told_heard(given: dict[str, Any], *, as_json: bool) -> list["Heard"]:
    """Listen, print what is heard unless a machine reads it, and return the last of each rate."""
    from station.devices.listening import Heard
    from station.devices.measurement import LinkState

    newest: dict[int, Heard] = {}
    rates = [given["baud"]] if given["baud"] else []
    trouble: LinkState | None = None
    for event in listen(given["port"], rates, given["listen_s"] or _LISTEN_S):
        if isinstance(event, Heard):
            newest[event.baud_rate] = event
            trouble = None
        elif not event.is_connected:
            trouble = event
    if trouble is not None and not newest:
        raise trouble.trouble
    if not as_json:
        for heard in newest.values():
            tell_heard(heard)
        if not any(heard.proposals for heard in newest.values()):
            click.echo(
                _("Nothing is understood. A device that speaks only when asked: choose it by --protocol and try it")
            )
    return list(newest.values())


def _try(ctx: click.Context, folder: Path, *, as_json: bool, saves: bool, given: dict[str, Any]) -> None:
    from station.devices.measurement import Fault, LinkState
    from station.settings import load_settings
    from station.wizard import event_words, save

    settings = load_settings(folder)
    draft = _draft(settings, given)
    events = []
    for event in try_device(folder, settings, draft, given["listen_s"] or _TRY_S):
        events.append(event)
        if not as_json:
            click.echo(event_words(event))
    answers = any(not isinstance(event, Fault | LinkState) for event in events)
    # A scanner and a card reader say nothing until somebody puts something before them.
    answers = answers or (draft.role != "thermometer" and any(_is_connected(event) for event in events))
    is_saved = saves and answers
    if is_saved:
        save(folder, draft)
    if as_json:
        echo_json({"port": draft.port, "answers": answers, "said": list(map(event_words, events)), "saved": is_saved})
    elif is_saved:
        click.echo(_("Saved. A gate that is open takes it over when it is started again"))
    elif saves:
        click.echo(_("Not saved: the device did not answer"))
    if not answers:
        ctx.exit(1)


def _is_connected(event: "TrialEvent") -> bool:
    from station.devices.measurement import LinkState

    return isinstance(event, LinkState) and event.is_connected


def _draft(settings: "Settings", given: dict[str, Any]) -> "Draft":
    from station.wizard import Role, draft_of, parse_options, rates_of, with_protocol

    role = Role(given["role"] or "thermometer")
    draft = replace(draft_of(settings, role), port=given["port"])
    if given["protocol"] and given["protocol"] != draft.protocol:
        from station.devices import PROTOCOLS

        if given["protocol"] not in PROTOCOLS:
            raise UsageError(
                N_('--protocol "{protocol}": not known; one of: {known}'),
                protocol=given["protocol"],
                known=", ".join(PROTOCOLS),
            )
        draft = with_protocol(draft, given["protocol"])
    if given["options"]:
        draft = replace(draft, options=parse_options(given["options"]))
    return replace(
        draft,
        baud_rate=str(given["baud"] or draft.baud_rate or rates_of(draft)[0]),
        offset=given["offset"] or draft.offset,
        site=given["site"] or draft.site,
        direction=given["direction"] or draft.direction,
    )


def _list_ports(folder: Path) -> None:
    from passes.errors import GatepostError
    from station.devices.ports import list_ports
    from station.settings import load_settings
    from station.wizard import use_of

    try:
        settings = load_settings(folder)
    except GatepostError:  # ports are worth a look without a station too
        settings = None
    echo_json(
        [
            {
                "device": port.device,
                "address": port.address,
                "likeness": port.likeness.value,
                "maker": port.maker,
                "product": port.product,
                "use": use_of(port, settings) if settings else None,
            }
            for port in list_ports()
        ]
    )


def _heard_fields(heard: "Heard") -> dict[str, Any]:
    return {
        "baud_rate": heard.baud_rate,
        "bytes": heard.count,
        "recent": heard.recent.hex(),
        "proposals": [
            {
                "protocol": proposal.protocol,
                "confidence": proposal.confidence.name.lower(),
                "options": dict(proposal.options),
                "frames": proposal.frames,
                "celsius": proposal.celsius,
            }
            for proposal in heard.proposals
        ],
    }
