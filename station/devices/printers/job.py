"""One piece of printing: how long it may take, and what is told when it fails."""

import threading
import time
from collections.abc import Callable
from typing import Final

from passes.errors import N_
from station.devices.measurement import DeviceError

LIMIT_S: Final = 5.0
"""What a printer that is off, empty or unreachable costs at most, in seconds."""

_GRACE_S: Final = 0.4
"""The part of the limit that is kept for a worker to say what went wrong, before nobody waits for it any more."""

NO_ANSWER: Final = N_("{printer}: does not answer; check that it is switched on and connected, then print again")


class PrinterError(DeviceError):
    """A pass that is not known to be on paper; the sentence names the printer's address and the remedy.

    `printed` says how many of the job's strips, counted from the first, are known to have come out all the same.
    """

    def __init__(self, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.printed = 0


class Deadline:
    """The moment by which something has to be over, shared by who works and who waits."""

    def __init__(self) -> None:
        self._is_abandoned = False
        self.restart()

    def restart(self, left_s: float | None = None) -> None:
        """Put the time back to `left_s`, or to the whole of it, after work that went well."""
        self._end_s = time.monotonic() + (LIMIT_S - _GRACE_S if left_s is None else left_s)

    def abandon(self) -> None:
        """Make it over for good: nobody waits any more."""
        self._is_abandoned = True

    def grant(self, seconds: float) -> None:
        """Add the time that a slow line needs for what it was given: no printer can be blamed for it."""
        self._end_s += seconds

    def left_s(self) -> float:
        """Return the seconds that are left, always more than none; raises TimeoutError when it is over."""
        left_s = self._end_s - time.monotonic()
        if left_s <= 0 or self._is_abandoned:
            raise TimeoutError
        return left_s

    def wait_for(self, worker: threading.Thread) -> bool:
        """Wait until `worker` has ended; False when it is still held up `_GRACE_S` after the deadline."""
        while worker.is_alive() and (left_s := self._end_s + _GRACE_S - time.monotonic()) > 0:
            worker.join(left_s)
        return not worker.is_alive()


def run(work: Callable[[], PrinterError | None], deadline: Deadline) -> PrinterError | None:
    """Return what `work` answers, or raise TimeoutError when it is held up beyond the deadline.

    `work` runs on a daemon thread of its own, since names, devices and drivers can hang in places that know no timeout.
    A thread that is left behind cannot keep the program from ending, and it prints nothing later: each of its steps
    asks `deadline.left_s()` first.
    """
    answers: list[PrinterError | None] = []
    worker = threading.Thread(target=lambda: answers.append(work()), name="printer", daemon=True)
    worker.start()
    if not deadline.wait_for(worker):
        deadline.abandon()
        raise TimeoutError
    if not answers:
        raise RuntimeError("the printing thread ended without an answer; its traceback stands above")
    return answers[0]
