"""Adding people to the roster and correcting what it says of them and their households."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from passes.errors import N_, UsageError
from station import roster
from station.assembly import Station
from station.duty.watch import listed_as
from station.numbers import Numbers, registration, same_person
from station.register import PersonRow
from station.roster import Household, Known
from sync.bodies import HouseholdRegistered, PersonRegistered
from sync.events import new_id

if TYPE_CHECKING:
    from sync.sealing import Sealer

MOST_PLATES = 20

_PLACE_OF_PERSON = (
    "SELECT max(order_ms) FROM (SELECT order_ms FROM persons WHERE person_id = ?1"
    " UNION ALL SELECT order_ms FROM person_facts WHERE person_id = ?1"
    " UNION ALL SELECT order_ms FROM numbers WHERE person_id = ?1)"
)
_PLACE_OF_HOUSEHOLD = "SELECT max(order_ms) FROM households WHERE household = ?"


class RosterError(UsageError):
    """An entry of the roster that cannot be made as it was written."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one person who lives here; numbers and plates as `passes.identity` writes them.

    `home` corrects what is known of the household; None says nothing of it. `source` is the digest of the spreadsheet
    row that says so.
    """

    name: str
    household: str
    address: str
    home: Household | None = None
    role: str = "resident"
    flags: tuple[str, ...] = ()
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    source: str | None = None


def register(station: Station, entry: Entry, person_id: str | None = None) -> Known:
    """Record an entry, or correct the person `person_id` by it; what is on record already is not said again.

    Without `person_id` whoever has the same ID number, or the same name and address, is taken for the same person.
    Raises `RosterError` for a word that the roster does not know, `StorageError`.
    """
    check(entry)
    sealer = station.sealer()
    numbers = Numbers.of(sealer, entry.id_number, entry.phone)
    connection, now_ms = station.journal.connection, station.clock.now_ms()
    with station.journal.writing():
        who = person_id or person_of(station, entry, numbers) or new_id(now_ms)
        home = household_news(station, entry.home) if entry.home else None
        for body in (person_news(station, sealer, entry, who, numbers), home):
            if body:
                station.register.record(body, now_ms)
    known = roster.get(connection, who)
    assert known is not None  # noqa: S101 - they have a name, and it has just been recorded
    return known


def person_of(station: Station, entry: Entry, numbers: Numbers) -> str | None:
    """Return the id of whoever is meant by an entry, as far as they are known; None for somebody new."""
    connection = station.journal.connection
    listed = listed_as(connection, entry.name, entry.address, numbers)
    return same_person(connection, station.register, numbers, entry.name, entry.address, listed)


def person_news(
    station: Station, sealer: "Sealer | None", entry: Entry, person_id: str, numbers: Numbers
) -> PersonRegistered | None:
    """Return what is to be recorded of a person; None when all of it is on record already."""
    connection = station.journal.connection
    person = PersonRow(person_id, entry.name, entry.household, entry.address)
    sealed = registration(connection, sealer, person, numbers)
    known = roster.get(connection, person_id)
    said = Known(person_id, entry.name, entry.household, entry.address, entry.role, entry.flags)
    if sealed is None and known and replace(known, id_tail="", phone_tail="") == said:
        return None
    body = sealed or PersonRegistered(
        person_id=person_id, name=entry.name, household=entry.household, address=entry.address
    )
    order_ms = _order_after(station, _PLACE_OF_PERSON, person_id)
    return replace(body, role=entry.role, flags=list(entry.flags), source=entry.source, order_ms=order_ms)


def household_news(station: Station, home: Household) -> HouseholdRegistered | None:
    """Return what is to be recorded of a household; None when it is on record, or is an address and nothing more."""
    known = roster.get_household(station.journal.connection, home.household)
    if home == (known or Household(home.household, home.address)):
        return None
    return HouseholdRegistered(
        household=home.household,
        address=home.address,
        compound=home.compound,
        building=home.building,
        unit=home.unit,
        room=home.room,
        grid=home.grid,
        plates=list(home.plates),
        order_ms=_order_after(station, _PLACE_OF_HOUSEHOLD, home.household),
    )


def check(entry: Entry) -> None:
    """Raise `RosterError` for a role or flag that the roster does not know, and for too many plates."""
    _check_words("role", [entry.role], roster.ROLES)
    _check_words("flag", entry.flags, roster.FLAGS)
    if entry.home and len(entry.home.plates) > MOST_PLATES:
        raise RosterError(N_("plates: a household has at most {most}"), most=MOST_PLATES)


def _order_after(station: Station, query: str, subject: str) -> int | None:
    """Return the place behind all that is known of a subject, where the clock alone would not put the next there."""
    newest_ms = station.journal.connection.execute(query, (subject,)).fetchone()[0]
    if newest_ms is None:
        return None
    here_ms = int(newest_ms) + (station.journal.drift_ms or 0)
    return here_ms + 1 if here_ms >= station.clock.now_ms() else None


def _check_words(name: str, words: Iterable[str], known: dict[str, str]) -> None:
    for word in words:
        if word not in known:
            raise RosterError(
                N_('{name} = "{word}": not known; one of: {known}'), name=name, word=word, known=", ".join(known)
            )
