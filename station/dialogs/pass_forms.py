"""What is asked about one pass: what becomes of it, and where it is printed."""

from passes.errors import N_, UsageError
from passes.masking import mask_name
from passes.plaintext import plain
from station import issuing
from station.assembly import Station
from station.dialogs.form import FORM_CELLS, Field, FormDialog
from station.i18n import _
from station.printing import LAYOUTS, Layout
from station.register import PassRow
from station.widgets.lines import rows_of

CHANGES = {
    "suspend": N_("suspend"),
    "restore": N_("restore"),
    "lost": N_("lost"),
    "withdrawn": N_("withdraw"),
    "void": N_("void"),
    "destroyed": N_("destroy"),
    "replace": N_("replace"),
}
"""What can become of a pass, by the number that is typed."""


def change_form(row: PassRow, values: dict[str, str], trouble: str) -> FormDialog:
    """Ask what becomes of a pass, and why; `values` is what was answered before `trouble` arose."""
    choices = rows_of([f"{number} {_(label)}" for number, label in enumerate(CHANGES.values(), 1)], FORM_CELLS)
    title = _("Pass {number} of {name}").format(number=plain(row.number, 20), name=mask_name(row.holder))
    return FormDialog(
        "\n".join(line for line in (title, *choices, trouble) if line),
        [
            Field("change", _("What becomes of it: write the number"), values.get("change", "")),
            Field("reason", _("Why"), values.get("reason", "")),
            Field("witness", _("Witness; a pass is destroyed before one"), values.get("witness", "")),
        ],
    )


def change(station: Station, row: PassRow, values: dict[str, str]) -> str:
    """Do to a pass what was answered, and return what to tell; raises what `station.issuing` raises."""
    wanted = values["change"].strip()
    codes = list(CHANGES)
    if not wanted.isdecimal() or not 1 <= int(wanted) <= len(codes):
        raise UsageError(N_("what becomes of it: write a number from 1 to {count}"), count=len(codes))
    code, reason = codes[int(wanted) - 1], values["reason"]
    if code == "replace":
        new = station.desk().replace(row, reason=reason)
        return _("Replaced by {number}; print it with F7").format(number=plain(new.number, 20))
    parts = (station.journal, station.register, station.clock, row)
    if code in ("suspend", "restore"):
        (issuing.suspend if code == "suspend" else issuing.restore)(*parts, reason=reason)
    else:
        issuing.revoke(*parts, reason=code, witness=values["witness"] or None)
    return _("Recorded: {what} {number}").format(what=_(CHANGES[code]), number=plain(row.number, 20))


def print_form(row: PassRow, printer: str) -> FormDialog:
    """Ask where a pass is printed, the printer used before as the default."""
    title = _("Print pass {number} of {name}").format(number=plain(row.number, 20), name=mask_name(row.holder))
    return FormDialog(
        title,
        [
            Field("printer", _("Printer: cups:QUEUE, windows:NAME, escpos:tcp://HOST"), printer),
            Field("layout", _("{layouts}; empty = as the printer takes it").format(layouts=" ".join(LAYOUTS))),
        ],
    )


def layout_of(typed: str) -> Layout | None:
    """Return the layout that was typed, None for nothing; raises `UsageError` for any other word."""
    if not typed:
        return None
    found = next((layout for layout in LAYOUTS if layout == typed.casefold()), None)
    if found is None:
        raise UsageError(
            N_('layout "{typed}": not known; one of: {known}'), typed=plain(typed, 20), known=" ".join(LAYOUTS)
        )
    return found
