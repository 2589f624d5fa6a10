"""The quiet lines of the gate screen: status, last passages, counts, health."""

from datetime import tzinfo

from textual.content import Content
from textual.widgets import Static

from passes.masking import mask_name
from passes.plaintext import plain
from passes.trips import Direction
from station import wording
from station.i18n import _
from station.outbox import Backlog
from station.register import Counts, RecentPassage, ShiftRow
from sync.courier import CourierState

DRIFT_TOLD_MS = 120_000
"""A device clock that is off by more than this is told to the guard (design section 6)."""


class StatusLine(Static):
    """Where this is, which way the lane goes, who is on duty, and the time."""

    DEFAULT_CSS = "StatusLine { height: 1; padding: 0 1; background: $primary; color: $text; }"

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, station_name: str, direction: Direction, shift: ShiftRow | None, now: str) -> None:
        """Show the line; `now` is the community-local time of day."""
        on_duty = ", ".join(plain(guard, 16) for guard in shift.guards) if shift else _("nobody on duty")
        way = f"{_('Direction')} {_(wording.DIRECTIONS[direction])}"
        left = f"{_('Gatepost')}  {plain(station_name, 24)}   {way}   {on_duty}"
        self.update(_between(left, now, self.size.width))


class PassageList(Static):
    """The last passages, newest first."""

    DEFAULT_CSS = "PassageList { height: 1fr; min-height: 5; padding: 0 1; }"

    def __init__(self, zone: tzinfo) -> None:
        super().__init__(markup=False)
        self._zone = zone

    def show(self, passages: list[RecentPassage]) -> None:
        """Show one line a passage."""
        if not passages:
            self.update(Content(_("No passage yet: scan the first pass")))
            return
        self.update(Content("\n").join(self._line(passage) for passage in passages))

    def _line(self, passage: RecentPassage) -> Content:
        body = passage.body
        name = mask_name(body.holder) if body.holder else _("(no pass)")
        reading = f"{body.attempts[-1].celsius:.1f}" if body.attempts else "--"
        why = wording.in_short(body.reasons) if body.outcome != "turned_back" else plain(body.remark or "", 20)
        cells = [
            wording.clock_time(passage.at_ms, self._zone),
            _(wording.DIRECTIONS[body.direction]),
            _padded(name, 12),
            _padded(plain(body.address or "", 16), 16),
            f"{reading:>5}",
            _padded(_(wording.OUTCOMES[body.outcome]), 8),
            why,
        ]
        return Content("  ".join(cells).rstrip())


class CountLine(Static):
    """Today's counts at this gate."""

    DEFAULT_CSS = "CountLine { height: 1; padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, counts: Counts) -> None:
        """Show today's counts."""
        told = (
            (_("out"), counts.exits),
            (_("in"), counts.entries),
            (_("away now"), counts.away),
            (_("fevers"), counts.fevers),
            (_("refused"), counts.refused),
        )
        self.update(Content("   ".join([_("Today"), *(f"{name} {number}" for name, number in told)])))


class HealthLine(Static):
    """Thermometer, unsent records and clock, in words; trouble is amber and says its remedy."""

    DEFAULT_CSS = """
    HealthLine { height: 1; padding: 0 1; }
    HealthLine.-trouble { background: #ffb300; color: #000000; }
    """

    def __init__(self) -> None:
        super().__init__(markup=False)

    def show(self, thermometer: str, backlog: Backlog, courier: CourierState | None, now_ms: int) -> None:
        """Show how the parts fare; `courier` is None at a station that works alone."""
        trouble = bool(courier and courier.trouble) or backlog.stuck > 0
        self.set_class(trouble, "-trouble")
        self.update(
            Content("   ".join([thermometer, _unsent(backlog, now_ms), *_courier_words(courier), _stuck(backlog)]))
        )


def _unsent(backlog: Backlog, now_ms: int) -> str:
    if not backlog.pending or backlog.oldest_ms is None:
        return _("all sent")
    minutes = max(0, now_ms - backlog.oldest_ms) // 60_000
    return _("unsent {count} (oldest {minutes} min)").format(count=backlog.pending, minutes=minutes)


def _stuck(backlog: Backlog) -> str:
    return _("{count} set aside by the office").format(count=backlog.stuck) if backlog.stuck else ""


def _courier_words(courier: CourierState | None) -> list[str]:
    if courier is None:
        return [_("alone, no community set")]
    words = []
    if courier.trouble:
        words.append(_("community not reached, kept here"))
    drift_ms = courier.drift_ms
    if drift_ms is None:
        words.append(_("clock not compared"))
    elif abs(drift_ms) > DRIFT_TOLD_MS:
        words.append(_("clock wrong by {minutes} min").format(minutes=round(drift_ms / 60_000)))
    else:
        words.append(_("clock OK"))
    return words


def _between(left: str, right: str, width: int) -> Content:
    gap = width - 2 - Content(left).cell_length - Content(right).cell_length
    return Content(left + " " * max(1, gap) + right)


def _padded(text: str, cells: int) -> str:
    return text + " " * max(0, cells - Content(text).cell_length)
