"""`gatepost device simulate`: devices that are not there, for training, demonstrations and tests."""

import itertools
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.cli.common import json_option
from station.cli.device_common import option_option, options_of, until_ctrl_c
from station.cli.helping import OneOf
from station.devices import PROTOCOLS
from station.i18n import _

if TYPE_CHECKING:
    from station.devices.idcard.simulator import SimulatedCardReader
    from station.devices.scanner.simulator import SimulatedScanner
    from station.devices.simulated_script import Act
    from station.devices.simulator import SimulatedThermometer

Command = TypeVar("Command", bound=Callable[..., Any])

_TERMINATORS: Final = ("cr", "lf", "crlf", "tab", "none")


def line_options(command: Command) -> Command:
    """Add where the device is found, whether it ends by itself, and `--json`."""
    for decorate in (
        json_option,
        click.option("--once", is_flag=True, help="End when all has been played; else it begins anew, until Ctrl+C."),
        click.option("--seed", type=int, default=0, show_default=True, help="The same seed plays the same."),
        click.option("--tcp", type=click.IntRange(0, 65535), help="Listen at this port of 127.0.0.1; 0 takes any."),
        click.option(
            "--link", type=click.Path(path_type=Path), help="Symbolic link to the device (default: a new one)."
        ),
    ):
        command = decorate(command)
    return command


@click.group(invoke_without_command=True)
@click.option("--protocol", cls=OneOf, names=list(PROTOCOLS), help="The thermometer's protocol:")
@option_option
@click.option("--script", type=click.Path(path_type=Path), help="What happens, one act a line; see above.")
@line_options
@click.pass_context
def simulate(
    ctx: click.Context,
    protocol: str | None,
    options: tuple[str, ...],
    script: Path | None,
    link: Path | None,
    tcp: int | None,
    seed: int,
    once: bool,
    as_json: bool,
) -> None:
    """Play a thermometer with people in front of it, until Ctrl+C; `scanner` and `idcard` play those.

    A --script has lines like: present 36.5 for 3s / leave 2s / noise 1s / stuck 5s / unplug 3s / pause 1s. Without one,
    invented people come without end.
    """
    if ctx.invoked_subcommand is not None:
        if any(ctx.get_parameter_source(name) == click.core.ParameterSource.COMMANDLINE for name in ctx.params):
            raise UsageError(N_("device simulate {name}: write its options behind it"), name=ctx.invoked_subcommand)
        return
    if protocol is None or protocol not in PROTOCOLS:
        raise UsageError(
            N_('device simulate --protocol "{protocol}": not known; one of: {known}; or name scanner or idcard'),
            protocol=protocol or "",
            known=", ".join(PROTOCOLS),
        )
    from station.devices.acting import THERMOMETER
    from station.devices.simulated_script import a_queue, read_script
    from station.devices.simulator import SimulatedThermometer

    checked = options_of(protocol, options)
    acts = _repeated(read_script(script, THERMOMETER), once=once) if script else a_queue(seed)
    with (
        _place(link, tcp, "thermometer") as where,
        until_ctrl_c(),
        SimulatedThermometer(where, port=tcp or 0, seed=seed, protocol=protocol, options=checked) as made,
    ):
        told = _Told(as_json=as_json)
        told.where(made.url, protocol)
        _play(made, acts, told)


@simulate.command()
@click.option("--code", "codes", multiple=True, help="A code to send, may be given several times.")
@click.option("--codes", "source", help="File with a code on each line; - sends lines of standard input as they come.")
@click.option("--every", type=click.FloatRange(min=0), default=3.0, show_default=True, help="Seconds between codes.")
@click.option(
    "--terminator", type=click.Choice(_TERMINATORS), default="cr", show_default=True, help="Behind each code."
)
@click.option("--aim", is_flag=True, help="Put the AIM identifier ]Q1 before each code.")
@click.option("--doubled", is_flag=True, help="Send each code twice with nothing between.")
@click.option("--chunks", type=click.IntRange(min=1), help="Send so many bytes at a time.")
@line_options
def scanner(
    codes: tuple[str, ...],
    source: str | None,
    every: float,
    terminator: str,
    aim: bool,
    doubled: bool,
    chunks: int | None,
    link: Path | None,
    tcp: int | None,
    seed: int,
    once: bool,
    as_json: bool,
) -> None:
    """Play a serial scanner; without --code and --codes it sends invented codes that nobody signed."""
    from station.devices.scanner.simulator import AIM_QR, TERMINATORS, SimulatedScanner, invented_codes

    if source is not None:
        sent = _lines_of(source, once=once)
    else:
        sent = _repeated(codes, once=once) if codes else invented_codes(seed)
    with (
        _place(link, tcp, "scanner") as where,
        until_ctrl_c(),
        SimulatedScanner(
            where,
            terminator=TERMINATORS[terminator],
            prefix=AIM_QR if aim else b"",
            is_doubled=doubled,
            chunk_bytes=chunks or 0,
            port=tcp or 0,
        ) as made,
    ):
        told = _Told(as_json=as_json)
        told.where(made.url, "scanner")
        _scan(made, sent, told, 0.0 if source == "-" else every)


@simulate.command()
@click.option("--script", type=click.Path(path_type=Path), help="What happens, one act a line; see above.")
@click.option("--extra-aa", type=click.IntRange(0, 16), default=1, show_default=True, help="AA before each answer.")
@click.option("--finds-again", is_flag=True, help="Go on finding a card that was read.")
@line_options
def idcard(
    script: Path | None,
    extra_aa: int,
    finds_again: bool,
    link: Path | None,
    tcp: int | None,
    seed: int,  # noqa: ARG001 - the same options as the other devices; nothing here is left to chance
    once: bool,
    as_json: bool,
) -> None:
    """Play an ID card reader (SAM-V) with cards of invented people, until Ctrl+C.

    A --script has lines like: place resident for 3s (or hmt, foreigner, unknown) / lift 2s / error 41 for 2s / unplug
    3s / pause 1s.
    """
    from station.devices.acting import CARD_READER, every_card
    from station.devices.idcard.simulator import SimulatedCardReader
    from station.devices.simulated_script import read_script

    acts = _repeated(read_script(script, CARD_READER), once=once) if script else every_card()
    with (
        _place(link, tcp, "idcard") as where,
        until_ctrl_c(),
        SimulatedCardReader(where, finds_again=finds_again, extra_aa=extra_aa, port=tcp or 0) as made,
    ):
        told = _Told(as_json=as_json)
        told.where(made.url, "samv")
        _play(made, acts, told)


@contextmanager
def _place(link: Path | None, tcp: int | None, name: str) -> Iterator[Path | None]:
    """Yield the path of the link, None for TCP; a path of our own goes when it is over."""
    if link is not None and tcp is not None:
        raise UsageError(N_("--link and --tcp: give one of them"))
    with ExitStack() as stack:
        if link is None and tcp is None and sys.platform != "win32":
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="gatepost-"))
            yield Path(folder) / name
        else:
            yield link


_Item = TypeVar("_Item")


def _repeated(items: Iterable[_Item], *, once: bool) -> Iterator[_Item]:
    return iter(items) if once else itertools.cycle(items)


def _lines_of(source: str, *, once: bool) -> Iterator[str]:
    """Return the codes of a file, one after the other, or of standard input as they come."""
    if source == "-":
        return _typed_lines()
    try:
        codes = [line for line in Path(source).read_text(encoding="utf-8-sig").splitlines() if line]
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(N_("{path}: cannot be read: {error}"), path=source, error=error) from error
    if not codes:
        raise UsageError(N_("{path}: no code in it; write one on each line"), path=source)
    return _repeated(codes, once=once)


def _typed_lines() -> Iterator[str]:
    with click.open_file("-", errors="replace") as file:
        for line in file:
            yield line.rstrip("\r\n")


def _play(device: "SimulatedThermometer | SimulatedCardReader", acts: "Iterable[Act]", told: "_Told") -> None:
    from station.devices.acting import perform

    never = threading.Event()
    for act in acts:
        told.act(act)
        perform(device, act)
        never.wait(act.seconds)


def _scan(device: "SimulatedScanner", codes: Iterable[str], told: "_Told", every_s: float) -> None:
    never = threading.Event()
    for code in codes:
        never.wait(every_s)
        told.code(code)
        device.scan(code)


class _Told:
    """What a simulated device does, as lines for people or for machines."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def where(self, url: str, what: str) -> None:
        """Say what to write as the device's port."""
        if self._as_json:
            click.echo(json.dumps({"address": url, "protocol": what}))
        else:
            click.echo(
                _("{url}: a simulated device, protocol {what}; Ctrl+C ends it").format(url=plain(url, 1000), what=what)
            )

    def act(self, act: "Act") -> None:
        """Say what happens now."""
        if self._as_json:
            click.echo(json.dumps({"act": act.verb, "value": act.value, "seconds": act.seconds}))
        else:
            click.echo(str(act))

    def code(self, code: str) -> None:
        """Say what is sent now; a simulation's codes are nobody's pass, as far as we know."""
        click.echo(json.dumps({"code": code}) if self._as_json else plain(code, 60))
