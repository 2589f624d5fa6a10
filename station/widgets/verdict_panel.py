"""The loud part of the gate screen: may this person pass."""

from datetime import tzinfo

from textual.content import Content
from textual.widgets import Static

from passes.errors import GatepostError
from passes.masking import mask_name, mask_plate, mask_scan
from passes.plaintext import plain
from passes.policy import Outcome, Verdict
from station import wording
from station.actions import key_name
from station.checklists import Checklist
from station.deciding import Scan
from station.i18n import _, explain
from station.lane import Lane
from station.screens.catalogue import at_gate

_SPACED = "  "
_NARROW, _LOW = 51, 8
"""The panel's width and height in cells on a terminal of 80 by 24, before the first layout."""


class VerdictPanel(Static):
    """A coloured area with symbol, word, holder, reasons and the next step; readable without colour."""

    DEFAULT_CSS = """
    VerdictPanel { width: 1fr; height: 100%; padding: 0 1; background: $surface; color: $text; }
    VerdictPanel.-allow { background: #1b5e20; color: #ffffff; }
    VerdictPanel.-wait { background: #0d47a1; color: #ffffff; }
    VerdictPanel.-attention { background: #ffb300; color: #000000; }
    VerdictPanel.-refuse { background: #b71c1c; color: #ffffff; }
    """

    def __init__(self, zone: tzinfo) -> None:
        super().__init__(markup=False)
        self._zone = zone
        self._lane: Lane | None = None

    def show_trouble(self, error: GatepostError) -> None:
        """Say that something was not done, and why: red, whatever was there before."""
        self._lane = None
        loud = _loud(f"{wording.SYMBOLS[Outcome.REFUSE]}  " + _("NOT RECORDED"))
        self._paint("-refuse", [loud, Content(explain(error))])

    def show(self, lane: Lane) -> None:
        """Show whoever stands at the gate, and that others have been scanned behind them."""
        self._lane = lane
        scan, waiting = lane.current, len(lane.waiting)
        if scan is None:
            self._paint("", [Content(_("Scan a pass, or type its number and press Enter")), *_waiting(waiting)])
            return
        # Long names must not push the last line, who waits behind, out of the panel.
        room, height = self.content_size.width or _NARROW, self.content_size.height or _LOW
        above = [_who(scan), _pass_line(scan, self._zone)]
        below = [_ticks(lane, room), Content.styled(_next_step(scan, lane), "bold"), *_waiting(waiting)]
        fixed = [_loud(_headline(scan, self._zone)), *(line.truncate(room, ellipsis=True) for line in above)]
        rows = height - sum(1 for line in (*fixed, *below) if line.plain)
        reasons = [line.truncate(room, ellipsis=True) for line in _reasons(scan, self._zone, rows)]
        self._paint(_colour(scan), [*fixed, *reasons, *below])

    def on_resize(self) -> None:
        """Show as much as there is room for now."""
        if self._lane:
            self.show(self._lane)

    def _paint(self, colour: str, lines: list[Content]) -> None:
        self.set_classes(colour)
        told = [_keyed(line) for line in lines if line.plain]
        if len(told) < (self.content_size.height or _LOW):
            told.insert(0, Content(""))
        self.update(Content("\n").join(told))


def _keyed(line: Content) -> Content:
    """Return a line with the keys that are in use at the gate; where nothing changes, the very line."""
    text = at_gate(line.plain)
    return line if text == line.plain else Content.styled(text, "bold" if line.spans else "")


def why_not_yet(scan: Scan, checklist: Checklist) -> str:
    """Return why Enter or F10 recorded nothing; empty where nothing was to be recorded."""
    if scan.recorded or scan.again:
        return ""
    if scan.verdict.needs_reading:
        return _("The temperature is missing: measure, or press F7")
    if checklist.is_open:
        return _("Steps are still open: F10 = all done")
    return _("Look at the amber lines first, then press F10") if scan.verdict.outcome is Outcome.ATTENTION else ""


def _waiting(count: int) -> list[Content]:
    return [Content(_("{count} scanned behind, shown after this one").format(count=count))] if count else []


def _reasons(scan: Scan, zone: tzinfo, rows: int) -> list[Content]:
    """Return the reasons in so many rows: all with what to do where there is room, else the first and all in short."""
    told = wording.counsel(scan, zone)
    if len(told) <= rows:
        return [Content.styled(line, "bold" if number % 2 else "") for number, line in enumerate(told)]
    first, others = told[:2], told[2::2]
    if len(others) + 2 > rows:
        shorts = ", ".join(wording.in_short([reason.value]) for reason in wording.ordered(scan)[1:])
        others = [_("also: {reasons}  (F6 = all)").format(reasons=shorts)] if others else []
    lines = [Content(first[0]), Content.styled(first[1], "bold"), *map(Content, others)]
    # The reason itself and that there are more say most.
    return lines[: max(rows, 0)] if rows > 2 or not others else [lines[0], lines[2]][: max(rows, 0)]


def _ticks(lane: Lane, room: int) -> Content:
    """Return the steps of the checklist, done or not; only those that are open where all of them are too long."""
    scan, steps = lane.current, lane.checklist.steps
    if scan is None or not steps or scan.outcome == "refused" or scan.again:
        return Content("")
    done = {step: lane.checklist.is_done(step, scan) for step in steps}
    line = Content(" ".join(f"[{'x' if is_done else ' '}]{_(step.label)}" for step, is_done in done.items()))
    if line.cell_length <= room:
        return line
    return Content(" ".join(f"[ ]{_(step.label)}" for step in steps if not done[step])).truncate(room, ellipsis=True)


def _loud(text: str) -> Content:
    return Content.styled(f"  {text}  ", "bold reverse")


def _headline(scan: Scan, zone: tzinfo) -> str:
    verdict = scan.verdict
    if scan.recorded and scan.outcome:
        at = wording.clock_time(scan.recorded.at_ms, zone)
        if scan.outcome == "refused":
            decision = wording.headline(scan)
        else:
            symbol = wording.SYMBOLS[verdict.outcome if scan.outcome == "allowed" else Outcome.REFUSE]
            decision = f"{symbol}{_SPACED}{_(wording.OUTCOMES[scan.outcome])}"
        return _SPACED.join([decision, _("recorded {time}").format(time=at)])
    if verdict.needs_reading and verdict.outcome is not Outcome.REFUSE:
        return "..  " + _("TAKE THE TEMPERATURE")
    if verdict.needs_id and verdict.outcome is Outcome.ALLOW:
        return "..  " + _("LOOK AT THE ID CARD")
    return wording.headline(scan)


def _colour(scan: Scan) -> str:
    if scan.outcome == "turned_back":
        return "-refuse"
    if scan.verdict.outcome is Outcome.ALLOW and (scan.verdict.needs_reading or scan.verdict.needs_id):
        return "-wait"
    return f"-{scan.verdict.outcome.value}"


def _who(scan: Scan) -> Content:
    person = scan.person
    if person is None:
        return Content(mask_scan(scan.text, 44))
    parts = [mask_name(person.holder), _(person.kind.label), plain(person.address, 24)]
    if person.vehicle:
        parts[2:] = [mask_plate(person.vehicle.plate), wording.people_in_vehicle(1 + len(scan.companions)), *parts[2:]]
    return Content(_SPACED.join(part for part in parts if part))


def _pass_line(scan: Scan, zone: tzinfo) -> Content:
    person, verdict = scan.person, scan.verdict
    if person is None:
        return Content("")
    if verdict.trips is None:
        used = _("no limit")
    elif verdict.outcome is Outcome.REFUSE:
        used = _("used {used}/{trips}").format(used=verdict.used, trips=verdict.trips)
    elif verdict.leg == "first":
        used = _("trip {number}/{trips} today").format(number=verdict.used + 1, trips=verdict.trips)
    else:
        used = _("return; used {used}/{trips}").format(used=verdict.used, trips=verdict.trips)
    parts = [used, _("until {day}").format(day=person.valid_until)]
    if scan.last_leg:
        at = wording.clock_time(scan.last_leg.at_ms, zone)[:5]
        direction = _(wording.DIRECTIONS[scan.last_leg.direction])
        parts.append(_("last {time} {direction}").format(time=at, direction=direction))
    return Content(_SPACED.join(parts))


def _next_step(scan: Scan, lane: Lane) -> str:
    verdict = scan.verdict
    if scan.again:
        return _("Read twice: already recorded")
    if verdict.outcome is Outcome.REFUSE or scan.recorded:
        return ""
    if lane.rest_ends_ms is not None:
        return _("Rests after a fever. F7 F7 = measure at once")
    return _step_before_recording(scan, verdict, lane)


def _step_before_recording(scan: Scan, verdict: Verdict, lane: Lane) -> str:
    if verdict.needs_reading and len(scan.attempts) > scan.carried:
        return _("Too low to count. F7 = measure at another site")
    if verdict.needs_reading:
        return _("F7 = type it if the thermometer fails")
    if lane.checklist.is_open:
        return _("Do the steps, then F10 = all done    F6 = turn back")
    if verdict.needs_id:
        key = key_name("enter" if verdict.outcome is Outcome.ALLOW else "f10")
        return _("Look at the ID card: {key} = matches, Ctrl+R = not").format(key=key)
    if verdict.outcome is Outcome.ATTENTION:
        return _("F10 = seen, let through    F6 = turn back")
    return _("Enter = record    F6 = turn back")
