"""What the front desk asks: the visitor's form and the form for a pass, in the user's language."""

from datetime import date

from station.dialogs.form import Field, FormDialog
from station.dialogs.rows import PARSERS, RowsForm
from station.i18n import _


def visitor_form(values: dict[str, str], today: date, trouble: str, repeated: dict[str, str]) -> RowsForm:
    """Ask who comes in without a pass, and to whom; `values` is what was written before `trouble` arose."""
    labels = {
        "name": _("Name"),
        "id_number": _("ID number"),
        "host": _("Visits (name)"),
        "purpose": _("Purpose"),
        "origin": _("Coming from"),
        "phone": _("Phone"),
        "address": _("Home address"),
    }
    title = _("A visitor without a pass comes in; without a document: ID number = -")
    return _form(title, labels, values, today, trouble, repeated)


def plate_form(plate: str, trouble: str) -> FormDialog:
    """Ask for the plate of the vehicle that stands here; `plate` is what was written before `trouble` arose."""
    title = _("A vehicle: write its plate; police, army, embassy, temporary and e-bikes as they are")
    return FormDialog("\n".join(line for line in (title, trouble) if line), [Field("plate", _("Plate"), plate)])


def vehicle_form(plate: str, values: dict[str, str], today: date, trouble: str) -> RowsForm:
    """Ask who is in a vehicle, where from and to; `values` is what was written, or said the last time."""
    labels = {
        "driver": _("Driver"),
        "id_number": _("ID number"),
        "phone": _("Phone"),
        "passengers": _("Passengers"),
        "origin": _("Coming from"),
        "stops": _("Stops"),
        "destination": _("Going to"),
        "host": _("Visits (name)"),
        "purpose": _("Purpose"),
        "disinfected": _("Disinfected 1"),
        "pass": _("Pass number"),
    }
    title = _("Vehicle {plate}; passengers: names or how many").format(plate=plate)
    return _form(title, labels, values, today, trouble, {})


def issue_form(values: dict[str, str], today: date, trouble: str, kinds: str) -> RowsForm:
    """Ask for whom a pass is issued; `kinds` lists those that there are."""
    labels = {
        "name": _("Name"),
        "id_number": _("ID number"),
        "address": _("Room"),
        "kind": _("Kind"),
        "from": _("From"),
        "until": _("Until"),
        "phone": _("Phone"),
    }
    return _form(_("New pass. Kinds: {kinds}").format(kinds=kinds), labels, values, today, trouble, {})


def _form(
    title: str,
    labels: dict[str, str],
    values: dict[str, str],
    today: date,
    trouble: str,
    repeated: dict[str, str],
) -> RowsForm:
    fields = [Field(name, label, "" if name in PARSERS else values.get(name, "")) for name, label in labels.items()]
    numbers = {name: values[name] for name in PARSERS if values.get(name)}
    return RowsForm(title, tuple(fields), today, trouble, repeated, numbers)
