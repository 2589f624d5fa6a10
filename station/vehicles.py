"""Vehicles at a village or road gate: plate, driver, passengers, where from and to; way in and out paired by plate.

What is asked is what the paper form asks (车辆登记). A vehicle of a household follows the rules of the kind `vehicle`,
any other those of `outside_vehicle`; one that has a pass follows its pass.
"""

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from passes.errors import N_, UsageError
from passes.identity import mask_id_numbers
from passes.kinds import OUTSIDE_VEHICLE, VEHICLE
from passes.plaintext import plain
from station import issuing, people, roster, visiting
from station.assembly import Station
from station.deciding import Visitor
from station.numbers import Numbers, registration
from station.register import PassRow, PersonRow
from station.roster import Household
from station.vehicle_folding import Said
from station.visiting import MOST_NAME_CHARS, MOST_SAID_CHARS
from sync.bodies import PersonRegistered, Vehicle, Visit
from sync.events import new_id

if TYPE_CHECKING:
    from sqlite3 import Connection

MOST_PASSENGERS = 60
"""A coach has no more seats."""


class VehicleError(UsageError):
    """A vehicle that cannot be registered as it was written."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What was asked of a vehicle and its people, on their way in or out.

    Plate, ID number and phone are written as by `passes.identity`. A passenger may be nameless; each is measured.
    `has_document` is false for a driver who could show no paper. With a `pass_number` the passage is that pass's, and
    its holder stands for the driver.
    """

    plate: str
    driver: str
    id_number: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    passengers: tuple[str, ...] = ()
    origin: str = ""
    stops: str = ""
    destination: str = ""
    host: str = ""
    purpose: str = ""
    disinfected: bool = False
    has_document: bool = True
    pass_number: str = ""


class Seen(msgspec.Struct, frozen=True):
    """The last trip that began here with a plate; `is_open` while it has not come back."""

    pass_id: str
    driver: str
    driver_id: str
    household: str
    address: str
    passengers: tuple[str, ...]
    visit: Visit
    vehicle: Vehicle
    is_open: bool


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a plate: whose it is, its last trip, and the pass that this was made with."""

    home: Household | None
    issued: PassRow | None
    seen: Seen | None


def plate_id(plate: str) -> str:
    """Return the id by which all gates pair the passages of a plate: a digest, so that it tells no gate the plate."""
    return hashlib.sha256(f"plate {plate}".encode()).hexdigest()[:32]


def look_up(station: Station, plate: str) -> Known:
    """Return what is known of a plate as `passes.identity.parse_plate` writes it."""
    connection = station.journal.connection
    home = roster.household_of_plate(connection, plate)
    seen = _seen(connection, plate)
    return Known(home, station.register.find_pass(seen.pass_id) if seen else None, seen)


def register(station: Station, asked: Arrival) -> Visitor:
    """Record who drives, where that is not on record, and return the vehicle for the gate to decide.

    Raises `VehicleError` for what is missing or too long, `VisitError` for a host who is one of several, what
    `issuing.find` raises for a pass number, and `StorageError`.
    """
    _check(asked)
    if asked.pass_number:
        return _with_pass(issuing.find(station.register, asked.pass_number), asked)
    connection = station.journal.connection
    home = roster.household_of_plate(connection, asked.plate)
    host = visiting.find_host(station, asked.host) if asked.host else None
    driver = _driver(station, asked, home)
    household, address = (home.household, home.address) if home else ("", "")
    if host:
        household, address = host.household, host.address
    return Visitor(
        person_id=plate_id(asked.plate),
        name=asked.driver,
        household=household,
        address=address,
        visit=Visit(
            host=host.name if host else asked.host,
            host_id=host.person_id if host else None,
            origin=asked.origin,
            purpose=asked.purpose,
        ),
        has_document=asked.has_document,
        host_known=host is not None if asked.host and not home else None,
        companions=asked.passengers,
        kind=VEHICLE if home else OUTSIDE_VEHICLE,
        holder_id=driver,
        vehicle=vehicle_of(asked),
    )


def _with_pass(row: PassRow, asked: Arrival) -> Visitor:
    return Visitor(
        person_id=row.pass_id,
        name=row.holder,
        household=row.household,
        address=row.address,
        visit=Visit(),
        companions=asked.passengers,
        vehicle=vehicle_of(asked),
        pass_number=row.number,
    )


def vehicle_of(asked: Arrival) -> Vehicle:
    """Return what stands in the record of a passage about the vehicle itself."""
    return Vehicle(plate=asked.plate, stops=asked.stops, destination=asked.destination, disinfected=asked.disinfected)


def _driver(station: Station, asked: Arrival, home: Household | None) -> str:
    """Return the id of who drives: somebody of the household, or known by number, or registered now."""
    connection = station.journal.connection
    for member in roster.members(connection, home.household) if home else ():
        if member.name == asked.driver:
            return member.person_id
    sealer = station.sealer()
    numbers = Numbers.of(sealer, asked.id_number, asked.phone)
    with station.journal.writing():
        now_ms = station.clock.now_ms()
        known = people.find_digest(connection, numbers.id_digest) if numbers.id_digest else None
        known_id = known.person_id if known else _driver_before(connection, asked)
        person = PersonRow(
            known_id or new_id(now_ms), asked.driver, *((known.household, known.address) if known else ("", ""))
        )
        body = registration(connection, sealer, person, numbers)
        if body is None and known_id is None:
            body = PersonRegistered(person_id=person.person_id, name=person.name, household="", address="")
        if body:
            station.register.record(body, now_ms)
    return person.person_id


def _driver_before(connection: "Connection", asked: Arrival) -> str | None:
    """Return who drove this plate the last time, if the name is the same and no number says otherwise."""
    seen = None if asked.id_number else _seen(connection, asked.plate)
    return seen.driver_id if seen and seen.driver == asked.driver else None


def _seen(connection: "Connection", plate: str) -> Seen | None:
    row = connection.execute(
        "SELECT pass_id, driver, driver_id, household, address, said FROM vehicles WHERE plate = ?"
        " ORDER BY order_ms DESC, id DESC LIMIT 1",
        (plate,),
    ).fetchone()
    if row is None:
        return None
    pass_id, driver, driver_id, household, address, text = row
    said = msgspec.json.decode(text, type=Said)
    last = connection.execute(
        "SELECT leg FROM legs WHERE line = coalesce((SELECT line FROM lines WHERE pass_id = ?1), ?1)"
        " AND id NOT IN undone ORDER BY order_ms DESC, id DESC LIMIT 1",
        (pass_id,),
    ).fetchone()
    is_open = last is not None and last[0] == "first"
    return Seen(pass_id, driver, driver_id, household, address, said.passengers, said.visit, said.vehicle, is_open)


def _check(asked: Arrival) -> None:
    if not asked.driver and not asked.pass_number:
        raise VehicleError(N_("driver: write the name of whoever drives"))
    if len(asked.passengers) > MOST_PASSENGERS:
        raise VehicleError(N_("passengers: at most {most}"), most=MOST_PASSENGERS)
    said = (asked.origin, asked.stops, asked.destination, asked.purpose)
    names = (asked.driver, asked.host, *asked.passengers)
    for text, most in (*((one, MOST_SAID_CHARS) for one in said), *((one, MOST_NAME_CHARS) for one in names)):
        if plain(text, most) != text:
            raise VehicleError(
                N_('"{text}": write at most {most} ordinary characters'),
                text=plain(mask_id_numbers(text), 40),
                most=most,
            )
        if mask_id_numbers(text) != text:
            raise VehicleError(N_("an ID number stands in the wrong line: only its own line is sealed"))
