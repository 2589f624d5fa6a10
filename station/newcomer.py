"""What a station begins with beside its folder: who works there, and the news that lay on the stick."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from station.access import Role
from station.assembly import Station, open_station

if TYPE_CHECKING:
    from station.bundle_answers import TakenOver


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who is to work here; without a `pin` a name is enough."""

    name: str
    roles: frozenset[Role]
    pin: str = field(default="", repr=False)


def enter(station: Station, people: Iterable[Newcomer]) -> None:
    """Record who works here, and keep their PINs; whoever is entered with these roles already is not entered again."""
    access = station.access
    known = {member.name: member.roles for member in access.members()}
    for one in people:
        roles = one.roles or frozenset({Role.GUARD})
        if known.get(one.name) != roles:
            access.set_member(one.name, roles)
        if one.pin:
            access.set_pin(one.name, one.pin)


def take_news(folder: Path, stick: Path) -> "TakenOver | None":
    """Take over what the office wrote for this station beside its invitation; None where the stick has nothing of it.

    Raises `BundleError` for a stick that is not there any more, `SettingsError` and `StorageError`.
    """
    from station.bundle_answers import import_from
    from station.bundles import carrier_of
    from sync.bundlefiles import bundles_in

    place = stick if stick.is_dir() else stick.parent
    with open_station(folder) as station:
        written = [
            path for path in bundles_in([place], "station") if path.name.startswith(f"{station.settings.station.id}_")
        ]
        return import_from(carrier_of(station), written) if written else None
