"""Visitors without a pass: registered at the gate, known again by their number, and let out by their name.

What is asked is what the paper form asks (外来人员登记表): name, number, phone, where from, whom they visit, what for.
Their passage is decided by the same rules as everybody's (`passes.policy`), as the kind `visitor`.
"""

from dataclasses import dataclass, field, replace

from msgspec.structs import replace as replace_struct

from passes.errors import N_, UsageError
from passes.identity import mask_id_numbers
from passes.plaintext import plain
from passes.policy import State
from station import people, roster
from station.assembly import Station
from station.deciding import Visitor
from station.duty.watch import listed_as
from station.numbers import Numbers, registration
from station.people import KnownNumber, LastVisit
from station.register import PersonRow
from station.roster import Known
from sync.bodies import PersonRegistered, Visit
from sync.events import new_id

MOST_NAME_CHARS = 64
"""A foreigner's card has up to 60."""

MOST_SAID_CHARS = 100


class VisitError(UsageError):
    """A visitor who cannot be registered as it was written."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What was asked of a visitor; ID number and phone as `passes.identity` writes them, empty where there is none.

    `host` is written as a name, an address, or both with a space between; `host_id` is that of a host who was chosen
    from the roster. `address` is where the visitor lives.
    """

    name: str
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    address: str = ""
    origin: str = ""
    host: str = ""
    purpose: str = ""
    host_id: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """Who was registered, and what the guard should be told of it.

    `known_as` is the name that this ID number was registered under before, empty for somebody whom only another gate
    has met, None where it is new. `is_sealed` is false where the office gave this station no key, so that the numbers
    were dropped; `is_matched` where it has no secret for digests, so that nobody is known again.
    """

    visitor: Visitor
    known_as: str | None = None
    is_sealed: bool = True
    is_matched: bool = True


def register(station: Station, asked: Registration) -> Registered:
    """Record who a visitor is, and return them for the gate to decide.

    Somebody of the same ID number is the same person. Raises `VisitError` for what is missing or too long, for a host
    who is one of several, and for somebody who has a pass that is good today; `StorageError`.
    """
    _check(asked)
    host = _host(station, asked)
    sealer = station.sealer()
    numbers = Numbers.of(sealer, asked.id_number, asked.phone)
    connection = station.journal.connection
    with station.journal.writing():
        known = people.find_digest(connection, numbers.id_digest) if numbers.id_digest else None
        if known:
            _refuse_pass_holder(station, known.person_id)
        listed = None if known else listed_as(connection, asked.name, asked.address, numbers)
        now_ms = station.clock.now_ms()
        home = (known.household, known.address) if known and known.name else ("", asked.address)
        person = PersonRow(known.person_id if known else listed or new_id(now_ms), asked.name, *home)
        body = registration(connection, sealer, person, numbers)
        if body is None and not (known and known.name == asked.name):
            body = PersonRegistered(
                person_id=person.person_id, name=person.name, household=person.household, address=person.address
            )
        if body:
            station.register.record(body, now_ms)
    has_numbers = bool(asked.id_number or asked.phone)
    return Registered(
        _visitor(person, asked, host),
        known.name if known else None,
        is_sealed=sealer is not None or not has_numbers,
        is_matched=sealer is None or sealer.digest_key is not None or not asked.id_number,
    )


def again(station: Station, person_id: str, asked: Registration) -> Registered:
    """Return a visitor who came before, for the visit that was asked; who they are is on record already.

    Whether they are who is meant, the ID card tells: the gate asks for a look at it. Raises as `register` does.
    """
    last = people.last_visit(station.journal.connection, person_id)
    if last is None:
        raise VisitError(N_("this visitor is inside already, or is not known here any more"))
    asked = replace(asked, name=last.name)
    _check(asked)
    host = _host(station, asked)
    _refuse_pass_holder(station, person_id)
    person = PersonRow(person_id, last.name, "", "")
    return Registered(replace_struct(_visitor(person, asked, host), has_document=True), last.name)


def leaving(one: LastVisit) -> Visitor:
    """Return a visitor who is inside as the gate decides about them on their way out."""
    return Visitor(one.person_id, one.name, one.household, one.address, one.visit)


def find_host(station: Station, wanted: str) -> PersonRow | None:
    """Return who lives here under that name or address; None when nobody does.

    Raises `VisitError` when several people do: the guard adds the room.
    """
    wanted = wanted.strip()
    if not wanted:
        return None
    connection, kinds = station.journal.connection, _visitor_kinds(station)
    found = people.hosts(connection, wanted, kinds)
    if not found and " " in wanted:
        one, _space, other = (part.strip() for part in wanted.partition(" "))
        found = [row for row in people.hosts(connection, one, kinds) if other in (row.name, row.address)]
    if len({(row.household, row.address) for row in found}) > 1:
        rooms = ", ".join(dict.fromkeys(plain(row.address, 20) for row in found[:5]))
        raise VisitError(
            N_("whom do they visit: several are called so ({rooms}); write the name, a space and the room"),
            rooms=rooms,
        )
    return found[0] if found else None


def known_number(station: Station, id_number: str) -> tuple[KnownNumber | None, LastVisit | None]:
    """Return who has this ID number, and whether they are a visitor who is inside; None where that cannot be told."""
    sealer = station.sealer()
    digest = sealer.digest("id_number", id_number) if sealer else None
    if digest is None:
        return None, None
    connection = station.journal.connection
    return people.find_digest(connection, digest), people.find_inside(connection, digest)


def last_visit_of_number(station: Station, id_number: str) -> LastVisit | None:
    """Return the last visit of whoever has this ID number; None for who never came, is inside, or cannot be told."""
    known, _inside = known_number(station, id_number)
    return people.last_visit(station.journal.connection, known.person_id) if known else None


def hosts_found(station: Station, text: str, most: int) -> list[Known]:
    """Return at most so many of those who live here and may be meant by `text`; nobody where it names one already."""
    found = [one for one in roster.find(station.journal.connection, text) if one.household][:most]
    exact = [one for one in found if text in (one.name, one.address, f"{one.name} {one.address}")]
    return [] if len({(one.household, one.address) for one in exact}) == 1 else found


def _host(station: Station, asked: Registration) -> PersonRow | None:
    known = roster.get(station.journal.connection, asked.host_id) if asked.host_id else None
    if known and known.household:
        return PersonRow(known.person_id, known.name, known.household, known.address)
    return find_host(station, asked.host)


def _visitor(person: PersonRow, asked: Registration, host: PersonRow | None) -> Visitor:
    visit = Visit(
        host=host.name if host else asked.host,
        host_id=host.person_id if host else None,
        origin=asked.origin,
        purpose=asked.purpose,
    )
    return Visitor(
        person_id=person.person_id,
        name=person.name,
        household=host.household if host else "",
        address=host.address if host else "",
        visit=visit,
        has_document=bool(asked.id_number),
        host_known=host is not None,
    )


def _visitor_kinds(station: Station) -> list[str]:
    in_force = station.register.rules().in_force(station.clock.now_ms())
    return [kind.code for kind in in_force.values() if kind.visitor]


def _refuse_pass_holder(station: Station, person_id: str) -> None:
    """Send whoever has a pass to it: as a visitor they would have a second trip today."""
    today = str(station.gate.today())
    for number in people.pass_numbers(station.journal.connection, person_id):
        row = station.register.find_number(number)
        if row and row.state is State.ACTIVE and row.valid_from <= today <= row.valid_until:
            raise VisitError(N_("this person has the pass {number}: scan it, or type its number"), number=number)


def _check(asked: Registration) -> None:
    if not asked.name:
        raise VisitError(N_("name: write the visitor's name as it stands on the document"))
    for text, most in (
        (asked.name, MOST_NAME_CHARS),
        (asked.address, MOST_SAID_CHARS),
        (asked.origin, MOST_SAID_CHARS),
        (asked.host, MOST_NAME_CHARS),
        (asked.purpose, MOST_SAID_CHARS),
    ):
        if plain(text, most) != text:
            raise VisitError(
                N_('"{text}": write at most {most} ordinary characters'),
                text=plain(mask_id_numbers(text), 40),
                most=most,
            )
        if mask_id_numbers(text) != text:
            raise VisitError(N_("an ID number stands in the wrong line: only its own line is sealed"))
