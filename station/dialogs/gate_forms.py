"""What the gate screen asks: one form for each question, in the user's language."""

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


def reading_form() -> FormDialog:
    """Ask for a typed temperature, a reason for none, or another measurement."""
    return FormDialog(
        _("Temperature by hand"),
        [
            Field("celsius", _("Temperature in C; empty = no temperature taken")),
            Field("reason", _("Why by hand, or why none"), _("thermometer does not answer")),
        ],
        other_key="f7",
        other_label=_("measure again"),
    )


def shift_form() -> FormDialog:
    """Ask who takes up duty."""
    return FormDialog(
        _("Take up duty"), [Field("guard", _("Your name")), Field("lead", _("Lead on duty (may stay empty)"))]
    )


def hand_over_form(counts: dict[str, int]) -> FormDialog:
    """Show what the shift counted, and ask who takes over."""
    title = _("Hand over: out {exits}, in {entries}, refused {refused}, turned back {turned_back}, fevers {fevers}")
    return FormDialog(
        title.format(**counts),
        [Field("incoming", _("Who takes over")), Field("outstanding", _("What is still to do"))],
    )
