"""The lane at a gate: one person at a time, from the scan over the reading to the record.

Screens and the demo's automatic play drive the same lane. It holds who stands there, who has been scanned behind
them, and which readings belong to whom; it decides nothing itself.
"""

from collections import deque

from passes.errors import N_, UsageError
from passes.policy import Outcome
from passes.reasons import Reason
from passes.temperature import Finding
from passes.trips import Direction
from station.assembly import Station
from station.clock import Clock
from station.devices.measurement import Measurement
from station.devices.stability import StabilityRule
from station.gate import Gate, Scan
from sync.events import Attempt

MOST_WAITING = 5


class LaneError(UsageError):
    """What the guard asked for does not fit what stands at the gate."""


class Lane:
    """One gate's lane. `site` is where on the body the thermometer measures; `device` is its protocol's name."""

    def __init__(
        self, gate: Gate, stability: StabilityRule, clock: Clock, *, direction: Direction, site: str, device: str
    ) -> None:
        self.direction = direction
        self.current: Scan | None = None
        self.waiting: deque[str] = deque()
        self.stability = stability
        self._gate = gate
        self._clock = clock
        self._site = site
        self._device = device

    @property
    def is_pending(self) -> bool:
        """Whether somebody stands here whose passage is neither recorded nor refused."""
        return self.current is not None and not self.current.recorded and not self.current.again

    def turn_direction(self) -> None:
        """Change the direction; a pending scan is decided anew the other way.

        A refusal already recorded stays so: the guard scans again.
        """
        self.direction = self.direction.opposite
        if self.current and self.is_pending:
            attempts = self.current.attempts
            self.current = self._gate.scan(self.current.text, self.direction)
            if attempts and self.current.person:
                self.current = self._gate.measured(self.current, attempts)

    def scan(self, text: str) -> None:
        """Take the next code: answered now, or kept until the pending person is done.

        Raises `LaneError` when too many wait already; the code is not taken then.
        """
        if not self.is_pending:
            self._take(text)
        elif self.current is not None and text == self.current.text:
            return
        elif len(self.waiting) >= MOST_WAITING:
            raise LaneError(
                N_("{count} people are waiting already; record the first one with Enter"), count=MOST_WAITING
            )
        elif text not in self.waiting:
            self.waiting.append(text)

    def measured(self, measurement: Measurement) -> bool:
        """Take one measurement of the stream; say whether it made a reading for the person who stands here.

        A reading that did not settle the matter (low, fever) is followed by another attempt as soon as the
        thermometer has seen that the forehead went away.
        """
        latched = self.stability.reading
        self.stability.add(measurement)
        if latched is not None:
            if self._wants_another() and measurement.celsius < self.stability.lowest_celsius:
                self.stability.remeasure(measurement.at_s)
            return False
        reading = self.stability.reading
        if reading is None or self.current is None or not self._wants_another():
            return False
        attempt = Attempt(
            celsius=reading.celsius,
            at_ms=self._clock.now_ms(),
            quantity=reading.quantity,
            site=self._site,
            device=self._device,
            raw_celsius=reading.raw_celsius,
            offset_celsius=reading.offset_celsius,
            ambient_celsius=reading.ambient_celsius,
            raw=reading.raw.hex(),
        )
        self.current = self._gate.measured(self.current, [attempt])
        return True

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
        attempt = Attempt(celsius=celsius, at_ms=at_ms, quantity="body", site=self._site, manual=True, reason=reason)
        self.current = self._gate.measured(current, [attempt])

    def skip_reading(self, reason: str) -> None:
        """Go on without a reading, for a stated reason."""
        self.current = self._gate.skip_reading(self._measurable(), reason)

    def remeasure(self) -> None:
        """Forget the reading on display and wait for the next one of the same person."""
        self.stability.remeasure(self._clock.monotonic_s())

    def record(self, *, acknowledged: bool = False) -> bool:
        """Record the pending passage and say whether it is now on disk.

        An attention verdict is recorded only when it was `acknowledged`. Raises `StorageError` when nothing could be
        written.
        """
        if self.current is None or not self.is_pending:
            return False
        self.current = self._gate.admit(self.current, acknowledged=acknowledged)
        return self.current.recorded is not None and self.current.verdict.outcome is not Outcome.REFUSE

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
        self._take(self.waiting.popleft())
        return True

    def _take(self, text: str) -> None:
        self.current = self._gate.scan(text, self.direction)
        self.stability.step_up(self._clock.monotonic_s())

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
        """Whether the person still needs a reading: none yet, or one that was low or a fever."""
        current = self.current
        if current is None or current.person is None or not (self.is_pending or _is_feverish(current)):
            return False
        return not current.attempts or self._gate.rule.judge(current.attempts[-1].celsius) is not Finding.NORMAL


def _is_feverish(scan: Scan) -> bool:
    """Whether the scan was refused, and recorded so, because of a fever alone: that may still be measured again."""
    return scan.recorded is not None and scan.verdict.reasons == (Reason.FEVER,)


def make_lane(station: Station) -> Lane:
    """Return the lane of a station as its settings describe it."""
    settings = station.settings
    stability = StabilityRule(offset_celsius=settings.thermometer.offset_celsius, rule=settings.temperature.rule())
    return Lane(
        station.gate,
        stability,
        station.clock,
        direction=Direction(settings.gate.direction),
        site=settings.thermometer.site,
        device=settings.thermometer.protocol,
    )
