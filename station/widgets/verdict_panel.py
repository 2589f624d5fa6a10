"""The loud part of the gate screen: may this person pass."""

from datetime import tzinfo

from textual.content import Content
from textual.widgets import Static

from passes.errors import GatepostError
from passes.masking import mask_name, mask_scan
from passes.plaintext import plain
from passes.policy import Outcome, Verdict
from station import wording
from station.deciding import Scan
from station.i18n import _, explain

_SPACED = "  "
_NARROW = 51
"""The panel's width in cells on a terminal of 80, before the first layout."""


class VerdictPanel(Static):
    """A coloured area with symbol, word, holder, reasons and the next step; readable without colour."""

    DEFAULT_CSS = """
    VerdictPanel { width: 1fr; height: 8; padding: 0 1; background: $surface; color: $text; }
    VerdictPanel.-allow { background: #1b5e20; color: #ffffff; }
    VerdictPanel.-wait { background: #0d47a1; color: #ffffff; }
    VerdictPanel.-attention { background: #ffb300; color: #000000; }
    VerdictPanel.-refuse { background: #b71c1c; color: #ffffff; }
    """

    def __init__(self, zone: tzinfo) -> None:
        super().__init__(markup=False)
        self._zone = zone

    def show_nobody(self, waiting: int = 0) -> None:
        """Say what to do when nobody is here; `waiting` people have been scanned while a dialog was in front."""
        self._paint("", [Content(_("Scan a pass, or type its number and press Enter")), *_waiting(waiting)])

    def show_trouble(self, error: GatepostError) -> None:
        """Say that something was not done, and why: red, whatever was there before."""
        self._paint(
            "-refuse", [_loud(f"{wording.SYMBOLS[Outcome.REFUSE]}  " + _("NOT RECORDED")), Content(explain(error))]
        )

    def show(self, scan: Scan, waiting: int) -> None:
        """Show one scan; `waiting` people have been scanned behind it."""
        # Long names must not push the last line, who waits behind, out of the panel.
        room = self.content_size.width or _NARROW
        cut = [line.truncate(room, ellipsis=True) for line in (_who(scan), _pass_line(scan, self._zone))]
        lines = [_loud(_headline(scan, self._zone)), *cut]
        lines += [Content(sentence) for sentence in wording.reasons(scan, self._zone)[:2]]
        step = _next_step(scan)
        if step:
            lines.append(Content.styled(step, "bold"))
        lines += _waiting(waiting)
        self._paint(_colour(scan), lines)

    def _paint(self, colour: str, lines: list[Content]) -> None:
        self.set_classes(colour)
        self.update(Content("\n").join([Content(""), *(line for line in lines if line.plain)]))


def _waiting(count: int) -> list[Content]:
    return [Content(_("{count} scanned behind, shown after this one").format(count=count))] if count else []


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
    return Content(f"{mask_name(person.holder)}{_SPACED}{_(person.kind.label)}{_SPACED}{plain(person.address, 24)}")


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


def _next_step(scan: Scan) -> str:
    verdict = scan.verdict
    if scan.again:
        return _("Read twice: already recorded")
    if verdict.outcome is Outcome.REFUSE:
        return wording.next_step(scan)
    return "" if scan.recorded else _step_before_recording(scan, verdict)


def _step_before_recording(scan: Scan, verdict: Verdict) -> str:
    if verdict.needs_reading and scan.attempts:
        return _("Too low to count. F7 = measure at another site")
    if verdict.needs_reading:
        return _("F7 = type it if the thermometer fails")
    if verdict.needs_id:
        key = "Enter" if verdict.outcome is Outcome.ALLOW else "F10"
        return _("Look at the ID card: matches = {key}, none or another = Ctrl+R").format(key=key)
    if verdict.outcome is Outcome.ATTENTION:
        return _("F10 = seen, let through    F6 = turn back")
    return _("Enter = record    F6 = turn back")
