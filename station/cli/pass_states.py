"""`gatepost pass replace|suspend|restore|revoke`: what becomes of one pass."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from passes.plaintext import plain
from station import issuing, wording
from station.cli.common import desk_of, echo_json, folder_option, json_option, passphrase_option, station_in
from station.cli.helping import OneOf
from station.cli.printing import tell_missing
from station.i18n import _
from station.issuing import ENDINGS
from station.printing import print_to_file

Command = TypeVar("Command", bound=Callable[..., Any])


def _reason_option(command: Command) -> Command:
    return click.option("--reason", required=True, help="Why, in your own words.")(command)


@click.command()
@click.argument("number")
@_reason_option
@click.option("--png", type=click.Path(path_type=Path), help="Draw the new pass as a picture into this file.")
@passphrase_option
@folder_option
@json_option
def replace(
    number: str, reason: str, png: Path | None, passphrase_file: Path | None, folder: Path | None, as_json: bool
) -> None:
    """Issue a new pass in the place of a lost or worn one; the trips of both count together."""
    with station_in(folder) as station:
        old = issuing.find(station.register, number)
        new = desk_of(station, passphrase_file).replace(old, reason=reason)
        if as_json:
            echo_json({"number": new.number, "pass_id": new.pass_id, "token": new.token, "replaces": old.number})
        else:
            click.echo(_("pass {old} replaced by {number}").format(old=old.number, number=new.number))
            click.echo(plain(str(png), 1000) if png else new.token)
        if png:
            tell_missing(print_to_file(station, [new], png, "card", lambda _count: None))


@click.command()
@click.argument("number")
@click.option("--reason", required=True, cls=OneOf, names=list(ENDINGS), help="Your own words, or one of:")
@click.option("--witness", help="Who saw it; needed for destroyed.")
@folder_option
def revoke(number: str, reason: str, witness: str | None, folder: Path | None) -> None:
    """End one pass; the way home stays open to its holder."""
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        issuing.revoke(station.journal, station.register, station.clock, row, reason=reason, witness=witness)
        click.echo(_("pass {number} revoked ({detail})").format(number=row.number, detail=wording.stated(reason)))


@click.command()
@click.argument("number")
@_reason_option
@folder_option
def suspend(number: str, reason: str, folder: Path | None) -> None:
    """Let one pass rest until it is restored; the way home stays open to its holder."""
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        issuing.suspend(station.journal, station.register, station.clock, row, reason=reason)
        click.echo(_("pass {number} suspended ({detail})").format(number=row.number, detail=plain(reason, 40)))


@click.command()
@click.argument("number")
@_reason_option
@folder_option
def restore(number: str, reason: str, folder: Path | None) -> None:
    """Make a suspended, revoked or asked-for pass good (again)."""
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        issuing.restore(station.journal, station.register, station.clock, row, reason=reason)
        click.echo(_("pass {number} restored ({detail})").format(number=row.number, detail=plain(reason, 40)))
