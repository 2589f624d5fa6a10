"""`gatepost` without a command: the gate itself."""

import gc
import sys
from pathlib import Path

from passes.errors import N_, UsageError
from station.cli.common import station_folder, station_in
from station.settings import FILE_NAME


def run_gate(folder: Path | None, lang: str | None) -> None:
    """Open the gate screen of the station in `folder`; where there is none yet, the first run comes before.

    Raises `UsageError` where there is no terminal to show it.
    """
    place, has_terminal = station_folder(folder), sys.stdin.isatty() and sys.stdout.isatty()
    if has_terminal and not (place / FILE_NAME).exists():
        from station.screens.first_run_app import ask_first

        if not ask_first(place):
            return
    # A sixth of the start went into looking for garbage among modules just loaded; the app turns it on again.
    gc.disable()
    with station_in(folder, lang) as station:
        if not has_terminal:
            raise UsageError(N_("gatepost: the gate needs a terminal; for a look without one run: gatepost demo"))
        from station.app import GatepostApp

        GatepostApp(station).run()
