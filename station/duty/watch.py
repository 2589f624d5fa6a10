"""The watch list (重点人员名单): people of key areas, known again by ID number, or by name with address or phone.

The list of the police or the street comes as a spreadsheet. Whoever stands on it is refused at every gate that learns
of it, and no pass is issued to them.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from passes.errors import N_, UsageError
from passes.reasons import Reason
from station.duty.book import PAGE, DutyBook, Place, Standing, words
from station.numbers import Numbers, registration
from station.people import find_digest, number_of_person
from station.register import PersonRow
from sync.bodies import WatchCleared, WatchListed
from sync.events import Event, new_id
from sync.sealing import Sealer

if TYPE_CHECKING:
    from sqlite3 import Connection

_LISTED_AS = (
    "SELECT r.subject FROM restrictions AS r JOIN matters AS m ON m.id = r.id"
    " WHERE r.kind = 'watch_listed' AND r.is_on AND r.scope = 'holder' AND m.body ->> '$.name' = :name"
    " AND ((:address <> '' AND m.body ->> '$.address' = :address) OR r.subject IN (SELECT person_id FROM numbers"
    " WHERE digest = :phone AND field = 'phone'))"
    # Father and son of one name at one address: another number is another person.
    " AND NOT EXISTS (SELECT 1 FROM numbers AS own WHERE own.person_id = r.subject AND own.field = 'id_number'"
    " AND own.digest <> :id_number) ORDER BY r.order_ms, r.subject LIMIT 1"
)
_SAME_PHONE = (
    "SELECT p.person_id FROM numbers AS n JOIN persons AS p ON p.person_id = n.person_id"
    " WHERE n.digest = ? AND n.field = 'phone' AND p.name = ? LIMIT 2"
)


@dataclass(frozen=True, slots=True)
class Listing:
    """One entry of a list; ID number and phone as `passes.identity` writes them, empty where there is none."""

    name: str
    address: str = ""
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    reason: str = ""
    source: str = ""


def add(book: DutyBook, sealer: Sealer | None, wanted: Listing) -> Event | None:
    """Put somebody on the watch list; None when they stand on it already.

    Raises `UsageError` without a name, and for somebody whom nobody could know again.
    """
    name = words(N_("Name"), wanted.name, 64)
    address = words(N_("Address"), wanted.address, 100, may_be_empty=True)
    numbers = Numbers.of(sealer, wanted.id_number, wanted.phone)
    if not (address or numbers.id_digest or numbers.phone_digest):
        raise UsageError(N_("{name}: a name alone is many people; add the ID number, address or phone"), name=name)
    with book.journal.writing():
        now_ms = book.clock.now_ms()
        known = _known_as(book, name, address, numbers)
        if known and Reason.WATCH_LISTED in book.register.restrictions(known.person_id, "", book.today()):
            return None
        person = known or PersonRow(new_id(now_ms), name, "", address)
        registered = registration(book.connection, sealer, person, numbers)
        if registered:
            book.record(registered)
        body = WatchListed(
            holder_id=person.person_id,
            reason=words(N_("Why"), wanted.reason, may_be_empty=True) or None,
            order_ms=book.order_ms(person.person_id, None),
            name=name,
            address=address,
            source=words(N_("Whose list"), wanted.source, 60, may_be_empty=True),
        )
        return book.record(body)


def clear(book: DutyBook, order: WatchListed, reason: str) -> Event:
    """Take somebody off the watch list; raises `UsageError` without a reason."""
    said = words(N_("Why"), reason)
    with book.journal.writing():
        order_ms = book.order_ms(order.holder_id, order.household)
        return book.record(
            WatchCleared(holder_id=order.holder_id, household=order.household, reason=said, order_ms=order_ms)
        )


def listed(book: DutyBook, *, behind: Place | None = None, limit: int = PAGE) -> list[Standing]:
    """Return who stands on the watch list, the newest first, those `behind` a row."""
    return book.standing(Reason.WATCH_LISTED, behind=behind, limit=limit)


def listed_as(connection: "Connection", name: str, address: str, numbers: Numbers) -> str | None:
    """Return the id of whoever stands on the watch list under this name and address, or this name and phone."""
    asked = {"name": name, "address": address, "phone": numbers.phone_digest, "id_number": numbers.id_digest}
    row = connection.execute(_LISTED_AS, asked).fetchone()
    return str(row[0]) if row else None


def _known_as(book: DutyBook, name: str, address: str, numbers: Numbers) -> PersonRow | None:
    """Return who is meant: by the ID number, else by name and address, else by name and phone."""
    connection = book.connection
    if numbers.id_digest and (known := find_digest(connection, numbers.id_digest)):
        return PersonRow(known.person_id, known.name or name, known.household, known.address or address)
    person_id = listed_as(connection, name, address, numbers)
    if person_id is None and address:
        person_id = book.register.find_person(name, address)
    if person_id is None and numbers.phone_digest:
        same = connection.execute(_SAME_PHONE, (numbers.phone_digest, name)).fetchall()
        person_id = same[0][0] if len(same) == 1 else None
    if person_id is None or _has_other_number(connection, person_id, numbers):
        return None
    row = connection.execute(
        "SELECT person_id, name, household, address FROM persons WHERE person_id = ?", (person_id,)
    ).fetchone()
    return PersonRow(*row) if row else PersonRow(person_id, name, "", address)


def _has_other_number(connection: "Connection", person_id: str, numbers: Numbers) -> bool:
    theirs = number_of_person(connection, person_id, "id_number")
    return bool(numbers.id_digest and theirs and theirs[0] and theirs[0] != numbers.id_digest)
