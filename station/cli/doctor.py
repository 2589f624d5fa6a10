"""`gatepost doctor`: is this machine fit for the gate, and is the station well."""

import os
import sys
from pathlib import Path

import click

from passes.errors import GatepostError
from station.cli.common import echo_json, folder_option, json_option
from station.cli.doctor_devices import devices
from station.i18n import _, choose_language, set_language
from station.settings import default_folder, load_settings


def chosen_folder(folder: Path | None) -> Path:
    """Return the station's folder: the option here, the program's, else the user's own."""
    named: Path | None = folder or click.get_current_context().find_root().params.get("folder")
    return named or default_folder()


def speak_station_language(folder: Path) -> None:
    """Speak the language of the station in `folder`, if there is one, unless another was asked for."""
    lang = click.get_current_context().find_root().params.get("lang")
    try:
        setting: str | None = load_settings(folder).gate.language
    except GatepostError:  # told by whoever needs the settings
        setting = None
    set_language(choose_language(lang, setting))


@click.group(invoke_without_command=True)
@folder_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, folder: Path | None, as_json: bool) -> None:
    """Check machine, station and devices; exit 1 when something has to be put right. Nothing is changed."""
    if ctx.invoked_subcommand is not None:
        ctx.obj = folder
        return
    from station.clock import SystemClock
    from station.devices.ports import try_port
    from station.doctor import SYMBOLS, State
    from station.doctor.facts import gather
    from station.doctor.place import examine

    at = chosen_folder(folder)
    speak_station_language(at)
    machine = gather(at, os.environ, sys.stdout)
    findings = examine(at, machine, SystemClock(), try_port=try_port)
    problems = sum(finding.state is State.PROBLEM for finding in findings)
    notes = sum(finding.state is State.NOTE for finding in findings)
    if as_json:
        told = [{"check": found.check, "state": found.state.value, "text": found.text} for found in findings]
        echo_json({"problems": problems, "notes": notes, "findings": told})
    else:
        for finding in findings:
            click.echo(f"{SYMBOLS[finding.state]}  {finding.text}")
        click.echo(_("problems: {problems}, notes: {notes}").format(problems=problems, notes=notes))
    if problems:
        ctx.exit(1)


doctor.add_command(devices)
