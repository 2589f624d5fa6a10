"""`gatepost log`: look after the journal."""

from dataclasses import asdict
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
@json_option
def rebuild(folder: Path | None, as_json: bool) -> None:
    """Make the register anew from journal and feed, and compare it with the one in use.

    Exit 1 when they differ, naming the first row of each table; the one in use has been made anew then.
    """
    from station.rebuilding import differences

    with station_in(folder) as station:
        station.journal.verify()
        found = differences(station.journal, station.settings.zone)
        if found:
            station.register.rebuild()
        count = station.journal.head().n
        if as_json:
            echo_json({"events": count, "differences": [asdict(one) for one in found]})
        for one in found if not as_json else ():
            told = _("{table}: in use, but not in the records: {row}")
            missing = _("{table}: in the records, but not in use: {row}")
            click.echo((told if one.is_in_use else missing).format(table=one.table, row=one.row), err=True)
        if not as_json:
            told = _("The register is what {count} records and the feed say")
            anew = _("The register differed and was made anew from {count} records and the feed")
            click.echo((anew if found else told).format(count=count))
    if found:
        raise click.exceptions.Exit(1)
