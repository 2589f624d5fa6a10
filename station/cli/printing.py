"""`gatepost pass print`: passes on paper, or into a file that is ready to print."""

import sys
from pathlib import Path

import click

from passes.errors import N_, UsageError
from passes.policy import State
from station import issuing
from station.assembly import Station
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.i18n import _
from station.printing import LAYOUTS, Layout, print_to, print_to_file
from station.register import PassRow


@click.command("print")
@click.argument("numbers", nargs=-1)
@click.option("--unprinted", is_flag=True, help="All active passes that no printer and no file has taken yet.")
@click.option("--kind", default="", help="Of those, only the passes of this kind.")
@click.option("--to", "address", help="Printer: cups:QUEUE, windows:NAME, escpos:tcp://HOST, escpos:serial:PORT, …")
@click.option("--out", type=click.Path(path_type=Path), help="File to write instead: .pdf, or .png for one pass.")
@click.option("--layout", type=click.Choice(LAYOUTS), help="Form on paper (default: sheet10, or what the printer has).")
@folder_option
@json_option
def print_(
    numbers: tuple[str, ...],
    unprinted: bool,
    kind: str,
    address: str | None,
    out: Path | None,
    layout: Layout | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Print the passes with these NUMBERS, or all --unprinted ones; without --to and --out, name the printers."""
    if not (address or out):
        _tell_printers(as_json=as_json)
        return
    if address and out:
        raise UsageError(N_("--to and --out: give one of them"))
    with station_in(folder) as station:
        rows = _chosen(station, numbers, kind, unprinted=unprinted)
        with click.progressbar(
            length=len(rows), label=_("Printing"), file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as bar:
            if out:
                missing = print_to_file(station, rows, out, layout or "sheet10", bar.update)
            else:
                missing = print_to(station, rows, address or "", layout, bar.update)
        if as_json:
            printed = [row.number for row in rows]
            echo_json({"printed": printed, "to": address or str(out), "missing_characters": list(missing)})
        else:
            click.echo(_("printed: {count}").format(count=len(rows)))
            tell_missing(missing)


def tell_missing(missing: tuple[str, ...]) -> None:
    """Name the characters that no font here has."""
    if missing:
        click.echo(
            _("the font has no {characters}; drawn as 〓, write by hand").format(characters=" ".join(missing)), err=True
        )


def _chosen(station: Station, numbers: tuple[str, ...], kind: str, *, unprinted: bool) -> list[PassRow]:
    if numbers:
        # Each once, however often it was named.
        return list(
            {row.pass_id: row for row in (issuing.find(station.register, number) for number in numbers)}.values()
        )
    if not unprinted:
        raise UsageError(N_("name the passes by their numbers, or print all with --unprinted"))
    unprinted_rows = station.register.find_passes(kind=kind, unprinted=True)
    rows = [row for row in unprinted_rows if row.state is State.ACTIVE]
    if not rows:
        raise UsageError(N_("no pass is unprinted here"))
    return rows


def _tell_printers(*, as_json: bool) -> None:
    from station.devices.printers import list_printers

    found = list_printers()
    if as_json:
        echo_json([{"address": printer.address, "description": printer.description} for printer in found])
        return
    for printer in found:
        click.echo(f"{printer.address}  {printer.description}")
    if not found:
        click.echo(_("No printer was found; a network printer is named like --to escpos:tcp://192.0.2.10"))
