"""Retention by itself: once a day, when the gate is quiet, on a thread beside it."""

import threading
from contextlib import suppress
from pathlib import Path

from passes.errors import GatepostError
from passes.trips import local_day
from station.assembly import open_station
from station.clock import Clock
from station.notes import PURGED_ON, read_note, write_note
from station.purging import purge

LOOK_S = 600.0
QUIET_MS = 5 * 60_000
"""Nobody has come for so long when a purge begins."""


class DailyPurge:
    """Empties what is older than the station's settings say, once on each local day."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin to look, some minutes from now."""
        self._thread.start()

    def stop(self) -> None:
        """Ask the thread to end; a purge under way is gone on with the next time."""
        self._stopping.set()

    def look(self) -> bool:
        """Purge if it is time to; say whether it was. Raises `GatepostError`."""
        with open_station(self._folder, self._clock) as station:
            days, now_ms = station.settings.retention.days, self._clock.now_ms()
            today = str(local_day(now_ms, station.settings.zone))
            is_quiet = station.journal.head().latest_ms < now_ms - QUIET_MS
            if not days or not is_quiet or read_note(station.journal.connection, PURGED_ON) == today:
                return False
            purge(station, days, beside_gate=True)
            with station.journal.writing():
                write_note(station.journal.connection, PURGED_ON, today)
        return True

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            # What is wrong with the file the gate itself tells; the next look tries again.
            with suppress(GatepostError):
                self.look()
