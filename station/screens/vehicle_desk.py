"""Vehicles at the gate: a plate, then whoever is in it; what is known of the plate is filled in."""

import re
from collections.abc import Callable
from typing import Any

from textual.screen import ModalScreen

from passes.errors import UsageError
from passes.identity import IdentityError, parse_id_number, parse_phone, parse_plate
from passes.masking import mask_plate
from station import vehicles
from station.assembly import Station
from station.dialogs.desk_forms import plate_form, vehicle_form
from station.dialogs.form import Answer
from station.dialogs.rows import RowsDialog
from station.i18n import _, explain
from station.issuing import IssuingError
from station.lane import Lane
from station.vehicles import Arrival, Known

_NO_DOCUMENT = {"-", "--", "无", "没有", "none"}
_YES = {"1", "y", "yes", "是", "√", "✓"}
_BETWEEN = re.compile(r"[、,，;；/|]+")


class VehicleDesk:
    """The questions about vehicles at one gate; `push` opens a dialog and does what is answered, `hint` says a line."""

    def __init__(
        self,
        station: Station,
        lane: Lane,
        push: Callable[[ModalScreen[Any], Callable[[Any], None]], None],
        hint: Callable[[str], None],
    ) -> None:
        self._station = station
        self._lane = lane
        self._push = push
        self._hint = hint

    def ask(self, plate: str = "", trouble: str = "") -> None:
        """Ask which plate stands here, unless somebody else does."""
        if self._lane.is_pending:
            self._hint(_("Record the one who stands here first: Enter, or F6"))
        else:
            self._push(plate_form(plate, trouble), self._plate_answered)

    def _plate_answered(self, answer: Answer) -> None:
        typed = answer.values["plate"]
        try:
            plate = parse_plate(typed)
        except IdentityError as error:
            self.ask(typed, explain(error))
            return
        known = vehicles.look_up(self._station, plate)
        self._ask_rows(plate, _values(known))

    def _ask_rows(self, plate: str, values: dict[str, str], trouble: str = "") -> None:
        form = vehicle_form(plate, values, self._station.gate.today(), trouble)

        def answered(answer: Answer) -> None:
            try:
                visitor = vehicles.register(self._station, _arrival(plate, answer.values))
            except (UsageError, IdentityError, IssuingError) as error:
                self._ask_rows(plate, answer.values, explain(error))
                return
            self._lane.visit(visitor)
            self._hint(_("{plate}: measure the driver, then each passenger").format(plate=mask_plate(plate)))

        self._push(RowsDialog(form), answered)


def _values(known: Known) -> dict[str, str]:
    """Return what a form begins with: what was said the last time."""
    seen = known.seen
    if seen is None:
        return {}
    names = [name for name in seen.passengers if name]
    passengers = "、".join(names) if len(names) == len(seen.passengers) else str(len(seen.passengers))
    return {
        "driver": seen.driver,
        "passengers": passengers,
        "origin": seen.visit.origin,
        "stops": seen.vehicle.stops,
        "destination": seen.vehicle.destination,
        "host": seen.visit.host,
        "purpose": seen.visit.purpose,
        "pass": known.issued.number if known.issued else "",
    }


def _arrival(plate: str, values: dict[str, str]) -> Arrival:
    number = values["id_number"]
    has_none = number.casefold() in _NO_DOCUMENT
    passengers = values["passengers"].strip()
    return Arrival(
        plate=plate,
        driver=values["driver"],
        id_number=parse_id_number(number) if number and not has_none else "",
        phone=parse_phone(values["phone"]) if values["phone"] else "",
        passengers=_passengers(passengers),
        origin=values["origin"],
        stops=values["stops"],
        destination=values["destination"],
        host=values["host"],
        purpose=values["purpose"],
        disinfected=values["disinfected"].casefold() in _YES,
        has_document=not has_none,
        pass_number=values["pass"],
    )


def _passengers(text: str) -> tuple[str, ...]:
    """Return the names that were written, or as many nameless people as the number says."""
    if text.isdecimal():
        return ("",) * min(int(text[:4]), vehicles.MOST_PASSENGERS + 1)
    return tuple(name.strip() for name in _BETWEEN.split(text) if name.strip())
