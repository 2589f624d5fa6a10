"""`gatepost demo`: everything on one machine."""

import sys
from pathlib import Path

import click

from passes.errors import N_, UsageError
from station.i18n import _


@click.command()
@click.option("--dir", "folder", type=click.Path(path_type=Path), help="Keep the demo here; a temporary folder if not.")
@click.option("--play", "plays", is_flag=True, help="Play one shift and print it, even in a terminal.")
def demo(folder: Path | None, plays: bool) -> None:
    """Show a whole community on this machine; without a terminal, play one shift and print it."""
    from station.demo.world import Scanner, open_world

    if folder and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(N_("{path}: this is no empty folder; name a new one"), path=folder)
    has_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    click.echo(_("Setting up a community, its server and a station ..."))
    with open_world(folder) as world:
        if has_terminal and not plays:
            from station.app import GatepostApp

            GatepostApp(world.station, scanner=Scanner(world)).run()
        else:
            from station.demo.shift import play

            play(world, click.echo)
