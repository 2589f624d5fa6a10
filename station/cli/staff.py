"""`gatepost staff`: who works at this station, their roles and PINs, without a screen.

Whoever can run commands here can read the station's files too, so no PIN is asked for.
"""

from pathlib import Path

import click

from passes.keyfiles import read_passphrase
from station.access import ROLE_NAMES, Member, Role
from station.cli.common import ask_passphrase, echo_json, folder_option, json_option, station_in
from station.i18n import _

_ROLES = [role.value for role in Role]


@click.group()
def staff() -> None:
    """Tell who works at this station, and set their roles and PINs."""


@staff.command("list")
@folder_option
@json_option
def list_(folder: Path | None, as_json: bool) -> None:
    """List who works here."""
    with station_in(folder) as station:
        members = station.access.members()
        if as_json:
            echo_json([{"name": one.name, "roles": sorted(one.roles), "has_pin": one.has_pin} for one in members])
            return
        for member in members:
            click.echo(_told(member))
        if not members:
            click.echo(_("Nobody is entered yet: gatepost staff set NAME --role lead"))


@staff.command("set")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    type=click.Choice(_ROLES),
    help="May be given more than once.",
)
@folder_option
def set_(name: str, roles: tuple[str, ...], folder: Path | None) -> None:
    """Enter NAME, or give them other roles (default: guard)."""
    with station_in(folder) as station:
        click.echo(_told(station.access.set_member(name, map(Role, roles))))


@staff.command()
@click.argument("name")
@click.option("--pin-file", type=click.Path(path_type=Path), help="File with the PIN (default: it is asked for).")
@folder_option
def pin(name: str, pin_file: Path | None, folder: Path | None) -> None:
    """Give NAME a new PIN, which also ends any waiting after wrong ones."""
    with station_in(folder) as station:
        typed = read_passphrase(pin_file) if pin_file else ask_passphrase(_("New PIN"), confirm=True)
        station.access.set_pin(name, typed)
        click.echo(_("{name}: new PIN set").format(name=name.strip()))


@staff.command()
@click.argument("name")
@folder_option
def remove(name: str, folder: Path | None) -> None:
    """Say that NAME works here no more; their PIN is forgotten."""
    with station_in(folder) as station:
        station.access.remove(name)
        click.echo(_("{name} works here no more").format(name=name.strip()))


def _told(member: Member) -> str:
    roles = ", ".join(_(ROLE_NAMES[role]) for role in Role if role in member.roles)
    pin = _("with PIN") if member.has_pin else _("without PIN")
    return f"{member.name}  {roles}  {pin}"
