"""`gatepost sync export` and `import`: records and answers by USB stick."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from passes.errors import GatepostError
from passes.plaintext import plain
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.i18n import _, explain


@click.command("export")
@click.argument("path", type=click.Path(path_type=Path))
@folder_option
@json_option
@click.pass_context
def sync_export(ctx: click.Context, path: Path, folder: Path | None, as_json: bool) -> None:
    """Write what the community has not acknowledged to a stick (a folder), or to a new file *.gatepost.

    The files are sealed to the community and signed by this station. The records stay here until the community's
    answer has come, by stick or by network; whatever comes to it twice is stored once.
    """
    from station.bundles import carrier_of, export_to

    with station_in(folder) as station:
        carrier = carrier_of(station)
        with click.progressbar(
            length=station.outbox.backlog().pending, label=_("Writing"), file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            done = export_to(carrier, path, progress=lambda now, _of: bar.update(now - bar.pos))
    if as_json:
        files = [*map(str, done.files)]
        echo_json({"files": files, "events": done.events, "there_before": done.there_before, "left": done.left})
    else:
        for file in done.files:
            click.echo(plain(str(file), 1000))
        click.echo(
            _("written: {count}, on the stick before: {before}, left: {left}").format(
                count=done.events, before=done.there_before, left=done.left
            )
        )
        if done.files or done.there_before:
            click.echo(_("In the office: gatepost community import STICK; then bring its answer back here."))
    if done.left:
        ctx.exit(1)


@click.command("import")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=click.Path(path_type=Path))
@folder_option
@json_option
@click.pass_context
def sync_import(ctx: click.Context, paths: tuple[Path, ...], folder: Path | None, as_json: bool) -> None:
    """Take over what the community wrote for this station: receipts, and what other gates know."""
    from station.bundle_answers import import_from
    from station.bundles import carrier_of

    with station_in(folder) as station:
        done = import_from(carrier_of(station), paths)
    if as_json:
        refused = [str(error) for error in done.refused]
        files = [*map(str, done.files)]
        echo_json({"files": files, "acknowledged": done.settled, "news": done.news, "refused": refused})
    else:
        click.echo(
            _("bundles: {files}, acknowledged: {settled}, received: {news}").format(
                files=len(done.files), settled=done.settled, news=done.news
            )
        )
    tell_refused(ctx, done.refused, found=len(done.files))


def tell_refused(ctx: click.Context, refused: Sequence[GatepostError], found: int) -> None:
    """Say of each refused bundle why; the command ends with 1 when there is any, or when there was none at all."""
    for error in refused:
        click.echo(explain(error), err=True)
    if not refused and not found:
        click.echo(_("No bundle for here was found there."), err=True)
    if refused or not found:
        ctx.exit(1)
