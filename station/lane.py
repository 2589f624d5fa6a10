"""The lane at a gate: one person at a time, from the scan over the reading to the record.

Screens and the demo's automatic play drive the same lane. It holds who stands there, who has been scanned behind
them, and which readings belong to whom; it decides nothing itself.
"""

from collections import deque

from passes.errors import N_, UsageError
from passes.plaintext import plain
from passes.policy import Outcome
from passes.reasons import NOTES, Reason
from passes.temperature import Finding
from passes.trips import Direction
from station.assembly import Station
from station.clock import Clock
from station.corrections import undo
from station.deciding import Scan, Visitor
from station.devices import PROTOCOLS
from station.devices.measurement import Measurement
from station.devices.stability import StabilityRule
from station.gate import Gate
from station.logbook import LoggedPassage, recent
from station.settings import Settings
from sync.bodies import Attempt

MOST_WAITING = 5
_OLD_S = 2.0
"""What was measured so long ago is not shown any more: a program that was held up catches up with it all at once."""

_AIR_CELSIUS = 1.0
"""What differs from the air by less than this is taken for the wall behind, not for a forehead."""


class LaneError(UsageError):
    """What the guard asked for does not fit what stands at the gate."""


class Lane:
    """One gate's lane.

    `site` is where on the body the thermometer measures unless the guard chooses another for the person who stands
    here; `device` is its protocol's name.
    """

    def __init__(
        self, gate: Gate, stability: StabilityRule, clock: Clock, *, direction: Direction, site: str, device: str
    ) -> None:
        self.direction = direction
        self.current: Scan | None = None
        self.waiting: deque[str] = deque()
        self.stability = stability
        self.site = site
        self._gate = gate
        self._clock = clock
        self._usual_site = site
        self._device = device
        self._is_occupied = False
        self._is_asked_again = False
        self._live: Measurement | None = None
        self._ways: dict[str, Direction] = {}

    def refit(self, settings: Settings) -> None:
        """Measure from now on with the thermometer of `settings`; whoever stands here is measured with it."""
        self.stability = _stability(settings)
        self._usual_site = settings.thermometer.site
        self._device = settings.thermometer.protocol
        if self.is_pending:
            self.stability.step_up(self._clock.monotonic_s())
        else:
            self.site = self._usual_site

    @property
    def is_pending(self) -> bool:
        """Whether somebody stands here whose passage is neither recorded nor refused."""
        return self.current is not None and _is_open(self.current)

    def turn_direction(self) -> None:
        """Change the direction; a pending scan is decided anew the other way.

        A refusal already recorded stays so: the guard scans again. Raises `StorageError` when the other way is refused
        and that cannot be written; then nothing has changed.
        """
        turned = self.direction.opposite
        if self.current is not None and self.is_pending:
            self.current = self._decided_for(turned, self.current)
        self.direction = turned

    @property
    def is_waiting_for_the_one_before(self) -> bool:
        """Whether whoever was measured last may still stand before the thermometer, where the next one should."""
        return self.is_pending and self._is_occupied and self.stability.reading is None

    @property
    def live_celsius(self) -> float | None:
        """What the thermometer sees now, if that may be shown beside whoever stands here.

        Never what is of the person before: measured before this one was scanned, or while the other had not been seen
        to step away.
        """
        live = self._live
        if live is None or self.is_waiting_for_the_one_before or self._clock.monotonic_s() - live.at_s > _OLD_S:
            return None
        return live.celsius

    def scan(self, text: str, direction: Direction | None = None) -> None:
        """Take the next code: answered now, or kept until the pending person is done.

        `direction` is told by the scanner's place, where it is set: the lane turns to it when it is this code's turn.
        Raises `LaneError` when too many wait already; the code is not taken then.
        """
        if self.is_pending or self.waiting:
            self.keep(text, direction)
            self.call_next()
        else:
            self._take(text, direction)

    def visit(self, visitor: Visitor) -> None:
        """Take a visitor without a pass; raises `LaneError` while somebody else stands here."""
        if self.is_pending:
            raise LaneError(N_("somebody stands here already; record them first with Enter"))
        self._show(self._gate.visit(visitor, self.direction))

    def keep(self, text: str, direction: Direction | None = None) -> None:
        """Let a code wait behind the others until it is called, even when nobody stands here.

        A code that waits already, or is the pending one, is taken as read twice; where the scanner tells a direction,
        the newer read has the right one. Raises `LaneError` as `scan` does.
        """
        if self.current is not None and self.is_pending and text == self.current.text:
            if direction not in {None, self.direction}:
                self.turn_direction()
            return
        if text in self.waiting:
            self._ways |= {text: direction} if direction else {}
            return
        if len(self.waiting) >= MOST_WAITING:
            raise LaneError(
                N_("{count} people are waiting already; record the first one with Enter"), count=MOST_WAITING
            )
        self.waiting.append(text)
        if direction:
            self._ways[text] = direction

    def measured(self, measurement: Measurement) -> bool:
        """Take one measurement of the stream; say whether it made a reading for the person who stands here.

        A reading that did not settle the matter (low, or a fever on the way home) is followed by another attempt as
        soon as the thermometer has seen that the forehead went away. So is the next person's first: whoever was
        measured last may still stand before the thermometer when the next one is scanned.
        """
        if self.stability.is_after_step_up(measurement):
            self._live = measurement
        latched = self.stability.reading
        if self._is_wall(measurement):
            self._is_occupied = False
            if latched is not None and self._wants_another():
                self.stability.remeasure(measurement.at_s)
                return False
        if latched is None and self._is_occupied:
            return False
        self.stability.add(measurement)
        reading = self.stability.reading
        if latched is not None or reading is None:
            return False
        self._is_occupied = True
        if self.current is None or not self._wants_another():
            return False
        attempt = Attempt(
            celsius=reading.celsius,
            at_ms=self._clock.now_ms(),
            quantity=reading.quantity,
            site=self.site,
            device=self._device,
            raw_celsius=reading.raw_celsius,
            offset_celsius=reading.offset_celsius,
            ambient_celsius=reading.ambient_celsius,
            raw=reading.raw.hex(),
        )
        self.current = self._gate.measured(self.current, [attempt])
        self._is_asked_again = False
        return True

    def _is_wall(self, measurement: Measurement) -> bool:
        """Whether the thermometer sees nobody: colder than any person, or on a hot day as warm as the air."""
        ambient = measurement.ambient_celsius
        return measurement.celsius < self.stability.lowest_celsius or (
            ambient is not None and abs(measurement.celsius - ambient) < _AIR_CELSIUS
        )

    def lose_sight(self) -> None:
        """Take note that the thermometer was cut off: whoever stood before it may have gone unseen."""
        self._is_occupied = False
        self._live = None

    def type_reading(self, celsius: float, reason: str) -> None:
        """Take a reading that the guard typed, with the reason for not measuring.

        Raises `LaneError` when nobody stands here or the value is no human temperature.
        """
        current = self._measurable()
        if self._gate.rule.judge(celsius) is Finding.IMPLAUSIBLE:
            raise LaneError(
                N_("{celsius:.1f} is no temperature of a person; write one between {low:.0f} and {high:.0f}"),
                celsius=celsius,
                low=self._gate.rule.lowest_celsius,
                high=self._gate.rule.highest_celsius,
            )
        at_ms = self._clock.now_ms()
        attempt = Attempt(
            celsius=celsius, at_ms=at_ms, quantity="body", site=self.site, manual=True, reason=plain(reason)
        )
        self.current = self._gate.measured(current, [attempt])
        self.stability.remeasure(self._clock.monotonic_s())
        self._is_asked_again = False

    def skip_reading(self, reason: str) -> None:
        """Go on without a reading, for a stated reason."""
        self.current = self._gate.skip_reading(self._measurable(), reason)

    def remeasure(self) -> None:
        """Forget the reading on display and take the next one of the same person, whoever is in front now."""
        self._is_occupied = False
        self._is_asked_again = True
        self._live = None
        self.stability.remeasure(self._clock.monotonic_s())

    def choose_site(self, site: str) -> None:
        """Measure the person who stands here at another place of the body; the next person is measured as usual.

        Raises `LaneError` when nobody stands here.
        """
        self._measurable()
        self.site = site

    def record(self, *, acknowledged: bool = False) -> bool:
        """Record the pending passage and say whether it is now on disk.

        Where the ID card is asked for, recording says that the guard looked at it and that it matches. An attention
        verdict is recorded only when it was `acknowledged`. Raises `StorageError` when nothing could be
        written.
        """
        if self.current is None or not self.is_pending:
            return False
        verdict = self.current.verdict
        if verdict.needs_id and not verdict.needs_reading and (acknowledged or verdict.outcome is Outcome.ALLOW):
            self.current = self._gate.check_id(self.current, matches=True)
        self.current = self._gate.admit(self.current, acknowledged=acknowledged)
        return self.current.recorded is not None and self.current.verdict.outcome is not Outcome.REFUSE

    def refuse_id(self) -> None:
        """Take note that the ID card is missing or another person's; at a first leg that refuses.

        Raises `LaneError` when nobody stands here whose ID card is asked for.
        """
        current = self._somebody()
        if current.person is None or not current.person.kind.id_check:
            raise LaneError(N_("no ID card is asked for with this pass"))
        self.current = self._gate.check_id(current, matches=False)

    def undo(self, reason: str) -> None:
        """Take back the passage recorded last at this gate.

        Raises `CorrectionError` when it is too old, or the pass has been used since, `LaneError` when there is none.
        """
        last = next((passage for passage in recent(self._gate.journal.connection, 50) if _can_be_undone(passage)), None)
        if last is None or last.body.pass_id is None:
            raise LaneError(N_("there is no passage here that could be taken back"))
        undo(self._gate.journal, self._gate.register, self._clock, last.body.pass_id, reason)
        if self.current and self.current.recorded and self.current.recorded.id == last.id:
            self.current = None

    def turn_back(self, remark: str) -> None:
        """Record that the person who stands here was not let through, for a stated reason."""
        self.current = self._gate.turn_back(self._somebody(), remark)

    def drop(self) -> None:
        """Forget the pending scan: nothing is recorded."""
        self._somebody()
        self.current = None

    def call_next(self) -> bool:
        """Take the code that waits longest, if the person before is done; say whether there was one."""
        if self.is_pending or not self.waiting:
            return False
        text = self.waiting[0]
        self._take(text, self._ways.get(text))
        self.waiting.popleft()
        self._ways.pop(text, None)
        return True

    def _take(self, text: str, direction: Direction | None) -> None:
        scan = self._gate.scan(text, direction or self.direction)
        self.direction = direction or self.direction
        self._show(scan)

    def _show(self, scan: Scan) -> None:
        self.current = scan
        self.stability.step_up(self._clock.monotonic_s())
        self.site = self._usual_site
        self._live = None
        self._is_asked_again = False

    def _decided_for(self, direction: Direction, before: Scan) -> Scan:
        """Decide a pending scan anew for another direction, with the readings and the reason it already has."""
        scan = self._gate.turned(before, direction)
        if before.id_matches is not None and _is_open(scan):
            scan = self._gate.check_id(scan, matches=before.id_matches)
        if before.attempts and _is_open(scan):
            scan = self._gate.measured(scan, before.attempts)
        if before.no_reading_reason and _is_open(scan):
            scan = self._gate.skip_reading(scan, before.no_reading_reason)
        return scan

    def _somebody(self) -> Scan:
        if self.current is None or not self.is_pending:
            raise LaneError(N_("nobody is waiting here; scan a pass first"))
        return self.current

    def _measurable(self) -> Scan:
        current = self.current
        if current is None or current.person is None or not (self.is_pending or _is_feverish(current)):
            raise LaneError(N_("nobody is waiting here; scan a pass first"))
        return current

    def _wants_another(self) -> bool:
        """Whether the person still needs a reading: none yet, one that was low or a fever, or the guard asked.

        Who was refused for a fever may have gone: only the guard knows that the next forehead is still theirs.
        """
        current = self.current
        if current is None or current.person is None:
            return False
        if not self.is_pending:
            return self._is_asked_again and _is_feverish(current)
        if self._is_asked_again or not current.attempts:
            return True
        return self._gate.rule.judge(current.attempts[-1].celsius) is not Finding.NORMAL


def _can_be_undone(passage: LoggedPassage) -> bool:
    return passage.body.outcome == "allowed" and not passage.is_undone


def _is_open(scan: Scan) -> bool:
    return not scan.recorded and not scan.again


def _is_feverish(scan: Scan) -> bool:
    """Whether the scan was refused, and recorded so, because of a fever alone: that may still be measured again."""
    return scan.outcome == "refused" and set(scan.verdict.reasons) - NOTES == {Reason.FEVER}


def make_lane(station: Station) -> Lane:
    """Return the lane of a station as its settings describe it."""
    settings = station.settings
    return Lane(
        station.gate,
        _stability(settings),
        station.clock,
        direction=Direction(settings.gate.direction),
        site=settings.thermometer.site,
        device=settings.thermometer.protocol,
    )


def _stability(settings: Settings) -> StabilityRule:
    return StabilityRule(
        offset_celsius=settings.thermometer.offset_celsius,
        rule=settings.temperature.rule(),
        window_s=PROTOCOLS[settings.thermometer.protocol].window_s,
    )
