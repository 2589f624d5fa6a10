"""The community's words for verdicts: what was decided, why, and what to do next."""

from datetime import tzinfo
from decimal import ROUND_DOWN, Decimal

from passes.errors import N_
from passes.plaintext import plain
from passes.policy import Outcome, State
from passes.reasons import Reason
from passes.temperature import Finding
from station.clock import local_time
from station.deciding import Scan
from station.i18n import _

SYMBOLS = {Outcome.ALLOW: "OK", Outcome.ATTENTION: "!!", Outcome.REFUSE: "XX"}

_HEADLINES = {
    Outcome.ALLOW: N_("ALLOW"),
    Outcome.ATTENTION: N_("ATTENTION"),
    Outcome.REFUSE: N_("REFUSE"),
}

_WHY = {
    Reason.NOT_A_PASS: N_("This is not a pass of ours"),
    Reason.MALFORMED: N_("The code is damaged or incomplete"),
    Reason.UNSUPPORTED_VERSION: N_("The pass is of a newer kind than this program"),
    Reason.UNKNOWN_KEY: N_("The pass was not issued by this community"),
    Reason.WITHDRAWN_KEY: N_("The issuer of this pass may no longer issue"),
    Reason.BAD_SIGNATURE: N_("Forged: the signature is wrong"),
    Reason.WRONG_COMMUNITY: N_("The pass is of another community"),
    Reason.UNKNOWN_KIND: N_("The pass is of a kind that is not known here"),
    Reason.REVOKED: N_("The pass has been revoked ({detail})"),
    Reason.REPLACED: N_("The pass was replaced by another one"),
    Reason.SUSPENDED: N_("The pass is suspended ({detail})"),
    Reason.NOT_ACTIVE: N_("The pass was asked for and not yet granted"),
    Reason.NOT_YET_VALID: N_("Not valid before {valid_from}"),
    Reason.EXPIRED: N_("Expired on {valid_until}"),
    Reason.QUARANTINED: N_("In quarantine at home"),
    Reason.BANNED: N_("This person may not pass"),
    Reason.WATCH_LISTED: N_("On the watch list: the office has been told"),
    Reason.MODE: N_("The gates are closed to passes of this kind now"),
    Reason.ALREADY_OUT: N_("Already out since {since} ({station})"),
    Reason.ALREADY_IN: N_("Already in since {since} ({station})"),
    Reason.OVER_LIMIT: N_("Today's trips are used up ({used} of {trips})"),
    Reason.OUTSIDE_HOURS: N_("Outside the hours of this pass"),
    Reason.NO_HOST: N_("Nobody known here lives there: {host}"),
    Reason.NO_ID: N_("The ID card is missing or another person's"),
    Reason.FEVER: N_("Fever: {celsius}"),
    Reason.NO_READING: N_("No temperature: {no_reading_reason}"),
    Reason.CLOCK: N_("This device's clock went back"),
    Reason.NO_OPEN_TRIP: N_("No first passage is known for this return"),
    Reason.LATE_RETURN: N_("Back later than allowed"),
    Reason.NOT_IN_ROSTER: N_("The pass is genuine but not in the list here"),
    Reason.STALE_DATA: N_("Lists are old: no contact with the office for a day"),
    Reason.UNCLAIMED: N_("Decided here alone: other gates could not be asked"),
    Reason.OVERRIDDEN: N_("Allowed on the lead's word"),
    Reason.CLOCK_SUSPECT: N_("This device's clock went back"),
    Reason.TYPED: N_("The number was typed by hand"),
}

_SHORT: dict[str, str] = {
    Reason.NOT_A_PASS: N_("not a pass"),
    Reason.MALFORMED: N_("damaged code"),
    Reason.UNSUPPORTED_VERSION: N_("newer pass"),
    Reason.UNKNOWN_KEY: N_("unknown issuer"),
    Reason.WITHDRAWN_KEY: N_("key withdrawn"),
    Reason.BAD_SIGNATURE: N_("forged"),
    Reason.WRONG_COMMUNITY: N_("other place"),
    Reason.UNKNOWN_KIND: N_("unknown kind"),
    Reason.REVOKED: N_("revoked"),
    Reason.REPLACED: N_("replaced"),
    Reason.SUSPENDED: N_("suspended"),
    Reason.NOT_ACTIVE: N_("not granted"),
    Reason.NOT_YET_VALID: N_("not yet valid"),
    Reason.EXPIRED: N_("expired"),
    Reason.QUARANTINED: N_("quarantine"),
    Reason.BANNED: N_("banned"),
    Reason.WATCH_LISTED: N_("watch list"),
    Reason.MODE: N_("closed now"),
    Reason.ALREADY_OUT: N_("already out"),
    Reason.ALREADY_IN: N_("already in"),
    Reason.OVER_LIMIT: N_("trips used up"),
    Reason.OUTSIDE_HOURS: N_("outside hours"),
    Reason.NO_HOST: N_("host unknown"),
    Reason.NO_ID: N_("no ID card"),
    Reason.FEVER: N_("fever"),
    Reason.NO_READING: N_("no temperature"),
    Reason.CLOCK: N_("clock wrong"),
    Reason.NO_OPEN_TRIP: N_("no first leg"),
    Reason.LATE_RETURN: N_("late return"),
    Reason.NOT_IN_ROSTER: N_("not in roster"),
    Reason.STALE_DATA: N_("old lists"),
    Reason.UNCLAIMED: N_("decided alone"),
    Reason.OVERRIDDEN: N_("lead's word"),
    Reason.CLOCK_SUSPECT: N_("clock wrong"),
    Reason.TYPED: N_("typed number"),
}

_NEXT = {
    Reason.NOT_A_PASS: N_("Scan the pass again, or type its number"),
    Reason.MALFORMED: N_("Scan again. Happens often: scanner delay 5-20 ms"),
    Reason.UNSUPPORTED_VERSION: N_("Ask the office to update this station"),
    Reason.UNKNOWN_KEY: N_("Ask where the pass was issued and tell the lead"),
    Reason.WITHDRAWN_KEY: N_("The office issues a new one; lead lets through: F6"),
    Reason.BAD_SIGNATURE: N_("Keep the pass and tell the lead"),
    Reason.WRONG_COMMUNITY: N_("Register them as a visitor: F3"),
    Reason.UNKNOWN_KIND: N_("Ask the office what this pass allows"),
    Reason.REVOKED: N_("Keep the pass and tell the lead"),
    Reason.REPLACED: N_("Ask for the new pass, and keep this one"),
    Reason.SUSPENDED: N_("Ask the office; the lead lets through: F6"),
    Reason.NOT_ACTIVE: N_("Ask the office; the lead lets through: F6"),
    Reason.NOT_YET_VALID: N_("Come back then; the lead lets through: F6"),
    Reason.EXPIRED: N_("The office issues a new one; lead lets through: F6"),
    Reason.QUARANTINED: N_("Back home; tell the lead and the office at once"),
    Reason.BANNED: N_("Tell the lead"),
    Reason.WATCH_LISTED: N_("Tell the lead and the office at once"),
    Reason.MODE: N_("Turn back; in an emergency the lead decides: F6"),
    Reason.ALREADY_OUT: N_("Coming back: F2. A return nobody recorded: F6"),
    Reason.ALREADY_IN: N_("Leaving: F2. A way out that nobody recorded: F6"),
    Reason.OVER_LIMIT: N_("Another day; in an emergency the lead decides: F6"),
    Reason.OUTSIDE_HOURS: N_("Come back then; in an emergency the lead: F6"),
    Reason.NO_HOST: N_("Call the host; register again with the host's name"),
    Reason.NO_ID: N_("Come back with the ID card; the lead decides: F6"),
    Reason.FEVER: N_("Rest, then again: F7. Still high: F6 hold, report"),
    Reason.NO_READING: N_("Look at them well; measure as soon as it works: F7"),
    Reason.CLOCK: N_("Set the clock right; the lead confirms it: Ctrl+T"),
    Reason.NO_OPEN_TRIP: N_("Let them in; F6 = write the missed passage"),
    Reason.LATE_RETURN: N_("Let them pass; ask why they are late"),
    Reason.NOT_IN_ROSTER: N_("Compare name and room with the person"),
    Reason.STALE_DATA: N_("Look at the way to the office: bottom line, F8"),
    Reason.UNCLAIMED: N_("Nothing to do: the office compares it later"),
    Reason.OVERRIDDEN: N_("Nothing to do: it stands in the day's report"),
    Reason.TYPED: N_("Compare the face and the card with the name"),
    Reason.CLOCK_SUSPECT: N_("Set the clock right; the lead confirms it: Ctrl+T"),
}

FINDINGS = {
    Finding.NORMAL: N_("normal"),
    Finding.FEVER: N_("fever, measure again"),
    Finding.LOW: N_("low, try another site"),
    Finding.IMPLAUSIBLE: N_("no valid value"),
}

SITES = {
    "forehead": N_("forehead"),
    "wrist": N_("wrist"),
    "neck": N_("neck"),
    "armpit": N_("armpit"),
    "ear": N_("ear"),
}
"""Where on the body a temperature is taken, by the names that the record uses; guards know them by their number."""

OUTCOMES = {
    "allowed": N_("allowed"),
    "refused": N_("refused"),
    "turned_back": N_("turned back"),
}

DIRECTIONS = {"entry": N_("IN"), "exit": N_("OUT")}


def headline(scan: Scan) -> str:
    """Return the decision in one word with its symbol: readable without colour and from two metres."""
    word = _(_HEADLINES[scan.verdict.outcome])
    return f"{SYMBOLS[scan.verdict.outcome]}  {word}"


def ordered(scan: Scan) -> list[Reason]:
    """Return the reasons in the order in which the guard is told them: the lead's word, then the most important."""
    return sorted(scan.verdict.reasons, key=lambda reason: reason is not Reason.OVERRIDDEN)


def reasons(scan: Scan, zone: tzinfo) -> list[str]:
    """Return why, one sentence a reason, as `ordered`."""
    return [_why(reason, scan, zone) for reason in ordered(scan)]


def next_step(scan: Scan) -> str:
    """Return what the guard does about the first reason; empty when there is none."""
    return _(_NEXT[ordered(scan)[0]]) if scan.verdict.reasons else ""


def counsel(scan: Scan, zone: tzinfo) -> list[str]:
    """Return every reason and, on a line of its own, what to do about it, as `ordered`."""
    lines: list[str] = []
    for reason in ordered(scan):
        lines += [_why(reason, scan, zone), _(_NEXT[reason])]
    return lines


def in_short(codes: list[str]) -> str:
    """Return the first of the recorded reason codes in a few words; empty when there is none."""
    if not codes:
        return ""
    return _(_SHORT[codes[0]]) if codes[0] in _SHORT else plain(codes[0], 40)


def in_words(codes: list[str]) -> str:
    """Return all recorded reason codes in a few words each."""
    return ", ".join(in_short([code]) for code in codes)


def celsius_text(celsius: float | None) -> str:
    """Return a temperature with one decimal, cut and not rounded: 37.26 is no fever and must not look like 37.3."""
    return "--" if celsius is None else str(Decimal(str(celsius)).quantize(Decimal("0.1"), ROUND_DOWN))


def clock_time(at_ms: int, zone: tzinfo) -> str:
    """Return the community-local time of day of an instant as HH:MM:SS."""
    return local_time(at_ms, zone).strftime("%H:%M:%S")


def people_in_vehicle(count: int) -> str:
    """Say how many people a vehicle brings, the driver among them."""
    return _("{count} in vehicle").format(count=count)


def rest(ends_ms: int, now_ms: int) -> str:
    """Return how long somebody has still to rest after a fever."""
    left_s = max(0, ends_ms - now_ms) // 1000
    return _("{time} to rest").format(time=f"{left_s // 60}:{left_s % 60:02}") if left_s else _("measure again")


def _why(reason: Reason, scan: Scan, zone: tzinfo) -> str:
    verdict, person, leg = scan.verdict, scan.person, scan.verdict.open_leg
    values: dict[str, object] = {
        "detail": stated(scan.state_detail),
        "valid_from": person.valid_from if person else "",
        "valid_until": person.valid_until if person else "",
        "since": local_time(leg.at_ms, zone).strftime("%m-%d %H:%M") if leg else "",
        "station": plain(leg.station, 20) if leg else "",
        "used": verdict.used,
        "trips": verdict.trips,
        "celsius": celsius_text(scan.celsius),
        "host": plain(person.visit.host, 20) if person and person.visit and person.visit.host else "--",
        "no_reading_reason": plain(scan.no_reading_reason or "", 30),
    }
    return _(_WHY[reason]).format(**values)


def state(state: State, detail: str | None) -> str:
    """Return where a pass is in its life, with the stated reason."""
    return _(_STATES[state]).format(detail=stated(detail))


def document(kind: str | None) -> str:
    """Return the name of an identity document (`passes.identity.Document`)."""
    return _(_DOCUMENTS[kind]) if kind in _DOCUMENTS else _("Document")


def pass_event(kind: str, detail: str | None) -> str:
    """Return one step in the life of a pass, with its reason, printer or the number of the other pass."""
    if kind not in _PASS_EVENTS:
        return plain(kind, 40)
    return _(_PASS_EVENTS[kind]) + (f": {stated(detail)}" if detail else "")


def stated(detail: str | None) -> str:
    """Return the stated reason of a pass's state in the user's language."""
    return _(_STATED[detail]) if detail in _STATED else plain(detail or "", 30)


_STATED = {
    "lost": N_("lost"),
    "withdrawn": N_("withdrawn by the office"),
    "void": N_("void"),
    "destroyed": N_("destroyed"),
}

_DOCUMENTS = {
    "resident_id": N_("Resident ID card"),
    "residence_permit": N_("Residence permit (HK, Macau, Taiwan)"),
    "permanent_residence": N_("Foreign permanent resident ID card"),
    "travel_permit": N_("Travel permit"),
    "other": N_("Passport or other document"),
}

_STATES = {
    State.ACTIVE: N_("active"),
    State.REQUESTED: N_("asked for, not yet granted"),
    State.SUSPENDED: N_("suspended ({detail})"),
    State.REPLACED: N_("replaced by {detail}"),
    State.REVOKED: N_("revoked ({detail})"),
}

_PASS_EVENTS = {
    "pass.issued": N_("pass issued"),
    "pass.printed": N_("pass printed"),
    "pass.replaced": N_("pass replaced"),
    "pass.suspended": N_("pass suspended"),
    "pass.revoked": N_("pass revoked"),
    "pass.restored": N_("pass restored"),
}
