"""`gatepost sync`: what has been sent, and sending without the gate screen."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from pathlib import Path

import click
import msgspec

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.cli.bundles import sync_export, sync_import
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.clock import local_time
from station.i18n import _, explain
from station.parcels import open_parcels
from station.travel import Travel, alarms, look, report_doubts
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
    """Say what is unsent and since when, what was set aside and why, and what is amiss with the link."""
    with station_in(folder) as station:
        travel = look(station)
        amiss = alarms(station.journal.connection, station.clock.now_ms(), station.settings.zone)
        if as_json:
            echo_json(_as_json(travel, station.journal.drift_ms, [explain(alarm) for alarm in amiss]))
            return
        for line in _lines(travel, station.journal.drift_ms, station.settings.zone):
            click.echo(line)
        for alarm in amiss:
            click.echo(explain(alarm))


def _lines(travel: Travel, drift_ms: int | None, zone: tzinfo) -> Iterator[str]:
    def when(at_ms: int | None) -> str:
        return "-" if at_ms is None else f"{local_time(at_ms, zone):%Y-%m-%d %H:%M:%S}"

    backlog = travel.backlog
    yield _("unsent: {count}, oldest: {oldest}").format(count=backlog.pending, oldest=when(backlog.oldest_ms))
    yield _("last contact: {time}, database: {generation}").format(
        time=when(travel.last_contact_ms), generation=(travel.generation or "-")[:8]
    )
    if drift_ms is not None:
        yield _("clock ahead of the community's by {seconds} s").format(seconds=round(drift_ms / 1000))
    if backlog.stuck:
        yield _("{count} set aside by the office").format(count=backlog.stuck)
    for one in travel.set_aside:
        yield f"  {one.n}\t{one.kind}\t{when(one.at_ms)}\t{one.status}\t{plain(one.reason, 200)}"
    for conflict in travel.conflicts:
        stations = "、".join(plain(station) for station in conflict.stations)
        words = _("open conflict {id}: {rule}, {stations}")
        yield words.format(id=plain(conflict.conflict_id), rule=conflict.rule, stations=stations)
    for head in travel.heads:
        yield f"  {plain(head.station)}\t{head.epoch[:8]}/{head.seq}\t{when(head.contact_ms)}"


def _as_json(travel: Travel, drift_ms: int | None, amiss: list[str]) -> dict[str, object]:
    told: dict[str, object] = msgspec.to_builtins(travel)
    backlog = travel.backlog
    oldest = datetime.fromtimestamp(backlog.oldest_ms / 1000, UTC).isoformat() if backlog.oldest_ms else None
    del told["backlog"]
    return {
        "unsent": backlog.pending,
        "oldest": oldest,
        "stuck": backlog.stuck,
        "drift_ms": drift_ms,
        "alarms": amiss,
        **told,
    }


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
        report_doubts(station)
        click.echo(_("sent: {count}, received: {fetched}").format(count=sent, fetched=fetched))
