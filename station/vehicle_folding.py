"""The fold of vehicles: the last trip that began with each plate, or pass."""

from typing import TYPE_CHECKING

import msgspec

from sync.bodies import PassageRecorded, Vehicle, Visit

if TYPE_CHECKING:
    from sqlite3 import Connection

_REGISTER_VEHICLE = (
    "INSERT INTO vehicles VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET plate = excluded.plate,"
    " kind = excluded.kind, driver_id = excluded.driver_id, driver = excluded.driver, household = excluded.household,"
    " address = excluded.address, said = excluded.said, station = excluded.station, order_ms = excluded.order_ms,"
    " id = excluded.id WHERE (excluded.order_ms, excluded.id) > (vehicles.order_ms, vehicles.id)"
)


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was said when a vehicle's trip began; empty for one that another gate let through."""

    passengers: tuple[str, ...] = ()
    visit: Visit = Visit()
    vehicle: Vehicle = Vehicle(plate="")


def fold_vehicle(connection: "Connection", body: PassageRecorded, station: str, place: tuple[int, str]) -> None:
    """Know the first leg of a vehicle's trip; `place` is where it lies among the facts of all stations."""
    vehicle = body.vehicle or Vehicle(plate="")
    said = Said(tuple(one.name for one in body.companions), body.visit or Visit(), vehicle)
    whose = (body.holder_id or "", body.holder or "", body.household or "", body.address or "")
    row = (body.pass_id, vehicle.plate, body.pass_kind or "", *whose, msgspec.json.encode(said).decode(), station)
    connection.execute(_REGISTER_VEHICLE, (*row, *place))
