"""What the gate screen asks: one form for each question, in the user's language."""

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.trips import Direction
from station import wording
from station.clock import local_time
from station.dialogs.form import FORM_CELLS, Field, FormDialog
from station.i18n import _
from station.widgets.lines import rows_of

TURNED_BACK = (
    N_("no pass, not from here"),
    N_("no mask"),
    N_("refuses the check"),
    N_("visit not needed now"),
    N_("not at this time"),
)
"""Why people are turned back (劝返), by the numbers that guards type."""


def turn_back_form(more: Mapping[str, str], told: Sequence[str]) -> FormDialog:
    """Ask why somebody is not let through, or drop the scan; `more` are other keys, `told` why and what to do."""
    reasons = [f"{number} {_(words)}" for number, words in enumerate(TURNED_BACK, 1)]
    return FormDialog(
        _("Not let through"),
        [Field("remark", "\n".join([_("Why: a number, or words"), *rows_of(reasons, FORM_CELLS)]))],
        other_key="f6",
        other_label=_("drop, record nothing"),
        more=more,
        told=told,
    )


def turned_back_reason(typed: str) -> str:
    """Return the reason that somebody means by its number or wrote in words; never empty."""
    number = unicodedata.normalize("NFKC", typed).strip()
    if number.isascii() and number.isdecimal() and 0 < int(number) <= len(TURNED_BACK):
        return _(TURNED_BACK[int(number) - 1])
    return typed.strip() or _("turned back")


def override_form(told: Sequence[str]) -> FormDialog:
    """Ask why the lead lets somebody through whom the rules refuse, for the reasons that are `told`."""
    return FormDialog(_("The lead lets this person through"), [Field("reason", _("Why"))], told=told)


def missed_form(values: Mapping[str, str], trouble: str) -> FormDialog:
    """Ask for a passage that nobody recorded: of which pass, which way, when, why; `trouble`: the last answer's."""
    ways = f"1 {_('IN')}   2 {_('OUT')}"
    labels = {
        "number": _("Number of the pass"),
        "way": _("Direction: {ways}").format(ways=ways),
        "time": _("When: HH:MM, or MM-DD HH:MM"),
        "reason": _("Why it was not recorded"),
    }
    return FormDialog(
        _("A passage that nobody recorded"),
        [Field(name, label, values[name]) for name, label in labels.items()],
        first="time" if values["number"] else "",
        told=[trouble] if trouble else [],
    )


def way_of(typed: str) -> Direction:
    """Return the direction that somebody means by its number; raises `UsageError` for any other text."""
    number = unicodedata.normalize("NFKC", typed).strip()
    if number not in {"1", "2"}:
        raise UsageError(N_('direction "{typed}": write 1 for in or 2 for out'), typed=plain(typed, 20))
    return Direction.ENTRY if number == "1" else Direction.EXIT


def instant_of(typed: str, now_ms: int, zone: tzinfo) -> int:
    """Return the newest past instant (UTC milliseconds) of a wall time written HH:MM or MM-DD HH:MM.

    Raises `UsageError` for any other text.
    """
    text, now = unicodedata.normalize("NFKC", typed).strip(), local_time(now_ms, zone)
    day, _space, at = text.rpartition(" ")
    try:
        # With the year: the 29th of February is a day of some years only.
        on = date.fromisoformat(f"{now.year}-{day.strip()}") if day else now.date()
        found = datetime.combine(on, time.fromisoformat(at.zfill(5)), zone)
    except ValueError:
        raise UsageError(N_('time "{typed}": write it like 08:05, or 03-09 18:30'), typed=plain(typed, 20)) from None
    if found > now:
        found = found.replace(year=now.year - 1) if day else found - timedelta(days=1)
    return int(found.timestamp() * 1000)


def followed_form(title: str) -> FormDialog:
    """Ask what should be remembered of a step that was taken."""
    return FormDialog(title, [Field("remark", _("Whom was it told to, or where do they wait"))])


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
            Field("site", "\n".join(rows_of([_("Another site = measure there:"), *sites], FORM_CELLS)), _number(site)),
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
