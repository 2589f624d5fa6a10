"""`gatepost device`: what hangs at the ports, what it says, what a recording says, and devices that are not there."""

import click

from passes.plaintext import plain
from station.cli.common import echo_json, json_option
from station.cli.device_common import option_option, options_of, protocol_of, protocol_option
from station.cli.device_simulate import simulate
from station.cli.device_watch import watch
from station.i18n import _


@click.group()
def device() -> None:
    """Thermometers, scanners and ID card readers: find, watch, decode and simulate them."""


device.add_command(watch)
device.add_command(simulate)


@device.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Name the serial ports of this machine and what they seem to be; nothing is opened."""
    from station.devices.ports import SENTENCES, list_ports

    found = list_ports()
    if as_json:
        echo_json(
            [
                {
                    "address": port.address,
                    "device": port.device,
                    "by_id": port.by_id,
                    "likeness": port.likeness.value,
                    "sentence": _(SENTENCES[port.likeness]),
                    "vid": port.vid,
                    "pid": port.pid,
                    "serial_number": port.serial_number,
                    "location": port.location,
                    "maker": port.maker,
                    "product": port.product,
                }
                for port in found
            ]
        )
        return
    for port in found:
        name = " ".join(word for word in (port.maker, port.product) if word)
        click.echo(plain(f"{port.device}  {_(SENTENCES[port.likeness])}" + (f"  ({name})" if name else "")))
        if port.address != port.device:
            click.echo("    " + _("for settings.toml: {address}").format(address=plain(port.address)))
        if port.by_id:
            click.echo(f"    {plain(port.by_id)}")
    if not found:
        click.echo(_("No serial port was found; plug the device in, and on Linux look at: sudo dmesg | tail"))


@device.command()
@click.argument("source", metavar="FILE")
@protocol_option
@option_option
@click.option("--hex/--binary", "is_hex", default=None, help="What FILE holds (default: seen from its beginning).")
def decode(source: str, protocol: str, options: tuple[str, ...], is_hex: bool | None) -> None:
    """Print what the recorded bytes in FILE, - for standard input, say: one line of JSON each.

    Temperatures outside 30.0 to 45.0 degrees are errors; the end of FILE ends a begun frame. Exit 0 also when there are
    errors in it, 1 when it cannot be read.
    """
    from station.cli.device_decoders import make_decoder
    from station.cli.device_input import pieces_of
    from station.cli.device_results import Result, line

    def tell(results: list[Result]) -> None:
        if results:
            click.echo("\n".join(map(line, results)))

    decoder = make_decoder(protocol_of(protocol), options_of(protocol, options))
    for piece in pieces_of(source, is_hex=is_hex):
        tell(decoder.feed(piece))
    tell(decoder.end())
