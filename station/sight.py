"""What a lane's thermometer sees: whose forehead that is, and when what it measures is somebody's reading."""

from station.clock import Clock
from station.devices import PROTOCOLS
from station.devices.measurement import Measurement
from station.devices.stability import StabilityRule
from station.settings import Settings
from sync.bodies import Attempt

_OLD_S = 2.0
"""What was measured so long ago is not shown any more: a program that was held up catches up with it all at once."""

_AIR_CELSIUS = 1.0
"""What differs from the air by less than this is taken for the wall behind, not for a forehead."""


class Sight:
    """The thermometer's view of one lane.

    `site` is where on the body it measures unless the guard chooses another for the person who stands here; `device`
    is its protocol's name. `is_asked_again` says that the guard asked for another measurement of the same person.
    """

    def __init__(self, stability: StabilityRule, clock: Clock, *, site: str, device: str) -> None:
        self.stability = stability
        self.site = site
        self.is_asked_again = False
        self._clock = clock
        self._usual_site = site
        self._device = device
        self._is_occupied = False
        self._live: Measurement | None = None

    def refit(self, stability: StabilityRule, *, site: str, device: str, is_pending: bool) -> None:
        """Measure with another thermometer from now on; whoever stands here (`is_pending`) is measured with it."""
        self.stability, self._usual_site, self._device = stability, site, device
        if is_pending:
            self.stability.step_up(self._clock.monotonic_s())
        else:
            self.site = site

    def step_up(self) -> None:
        """Begin with a new person, at the usual site."""
        self.stability.step_up(self._clock.monotonic_s())
        self.site = self._usual_site
        self._live = None
        self.is_asked_again = False

    def lose(self) -> None:
        """Take note that the thermometer was cut off: whoever stood before it may have gone unseen."""
        self._is_occupied = False
        self._live = None

    def measure_again(self) -> None:
        """Forget the reading on display and take the next one of the same person, whoever is in front now."""
        self.lose()
        self.is_asked_again = True
        self.stability.remeasure(self._clock.monotonic_s())

    def type_in(self) -> None:
        """Take note that a reading was typed: what the thermometer says next is another attempt."""
        self.stability.remeasure(self._clock.monotonic_s())
        self.is_asked_again = False

    @property
    def is_blocked(self) -> bool:
        """Whether whoever was measured last may still stand before the thermometer, where the next one should."""
        return self._is_occupied and self.stability.reading is None

    @property
    def live_celsius(self) -> float | None:
        """What the thermometer sees now; None for what was measured before this person stepped up or is old."""
        live = self._live
        if live is None or self._clock.monotonic_s() - live.at_s > _OLD_S:
            return None
        return live.celsius

    def take(self, measurement: Measurement, *, wants_another: bool, is_resting: bool = False) -> Attempt | None:
        """Take one measurement of the stream; return the reading that it completes for whoever stands here.

        While that person `is_resting` a reading is somebody else's, and forgotten when they go.
        Where one of them `wants_another`, it is taken as soon as the thermometer has seen that the forehead went away.
        So is the next person's first: whoever was measured last may still stand there when the next one is scanned.
        """
        if self.stability.is_after_step_up(measurement):
            self._live = measurement
        latched = self.stability.reading
        if self._is_wall(measurement):
            self._is_occupied = False
            if latched is not None and (wants_another or is_resting):
                self.stability.remeasure(measurement.at_s)
                return None
        if latched is None and self._is_occupied:
            return None
        self.stability.add(measurement)
        reading = self.stability.reading
        if latched is not None or reading is None:
            return None
        self._is_occupied = True
        if not wants_another:
            return None
        self.is_asked_again = False
        return Attempt(
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

    def _is_wall(self, measurement: Measurement) -> bool:
        """Whether the thermometer sees nobody: colder than any person, or on a hot day as warm as the air."""
        ambient = measurement.ambient_celsius
        return measurement.celsius < self.stability.lowest_celsius or (
            ambient is not None and abs(measurement.celsius - ambient) < _AIR_CELSIUS
        )


def stability_of(settings: Settings) -> StabilityRule:
    """Return when measurements are a reading with the thermometer that these settings name."""
    return StabilityRule(
        offset_celsius=settings.thermometer.offset_celsius,
        rule=settings.temperature.rule(),
        window_s=PROTOCOLS[settings.thermometer.protocol].window_s,
    )
