"""The roster as a table, in the columns that `station.roster_import` reads."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from passes.errors import N_
from passes.masking import mask_address, mask_name, mask_plate
from station import roster
from station.i18n import _
from station.roster import Household, Known

if TYPE_CHECKING:
    from sqlite3 import Connection

TITLES = (
    *(N_("Name"), N_("Address"), N_("Household"), N_("Compound"), N_("Grid"), N_("Role"), N_("Flags"), N_("Plate")),
    *(N_("ID number, end"), N_("Phone, end")),
)
BETWEEN = ", "


def rows(connection: "Connection", *, unmasked: bool) -> Iterator[tuple[str, ...]]:
    """Yield a row for everybody who lives here, household by household; masked unless `unmasked`."""
    home, after = Household("", ""), None
    while found := roster.page(connection, after):
        for person in found:
            if person.household != home.household:
                home = roster.get_household(connection, person.household) or Household(person.household, person.address)
            yield _row(person, home, unmasked=unmasked)
        after = roster.place_of(found[-1])


def _row(person: Known, home: Household, *, unmasked: bool) -> tuple[str, ...]:
    flags = BETWEEN.join(_(roster.FLAGS[flag]) if flag in roster.FLAGS else flag for flag in person.flags)
    role = _(roster.ROLES[person.role]) if person.role in roster.ROLES else person.role
    plates = BETWEEN.join(home.plates if unmasked else map(mask_plate, home.plates))
    who = (person.name, person.address, person.household)
    if not unmasked:
        who = (mask_name(person.name), mask_address(person.address), mask_address(person.household))
    return (*who, home.compound, home.grid, role, flags, plates, person.id_tail, person.phone_tail)
