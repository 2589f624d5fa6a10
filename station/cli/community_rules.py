"""`gatepost community kind` and `community mode`: what passes allow, and how strictly the gates are kept."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from passes.errors import N_, UsageError
from passes.kinds import PRESETS, Hours, Kind, Mode
from passes.plaintext import plain
from passes.trips import Direction
from station.cli.common import instant
from station.cli.community_common import as_json, community_in, in_folder, print_json, when
from station.clock import SystemClock
from station.i18n import _

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_from_option = click.option(
    "--from", "effective", help="From when on, like 2026-03-10T00:00 on the community's clocks (default: now)."
)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class TripsType(click.ParamType[int | str]):
    """A number of trips, or `unlimited`."""

    name = "trips"

    def convert(self, value: int | str, param: click.Parameter | None, ctx: click.Context | None) -> int | str:  # noqa: ARG002 - click's signature
        """Read it; raises `UsageError` for anything else."""
        if value == "unlimited" or isinstance(value, int) or (value.isascii() and value.isdecimal()):
            return value if value == "unlimited" else int(value)
        raise UsageError(N_('--trips = "{value}": write a number, 0 for barred, or unlimited'), value=value)


@click.group()
def kind() -> None:
    """Say what the kinds of passes allow; every gate obeys from the instant named."""


@kind.command("list")
@in_folder
@as_json
def kind_list(folder: Path, wants_json: bool) -> None:
    """List the kinds as they are now, and what has been ordered for later."""
    import msgspec

    from sync.community.rules import kinds_at

    with community_in(folder) as (settings, engine):
        found = kinds_at(engine, settings.community.id, SystemClock().now_ms())
    if wants_json:
        print_json(
            [
                {**msgspec.to_builtins(one), "effective_ms": since_ms, "in_force": is_now}
                for one, since_ms, is_now in found
            ]
        )
        return
    for one, since_ms, is_now in found:
        from_when = (
            when(since_ms, settings.zone) if is_now else _("from {time}").format(time=when(since_ms, settings.zone))
        )
        click.echo("\t".join([one.code, plain(_(one.label)), *_told(one), from_when]).rstrip())


@kind.command("set")
@in_folder
@click.argument("code")
@click.option("--label", help="What people call it.")
@click.option("--first-leg", type=click.Choice(["exit", "entry"]), help="exit: lives here; entry: comes from outside.")
@click.option("--trips", type=TripsType(), help="Trips in a period: a number, 0 for barred, or unlimited.")
@click.option("--period-days", type=int, help="Length of the period in calendar days.")
@click.option("--count", type=click.Choice(["pass", "household"]), help="Whose trips are counted together.")
@click.option("--hours", multiple=True, help='When first legs may be, like "mon-fri 06:00-20:00"; "any" for always.')
@click.option("--minutes-away", type=int, help="Longest trip in minutes; 0 for no limit.")
@click.option("--id-check/--no-id-check", default=None, help="Whether the ID card must be shown.")
@click.option("--reading", type=click.Choice(["required", "optional"]), help="Whether the temperature must be taken.")
@click.option("--exempt/--not-exempt", default=None, help="Whether they may leave under static management.")
@click.option("--visitor/--no-visitor", default=None, help="Whether they stay outside with no_visitors.")
@click.option("--colour", type=click.Choice(["none", "blue", "green", "red", "white", "yellow"]), help="The label's.")
@click.option("--note", "notes", multiple=True, help="What holders are told, on the pass and at the scan.")
@_from_option
@as_json
def kind_set(folder: Path, code: str, effective: str | None, wants_json: bool, **changes: Any) -> None:
    """Set what CODE allows; what is not named stays as it is. A new kind needs --label and --first-leg."""
    from sync.community.rules import kinds_at, set_kind

    now_ms = SystemClock().now_ms()
    with community_in(folder) as (settings, engine):
        effective_ms = _effective_ms(effective, settings.zone, now_ms)
        kinds = {
            one.code: one for one, _since_ms, is_now in kinds_at(engine, settings.community.id, effective_ms) if is_now
        }
        changed = _changed(code, kinds.get(code), changes)
        set_kind(engine, settings.community.id, changed, effective_ms, now_ms)
    if wants_json:
        print_json({"code": code, "effective_ms": effective_ms})
    else:
        told = ", ".join([plain(_(changed.label)), *_told(changed)])
        click.echo(
            _("{code}: {what}; from {time}").format(code=code, what=told, time=when(effective_ms, settings.zone))
        )


@click.group()
def mode() -> None:
    """Say how strictly the gates are kept: open, closed, static or no_visitors."""


@mode.command("show")
@in_folder
@as_json
def mode_show(folder: Path, wants_json: bool) -> None:
    """Show the mode of now and what has been ordered for later."""
    from sync.community.rules import modes_from

    with community_in(folder) as (settings, engine):
        found = modes_from(engine, settings.community.id, SystemClock().now_ms())
    if wants_json:
        print_json([{"mode": one.value, "effective_ms": since_ms} for one, since_ms in found])
        return
    for one, since_ms in found:
        click.echo(f"{one.value}\t{when(since_ms, settings.zone)}".rstrip())


@mode.command("set")
@in_folder
@click.argument("name", type=click.Choice([one.value for one in Mode]))
@_from_option
@as_json
def mode_set(folder: Path, name: str, effective: str | None, wants_json: bool) -> None:
    """Set the mode of all gates. Under static only exempt kinds leave; with no_visitors no visitor comes in."""
    from sync.community.rules import set_mode

    now_ms = SystemClock().now_ms()
    with community_in(folder) as (settings, engine):
        effective_ms = _effective_ms(effective, settings.zone, now_ms)
        set_mode(engine, settings.community.id, Mode(name), effective_ms, now_ms)
    if wants_json:
        print_json({"mode": name, "effective_ms": effective_ms})
    else:
        click.echo(_("{mode} from {time}").format(mode=name, time=when(effective_ms, settings.zone)))


def _effective_ms(text: str | None, zone: "ZoneInfo", now_ms: int) -> int:
    return now_ms if text is None else instant("--from", text, zone)


def _changed(code: str, before: Kind | None, changes: dict[str, Any]) -> Kind:
    from msgspec.structs import replace

    label, first_leg = changes.pop("label"), changes.pop("first_leg")
    if before is None:
        if not (label and first_leg):
            raise UsageError(N_('kind "{code}": is new; say --label and --first-leg'), code=plain(code, 40))
        before = Kind(code, label, Direction(first_leg), visitor=first_leg == "entry")
    hours, notes, trips = changes.pop("hours"), changes.pop("notes"), changes.pop("trips")
    changed = replace(
        before,
        label=label or before.label,
        first_leg=Direction(first_leg) if first_leg else before.first_leg,
        hours=before.hours if not hours else tuple(_hours(text) for text in hours if text != "any"),
        notes=tuple(notes) or before.notes,
        **{name: value for name, value in changes.items() if value is not None},
    )
    return changed if trips is None else replace(changed, trips=None if trips == "unlimited" else trips)


def _hours(text: str) -> Hours:
    from station.policy_try.model import Window

    days, _space, window = text.strip().rpartition(" ")
    start, _dash, end = window.partition("-")
    try:
        return Window(days=days or "mon-sun", start=start, end=end).hours()
    except ValueError:
        raise UsageError(
            N_('--hours "{text}": write it like "mon-fri 06:00-20:00" or "06:00-20:00"'), text=plain(text, 60)
        ) from None


def _told(one: Kind) -> list[str]:
    """Say in a few words what a kind allows."""
    trips = (
        _("no limit")
        if one.trips is None
        else _("{trips} in {days} day(s) per {count}").format(
            trips=one.trips, days=one.period_days, count=_("household") if one.count == "household" else _("pass")
        )
    )
    told = [_("out first") if one.first_leg is Direction.EXIT else _("in first"), trips]
    told += [f"{_days(hours)}{hours.start:%H:%M}-{hours.end:%H:%M}" for hours in one.hours]
    if one.minutes_away:
        told.append(_("{minutes} min at most").format(minutes=one.minutes_away))
    marks = (
        (one.id_check, _("ID card")),
        (one.reading == "optional", _("temperature optional")),
        (one.exempt, _("exempt")),
        (one.visitor, _("visitor")),
        (one.code not in PRESETS, _("own kind")),
    )
    return told + [word for holds, word in marks if holds]


def _days(hours: Hours) -> str:
    names = ",".join(_WEEKDAYS[day] for day in sorted(hours.weekdays))
    return f"{names} " if len(hours.weekdays) < 7 else ""
