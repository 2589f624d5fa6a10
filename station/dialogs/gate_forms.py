"""What the gate screen asks: one form for each question, in the user's language."""

import unicodedata

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station import wording
from station.dialogs.form import Field, FormDialog
from station.i18n import _


def turn_back_form() -> FormDialog:
    """Ask why somebody is not let through, or drop the scan."""
    return FormDialog(
        _("Not let through"), [Field("remark", _("Why"))], other_key="f6", other_label=_("drop, record nothing")
    )


def undo_form() -> FormDialog:
    """Ask why the last recorded passage is taken back."""
    return FormDialog(_("Take back the last passage"), [Field("reason", _("Why"))])


def clock_form(now: str) -> FormDialog:
    """Ask the lead whether the device's time, `now`, is right although it lies before the last record."""
    return FormDialog(
        _("The lead confirms: it is {now} now").format(now=now), [Field("lead", _("Name of the lead on duty"))]
    )


def reading_form(site: str, *, is_low: bool) -> FormDialog:
    """Ask for a typed temperature, a reason for none, or another measurement, perhaps at another site than `site`.

    After a low reading the site is asked for first.
    """
    sites = [f"{number} {_(words)}" for number, words in enumerate(wording.SITES.values(), 1)]
    return FormDialog(
        _("Temperature by hand"),
        [
            Field("celsius", _("Temperature in C; empty = no temperature taken")),
            Field("reason", _("Why by hand, or why none"), _("thermometer does not answer")),
            Field("site", _("Another site = measure there: {sites}").format(sites="  ".join(sites)), _number(site)),
        ],
        other_key="f7",
        other_label=_("measure again"),
        first="site" if is_low else "",
    )


def site_of(typed: str) -> str:
    """Return the site that somebody means by its number; raises `UsageError` for any other text."""
    number = unicodedata.normalize("NFKC", typed).strip()
    found = next((site for site in wording.SITES if number == _number(site)), None)
    if found is None:
        raise UsageError(
            N_('"{typed}" is no site of the body: write its number, 1 to {count}'),
            typed=plain(typed, 20),
            count=len(wording.SITES),
        )
    return found


def _number(site: str) -> str:
    return str(list(wording.SITES).index(site) + 1)


def shift_form() -> FormDialog:
    """Ask who takes up duty."""
    return FormDialog(
        _("Take up duty"), [Field("guard", _("Your name")), Field("lead", _("Lead on duty (may stay empty)"))]
    )
