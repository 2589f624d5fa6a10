"""`gatepost device watch`: what a device says, as it comes."""

import time
from queue import Empty, Full, Queue
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

import click

from passes.errors import GatepostError, UsageError
from passes.plaintext import plain
from station.cli.common import json_option
from station.cli.device_common import (
    ID_CARD,
    SCANNER,
    option_option,
    options_of,
    protocol_of,
    protocol_option,
    until_ctrl_c,
)
from station.cli.device_results import Result, line, of_card, of_card_error, of_code, of_link, of_thermometer
from station.devices import PROTOCOLS, OptionValue
from station.devices.idcard.card import CardError, IdCard
from station.devices.measurement import Fault, Link, LinkState, Measurement
from station.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Event: TypeAlias = Measurement | Fault | LinkState | IdCard | CardError | str

_MOST_WAITING: Final = 10_000
"""A terminal that has been stopped makes nothing wait for ever: what is beyond is not told."""

_TOO_FEW = N_("{port}: {seen} of {count} came within {seconds:g} seconds")


class _Reader(Protocol):
    def start(self) -> None: ...
    def stop(self) -> None: ...


@click.command()
@click.argument("port")
@protocol_option
@option_option
@click.option("--baud-rate", type=click.IntRange(min=1), help="In bit/s (default: the protocol's usual one).")
@click.option("--count", type=click.IntRange(min=1), help="End after so many temperatures of people, codes or cards.")
@click.option("--seconds", type=click.FloatRange(min=0, min_open=True), help="End after so many seconds.")
@click.option("--unmask", is_flag=True, help="Show codes and the fields of cards whole.")
@json_option
def watch(
    port: str,
    protocol: str,
    options: tuple[str, ...],
    baud_rate: int | None,
    count: int | None,
    seconds: float | None,
    unmask: bool,
    as_json: bool,
) -> None:
    """Show what the device at PORT says, one line each, until Ctrl+C.

    PORT is a device name, an address of `gatepost device list`, or socket://HOST:PORT. Codes and cards are masked.
    Exit 1 when --count was not reached within --seconds, 2 when PORT can be no port.
    """
    events: Queue[Event] = Queue(_MOST_WAITING)

    def take(event: Event) -> None:
        try:
            events.put_nowait(event)
        except Full:
            return

    reader = _reader(port, protocol_of(protocol), options_of(protocol, options), baud_rate, take)
    screen = _Screen(as_json=as_json, is_masked=not unmask)
    with until_ctrl_c():
        reader.start()
        try:
            seen = _tell(events, screen, count, seconds)
        finally:
            reader.stop()
        if count and seen < count:
            raise GatepostError(_TOO_FEW, port=port, seen=seen, count=count, seconds=seconds)


def _reader(
    port: str,
    protocol: str,
    options: "Mapping[str, OptionValue]",
    baud_rate: int | None,
    take: "Callable[[Event], None]",
) -> _Reader:
    """Return the thread that reads the device; not started."""
    if protocol == SCANNER:
        from station.devices.scanner import reader as scanner

        return scanner.SerialScanner(port, take, baud_rate=baud_rate or scanner.BAUD_RATE)
    if protocol == ID_CARD:
        from station.devices.idcard.frames import BAUD_RATE
        from station.devices.idcard.reader import IdCardReader

        return IdCardReader(port, take, baud_rate=baud_rate or BAUD_RATE)
    from station.devices.thermometer import Thermometer

    known = PROTOCOLS[protocol]
    return Thermometer(port, lambda: known.make_parser(options), take, baud_rate=baud_rate or known.baud_rate)


def _tell(events: "Queue[Event]", screen: "_Screen", count: int | None, seconds: float | None) -> int:
    """Show what comes until it is enough; return how many temperatures, codes or cards it was."""
    began_s, seen = time.monotonic(), 0
    while count is None or seen < count:
        left_s = None if seconds is None else began_s + seconds - time.monotonic()
        if left_s is not None and left_s <= 0:
            break
        try:
            event = events.get(timeout=left_s)
        except Empty:
            break
        result = screen.show(event, time.monotonic() - began_s)
        seen += not ({"error", "link"} & result.keys())
        if isinstance(event, LinkState) and event.state is Link.UNUSABLE:
            raise UsageError(event.sentence, **event.values)
    return seen


class _Screen:
    """One line for each event, in words or as JSON."""

    def __init__(self, *, as_json: bool, is_masked: bool) -> None:
        self._as_json = as_json
        self._is_masked = is_masked

    def show(self, event: Event, at_s: float) -> Result:
        """Print the event; return it as plain values."""
        result = self._result(event)
        if self._as_json:
            click.echo(line({"at_s": round(at_s, 3), **result}))
        else:
            click.echo(f"{at_s:8.2f}  {_words(result)}")
        return result

    def _result(self, event: Event) -> Result:
        if isinstance(event, LinkState):
            return of_link(event)
        if isinstance(event, str):
            return of_code(event, is_masked=self._is_masked)
        if isinstance(event, IdCard):
            return of_card(event, is_masked=self._is_masked)
        return of_card_error(event) if isinstance(event, CardError) else of_thermometer(event)


_KINDS: Final = {"surface": N_("skin"), "body": N_("body")}


def _words(result: Result) -> str:
    """Return a result in a form for people."""
    if "celsius" in result:
        words = [f"{result['celsius']:7.2f} C", _(_KINDS[str(result["kind"])])]
        if "ambient" in result:
            words.append(_("air {celsius:.2f} C").format(celsius=result["ambient"]))
        return "  ".join([*words, *([str(result["sentence"])] if "error" in result else [])])
    if "sentence" in result:
        return f"{result.get('link') or result.get('error')}: {result['sentence']}"
    if "code" in result:
        code = plain(str(result["code"]), _MOST_SHOWN)
        length = result.get("characters")
        return code if length is None else _("{code}  (characters: {count})").format(code=code, count=length)
    return plain("  ".join(str(value) for value in result.values() if value), _MOST_SHOWN)


_MOST_SHOWN: Final = 2_001
