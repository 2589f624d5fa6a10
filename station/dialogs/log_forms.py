"""What the log asks, and what it tells of one passage."""

import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta, tzinfo

from passes.errors import N_, UsageError
from passes.masking import mask_name, mask_plate
from passes.plaintext import plain
from station import log_search, wording
from station.assembly import Station
from station.clock import local_time
from station.dialogs.form import FORM_CELLS, Field, FormDialog
from station.i18n import _
from station.log_search import OUTCOMES, Found, Wanted
from station.widgets.lines import rows_of
from sync.bodies import Attempt, Body, PassageFollowed, PassageMissed, PassageUndone

_WAYS = {"exit": N_("OUT"), "entry": N_("IN")}


def filter_form(wanted: Wanted, kinds: Mapping[str, str], trouble: str) -> FormDialog:
    """Ask what the log shows; an empty line leaves everything."""
    outcomes = [f"{number} {_(label)}" for number, label in enumerate(OUTCOMES.values(), 1)]
    by_outcome = "\n".join(rows_of([_("Outcome") + ":", *outcomes], FORM_CELLS))
    by_kind = "\n".join(rows_of([_("Kind") + ":", *kinds.values()], FORM_CELLS))
    title = _("Filter the log; an empty line leaves everything")
    return FormDialog(
        "\n".join(line for line in (title, trouble) if line),
        [
            Field("day", _("Day: 2026-03-10, or 0 = today, 1 = yesterday …"), str(wanted.day or "")),
            Field("way", _("Way: 1 out  2 in"), _number(_WAYS, wanted.direction)),
            Field("outcome", by_outcome, _number(OUTCOMES, wanted.outcome)),
            Field("kind", by_kind, kinds.get(wanted.kind, "")),
        ],
    )


def wanted_of(values: Mapping[str, str], kinds: Mapping[str, str], today: date) -> Wanted:
    """Return the filter that was answered; raises `UsageError` naming the line that cannot be read."""
    direction, outcome = _chosen(_WAYS, values["way"], "way"), _chosen(OUTCOMES, values["outcome"], "outcome")
    kind = (
        next((code for code, label in kinds.items() if values["kind"] in {code, label}), "") if values["kind"] else ""
    )
    if values["kind"] and not kind:
        raise UsageError(
            N_('kind "{typed}": not known; one of: {known}'),
            typed=plain(values["kind"], 20),
            known=" ".join(kinds.values()),
        )
    return Wanted("", _day(values["day"], today), direction, outcome, kind)


def filter_text(wanted: Wanted, kinds: Mapping[str, str]) -> str:
    """Say what is filtered, in the user's language; empty when everything is shown."""
    parts = [
        str(wanted.day or ""),
        _(_WAYS[wanted.direction]) if wanted.direction else "",
        _(OUTCOMES[wanted.outcome]) if wanted.outcome else "",
        kinds.get(wanted.kind, ""),
    ]
    return "  ".join(part for part in parts if part)


def passage_lines(station: Station, one: Found) -> list[str]:
    """Return all that is known of a passage, a line each, in the user's language."""
    body, zone = one.body, station.settings.zone
    ending = _("taken back") if one.is_undone else _(wording.OUTCOMES[body.outcome])
    lines = [f"{_(wording.DIRECTIONS[body.direction])}  {ending}  {wording.in_words(body.reasons)}".rstrip()]
    said = (
        (_("Pass"), body.pass_number),
        (_("Room"), body.address),
        (_("Plate"), mask_plate(body.vehicle.plate) if body.vehicle else None),
        (_("Going to"), body.vehicle.destination if body.vehicle else None),
        (_("Stops"), body.vehicle.stops if body.vehicle else None),
        (_("Disinfected"), _("yes") if body.vehicle and body.vehicle.disinfected else None),
        (_("Visits"), mask_name(body.visit.host) if body.visit else None),
        (_("Coming from"), body.visit.origin if body.visit else None),
        (_("Purpose"), body.visit.purpose if body.visit else None),
        (_("No temperature"), body.no_reading_reason),
        (_("Remark"), body.remark),
        (_("Lead's word"), " / ".join(filter(None, (body.override_lead, body.override_reason)))),
        (_("Read"), body.scan),
        (_("Recorded by"), one.guard),
    )
    lines += [f"{label}: {plain(text, 200)}" for label, text in said if text]
    lines += [_attempt(attempt, zone) for attempt in body.attempts]
    for number, companion in enumerate(body.companions, 1):
        name = mask_name(companion.name) if companion.name else _("no name")
        lines.append(_("Passenger {number}: {name}").format(number=number, name=name))
        lines += [f"  {_attempt(attempt, zone)}" for attempt in companion.attempts]
        lines += [f"  {plain(companion.no_reading_reason, 100)}"] if companion.no_reading_reason else []
    connection = station.journal.connection
    after = [
        f"{local_time(at_ms, zone):%m-%d %H:%M:%S}  {_after(later)}  ({plain(guard or '', 16)})"
        for at_ms, guard, later in log_search.afterwards(connection, one)
    ]
    around = [_around(each, zone) for each in log_search.around(connection, one)]
    for head, more in ((_("Recorded about it later"), after), (_("Around it"), around)):
        lines += ["", head, *more] if more else []
    return lines


def _attempt(attempt: Attempt, zone: tzinfo) -> str:
    site = _(wording.SITES[attempt.site]) if attempt.site in wording.SITES else plain(attempt.site, 12)
    how = (
        _("by hand: {reason}").format(reason=plain(attempt.reason or "", 60))
        if attempt.manual
        else plain(attempt.device or "", 20)
    )
    when = wording.clock_time(attempt.at_ms, zone)
    return f"{when}  {wording.celsius_text(attempt.celsius)}  {site}  {how}".rstrip()


def _after(body: Body) -> str:
    if isinstance(body, PassageUndone):
        return _("taken back: {reason}").format(reason=plain(body.reason or "", 100))
    if isinstance(body, PassageMissed):
        way = _(wording.DIRECTIONS[body.direction])
        return _("written afterwards, {way}: {reason}").format(way=way, reason=plain(body.reason, 100))
    if isinstance(body, PassageFollowed):
        step = _("kept at the gate") if body.step == "held" else _("reported")
        return f"{step}  {plain(body.remark or '', 100)}".rstrip()
    return ""


def _around(one: log_search.Around, zone: tzinfo) -> str:
    words = {
        "leg": lambda: _(wording.DIRECTIONS[one.detail]),
        "conflict.found": lambda: _("double use found: {rule}").format(rule=wording.in_short([one.detail])),
        "conflict.closed": lambda: _("double use closed: {reason}").format(reason=plain(one.detail, 80)),
    }
    what = words[one.kind]() if one.kind in words else wording.pass_event(one.kind, one.detail)
    where = f"  ({plain(one.station, 20)})" if one.station else ""
    return f"{local_time(one.at_ms, zone):%m-%d %H:%M:%S}  {what}{where}"


def _number(table: Mapping[str, str], code: str | None) -> str:
    return str(list(table).index(code) + 1) if code else ""


def _chosen(table: Mapping[str, str], typed: str, name: str) -> str | None:
    number = unicodedata.normalize("NFKC", typed).strip()
    if not number:
        return None
    if not number.isdecimal() or not 1 <= int(number) <= len(table):
        raise UsageError(
            N_('{name} "{typed}": write a number from 1 to {count}'),
            name=name,
            typed=plain(typed, 20),
            count=len(table),
        )
    return list(table)[int(number) - 1]


def _day(typed: str, today: date) -> date | None:
    text = unicodedata.normalize("NFKC", typed).strip()
    if not text:
        return None
    try:
        return today - timedelta(days=int(text)) if text.isdecimal() and len(text) < 4 else date.fromisoformat(text)
    except ValueError:
        raise UsageError(
            N_('day "{typed}": write a day like 2026-03-10, or 0 for today'), typed=plain(typed, 20)
        ) from None
