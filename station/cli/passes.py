"""`gatepost pass`: issue, verify and show single passes; the other commands of the group are attached below."""

from dataclasses import replace as replace_fields
from datetime import date
from pathlib import Path

import click
import msgspec

from passes.errors import N_, UsageError
from passes.kinds import Kind
from passes.masking import mask_name
from passes.plaintext import plain
from passes.policy import Outcome, State
from passes.trips import Direction
from station import issuing, logbook, wording
from station.assembly import Station
from station.cli.bulk import bulk
from station.cli.common import (
    DateType,
    desk_of,
    echo_json,
    folder_option,
    instant,
    json_option,
    passphrase_option,
    station_in,
)
from station.cli.pass_states import replace, restore, revoke, suspend
from station.cli.printing import print_, tell_missing
from station.clock import local_time
from station.corrections import record_missed
from station.i18n import _
from station.issuing import Application
from station.logbook import LoggedPassage
from station.printing import print_to_file
from station.register import PassEvent, PassRow, PersonRow


@click.group("pass")
def pass_() -> None:
    """Issue, print, verify, show, replace, suspend and revoke passes."""


for _command in (bulk, print_, replace, restore, revoke, suspend):
    pass_.add_command(_command)


@pass_.command()
@click.option("--holder", required=True, help="Name on the pass.")
@click.option("--address", help="Building, unit and room, as printed; left out: whoever has that name in the roster.")
@click.option("--kind", "kind_name", default="resident", show_default=True, help="What it allows.")
@click.option("--from", "valid_from", type=DateType(), required=True, help="First day, YYYY-MM-DD.")
@click.option("--until", "valid_until", type=DateType(), required=True, help="Last day, YYYY-MM-DD.")
@click.option("--household", help="Household; the address when left out.")
@click.option("--requested", is_flag=True, help="Only ask for it: it is not good before somebody restores it.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw the pass as a picture into this file.")
@passphrase_option
@folder_option
@json_option
def issue(
    holder: str,
    address: str | None,
    kind_name: str,
    valid_from: date,
    valid_until: date,
    household: str | None,
    requested: bool,
    png: Path | None,
    passphrase_file: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Issue one pass and, with --png, draw it.

    Whoever has that name at that address is taken for the same person as before.
    """
    with station_in(folder) as station:
        kind = _kind(station, kind_name)
        asked = Application(
            holder,
            address or "",
            kind,
            valid_from,
            valid_until,
            household,
            state="requested" if requested else "active",
        )
        if address is None:
            person = _from_roster(station, holder)
            asked = replace_fields(
                asked,
                address=person.address,
                household=household or person.household,
                holder_id=person.person_id,
            )
        row = desk_of(station, passphrase_file).issue(asked)
        # Told before it is drawn: a picture that fails must not hide that the pass exists.
        if as_json:
            echo_json({"number": row.number, "pass_id": row.pass_id, "token": row.token, "png": str(png or "")})
        else:
            click.echo(_("pass {number} issued to {holder}").format(number=row.number, holder=row.holder))
            click.echo(plain(str(png), 1000) if png else row.token)
        if png:
            tell_missing(print_to_file(station, [row], png, "card", lambda _count: None))


@pass_.command()
@click.argument("code")
@click.option(
    "--direction",
    type=click.Choice(["entry", "exit"]),
    default="exit",
    show_default=True,
    help="Which way to go.",
)
@folder_option
@json_option
def verify(code: str, direction: str, folder: Path | None, as_json: bool) -> None:
    """Say what the gate would answer to CODE (its text or its number); nothing is recorded. Exit 1 on a refusal."""
    with station_in(folder) as station:
        scan = station.gate.verify(code.strip(), Direction(direction))
        if as_json:
            person = scan.person
            echo_json(
                {
                    "outcome": scan.verdict.outcome.value,
                    "reasons": [reason.value for reason in scan.verdict.reasons],
                    "number": person.number if person else None,
                    "used": scan.verdict.used,
                    "trips": scan.verdict.trips,
                }
            )
        else:
            who = f"  {mask_name(scan.person.holder)}" if scan.person else ""
            click.echo(wording.headline(scan) + who)
            for sentence in wording.reasons(scan, station.settings.zone):
                click.echo(f"    {sentence}")
        if scan.verdict.outcome is Outcome.REFUSE:
            raise click.exceptions.Exit(1)


@pass_.command()
@click.argument("number")
@click.option("--png", type=click.Path(path_type=Path), help="Draw the pass once more into this file.")
@folder_option
@json_option
def show(number: str, png: Path | None, folder: Path | None, as_json: bool) -> None:
    """Show one pass and its passages."""
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        if png:
            tell_missing(print_to_file(station, [row], png, "card", lambda _count: None))
        passages = logbook.passages_of(station.journal.connection, row.pass_id)
        history = station.register.history(row.pass_id)
        if as_json:
            fields = {name: value for name, value in msgspec.structs.asdict(row).items() if name != "token"}
            echo_json(
                {
                    **fields,
                    "history": [msgspec.structs.asdict(step) for step in history],
                    "passages": [
                        {"at_ms": p.at_ms, "outcome": p.body.outcome, "direction": p.body.direction} for p in passages
                    ],
                }
            )
        else:
            _tell(station, row, history, passages)


@pass_.command()
@click.argument("number")
@click.option("--direction", type=click.Choice(["entry", "exit"]), required=True, help="Which way they went.")
@click.option("--at", "happened", required=True, help="When it was, like 2026-03-10T08:00 on the community's clocks.")
@click.option("--reason", required=True, help="Why it was not recorded then.")
@folder_option
def missed(number: str, direction: str, happened: str, reason: str, folder: Path | None) -> None:
    """Write down a passage that nobody recorded, such as a return while the gate was out of order."""
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        now_ms = station.clock.now_ms()
        kind = station.register.rules().kind(row.kind, now_ms)
        record_missed(
            station.journal,
            station.register,
            station.clock,
            row.pass_id,
            direction=Direction(direction),
            first_leg=kind.first_leg if kind else Direction.EXIT,
            happened_ms=instant("--at", happened, station.settings.zone),
            reason=reason,
        )
        click.echo(_("recorded afterwards: pass {number}").format(number=row.number))


def _from_roster(station: Station, name: str) -> PersonRow:
    found = station.register.persons_named(name)
    if len(found) == 1:
        return found[0]
    raise UsageError(
        N_('holder = "{name}": {count} persons of the roster have that name; add --address (known: {known})'),
        name=plain(name, 40),
        count=len(found),
        known=", ".join(plain(person.address, 40) for person in found) or "-",
    )


def _tell(station: Station, row: PassRow, history: list[PassEvent], passages: list[LoggedPassage]) -> None:
    zone = station.settings.zone
    kind = station.register.rules().kind(row.kind, station.clock.now_ms())
    label = _(kind.label) if kind else plain(row.kind, 40)
    click.echo(f"{row.number}  {mask_name(row.holder)}  {label}  {row.address}")
    click.echo(f"{row.valid_from} - {row.valid_until}  {wording.state(row.state, _detail(station, row))}")
    for step in history:
        what = wording.pass_event(step.kind, _named(station, step.detail))
        click.echo(f"  {local_time(step.at_ms, zone):%Y-%m-%d %H:%M:%S}  {what}  ({plain(step.station, 40)})")
    for passage in passages:
        way, outcome = _(wording.DIRECTIONS[passage.body.direction]), _(wording.OUTCOMES[passage.body.outcome])
        undone = _("taken back") if passage.is_undone else wording.in_short(passage.body.reasons)
        click.echo(f"  {local_time(passage.at_ms, zone):%Y-%m-%d %H:%M:%S}  {way}  {outcome}  {undone}")


def _detail(station: Station, row: PassRow) -> str | None:
    return _named(station, row.detail) if row.state is State.REPLACED else row.detail


def _named(station: Station, detail: str | None) -> str | None:
    """Name another pass by its number: what replaced one is kept by its id."""
    other = station.register.find_pass(detail) if detail else None
    return other.number if other else detail


def _kind(station: Station, name: str) -> Kind:
    kinds = station.register.rules().in_force(station.clock.now_ms())
    if name not in kinds:
        raise UsageError(
            N_('--kind = "{kind}": not known; one of: {known}'), kind=plain(name, 40), known=", ".join(sorted(kinds))
        )
    return kinds[name]
