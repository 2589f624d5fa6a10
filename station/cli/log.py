"""`gatepost log`: look after the journal."""

from dataclasses import asdict
from pathlib import Path

import click

from passes.errors import N_, UsageError
from passes.plaintext import plain
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
    from station.purging import check_certificates

    with station_in(folder) as station:
        count, head = station.journal.verify(), station.journal.head()
        emptied = check_certificates(station)
        if as_json:
            echo_json({"events": count, "emptied": emptied, "epoch": head.epoch, "seq": head.seq, "hash": head.hash})
            return
        click.echo(_("{count} records, every link holds").format(count=count))
        if emptied:
            click.echo(_("{count} of them were emptied by retention, as its certificates say").format(count=emptied))


@log.command()
@folder_option
@click.option("--days", type=click.IntRange(1, 36_500), help="Keep records for so many days (default: the settings).")
@click.option("--dry-run", is_flag=True, help="Only count what would be emptied.")
@json_option
def purge(folder: Path | None, days: int | None, dry_run: bool, as_json: bool) -> None:
    """Empty old records of what names people, where the community has them, and record the certificate.

    What is still in force stays: open trips, good passes, the roster, orders. Counts stay, and the chain still holds.
    Age counts up to the last contact with the community. Files that were exported or printed are not reached.
    """
    from station.purging import count_overdue
    from station.purging import purge as run_purge

    with station_in(folder) as station:
        kept = days or station.settings.retention.days
        if not kept:
            raise UsageError(N_("retention.days is 0 in settings.toml, so nothing says how old is old; give --days"))
        done = count_overdue(station, kept) if dry_run else run_purge(station, kept)
    if as_json:
        certificate = done.event.id if done.event else None
        told = {"dry_run": dry_run, "events": done.events, "feed": done.feed}
        echo_json({**told, "certificate": certificate, "scrubbed": done.is_scrubbed})
        return
    for kind, count in done.events.items():
        click.echo(f"{plain(kind, 80)}\t{count}")
    click.echo(_("emptied: {count}, of other gates: {feed}").format(count=sum(done.events.values()), feed=done.feed))
    if dry_run:
        click.echo(_("This is what would be emptied. Nothing was changed."))
    if not done.is_scrubbed:
        click.echo(_("The file is in use and still holds old versions: run purge again when the gate is closed."))


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
