"""`gatepost community person`: who was registered, and their numbers in clear for those who may see them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from passes.errors import N_, UsageError
from passes.masking import mask_name
from passes.plaintext import plain
from station.cli.common import key_passphrase
from station.cli.community_common import (
    as_json,
    community_in,
    in_folder,
    print_json,
    staff_password,
    when,
    with_passphrase,
)
from station.clock import SystemClock
from station.i18n import _
from station.wording import document

if TYPE_CHECKING:
    from sync.community.persons import Opened, Person


@click.group()
def person() -> None:
    """Find registered persons, and open their sealed numbers."""


@person.command("find")
@in_folder
@click.argument("wanted", metavar="NAME")
@as_json
def person_find(folder: Path, wanted: str, wants_json: bool) -> None:
    """List those of a NAME, or of the last four characters of an ID or phone number; names are masked."""
    from sync.community.persons import find_persons

    with community_in(folder) as (settings, engine):
        found = find_persons(engine, settings.community.id, wanted.strip())
    if wants_json:
        print_json([_as_json(entry) for entry in found])
        return
    if not found:
        click.echo(_("Nobody of this name or number has been registered."))
    for entry in found:
        tail = entry.id_number.tail if entry.id_number else "-"
        registered = when(entry.at_ms, settings.zone)
        click.echo("\t".join(map(plain, [entry.person_id, mask_name(entry.name), tail, entry.station, registered])))


@person.command("show")
@in_folder
@click.argument("person_id", metavar="PERSON")
@click.option("--unmask", is_flag=True, help="With the whole numbers; needs --as and the password of a lead or admin.")
@click.option("--as", "staff_name", help="Whose account asks.")
@with_passphrase
@as_json
def person_show(
    folder: Path,
    person_id: str,
    unmask: bool,
    staff_name: str | None,
    passphrase_file: Path | None,
    wants_json: bool,
) -> None:
    """Show one PERSON by the id that `find` lists; with --unmask the sealed numbers are opened, which is logged."""
    from sync.community.persons import Opening, get_person, open_person

    if unmask and not staff_name:
        raise UsageError(N_("--unmask: say who asks, with --as NAME"))
    with community_in(folder) as (settings, engine):
        shown, opened = get_person(engine, settings.community.id, person_id), None
        if unmask and staff_name:
            wish = Opening(
                person_id=person_id,
                staff_name=staff_name,
                password=staff_password(confirm=False),
                passphrase=_passphrase(folder, shown, passphrase_file),
            )
            shown, opened = open_person(engine, folder, settings.community.id, wish, SystemClock().now_ms())
    if wants_json:
        print_json(_as_json(shown, opened))
        return
    _tell(shown, opened)


def _passphrase(folder: Path, shown: "Person", passphrase_file: Path | None) -> str | None:
    from sync.community.office import sealing_key_path
    from sync.sealing import key_id_of_box

    sealed = shown.id_number or shown.phone
    if sealed is None:
        return None
    path = sealing_key_path(folder, key_id_of_box(sealed.box))
    return key_passphrase(path, passphrase_file, _("Passphrase of the sealing key"))


def _tell(shown: "Person", opened: "Opened | None") -> None:
    name = shown.name if opened else mask_name(shown.name)
    click.echo("  ".join(plain(part) for part in (name, shown.address if opened else "") if part))
    if shown.id_number:
        number = (opened.id_number if opened else None) or f"*{shown.id_number.tail}"
        click.echo(f"{document(shown.document)}: {plain(number)}")
    if shown.phone:
        number = (opened.phone if opened else None) or f"*{shown.phone.tail}"
        click.echo(_("Phone: {number}").format(number=plain(number)))
    if not (shown.id_number or shown.phone):
        click.echo(_("No number was registered."))
    if opened:
        click.echo(_("This look is in the log."), err=True)


def _as_json(shown: "Person", opened: "Opened | None" = None) -> dict[str, object]:
    told: dict[str, object] = {
        "person_id": shown.person_id,
        "name": shown.name if opened else mask_name(shown.name),
        "document": shown.document,
        "id_tail": shown.id_number.tail if shown.id_number else None,
        "phone_tail": shown.phone.tail if shown.phone else None,
        "station": shown.station,
        "registered_at_ms": shown.at_ms,
    }
    if opened:
        told |= {"address": shown.address, "id_number": opened.id_number, "phone": opened.phone}
    return told
