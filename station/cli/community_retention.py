"""`gatepost community purge` and `verify`: retention, and the proof that nothing else was changed."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from passes.plaintext import plain
from station.cli.community_common import as_json, community_in, in_folder, print_json
from station.clock import SystemClock
from station.i18n import _

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sync.community.purging import Purged


@click.command()
@in_folder
@click.option("--dry-run", is_flag=True, help="Only count what would be emptied.")
@click.option("--by", help="Who answers for it; stands on the certificate.")
@as_json
def purge(folder: Path, *, dry_run: bool, by: str | None, wants_json: bool) -> None:
    """Empty old records of what names people, as [retention] in community.toml says, and write the certificate.

    Counts stay, and every chain of records still verifies. Backups and files that were exported are not reached.
    """
    from sync.community.certificates import write_certificates
    from sync.community.purging import count_overdue
    from sync.community.purging import purge as run_purge

    now_ms = SystemClock().now_ms()
    with community_in(folder) as (settings, engine):
        if dry_run:
            done, paths = count_overdue(engine, settings, now_ms), []
        else:
            done = run_purge(engine, settings, now_ms, guard=plain(by, 40) if by else None)
            paths = write_certificates(engine, settings.community.id, folder, settings.zone)
    if wants_json:
        print_json(
            {
                "dry_run": dry_run,
                "events": done.events,
                "rows": done.rows,
                "scrubbed": done.is_scrubbed,
                "newest_ms": done.newest_ms,
                "resumed": done.is_resumed,
                "certificates": [*map(str, paths)],
            }
        )
        return
    for name, count in sorted({**done.events, **done.rows}.items()):
        if count:
            click.echo(f"{plain(name, 80)}\t{count}")
    if not done.is_scrubbed:
        click.echo(
            _("The database could not write its files anew, and they still hold old versions: run purge again later."),
            err=True,
        )
    if not any([*done.events.values(), *done.rows.values()]):
        click.echo(_("Nothing is older than it may be."))
    elif dry_run:
        click.echo(_("This is what would be emptied. Nothing was changed."))
    if dry_run:
        _tell_of_time(done, now_ms, settings.zone)
    for path in paths:
        click.echo(_("Certificate: {path}").format(path=plain(str(path), 1000)))


def _tell_of_time(done: "Purged", now_ms: int, zone: "ZoneInfo") -> None:
    from sync.community.instants import local_time

    if done.is_resumed:
        click.echo(
            _("A purge that was cut off would be gone on with; its certificate also counts what it has emptied.")
        )
    if done.newest_ms is not None:
        newest, now = (f"{local_time(at_ms, zone):%Y-%m-%d %H:%M}" for at_ms in (done.newest_ms, now_ms))
        click.echo(
            _(
                "The newest record of a gate came at {newest}; this server's clock says {now}. If that is wrong, set it"
                " right before you purge."
            ).format(newest=newest, now=now)
        )


@click.command()
@in_folder
@as_json
def verify(folder: Path, *, wants_json: bool) -> None:
    """Walk every link of every journal, and check the certificates of purges; exit 1 naming the first that is wrong."""
    from dataclasses import asdict

    from sync.community.verifying import verify_journals

    with community_in(folder) as (settings, engine):
        found = verify_journals(engine, settings.community.id)
    if wants_json:
        print_json(asdict(found))
        return
    click.echo(
        _(
            "{count} records of {journals} journals, every link holds; emptied: {purged}, not yet arrived: {missing}"
        ).format(count=found.events, journals=found.journals, purged=found.purged, missing=found.missing)
    )
