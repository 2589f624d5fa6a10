"""`gatepost watch`: the watch list, read in from a spreadsheet, told, and cleared."""

import sys
from pathlib import Path

import click

from passes.errors import N_, UsageError
from passes.masking import mask_name
from passes.plaintext import plain
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.i18n import _, explain


@click.group()
def watch() -> None:
    """Read the watch list in, tell who stands on it, and take people off it."""


@watch.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--source", required=True, help="Whose list it is.")
@click.option("--sheet", help="Name of the sheet in an XLSX workbook (default: the first one that is shown).")
@click.option("--dry-run", is_flag=True, help="Only look through the rows.")
@folder_option
def import_(path: Path, source: str, sheet: str | None, dry_run: bool, folder: Path | None) -> None:
    """Put everybody in the spreadsheet PATH (CSV or XLSX) on the watch list; running it again lists nobody twice."""
    from station.duty.book import DutyBook
    from station.duty.watch_import import Taken, read_list, take

    with station_in(folder) as station:
        plan = read_list(path, source, sheet)
        done = Taken()
        if not dry_run:
            steps = take(plan, DutyBook.of(station), station.sealer())
            is_hidden = not sys.stderr.isatty()
            with click.progressbar(length=len(plan.good), file=sys.stderr, hidden=is_hidden) as bar:
                for step in steps:
                    done = step
                    bar.update(1)
        for problem in plan.problems:
            where = f"{problem.row} {plain(problem.column, 30)}".rstrip()
            click.echo(_("row {where}: {why}").format(where=where, why=explain(problem.error)), err=True)
        if dry_run:
            click.echo(_("{count} good rows").format(count=len(plan.good)))
        else:
            click.echo(_("{new} new on the list, {known} stood there already").format(new=done.new, known=done.known))
        if plan.problems:
            click.get_current_context().exit(1)


@watch.command("list")
@folder_option
@json_option
def list_(folder: Path | None, as_json: bool) -> None:
    """Tell who stands on the watch list; names are masked."""
    from station.duty import watch as entries
    from station.duty.book import DutyBook

    with station_in(folder) as station:
        rows = [
            {
                "id": one.matter.body.holder_id or one.matter.body.household,
                "name": mask_name(one.matter.body.name or one.name),
                "reason": one.matter.body.reason or "",
                "source": one.matter.body.source,
            }
            for one in entries.listed(DutyBook.of(station), limit=-1)
        ]
        if as_json:
            echo_json(rows)
        else:
            for row in rows:
                click.echo("   ".join(plain(text, 100) for text in row.values()))


@watch.command()
@click.argument("person_id")
@click.option("--reason", required=True, help="Why, in your own words.")
@folder_option
def clear(person_id: str, reason: str, folder: Path | None) -> None:
    """Take the person with this id (see: gatepost watch list) off the watch list."""
    from station.duty import watch as entries
    from station.duty.book import DutyBook

    with station_in(folder) as station:
        book = DutyBook.of(station)
        found = (one.matter.body for one in entries.listed(book, limit=-1))
        order = next((body for body in found if person_id in (body.holder_id, body.household)), None)
        if order is None:
            raise UsageError(N_("{person}: nobody with this id is on the watch list"), person=person_id)
        entries.clear(book, order, reason)
        click.echo(_("cleared"))
