"""`gatepost roster`: find people, take them in from a spreadsheet, write them into one."""

import gettext
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from passes.masking import mask_name, mask_plate
from passes.plaintext import plain
from station import roster
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.i18n import LANGUAGES, LOCALE_DIR, _, explain
from station.roster import Known

if TYPE_CHECKING:
    from station.roster_import import Imported


@click.group("roster")
def roster_() -> None:
    """Find people who live here, import and export the roster."""


@roster_.command()
@click.argument("text")
@folder_option
@json_option
def find(text: str, folder: Path | None, as_json: bool) -> None:
    """Find people by TEXT: a name, its pinyin or initials, a room, the end of a phone or ID number, a plate.

    Exit 1 when nobody is found.
    """
    with station_in(folder) as station:
        connection = station.journal.connection
        found = roster.find(connection, text)
        if as_json:
            echo_json([{**msgspec.structs.asdict(person), "name": mask_name(person.name)} for person in found])
        else:
            for person in found:
                home = roster.get_household(connection, person.household)
                plates = [mask_plate(plate) for plate in home.plates] if home else []
                click.echo("  ".join(part for part in (*_told(person), *plates) if part))
            if not found:
                click.echo(_("Nobody is found by this; try fewer characters"), err=True)
    if not found:
        raise click.exceptions.Exit(1)


@roster_.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only look through the file.")
@click.option("--sheet", help="Sheet of the workbook (default: the first that is shown).")
@folder_option
@json_option
def import_(file: Path, dry_run: bool, sheet: str | None, folder: Path | None, as_json: bool) -> None:
    """Take the people of FILE (.xlsx or .csv) into the roster: all of them, or none while a row is wrong.

    Run it again as often as you like: what is on record is not said twice. Exit 1 when a row is wrong.
    """
    from station.roster_import import Words, make_plan, run

    # A Chinese sheet is read whatever language the user reads.
    chinese = gettext.translation("gatepost", LOCALE_DIR, languages=[LANGUAGES["zh"]], fallback=True)
    with station_in(folder) as station:
        words = [Words(table, _, chinese.gettext) for table in (roster.ROLES, roster.FLAGS)]
        plan = make_plan(file, station, words[0], words[1], sheet)
        done = None
        if not plan.problems and not dry_run:
            done = _with_bar(len(plan.entries), lambda step: run(plan, station, step))
    problems = [
        {"file": str(file), "row": each.row, "column": plain(each.column), "reason": explain(each.error)}
        for each in plan.problems
    ]
    persons, households = (done.persons, done.households) if done else (0, 0)
    if as_json:
        counts = {"rows": len(plan.entries) + len({each.row for each in plan.problems}), "known": plan.known}
        echo_json({**counts, "persons": persons, "households": households, "problems": problems})
    else:
        line = _("{file}: row {row}, {column}: {reason}")
        for each in problems:
            click.echo(line.format(**{**each, "file": plain(file.name, 60), "column": each["column"] or "-"}))
        if plan.columns.ignored:
            names = ", ".join(plain(title, 40) for title in plan.columns.ignored)
            click.echo(_("ignored columns: {names}").format(names=names))
        told = _("good rows: {good}   on record before: {known}   wrong rows: {bad}")
        click.echo(told.format(good=len(plan.entries), known=plan.known, bad=len({each.row for each in plan.problems})))
        told = _("recorded: persons {persons}, households {households}")
        click.echo(told.format(persons=persons, households=households) if done else _("Nothing was recorded."))
    if problems:
        raise click.exceptions.Exit(1)


@roster_.command()
@click.argument("file", type=click.Path(path_type=Path))
@folder_option
def export(file: Path, folder: Path | None) -> None:
    """Write everybody who lives here into FILE (.xlsx or .csv), names, rooms and plates masked."""
    from station.roster_export import TITLES, rows
    from station.tables import save_table

    with station_in(folder) as station:
        connection = station.journal.connection
        people = list(rows(connection, unmasked=False))
        save_table(file, "FILE", [_(title) for title in TITLES], people)
        click.echo(_("{path}: {count} people").format(path=plain(str(file), 1000), count=len(people)))


def _told(person: Known) -> list[str]:
    role = _(roster.ROLES[person.role]) if person.role in roster.ROLES else plain(person.role, 20)
    flags = [_(roster.FLAGS[flag]) if flag in roster.FLAGS else plain(flag, 20) for flag in person.flags]
    kind = role or ("" if person.household else _("visitor"))
    tail = _("phone *{tail}").format(tail=plain(person.phone_tail, 4)) if person.phone_tail else ""
    return [mask_name(person.name), plain(person.address, 60), kind, *flags, tail]


def _with_bar(length: int, work: "Callable[[Callable[[int], object]], Imported]") -> "Imported":
    with click.progressbar(length=length, label=_("Importing"), file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        return work(lambda _row: bar.update(1))
