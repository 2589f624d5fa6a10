"""`gatepost init`: set a station up from the enrolment file of its office, or by the code that it reads out."""

from pathlib import Path

import click

from passes.errors import N_, UsageError
from passes.keyfiles import read_passphrase
from station.cli.common import echo_json, json_option
from station.i18n import _
from station.joining import join, join_by_code
from station.settings import GateSettings, ThermometerSettings, default_folder


@click.command()
@click.argument("enrolment", type=click.Path(path_type=Path), required=False)
@click.option("--join", "address", help="The community's address, instead of a file.")
@click.option("--code", help="The one-time code that the office gave.")
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="The station's folder (default: GATEPOST_DIR).")
@click.option("--thermometer", default="", help="Serial port of the thermometer, such as /dev/ttyUSB0 or COM3.")
@click.option("--direction", type=click.Choice(["entry", "exit"]), default="exit", help="Which way the lane goes.")
@click.option(
    "--key-passphrase-file",
    type=click.Path(path_type=Path),
    help="Keep the issuing key under the passphrase in this file.",
)
@json_option
def init(
    *,
    enrolment: Path | None,
    address: str | None,
    code: str | None,
    folder: Path | None,
    thermometer: str,
    direction: str,
    key_passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Set up this machine as a station, from the file or the code that `gatepost community station add` made."""
    target = folder or default_folder()
    gate = GateSettings(direction="entry" if direction == "entry" else "exit")
    passphrase = read_passphrase(key_passphrase_file) if key_passphrase_file else None
    meter = ThermometerSettings(port=thermometer)
    if enrolment and not (address or code):
        settings = join(target, enrolment, meter, gate, key_passphrase=passphrase)
    elif address and code and not enrolment:
        settings = join_by_code(target, address, code, meter, gate, key_passphrase=passphrase)
    else:
        raise UsageError(N_("name the enrolment file, or give --join ADDRESS and --code CODE, which the office tells"))
    if as_json:
        echo_json({"folder": str(target), "station": settings.station.id, "community": settings.community.id})
        return
    sentence = _("Station {name} is set up in {folder}. Open the gate with: gatepost --dir {folder}")
    click.echo(sentence.format(name=settings.station.name, folder=target))
    if enrolment:
        click.echo(_("Now delete {file}: it holds this station's secret").format(file=enrolment))
