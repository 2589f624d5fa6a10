"""`gatepost community import` and `export`: stations' records and the answers to them by USB stick."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from passes.errors import GatepostError
from passes.plaintext import plain
from station.cli.bundles import tell_refused
from station.cli.common import key_passphrase
from station.cli.community_common import as_json, community_in, in_folder, print_json
from station.clock import SystemClock
from station.i18n import _

if TYPE_CHECKING:
    from sync.community.database import Engine
    from sync.community.settings import CommunitySettings
    from sync.enrolment import Enrolment

with_bundle_passphrase = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="File with the passphrase of the bundle keys (default: GATEPOST_KEY_PASSPHRASE, else it is asked for).",
)


@click.command("import")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@in_folder
@click.option("--answers", type=click.Path(file_okay=False, path_type=Path), help="Where the answers go instead.")
@with_bundle_passphrase
@as_json
@click.pass_context
def community_import(
    ctx: click.Context,
    *,
    paths: tuple[Path, ...],
    folder: Path,
    answers: Path | None,
    passphrase_file: Path | None,
    wants_json: bool,
) -> None:
    """Take in what stations wrote to a stick, and write the answers for them beside it.

    Each file is whole, from a station of this community and not changed, or nothing of it is stored. What came before,
    by stick or by network, is stored once.
    """
    from sync.community.bundle_answers import write_answers
    from sync.community.bundles import Desk, import_bundles

    written: list[Path] = []
    troubles: list[GatepostError] = []
    with community_in(folder) as (settings, engine):
        desk = Desk(
            engine, folder, settings.community.id, SystemClock().now_ms, bundle_passphrase(folder, passphrase_file)
        )
        done = import_bundles(desk, paths)
        for place in sorted({answers or one.path.parent for one in done.taken}):
            taken = [one for one in done.taken if answers or one.path.parent == place]
            try:
                written += write_answers(desk, taken, place, settings.zone)
            except GatepostError as error:
                troubles.append(error)
    if wants_json:
        print_json(
            {
                "files": [
                    {"file": str(one.path), "station": one.header.station, "events": one.counts} for one in done.taken
                ],
                "answers": [*map(str, written)],
                "refused": [str(error) for error in done.refused],
                "troubles": [str(error) for error in troubles],
            }
        )
    else:
        for one in done.taken:
            counts = ", ".join(f"{plain(name)} {count}" for name, count in sorted(one.counts.items()))
            click.echo(f"{plain(one.path.name)}\t{one.header.station}\t{counts}")
        for path in written:
            click.echo(_("For the station: {path}").format(path=plain(str(path), 1000)))
    if troubles:
        click.echo(_("The records are stored; the answers could not be written. Repeat with --answers DIR."), err=True)
    tell_refused(ctx, [*troubles, *done.refused], len(done.taken))


@click.command("export")
@click.argument("path", type=click.Path(path_type=Path))
@in_folder
@click.option("--station", "station_id", help="For this station only (default: for every one that takes part).")
@with_bundle_passphrase
@as_json
def community_export(
    *, path: Path, folder: Path, station_id: str | None, passphrase_file: Path | None, wants_json: bool
) -> None:
    """Write what gates need to know to a stick: passes, bans, rules, keys, and the passages of all gates."""
    from sync.community.bundle_answers import write_feed
    from sync.community.bundles import Desk
    from sync.community.stations import list_stations

    with community_in(folder) as (settings, engine):
        desk = Desk(
            engine, folder, settings.community.id, SystemClock().now_ms, bundle_passphrase(folder, passphrase_file)
        )
        enrolled = [one.station for one in list_stations(engine, settings.community.id) if one.withdrawn_at_ms is None]
        stations = [station_id] if station_id else enrolled
        written = [write_feed(desk, station, path, settings.zone) for station in stations]
    if wants_json:
        print_json({"files": [*map(str, written)]})
        return
    for file in written:
        click.echo(_("For the station: {path}").format(path=plain(str(file), 1000)))


def require_stick(stick: Path) -> None:
    """Raise `BundleError` unless an invitation can be written there: before the station is enrolled, not after."""
    from sync.bundlefiles import SPARE_BYTES, require_room

    require_room(stick, SPARE_BYTES)


def invite_on(
    stick: Path,
    enrolment: "Enrolment",
    folder: Path,
    engine: "Engine",
    settings: "CommunitySettings",
    passphrase_file: Path | None,
) -> None:
    """Write an invitation to a stick and tell its code, and beside it what the new station needs to know."""
    from sync.community.bundle_answers import write_feed
    from sync.community.bundles import Desk
    from sync.invitation import write_invitation

    clock = SystemClock()
    path, code = write_invitation(stick, enrolment, clock.now_ms(), settings.zone)
    click.echo(_("Invitation: {path}").format(path=plain(str(path), 1000)))
    click.echo(_("Its one-time code, to be told apart from the stick: {code}").format(code=code))
    click.echo(_("At the station: gatepost init --stick STICK --code {code}").format(code=code))
    passphrase = bundle_passphrase(folder, passphrase_file)
    desk = Desk(engine, folder, settings.community.id, clock.now_ms, passphrase)
    news = write_feed(desk, enrolment.station, stick, settings.zone)
    click.echo(_("For the station: {path}").format(path=plain(str(news), 1000)))


def bundle_passphrase(folder: Path, passphrase_file: Path | None) -> str | None:
    """Return what opens the keys for bundles, which are under the same passphrase as the root key."""
    from passes.trust import USE_BUNDLES
    from sync.community.office import KEY_FILES

    path = next(iter(sorted(folder.glob(KEY_FILES[USE_BUNDLES].format(key_id="*")))), folder / "none")
    return key_passphrase(path, passphrase_file, _("Passphrase of the community's keys"))
