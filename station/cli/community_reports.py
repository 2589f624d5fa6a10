"""`gatepost community pull`, `report` and `ledger`: what staff take out of the journals, as files or as text."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.cli.common import DateType
from station.cli.community_common import as_json, community_in, in_folder, staff_password
from station.clock import SystemClock
from station.i18n import _

if TYPE_CHECKING:
    from sync.community.daily import DailyReport
    from sync.community.pulling import Asking, Office
    from sync.community.shiftlog import Selection

FORMATS = {".csv": "csv", ".xlsx": "xlsx", ".json": "json"}
FORMATS_AND_PAPER = {**FORMATS, ".pdf": "pdf"}
_LAST_YEAR = 9998

Command = TypeVar("Command", bound=Callable[..., Any])


def _selecting(command: Command) -> Command:
    """Add the options that select a station and days, and say who asks for what."""
    for option in (
        click.option("--as", "staff_name", help="Whose account asks."),
        click.option("--unmask", is_flag=True, help="With whole names; needs --as and a password."),
        as_json,
        click.option("--until", "until_day", type=DateType(), help="Through this day, YYYY-MM-DD."),
        click.option("--from", "from_day", type=DateType(), help="From this day on, YYYY-MM-DD."),
        click.option("--day", type=DateType(), help="A day in the community's zone, YYYY-MM-DD."),
        click.option("--station", "station_id", help="Of this station only."),
        in_folder,
    ):
        command = option(command)
    return command


@click.command()
@_selecting
@click.option("--shift", help="The id of a shift, or: latest.")
@click.option("--person", help="The id of a person, or a whole name that one person has.")
@click.option("--address", help="With --person: where the person of this name lives.")
@click.option("--pass", "pass_number", help="The number of a pass, like ABC-DEF-GHK.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="FILE.csv, FILE.xlsx or FILE.json.")
def pull(
    *,
    folder: Path,
    shift: str | None,
    person: str | None,
    address: str | None,
    pass_number: str | None,
    out: Path | None,
    wants_json: bool,
    unmask: bool,
    staff_name: str | None,
    **given: Any,
) -> None:
    """Pull passages by day, shift, station, person and pass; names are masked, and every pull is logged."""
    file_format = _format("pull", out, FORMATS, wants_json=wants_json)
    if shift is not None and given["day"] is not None:
        raise UsageError(N_("--shift and --day: a shift may span two days; give one of them"))
    if not any((shift, person, pass_number, *given.values())):
        raise UsageError(
            N_(
                "pull: say what, with --shift latest, --shift ID, --day YYYY-MM-DD, --from and --until, --station ID,"
                " --person NAME or --pass NUMBER"
            )
        )
    if address is not None and person is None:
        raise UsageError(N_("--address: say whose, with --person NAME"))
    _check_asking(unmask=unmask, staff_name=staff_name)
    _check_days(**given)
    from sync.community.pulling import pull_passages

    with _office_in(folder) as office:
        selection = _selection(office, shift=shift, person=person, address=address, number=pass_number, **given)
        asking = _asking(file_format, unmask=unmask, staff_name=staff_name)
        count, data = pull_passages(office, selection, asking, out)
    _tell(out, data, _("{count} passages written to {path}.").format(count=count, path=plain(str(out), 1000)))


@click.command()
@click.argument("name", metavar="NAME")
@_selecting
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="FILE.csv, FILE.xlsx, FILE.pdf or FILE.json."
)
def ledger(
    *, name: str, folder: Path, out: Path | None, wants_json: bool, unmask: bool, staff_name: str | None, **given: Any
) -> None:
    """Write a ledger; names are masked, and every one is logged.

    NAME is passages, visitors, vehicles, refused, fevers, overrides, passes, quarantine, bans, shifts, conflicts,
    incidents, health, inspections, supplies, errands or disinfections.
    """
    file_format = _format("ledger", out, FORMATS_AND_PAPER, wants_json=wants_json)
    _check_asking(unmask=unmask, staff_name=staff_name)
    _check_days(**given)
    from sync.community.ledgers import pull_ledger

    with _office_in(folder) as office:
        selection = _selection(office, **given)
        asking = _asking(file_format, unmask=unmask, staff_name=staff_name)
        count, data = pull_ledger(office, name, selection, asking, out)
    _tell(out, data, _("{count} rows written to {path}.").format(count=count, path=plain(str(out), 1000)))


@click.group()
def report() -> None:
    """Draw up the reports of the community."""


@report.command()
@in_folder
@click.option("--station", "station_id", help="Of this station only.")
@click.option("--day", type=DateType(), help="The day, YYYY-MM-DD (default: today in the community's zone).")
@click.option(
    "--cut-off", help="The time of day, HH:MM, at which a day ends (default: report.cut_off; 00:00 = midnight)."
)
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="FILE.xlsx, FILE.csv, FILE.pdf or FILE.json."
)
@as_json
def daily(
    *, folder: Path, station_id: str | None, day: date | None, cut_off: str | None, out: Path | None, wants_json: bool
) -> None:
    """Count a day for the daily report, zeros included, and print it or write it to a file."""
    if out is not None and wants_json:
        raise UsageError(N_("--out and --json: one of them is enough; --out FILE.json writes JSON"))
    _check_year("--day", day)
    file_format = _format("report daily", out, FORMATS_AND_PAPER, wants_json=False) if out else "json"
    from sync.community.daily_sheets import as_json as report_json
    from sync.community.daily_sheets import lines_of, write_report

    with _office_in(folder) as office:
        zone = office.settings.zone
        made = _make_report(office, day, cut_off, station_id)
        if out is not None:
            write_report(made, zone, out, file_format, office.settings.community.name, office.say)
            click.echo(_("Daily report of {day} written to {path}.").format(day=made.day, path=plain(str(out), 1000)))
        elif wants_json:
            click.echo(report_json(made, zone).decode())
        else:
            for item, count in lines_of(made, zone, office.say):
                click.echo(f"{item}\t{count}".rstrip() if item else "")


def _make_report(office: "Office", day: date | None, cut_off: str | None, station_id: str | None) -> "DailyReport":
    from sync.community.daily import make_report
    from sync.community.instants import local_time
    from sync.community.streaming import streaming

    zone = office.settings.zone
    with streaming(office.engine) as connection:
        return make_report(
            connection,
            office.community,
            zone,
            day or local_time(office.now_ms, zone).date(),
            _time_of_day(cut_off if cut_off is not None else office.settings.report.cut_off),
            office.now_ms,
            station_id,
        )


@contextmanager
def _office_in(folder: Path) -> "Iterator[Office]":
    from sync.community.pulling import Office

    with community_in(folder) as (settings, engine):
        yield Office(engine, settings, SystemClock().now_ms(), in_words)


def _selection(
    office: "Office",
    *,
    station_id: str | None,
    day: date | None,
    from_day: date | None,
    until_day: date | None,
    shift: str | None = None,
    person: str | None = None,
    address: str | None = None,
    number: str | None = None,
) -> "Selection":
    from sync.community.database import reading
    from sync.community.registers import find_number, find_person
    from sync.community.shiftlog import Selection, latest_shift

    holder_id = None
    if person is not None:
        with reading(office.engine) as connection:
            holder_id = find_person(connection, office.community, person, address)
    return Selection(
        station=station_id,
        shift=latest_shift(office.engine, office.community, station_id) if shift == "latest" else shift,
        day=day,
        from_day=from_day,
        until_day=until_day,
        holder_id=holder_id,
        pass_number=None if number is None else find_number(number),
    )


def _format(command: str, out: Path | None, formats: dict[str, str], *, wants_json: bool) -> str:
    names = ", ".join(formats)
    if (out is None) != wants_json:
        raise UsageError(
            N_("{command}: say where to, with --out FILE ({names}), or with --json"), command=command, names=names
        )
    if out is None:
        return "json"
    file_format = formats.get(out.suffix.lower())
    if file_format is None:
        raise UsageError(N_("--out {path}: the name must end in one of {names}"), path=out, names=names)
    return file_format


def _check_asking(*, unmask: bool, staff_name: str | None) -> None:
    if unmask and not staff_name:
        raise UsageError(N_("--unmask: say who asks, with --as NAME"))


def _asking(file_format: str, *, unmask: bool, staff_name: str | None) -> "Asking":
    from sync.community.pulling import Asking

    password = staff_password(confirm=False) if staff_name else None
    return Asking(file_format=file_format, unmask=unmask, staff_name=staff_name, password=password)


def _tell(out: Path | None, data: bytes, written: str) -> None:
    click.echo(data.decode(), nl=False) if out is None else click.echo(written)


def in_words(text: str) -> str:
    """Translate a title or word of a table, or put a reason code into the gate's words."""
    from passes.reasons import Reason
    from station.wording import in_short

    return in_short([text]) if text in set(Reason) else _(text)


def _check_days(*, day: date | None, from_day: date | None, until_day: date | None, **_others: Any) -> None:
    from sync.community.registers import check_days

    if day is not None and (from_day is not None or until_day is not None):
        raise UsageError(N_("--day and --from, --until: give one day, or the first and the last"))
    for option, given in (("--day", day), ("--from", from_day), ("--until", until_day)):
        _check_year(option, given)
    check_days(from_day, until_day)


def _check_year(option: str, day: date | None) -> None:
    if day is not None and not 1970 <= day.year <= _LAST_YEAR:
        raise UsageError(
            N_("{option} {day}: give a day between 1970 and {last}"), option=option, day=day, last=_LAST_YEAR
        )


def _time_of_day(text: str) -> time:
    try:
        moment = time.fromisoformat(text) if len(text) == len("16:00") else None
    except ValueError:
        moment = None
    if moment is None:
        raise UsageError(N_("--cut-off {value!r}: write a time of day like 16:00"), value=text[:20])
    return moment
