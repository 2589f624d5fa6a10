"""`gatepost pass`: issue, verify, show and revoke single passes."""

from datetime import date
from pathlib import Path

import click
import msgspec

from passes.errors import N_, UsageError
from passes.kinds import PRESETS
from passes.masking import mask_name
from passes.plaintext import plain
from passes.policy import Outcome
from passes.trips import Direction
from station import issuing, logbook, wording
from station.assembly import Station
from station.cli.common import echo_json, folder_option, json_option, station_in
from station.clock import local_time
from station.i18n import _
from station.issuing import Application
from station.register import PassRow

REASONS = ("lost", "withdrawn", "void", "destroyed")


class DateType(click.ParamType[date]):
    """A calendar day as YYYY-MM-DD."""

    name = "date"

    def convert(self, value: str | date, param: click.Parameter | None, ctx: click.Context | None) -> date:  # noqa: ARG002 - click's signature
        """Read the day; raises `UsageError` for one that does not exist."""
        try:
            day = value if isinstance(value, date) else date.fromisoformat(value)
        except ValueError:
            day = None
        # Python reads week dates and undashed ones too, which nobody checks at a glance.
        if day is None or str(day) != str(value):
            option = param.opts[0] if param else ""
            raise UsageError(
                N_('{option} = "{value}": no such day; write it like 2026-03-31'), option=option, value=value
            )
        return day


@click.group("pass")
def pass_() -> None:
    """Issue, verify, show and revoke passes."""


@pass_.command()
@click.option("--holder", required=True, help="Name on the pass.")
@click.option("--address", required=True, help="Building, unit and room, as printed.")
@click.option(
    "--kind", type=click.Choice(sorted(PRESETS)), default="resident", show_default=True, help="What it allows."
)
@click.option("--from", "valid_from", type=DateType(), required=True, help="First day, YYYY-MM-DD.")
@click.option("--until", "valid_until", type=DateType(), required=True, help="Last day, YYYY-MM-DD.")
@click.option("--household", help="Household; the address when left out.")
@click.option("--png", type=click.Path(path_type=Path), help="Draw the pass as a picture into this file.")
@folder_option
@json_option
def issue(
    holder: str,
    address: str,
    kind: str,
    valid_from: date,
    valid_until: date,
    household: str | None,
    png: Path | None,
    folder: Path | None,
    as_json: bool,
) -> None:
    """Issue one pass and, with --png, draw it."""
    with station_in(folder) as station:
        asked = Application(holder, address, PRESETS[kind], valid_from, valid_until, household)
        row = station.desk().issue(asked)
        # Told before it is drawn: a picture that fails must not hide that the pass exists.
        if as_json:
            echo_json({"number": row.number, "pass_id": row.pass_id, "token": row.token, "png": str(png or "")})
        else:
            click.echo(_("pass {number} issued to {holder}").format(number=row.number, holder=row.holder))
            click.echo(plain(str(png), 1000) if png else row.token)
        if png:
            _draw(station, row, png)


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
        passages = logbook.passages_of(station.journal.connection, row.pass_id)
        if png:
            _draw(station, row, png)
        if as_json:
            told = [{"at_ms": p.at_ms, "outcome": p.body.outcome, "direction": p.body.direction} for p in passages]
            fields = {name: value for name, value in msgspec.structs.asdict(row).items() if name != "token"}
            echo_json({**fields, "passages": told})
            return
        kind = PRESETS[row.kind].label if row.kind in PRESETS else row.kind
        state = (
            _("active")
            if row.state == "active"
            else _("revoked ({detail})").format(detail=wording.stated(row.detail))
        )
        click.echo(f"{row.number}  {mask_name(row.holder)}  {_(kind)}  {row.address}")
        click.echo(f"{row.valid_from} - {row.valid_until}  {state}")
        for passage in passages:
            local = local_time(passage.at_ms, station.settings.zone)
            way, outcome = _(wording.DIRECTIONS[passage.body.direction]), _(wording.OUTCOMES[passage.body.outcome])
            click.echo(f"  {local:%Y-%m-%d %H:%M:%S}  {way}  {outcome}  {wording.in_short(passage.body.reasons)}")


@pass_.command()
@click.argument("number")
@click.option("--reason", required=True, help=f"One of {', '.join(REASONS)}, or your own words.")
@click.option("--witness", help="Who saw it; needed for destroyed.")
@folder_option
def revoke(number: str, reason: str, witness: str | None, folder: Path | None) -> None:
    """End one pass; the way home stays open to its holder."""
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        issuing.revoke(station.journal, station.register, station.clock, row, reason=reason, witness=witness)
        click.echo(_("pass {number} revoked ({detail})").format(number=row.number, detail=wording.stated(reason)))


def _draw(station: Station, row: PassRow, path: Path) -> None:
    from passes.card import save_card
    from passes.printed import PrintedPass

    kind = PRESETS[row.kind]
    printed = PrintedPass(
        token=row.token,
        number=row.number,
        holder=row.holder,
        kind_label=_(kind.label),
        colour=kind.colour,
        address=row.address,
        valid_from=date.fromisoformat(row.valid_from),
        valid_until=date.fromisoformat(row.valid_until),
        community_name=station.settings.community.name,
        valid_label=_("Valid"),
        seal_label=_("Seal"),
    )
    missing = save_card(path, printed)
    if missing:
        click.echo(
            _("the font has no {characters}; drawn as 〓, write by hand").format(characters=" ".join(missing)), err=True
        )
