"""What the roster asks about somebody: one form to add and to correct."""

import re
from collections.abc import Mapping
from datetime import date

from passes.errors import N_
from passes.identity import parse_id_number, parse_phone, parse_plate
from station import roster
from station.assembly import Station
from station.bulk.values import parse_words
from station.dialogs.form import Field
from station.dialogs.rows import PARSERS, RowsForm
from station.i18n import _
from station.registering import Entry, RosterError
from station.roster import Household, Known
from station.roster_import import Words

_BETWEEN = re.compile(r"[、,，;；/|\s]+")


def roster_form(values: dict[str, str], today: date, trouble: str, *, is_new: bool) -> RowsForm:
    """Ask about somebody; `values` is what was written before `trouble` arose, or what is on record."""
    labels = {
        "name": _("Name"),
        "id_number": _("ID number"),
        "address": _("Room"),
        "role": _("Role"),
        "flags": _("Flags"),
        "phone": _("Phone"),
        "plates": _("Plates"),
        "grid": _("Grid"),
        "compound": _("Compound"),
    }
    title = _("Add to the roster") if is_new else _("Correct; empty numbers stay as they are")
    words = "  ".join([*map(_, roster.ROLES.values()), "|", *map(_, roster.FLAGS.values())])
    fields = [Field(name, label, "" if name in PARSERS else values.get(name, "")) for name, label in labels.items()]
    numbers = {name: values[name] for name in PARSERS if values.get(name)}
    return RowsForm(f"{title}\n{words}", tuple(fields), today, trouble, None, numbers)


def values_of(station: Station, person: Known | None, household: str) -> dict[str, str]:
    """Return what a form begins with: what is on record of a person, or of a household for a new one."""
    home = roster.get_household(station.journal.connection, household) if household else None
    values = {"role": _(roster.ROLES["resident"])}
    if home:
        values |= {
            "address": home.address,
            "grid": home.grid,
            "compound": home.compound,
            "plates": " ".join(home.plates),
        }
    if person:
        flags = ", ".join(_(roster.FLAGS.get(flag, flag)) for flag in person.flags)
        role = _(roster.ROLES[person.role]) if person.role in roster.ROLES else values["role"]
        values |= {"name": person.name, "address": person.address, "role": role, "flags": flags}
    return values


def entry_of(station: Station, values: Mapping[str, str], person: Known | None) -> Entry:
    """Return what was answered as an entry.

    Raises `RosterError`, `RowError` or `IdentityError` for what cannot be one; somebody who moves leaves the household.
    """
    for name, label in (
        ("name", N_("name: write it as on the document")),
        ("address", N_("room: write where they live")),
    ):
        if not values[name]:
            raise RosterError(label)
    address = parse_words("address", values["address"])
    household = person.household if person and person.household and person.address == address else address
    known = roster.get_household(station.journal.connection, household)
    home = Household(
        household,
        known.address if known else address,
        parse_words("compound", values["compound"]),
        *((known.building, known.unit, known.room) if known else ("", "", "")),
        parse_words("grid", values["grid"]),
        tuple(dict.fromkeys(parse_plate(plate) for plate in _BETWEEN.split(values["plates"]) if plate)),
    )
    return Entry(
        parse_words("name", values["name"]),
        household,
        address,
        home,
        Words(roster.ROLES, _).parse(values["role"] or _(roster.ROLES["resident"])),
        Words(roster.FLAGS, _).parse_all(values["flags"]),
        id_number=parse_id_number(values["id_number"]) if values["id_number"] else "",
        phone=parse_phone(values["phone"]) if values["phone"] else "",
    )
