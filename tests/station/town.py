"""A station whose roster has a few people, all invented."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from passes.identity import parse_plate
from station.assembly import Station, open_station
from station.registering import Entry, register
from station.roster import Household, Known
from sync.events import read_body
from tests.screens.console import make_station
from tests.station.post import HandClock

Said = TypeVar("Said")
NUMBER, PHONE = "110101199003074477", "13800001234"


@contextmanager
def town(folder: Path) -> Iterator[Station]:
    with open_station(make_station(folder), HandClock()) as station:
        yield station


def lives(
    station: Station,
    name: str,
    address: str = "3-2-501",
    role: str = "resident",
    *,
    flags: tuple[str, ...] = (),
    plates: tuple[str, ...] = (),
    **more: str,
) -> Known:
    """Put somebody into the roster."""
    home = Household(address, address, plates=tuple(map(parse_plate, plates))) if plates else None
    return register(station, Entry(name, address, address, home, role, flags, **more))


def bodies(station: Station, kind: type[Said]) -> list[Said]:
    told = (read_body(event.kind, event.body) for _n, event in station.journal.read())
    return [body for body in told if isinstance(body, kind)]
