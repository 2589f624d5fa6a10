"""`gatepost` without a command: the gate itself."""

import gc
import sys
from pathlib import Path

from passes.errors import N_, UsageError
from station.cli.common import station_in


def run_gate(folder: Path | None, lang: str | None) -> None:
    """Open the gate screen of the station in `folder`; raises `UsageError` where there is no terminal to show it."""
    # A sixth of the start went into looking for garbage among modules just loaded; the app turns it on again.
    gc.disable()
    with station_in(folder, lang) as station:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError(N_("gatepost: the gate needs a terminal; for a look without one run: gatepost demo"))
        from station.app import GatepostApp

        GatepostApp(station).run()
