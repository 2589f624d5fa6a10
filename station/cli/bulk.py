"""`gatepost pass bulk`: issue the passes of a spreadsheet."""

import gettext
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from passes.errors import N_, UsageError
from passes.kinds import Kind
from passes.plaintext import plain
from station.assembly import Station
from station.cli.common import desk_of, echo_json, folder_option, json_option, passphrase_option, station_in
from station.cli.printing import tell_missing
from station.i18n import LANGUAGES, LOCALE_DIR, _, explain
from station.issuing import Desk
from station.printing import Layout, print_to_file
from station.register import PassRow

if TYPE_CHECKING:
    from station.bulk.reading import Problem
    from station.bulk.run import Issued, Plan
    from station.bulk.values import KindNames

T = TypeVar("T")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--issue", "issues", is_flag=True, help="Issue the good rows; without it the file is only looked through."
)
@click.option("--kind", help="Kind of the rows that name none: its code or its name.")
@click.option("--from", "valid_from", help="First day of the rows that name none, YYYY-MM-DD.")
@click.option("--until", "valid_until", help="Last day of the rows that name none, YYYY-MM-DD.")
@click.option("--sheet", help="Sheet of the workbook (default: the first that is shown).")
@click.option("--report", type=click.Path(path_type=Path), help="Write the bad rows into this CSV file.")
@click.option("--pdf", type=click.Path(path_type=Path), help="With --issue: draw all passes of the file on A4 sheets.")
@click.option("--layout", type=click.Choice(["sheet10", "sheet8"]), default="sheet10", help="Ten or eight on a sheet.")
@passphrase_option
@folder_option
@json_option
def bulk(
    file: Path,
    issues: bool,
    kind: str | None,
    valid_from: str | None,
    valid_until: str | None,
    sheet: str | None,
    report: Path | None,
    pdf: Path | None,
    layout: Layout,
    passphrase_file: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Look through FILE (.xlsx or .csv) and tell every bad row; with --issue, issue the good ones.

    Run it again after a stop or a correction: nobody gets a second pass. Exit 1 when a row is bad.
    """
    from station.bulk.report import save_report
    from station.bulk.rows import Defaults
    from station.bulk.run import make_plan
    from station.bulk.values import parse_day

    with station_in(folder) as station:
        if pdf and not issues:
            raise UsageError(N_("--pdf: only passes that are issued can be drawn; add --issue"))
        desk = desk_of(station, passphrase_file) if issues else None
        kinds = _kind_names(station.register.rules().in_force(station.clock.now_ms()))
        defaults = Defaults(
            _option("--kind", kind, kinds.parse),
            _option("--from", valid_from, parse_day),
            _option("--until", valid_until, parse_day),
        )
        plan = make_plan(file, station.register, kinds, defaults, sheet)
        # Before anything is issued, so that a report which cannot be written stops the run in time.
        if report:
            save_report(report, plan, plan.problems, _, explain)
        issued, refused = _issue(plan, desk, station) if desk else ([], [])
        problems = sorted((*plan.problems, *refused), key=lambda problem: problem.row)
        if report and refused:
            save_report(report, plan, problems, _, explain)
        tell = _tell_json if as_json else _tell
        tell(plan, issued, problems, is_dry=not issues, seals=station.sealer() is not None)
        if pdf and issued:
            _draw(station, [each.issued for each in issued], pdf, layout)
    if problems:
        raise click.exceptions.Exit(1)


def _issue(plan: "Plan", desk: Desk, station: Station) -> "tuple[list[Issued], list[Problem]]":
    from station.bulk.run import issue

    with click.progressbar(
        length=len(plan.good), label=_("Issuing"), file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        return issue(plan, desk, station.register, lambda _done: bar.update(1))


def _draw(station: Station, rows: list[PassRow], pdf: Path, layout: Layout) -> None:
    with click.progressbar(
        length=len(rows), label=_("Drawing"), file=sys.stderr, hidden=not sys.stderr.isatty()
    ) as bar:
        tell_missing(print_to_file(station, rows, pdf, layout, bar.update))
    click.echo(_("on paper: {path}").format(path=plain(str(pdf), 1000)), err=True)


def _kind_names(kinds: Mapping[str, Kind]) -> "KindNames":
    from station.bulk.values import KindNames

    # A Chinese sheet is read whatever language the user reads.
    chinese = gettext.translation("gatepost", LOCALE_DIR, languages=[LANGUAGES["zh"]], fallback=True)
    return KindNames(kinds, _, chinese.gettext)


def _option(name: str, value: str | None, parse: Callable[[str], T]) -> T | None:
    from station.bulk.values import RowError

    try:
        return None if value is None else parse(value)
    except RowError as error:
        raise UsageError(N_("{option}: {why}"), option=name, why=explain(error)) from None


def _tell(plan: "Plan", issued: "list[Issued]", problems: "list[Problem]", *, is_dry: bool, seals: bool) -> None:
    from station.bulk.columns import NOT_KEPT, SEALED

    sheet, columns = plan.sheet, plan.columns
    form = sheet.name or f"CSV, {sheet.encoding}, {_(sheet.delimiter)}"
    head = _("{path} ({form}), headers in row {row}")
    click.echo(head.format(path=plain(str(sheet.path), 1000), form=plain(form), row=columns.header_row))
    secret = [columns.title(field) for field in SEALED if field in columns.places]
    dropped = [columns.title(field) for field in NOT_KEPT if field in columns.places]
    for sentence, names in (
        (_("read: {names}"), [columns.title(field) for field in columns.places if field not in (*NOT_KEPT, *SEALED)]),
        (_("sealed, only the office can read them: {names}"), secret if seals else []),
        (_("looked through and dropped, since the office gave no key to seal to: {names}"), [] if seals else secret),
        (_("looked through, not kept: {names}"), dropped),
        (_("ignored columns: {names}"), columns.ignored),
        (_("sheets not read, name one with --sheet: {names}"), sheet.not_read),
    ):
        if names:
            click.echo(sentence.format(names=_listed(names)))
    for problem in problems:
        place = f", {plain(problem.column, 40)}" if problem.column else ""
        line = _("row {row}{place}: {reason}")
        click.echo(line.format(row=problem.row, place=place, reason=explain(problem.error)))
    counts = _("rows: {rows}   good: {good}   of them issued before: {known}   bad: {bad}")
    known = sum(planned.known is not None for planned in plan.good)
    bad = len({problem.row for problem in problems})
    click.echo(counts.format(rows=len(plan.cells), good=len(plan.cells) - bad, known=known, bad=bad))
    if is_dry:
        click.echo(_("Nothing was issued. Issue the good rows with: --issue"))
    else:
        click.echo(_("issued: {count}").format(count=sum(each.is_new for each in issued)))


def _tell_json(plan: "Plan", issued: "list[Issued]", problems: "list[Problem]", *, is_dry: bool, seals: bool) -> None:
    columns = plan.columns
    passes = [
        {"row": each.row, "number": each.issued.number, "pass_id": each.issued.pass_id, "is_new": each.is_new}
        for each in issued
    ]
    echo_json(
        {
            "dry_run": is_dry,
            "file": str(plan.sheet.path),
            "sheet": plan.sheet.name,
            "encoding": plan.sheet.encoding,
            "header_row": columns.header_row,
            "columns": {field: plain(columns.title(field)) for field in columns.places},
            "ignored": [plain(title) for title in columns.ignored],
            "seals_numbers": seals,
            "rows": len(plan.cells),
            "good": len(plan.good),
            "issued_before": sum(planned.known is not None for planned in plan.good),
            "problems": [
                {"row": each.row, "column": plain(each.column), "reason": explain(each.error)} for each in problems
            ],
            "passes": passes,
        }
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(plain(name, 40) for name in names)
