"""What the device tests share: waiting for what a thread says, and a line to write to by hand."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from station.devices.measurement import DeviceEvent, Fault, Link, LinkState, Measurement

DEADLINE_S = 20.0


class Listener:
    """Collects events from any thread; called by the thermometer."""

    def __init__(self) -> None:
        self.events: list[DeviceEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: DeviceEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    @property
    def measurements(self) -> list[Measurement]:
        return [event for event in list(self.events) if isinstance(event, Measurement)]

    @property
    def faults(self) -> list[Fault]:
        return [event for event in list(self.events) if isinstance(event, Fault)]

    @property
    def links(self) -> list[LinkState]:
        return [event for event in list(self.events) if isinstance(event, LinkState)]

    def wait(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, DEADLINE_S), f"nothing came of it: {self.events[-20:]}"

    def wait_for_link(self, state: Link) -> LinkState:
        self.wait(lambda: bool(self.links) and self.links[-1].state is state)
        return self.links[-1]

    def wait_for_more(self, count: int) -> list[Measurement]:
        """Wait for the next `count` measurements and return them."""
        known = len(self.measurements)
        self.wait(lambda: len(self.measurements) >= known + count)
        return self.measurements[known:]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that nobody announces."""
    pause, end_s = threading.Event(), time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s, what
        pause.wait(0.005)


@contextmanager
def hand_line() -> Iterator[tuple[int, str]]:
    """Open a pseudo-terminal in raw mode; yields the end to write to and the other end's name."""
    import tty

    master, slave = os.openpty()
    tty.setraw(slave)
    try:
        yield master, os.ttyname(slave)
    finally:
        os.close(slave)
        os.close(master)
