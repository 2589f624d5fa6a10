"""`gatepost sync`: what has been sent, and sending without the gate screen."""

from datetime import UTC, datetime
from pathlib import Path

import click

from passes.errors import N_, UsageError
from station.cli.bundles import sync_export, sync_import
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.i18n import _
from station.parcels import open_parcels
from sync.client import connect
from sync.courier import exchange


@click.group()
def sync() -> None:
    """Send records to the community, or see what is unsent."""


sync.add_command(sync_export)
sync.add_command(sync_import)


@sync.command()
@folder_option
@json_option
def status(folder: Path | None, as_json: bool) -> None:
    """Say how many records are unsent and since when."""
    with station_in(folder) as station:
        backlog = station.outbox.backlog()
        oldest = datetime.fromtimestamp(backlog.oldest_ms / 1000, UTC).isoformat() if backlog.oldest_ms else None
        if as_json:
            echo_json({"unsent": backlog.pending, "oldest": oldest, "stuck": backlog.stuck})
        else:
            click.echo(_("unsent: {count}, oldest: {oldest}").format(count=backlog.pending, oldest=oldest or "-"))
            if backlog.stuck:
                click.echo(_("{count} set aside by the office").format(count=backlog.stuck))


@sync.command()
@folder_option
def run(folder: Path | None) -> None:
    """Send what is unsent and fetch what is new; exit 1 with the reason when the community cannot be reached."""
    with station_in(folder) as station:
        community = station.settings.community
        if not community.url:
            raise UsageError(
                N_("settings.toml: community.url is empty, so there is nobody to send to; write its address")
            )
        own, zone = station.settings.station.id, station.settings.zone
        with connect(community.url, station.secret()) as client, open_parcels(station.folder, own, zone) as parcels:
            sent, fetched = exchange(client, parcels, community.id, own, station.clock.now_ms)
        click.echo(_("sent: {count}, received: {fetched}").format(count=sent, fetched=fetched))
