"""When a stream of measurements has become one person's reading."""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from passes.temperature import Finding, TemperatureRule
from station.devices.measurement import Measurement, Quantity

_FEVER_RULE: Final = TemperatureRule()
_DIGITS: Final = 4
"""Decimals that are kept: finer than any thermometer, coarse enough that 36.9 + 0.4 is 37.3 and no binary neighbour."""


class Phase(StrEnum):
    """How far the measuring of one person has come."""

    WAITING = "waiting"
    MEASURING = "measuring"
    STABLE = "stable"


@dataclass(frozen=True, slots=True)
class Reading:
    """One person's temperature.

    `celsius` is what the decision uses: `raw_celsius` + `offset_celsius`, never rounded to what a screen shows, since
    37.34 is above a limit of 37.3 and stays so. `raw_celsius`, `ambient_celsius`, `raw` and `at_s` (monotonic
    seconds) are those of one measurement that the device really made: the middle one of the samples, the upper one
    of two. `attempt` counts from 1 for each person.
    """

    celsius: float
    raw_celsius: float
    offset_celsius: float
    quantity: Quantity
    ambient_celsius: float | None
    raw: bytes
    protocol: str
    at_s: float
    attempt: int


@dataclass(frozen=True, slots=True)
class StabilityState:
    """Where the measuring stands.

    `count` samples have been collected. `celsius` is the reading's value, or the newest sample's with the offset.
    `finding` judges that value: low, implausible, fever or normal; None while there is none.
    """

    phase: Phase
    count: int
    celsius: float | None
    finding: Finding | None
    attempt: int
    reading: Reading | None


class StabilityRule:
    """Turns measurements into a reading when enough of them in a row agree.

    `samples` measurements within `window_s` seconds, all plausible by `rule` and no further than `spread_celsius`
    apart and of one quantity, make a reading. It stays until the next person steps up or a new attempt is asked for.
    Only what was measured after that moment counts: the line may still hold the person before. A pure machine: no
    clock, no thread.
    """

    def __init__(
        self,
        *,
        samples: int = 5,
        spread_celsius: float = 0.3,
        window_s: float = 1.0,
        offset_celsius: float = 0.0,
        rule: TemperatureRule = _FEVER_RULE,
    ) -> None:
        if samples < 1:
            raise ValueError(f"samples = {samples}: a reading needs at least one")
        self._spread_celsius = spread_celsius
        self._window_s = window_s
        self._offset_celsius = offset_celsius
        self._rule = rule
        self._samples: deque[Measurement] = deque(maxlen=samples)
        self._needed = samples
        self._since_s: float | None = None
        self._newest: Measurement | None = None
        self._reading: Reading | None = None
        self._attempt = 0

    @property
    def lowest_celsius(self) -> float:
        """The lowest temperature of a person; what is colder is the wall behind."""
        return self._rule.lowest_celsius

    @property
    def reading(self) -> Reading | None:
        """The reading of the person who stepped up last, once there is one."""
        return self._reading

    @property
    def is_measuring(self) -> bool:
        """Whether somebody is in front of the thermometer and the reading is not there yet."""
        return self._reading is None and bool(self._samples)

    @property
    def state(self) -> StabilityState:
        """Where the measuring stands now."""
        celsius = None if self._newest is None else self._corrected(self._newest)
        phase = Phase.MEASURING if self._samples else Phase.WAITING
        if self._reading is not None:
            phase, celsius = Phase.STABLE, self._reading.celsius
        finding = None if celsius is None else self._rule.judge(celsius)
        return StabilityState(phase, len(self._samples), celsius, finding, self._attempt, self._reading)

    def step_up(self, now_s: float) -> None:
        """Begin with a new person at `now_s` (monotonic seconds): everything measured until then is forgotten."""
        self._attempt = 0
        self.remeasure(now_s)

    def remeasure(self, now_s: float) -> None:
        """Begin the same person's next attempt at `now_s` (monotonic seconds)."""
        self._since_s = now_s
        self._attempt += 1
        self._samples.clear()
        self._newest = None
        self._reading = None

    def is_after_step_up(self, measurement: Measurement) -> bool:
        """Say whether this was measured after the person stepped up; true of everything while nobody has."""
        return self._since_s is None or measurement.at_s > self._since_s

    def add(self, measurement: Measurement) -> None:
        """Take the next measurement of the stream; ignored while nobody stepped up or a reading is there."""
        if self._since_s is None or self._reading is not None or not self.is_after_step_up(measurement):
            return
        self._newest = measurement
        if self._samples and self._samples[-1].quantity != measurement.quantity:
            self._samples.clear()
        if self._rule.judge(self._corrected(measurement)) is Finding.IMPLAUSIBLE:
            self._samples.clear()
            return
        self._samples.append(measurement)
        while measurement.at_s - self._samples[0].at_s > self._window_s:
            self._samples.popleft()
        if len(self._samples) == self._needed and self._agree():
            self._reading = self._read()

    def _corrected(self, measurement: Measurement) -> float:
        return round(measurement.celsius + self._offset_celsius, _DIGITS)

    def _agree(self) -> bool:
        values = [sample.celsius for sample in self._samples]
        return round(max(values) - min(values), _DIGITS) <= self._spread_celsius

    def _read(self) -> Reading:
        middle = sorted(self._samples, key=lambda sample: sample.celsius)[self._needed // 2]
        return Reading(
            celsius=self._corrected(middle),
            raw_celsius=middle.celsius,
            offset_celsius=self._offset_celsius,
            quantity=middle.quantity,
            ambient_celsius=middle.ambient_celsius,
            raw=middle.raw,
            protocol=middle.protocol,
            at_s=middle.at_s,
            attempt=self._attempt,
        )
