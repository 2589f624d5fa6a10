"""`gatepost community conflicts`: passes used twice, until a person has looked at each."""

from pathlib import Path

import click

from passes.plaintext import plain
from station.cli.community_common import as_json, community_in, in_folder, print_json, when
from station.clock import SystemClock
from station.i18n import _


@click.group()
def conflicts() -> None:
    """List double uses that came to light when journals met, and close them with a note."""


@conflicts.command("list")
@in_folder
@as_json
def conflicts_list(folder: Path, wants_json: bool) -> None:
    """List the open conflicts; the passage one too many is the last one named."""
    from dataclasses import asdict

    from sync.community.conflicts import find_conflicts, open_conflicts
    from sync.community.database import reading

    with community_in(folder) as (settings, engine):
        find_conflicts(engine, settings.community.id, SystemClock().now_ms())
        with reading(engine) as connection:
            found = open_conflicts(connection, settings.community.id)
    if wants_json:
        print_json([asdict(conflict) for conflict in found])
        return
    for conflict in found:
        words = (
            conflict.conflict_id,
            when(conflict.found_at_ms, settings.zone),
            conflict.rule,
            conflict.pass_id,
            " > ".join(conflict.stations),
        )
        click.echo("\t".join(plain(word, 80) for word in words))
    if not found:
        click.echo(_("No open conflicts."))


@conflicts.command("close")
@in_folder
@click.argument("conflict_id", metavar="CONFLICT")
@click.option("--reason", required=True, help="What was found out, and what was done.")
@click.option(
    "--discard", "discarded", multiple=True, metavar="STATION", help="Its passages in this conflict count no more."
)
def conflicts_close(folder: Path, conflict_id: str, reason: str, discarded: tuple[str, ...]) -> None:
    """Close a conflict; every gate learns of it."""
    from sync.community.conflicts import close_conflict
    from sync.community.database import writing

    with community_in(folder) as (settings, engine), writing(engine) as connection:
        close_conflict(connection, settings.community.id, conflict_id, reason, discarded, SystemClock().now_ms())
    click.echo(_("conflict {conflict} closed").format(conflict=plain(conflict_id, 80)))
