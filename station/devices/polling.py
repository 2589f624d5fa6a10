"""When to ask a thermometer that speaks only when it is asked."""

from typing import Final

PATIENCE_S: Final = 0.5
"""How long an answer may take; the slowest device, a Raytek, is granted as much by its manual."""


class Poll:
    """Asks `request` at most every `every_s` seconds, and anew when nothing has answered for `PATIENCE_S`."""

    def __init__(self, request: bytes, every_s: float) -> None:
        self.request = request
        self._every_s = every_s
        self._asked_at_s: float | None = None
        self._is_answered = False

    def due(self, now_s: float) -> bytes:
        """Return the question that is to be sent at `now_s` (monotonic seconds), or nothing."""
        pause_s = self._every_s if self._is_answered else PATIENCE_S
        if self._asked_at_s is not None and now_s - self._asked_at_s < pause_s:
            return b""
        self._asked_at_s = now_s
        self._is_answered = False
        return self.request

    def answered(self) -> None:
        """Take note that the device has said something to the last question."""
        self._is_answered = True
