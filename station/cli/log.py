"""`gatepost log`: look after the journal."""

from pathlib import Path

import click

from station.cli.common import echo_json, folder_option, json_option, station_in
from station.i18n import _


@click.group()
def log() -> None:
    """Look after the station's journal."""


@log.command()
@folder_option
@json_option
def verify(folder: Path | None, as_json: bool) -> None:
    """Walk every link of the journal; exit 1 naming the first record that is not as it was written."""
    with station_in(folder) as station:
        count, head = station.journal.verify(), station.journal.head()
        if as_json:
            echo_json({"events": count, "epoch": head.epoch, "seq": head.seq, "hash": head.hash})
        else:
            click.echo(_("{count} records, every link holds").format(count=count))


@log.command()
@folder_option
def rebuild(folder: Path | None) -> None:
    """Make the register anew from the journal, if that is as it was written."""
    with station_in(folder) as station:
        station.journal.verify()
        station.register.rebuild()
        click.echo(_("The register was made anew from {count} records").format(count=station.journal.head().n))
