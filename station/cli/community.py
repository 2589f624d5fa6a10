"""`gatepost community`: the office's commands, from setting a community up to pulling its shift logs."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.cli.common import PASSPHRASE_VARIABLE
from station.cli.community_backup import backup, check, renew, restore
from station.cli.community_bundles import community_export, community_import, invite_on, require_stick
from station.cli.community_common import (
    as_json,
    community_in,
    in_folder,
    print_json,
    root_passphrase,
    staff_password,
    when,
    with_passphrase,
)
from station.cli.community_conflicts import conflicts
from station.cli.community_keys import key
from station.cli.community_persons import person
from station.cli.community_reports import ledger, pull, report
from station.cli.community_retention import purge, verify
from station.cli.community_rules import kind, mode
from station.cli.community_serve import serve
from station.clock import SystemClock
from station.i18n import _, explain

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sync.community.offers import Offer
    from sync.community.staff import Role


@click.group()
def community() -> None:
    """Run the community's side: its server, stations, keys, staff and logs."""


for _command in (
    backup,
    check,
    community_export,
    community_import,
    conflicts,
    key,
    kind,
    ledger,
    mode,
    person,
    pull,
    purge,
    renew,
    report,
    restore,
    serve,
    verify,
):
    community.add_command(_command)


@community.command()
@in_folder
@click.option("--database", default="sqlite:///community.sqlite", show_default=True, help="sqlite or postgresql URL.")
@click.option("--id", "community_id", required=True, help="12-digit division code, or another short id.")
@click.option("--name", required=True, help="The community's name.")
@click.option("--zone", default="Asia/Shanghai", show_default=True, help="IANA zone that cuts its days.")
@click.option("--url", default="http://127.0.0.1:8443", show_default=True, help="The address that stations are told.")
@click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path),
    help="File with a passphrase for the private keys (default: GATEPOST_KEY_PASSPHRASE, else none).",
)
def init(
    *, folder: Path, database: str, community_id: str, name: str, zone: str, url: str, passphrase_file: Path | None
) -> None:
    """Make a community: its folder, database, keys and settings."""
    from passes.keyfiles import read_passphrase
    from sync.community.office import ROOT_KEY_FILE
    from sync.community.settings import FILE_NAME, check_settings
    from sync.community.setup import set_up_community

    _require_plain("--name", name)
    wanted = {
        "community": {"id": community_id, "name": name, "zone": zone},
        "database": {"url": database},
        "server": {"url": url},
    }
    settings = check_settings(folder / FILE_NAME, wanted)
    passphrase = read_passphrase(passphrase_file) if passphrase_file else os.environ.get(PASSPHRASE_VARIABLE)
    set_up_community(folder, settings, SystemClock().now_ms(), passphrase)
    click.echo(_("Community {id} is set up in {folder}.").format(id=community_id, folder=plain(str(folder), 1000)))
    click.echo(
        _("Keep a copy of {path} where only the office can reach it: whoever has it can make passes valid.").format(
            path=plain(str(folder / ROOT_KEY_FILE), 1000)
        )
    )
    click.echo(_("Next: gatepost community station add --dir DIR ID --name NAME"))


@community.command()
@in_folder
@click.option("--to", "version", help="Take the tables back to this version, before an older program is installed.")
def upgrade(folder: Path, version: str | None) -> None:
    """Bring the database to the tables that this version needs; make a backup first."""
    from passes.trust import USE_BUNDLES, USE_SEALING
    from sync.community.database import open_engine
    from sync.community.keys import current_list
    from sync.community.schema import migrate, take_back
    from sync.community.settings import load_settings

    settings = load_settings(folder)
    engine = open_engine(settings.database_url(folder))
    try:
        if version is not None:
            take_back(engine, version)
            click.echo(
                _("The tables are at version {version}; install the program that needs them.").format(version=version)
            )
            return
        migrate(engine)
        trust = current_list(engine, folder, settings.community.id)
    finally:
        engine.dispose()
    click.echo(_("The database is up to date."))
    if trust.newest(USE_SEALING) is None:
        click.echo(_("ID and phone numbers cannot be kept yet; run: gatepost community key seal --dir DIR"))
    elif trust.newest(USE_BUNDLES) is None:
        click.echo(_("Records cannot be brought on a USB stick yet; run: gatepost community key seal --dir DIR"))


@community.group()
def station() -> None:
    """Enrol, list and withdraw stations."""


@station.command("add")
@in_folder
@click.argument("station_id", metavar="ID")
@click.option("--name", required=True, help="What people call the checkpoint.")
@click.option("--url", help="Another address of the server, for this station only.")
@click.option("--issue", is_flag=True, help="Give the station a key of its own to issue passes.")
@click.option("--code", "wants_code", is_flag=True, help="Give a one-time code to read aloud instead of a file.")
@click.option("--stick", type=click.Path(path_type=Path), help="Write an invitation there that a one-time code opens.")
@with_passphrase
def station_add(
    *,
    folder: Path,
    station_id: str,
    name: str,
    url: str | None,
    issue: bool,
    wants_code: bool,
    stick: Path | None,
    passphrase_file: Path | None,
) -> None:
    """Enrol a station and write the file that it joins with, or give a one-time code."""
    from sync.community.offers import offer
    from sync.community.setup import enrol_station, make_enrolment

    _require_plain("--name", name)
    with community_in(folder) as (settings, engine):
        if wants_code or stick:
            if stick:
                require_stick(stick)
            now_ms = SystemClock().now_ms()
            passphrase = root_passphrase(folder, passphrase_file) if issue else None
            enrolment = make_enrolment(
                folder, settings, engine, station_id, name, url=url, issue=issue, now_ms=now_ms, passphrase=passphrase
            )
            if stick:
                invite_on(stick, enrolment, folder, engine, settings, passphrase_file)
            else:
                _tell_code(offer(engine, enrolment, now_ms), enrolment.url, settings.zone)
            return
        path = enrol_station(
            folder,
            settings,
            engine,
            station_id,
            name,
            url=url,
            issue=issue,
            now_ms=SystemClock().now_ms(),
            passphrase=root_passphrase(folder, passphrase_file) if issue else None,
        )
    click.echo(_("Enrolment file: {path}").format(path=plain(str(path), 1000)))
    click.echo(
        _("Carry it to the station, run there: gatepost init --dir DIR FILE, then delete every copy: it is a secret.")
    )


@station.command("code")
@in_folder
@click.argument("station_id", metavar="ID")
@click.option("--url", help="Another address of the server, for this station only.")
@click.option("--stick", type=click.Path(path_type=Path), help="Write an invitation there that a one-time code opens.")
@with_passphrase
def station_code(
    folder: Path, station_id: str, url: str | None, stick: Path | None, passphrase_file: Path | None
) -> None:
    """Give a new one-time code: for a machine that takes a station's place, or when the last one was not used.

    On a stick, the machine that was this station before is shut out at once.
    """
    from sync.community.offers import offer
    from sync.community.setup import renew_enrolment
    from sync.community.stations import replace_secret

    with community_in(folder) as (settings, engine):
        if stick:
            require_stick(stick)
        enrolment = renew_enrolment(folder, settings, engine, station_id, url=url)
        if stick:
            replace_secret(engine, settings.community.id, station_id, enrolment.secret)
            invite_on(stick, enrolment, folder, engine, settings, passphrase_file)
            return
        _tell_code(offer(engine, enrolment, SystemClock().now_ms()), enrolment.url, settings.zone)


def _tell_code(made: "Offer", url: str, zone: "ZoneInfo") -> None:
    until, values = when(made.expires_at_ms, zone), {"url": plain(url), "code": made.code}
    click.echo(_("One-time code: {code} (until {until})").format(code=made.code, until=until))
    click.echo(_("At the station: gatepost init --join {url} --code {code}").format(**values))
    click.echo(_("Once it is used, a machine that was this station before is shut out."))


@station.command("list")
@in_folder
@as_json
def station_list(folder: Path, wants_json: bool) -> None:
    """List the stations, withdrawn ones included."""
    from sync.community.database import reading
    from sync.community.doubts import open_doubts
    from sync.community.lives import Lives, find_lives
    from sync.community.stations import list_stations

    with community_in(folder) as (settings, engine):
        stations = list_stations(engine, settings.community.id)
        with reading(engine) as connection:
            lives = find_lives(connection, settings.community.id)
            doubts = {doubt.station: doubt for doubt in open_doubts(connection, settings.community.id)}
    if wants_json:
        print_json(
            [
                {
                    "station": entry.station,
                    "name": entry.name,
                    "added_at_ms": entry.added_at_ms,
                    "withdrawn_at_ms": entry.withdrawn_at_ms,
                    "last_contact_ms": entry.last_contact_ms,
                    "forks": lives.get(entry.station, Lives()).forks,
                    "twin_ms": lives.get(entry.station, Lives()).twin_ms,
                    "doubt": doubts.get(entry.station),
                }
                for entry in stations
            ]
        )
        return
    for entry in stations:
        heard = when(entry.last_contact_ms, settings.zone) or _("never heard")
        state = _("withdrawn") if entry.withdrawn_at_ms is not None else _("enrolled")
        click.echo("\t".join([entry.station, plain(entry.name), state, heard]))
        found = lives.get(entry.station, Lives())
        if found.forks:
            click.echo("  " + _("records that met others under their numbers: {count}").format(count=found.forks))
        if found.twin_ms is not None:
            words = _("two machines record under this name (until {time}): switch one off, or give it an id of its own")
            click.echo("  " + words.format(time=when(found.twin_ms, settings.zone)))
        if entry.station in doubts:
            click.echo("  " + explain(doubts[entry.station].told()))


@station.command("withdraw")
@in_folder
@click.argument("station_id", metavar="ID")
def station_withdraw(folder: Path, station_id: str) -> None:
    """Shut a station out from its next request on; its records stay."""
    from sync.community.stations import withdraw_station

    with community_in(folder) as (settings, engine):
        withdraw_station(engine, settings.community.id, station_id, SystemClock().now_ms())
    click.echo(_("Station {station} is withdrawn.").format(station=station_id))


@community.group()
def staff() -> None:
    """Give accounts to the office's people."""


@staff.command("add")
@in_folder
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(["viewer", "worker", "lead", "admin"]), help="What they may.")
def staff_add(folder: Path, name: str, role: "Role") -> None:
    """Add an account; the password is asked for, or taken from GATEPOST_PASSWORD."""
    from sync.community.staff import add_staff

    _require_plain("NAME", name)
    with community_in(folder) as (settings, engine):
        password = staff_password(confirm=True)
        add_staff(engine, settings.community.id, name, role=role, password=password, now_ms=SystemClock().now_ms())
    click.echo(_("Account {name} ({role}) is ready.").format(name=name, role=role))


@community.command()
@in_folder
@click.option("--station", "station_id", help="Of this station only.")
@as_json
def shifts(folder: Path, station_id: str | None, wants_json: bool) -> None:
    """List the shifts that stations have sent, the last received first."""
    from sync.community.shiftlog import list_shifts

    with community_in(folder) as (settings, engine):
        found = list_shifts(engine, settings.community.id, station=station_id)
    if wants_json:
        print_json(
            [
                {
                    "id": shift.id,
                    "station": shift.station,
                    "guards": shift.guards,
                    "lead": shift.lead,
                    "opened_at_ms": shift.opened_at_ms,
                    "handed_over_at_ms": shift.handed_over_at_ms,
                    "passages": shift.passages,
                }
                for shift in found
            ]
        )
        return
    if not found:
        click.echo(_("No station has sent a shift yet."))
    for shift in found:
        opened = when(shift.opened_at_ms, settings.zone)
        ended = when(shift.handed_over_at_ms, settings.zone) or _("not handed over")
        guards = plain("、".join(shift.guards))
        passages = _("{count} passages").format(count=shift.passages)
        click.echo("\t".join([plain(shift.id), shift.station, guards, opened, ended, passages]))


def _require_plain(option: str, value: str) -> None:
    if not value.strip() or plain(value, 64) != value:
        raise UsageError(
            N_("{option} {value!r}: use 1 to 64 printable characters without control characters"),
            option=option,
            value=value[:80],
        )
