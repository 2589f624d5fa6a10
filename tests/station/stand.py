"""Somebody before a lane's thermometer."""

from typing import Any

from passes.trips import Direction
from station.devices.measurement import Measurement
from station.devices.stability import StabilityRule
from station.lane import Lane
from station.sight import Sight
from sync.bodies import PassageRecorded
from sync.events import read_body
from tests.station.post import Post

WALL = 21.0


class Stand:
    """A lane with somebody before its thermometer, who sends ten measurements a second."""

    def __init__(self, post: Post, offset_celsius: float = 0.0, **more: Any) -> None:
        self.post = post
        self.lane = Lane(
            post.gate,
            Sight(StabilityRule(offset_celsius=offset_celsius), post.clock, site="forehead", device="gy-mcu9061x"),
            post.clock,
            direction=Direction.EXIT,
            **more,
        )

    def see(self, celsius: float, times: int = 5, ambient: float = 22.0) -> bool:
        """Let the thermometer see this so many times; say whether a reading came of it."""
        made = False
        for _ in range(times):
            self.post.clock.move(0.1)
            at_s = self.post.clock.monotonic_s()
            made |= self.lane.measured(Measurement(celsius, "surface", ambient, b"\x5a", "gy-mcu9061x", at_s))
        return made

    def leave(self) -> None:
        """Let the thermometer see the wall behind."""
        assert not self.see(WALL, 3)

    def somebody_is_here(self) -> bool:
        return self.lane.is_pending

    @property
    def celsius(self) -> list[float]:
        """The readings of whoever stands here."""
        return [attempt.celsius for attempt in self.lane.current.attempts] if self.lane.current else []

    @property
    def passages(self) -> list[PassageRecorded]:
        bodies = [read_body(event.kind, event.body) for _n, event in self.post.journal.read()]
        return [body for body in bodies if isinstance(body, PassageRecorded)]
