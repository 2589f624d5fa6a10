"""What the commands of `gatepost device` share: protocol and options, and ending by Ctrl+C."""

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, TypeVar

import click

from passes.errors import N_, UsageError
from station.cli.helping import OneOf
from station.devices import PROTOCOLS, OptionValue

Command = TypeVar("Command", bound=Callable[..., Any])

SCANNER: Final = "scanner"
ID_CARD: Final = "samv"


def protocol_option(command: Command) -> Command:
    """Add `--protocol`, without which nothing is known about the bytes."""
    names = [*PROTOCOLS, SCANNER, ID_CARD]
    return click.option("--protocol", cls=OneOf, names=names, required=True, help="What speaks:")(command)


def option_option(command: Command) -> Command:
    """Add `--option KEY=VALUE`, as many as the protocol has."""
    return click.option(
        "--option",
        "options",
        multiple=True,
        metavar="KEY=VALUE",
        help="An option of the protocol, as in settings.toml.",
    )(command)


def protocol_of(name: str) -> str:
    """Return the name of a protocol that can be read; raises UsageError."""
    known = [*PROTOCOLS, SCANNER, ID_CARD]
    if name not in known:
        raise UsageError(
            N_('--protocol "{protocol}": not known; one of: {known}'), protocol=name, known=", ".join(known)
        )
    return name


def options_of(protocol: str, written: tuple[str, ...]) -> Mapping[str, OptionValue]:
    """Return the options in `written`, checked by the protocol; raises UsageError."""
    options: dict[str, OptionValue] = {}
    for text in written:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise UsageError(N_('--option "{text}": write it like --option query=true'), text=text)
        options[key.strip()] = value.strip()
    if protocol in PROTOCOLS:
        PROTOCOLS[protocol].read_options(options)
    elif options:
        raise UsageError(N_("--option {key}: {protocol} has no options"), key=next(iter(options)), protocol=protocol)
    return options


@contextmanager
def until_ctrl_c() -> Iterator[None]:
    """Let Ctrl+C, or being told to end, leave the block: what it opened is closed, and all is fine.

    A program that was started in the background ignores Ctrl+C unless it says otherwise, and one that is told to end
    would leave its links behind.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)  # a second one must not disturb the closing
        raise KeyboardInterrupt

    numbers = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    except KeyboardInterrupt:
        return
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
