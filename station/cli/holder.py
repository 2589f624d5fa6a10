"""`gatepost holder`: bans, the watch list and quarantine of the person, or household, that a pass belongs to."""

from datetime import date
from pathlib import Path

import click

from passes.errors import N_, UsageError
from passes.masking import mask_name
from station import issuing
from station.cli.common import DateType, folder_option, station_in
from station.i18n import _
from station.restricting import ORDERS, order
from sync.bodies import QuarantineOrdered


@click.command()
@click.argument("what", type=click.Choice(list(ORDERS)))
@click.argument("number")
@click.option("--reason", required=True, help="Why, in your own words.")
@click.option("--household", "whole_household", is_flag=True, help="The whole household of the pass, and its visitors.")
@click.option("--until", type=DateType(), help="With quarantine: its last day, YYYY-MM-DD (default: until released).")
@folder_option
def holder(what: str, number: str, reason: str, whole_household: bool, until: date | None, folder: Path | None) -> None:
    """Ban, watch or quarantine the holder of the pass with this NUMBER, or end that (unban, clear, release).

    First legs are refused from now on, at every gate that learns of it. The way home stays open.
    """
    if until and ORDERS[what] is not QuarantineOrdered:
        raise UsageError(N_("--until: only a quarantine has a last day"))
    with station_in(folder) as station:
        row = issuing.find(station.register, number)
        if until and until < station.gate.today():
            raise UsageError(N_("--until {until}: that day has gone by"), until=until)
        order(
            station.journal,
            station.register,
            station.clock,
            ORDERS[what],
            row,
            reason=reason,
            whole_household=whole_household,
            until=until,
        )
        about = row.household if whole_household else mask_name(row.holder)
        click.echo(_("{what}: {about}").format(what=what, about=about))
