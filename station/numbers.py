"""ID and phone numbers at the station: in memory while they are needed, sealed on disk, matched by digest."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from passes.identity import document_of
from station.people import find_digest, number_of_person
from station.register import PersonRow, Register
from sync.bodies import PersonRegistered, Sealed
from sync.sealing import Field, Sealer

if TYPE_CHECKING:
    from sqlite3 import Connection


@dataclass(frozen=True, slots=True)
class Numbers:
    """A person's numbers as `passes.identity` writes them, empty where there is none, and their digests.

    A digest is None where this station has no key for it.
    """

    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    id_digest: str | None = None
    phone_digest: str | None = None

    @classmethod
    def of(cls, sealer: Sealer | None, id_number: str, phone: str) -> "Numbers":
        """Make the digests of what there is; that takes its time, so it is done before the file is locked."""
        if sealer is None:
            # Without a key of the office nothing may be kept; the numbers were checked, that is all.
            return cls()
        return cls(
            id_number,
            phone,
            sealer.digest("id_number", id_number) if id_number else None,
            sealer.digest("phone", phone) if phone else None,
        )


def same_person(
    connection: "Connection", register: Register, numbers: Numbers, name: str, address: str, listed: str | None = None
) -> str | None:
    """Return the id of whoever has this ID number, or else this name and address; None for somebody new.

    `listed` is who it may be besides, by the watch list; that goes before name and address.
    """
    if numbers.id_digest and (known := find_digest(connection, numbers.id_digest)):
        return known.person_id
    found = listed or register.find_person(name, address)
    if found and numbers.id_digest:
        # Father and son of one name at one address: the number that is on record is another one.
        theirs = number_of_person(connection, found, "id_number")
        if theirs and theirs[0] and theirs[0] != numbers.id_digest:
            return None
    return found


def registration(
    connection: "Connection", sealer: Sealer | None, person: PersonRow, numbers: Numbers
) -> PersonRegistered | None:
    """Return what is to be recorded of a person's numbers; None when they are on record already."""
    if sealer is None:
        return None
    id_number = _news(connection, sealer, person.person_id, "id_number", (numbers.id_number, numbers.id_digest))
    phone = _news(connection, sealer, person.person_id, "phone", (numbers.phone, numbers.phone_digest))
    if id_number is None and phone is None:
        return None
    return PersonRegistered(
        person_id=person.person_id,
        name=person.name,
        household=person.household,
        address=person.address,
        document=document_of(numbers.id_number) if id_number else None,
        id_number=id_number,
        phone=phone,
    )


def _news(
    connection: "Connection", sealer: Sealer, person_id: str, name: Field, number: tuple[str, str | None]
) -> Sealed | None:
    value, digest = number
    if not value:
        return None
    known = number_of_person(connection, person_id, name)
    if known and digest and known[0] == digest:
        return None
    return sealer.sealed(name, value, person_id, digest)
