"""A purge in a process of its own that is killed; it prints a line before each table's part of each transaction.

Run as: python -m tests.station.child_purge; the station's folder comes as a line when it is to begin.
"""

import sys
from pathlib import Path
from typing import Any

from station import purging
from station.assembly import open_station
from station.notes import UNSCRUBBED

empty, scrub = purging._Purge._empty, purging._scrub


def say(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def empty_aloud(run: purging._Purge, *given: Any) -> None:
    say("emptying")
    empty(run, *given)


def scrub_aloud(*given: Any, **options: Any) -> bool:
    say(UNSCRUBBED)
    return scrub(*given, **options)


if __name__ == "__main__":
    purging.CHUNK = 3
    purging._Purge._empty = empty_aloud  # type: ignore[assignment,method-assign] # says it, and does the same
    purging._scrub = scrub_aloud
    folder = Path(sys.stdin.readline().strip())
    with open_station(folder) as station:
        purging.purge(station, 30)
