"""The terminal's bell: one stroke lets through, two ask for a look, three refuse."""

from typing import Any

from textual.app import App
from textual.timer import Timer

from passes.policy import Outcome

STROKES = {Outcome.ALLOW: 1, Outcome.ATTENTION: 2, Outcome.REFUSE: 3}
GAP_S = 0.22
"""From stroke to stroke: closer together, terminals make one of them."""


class Bell:
    """Rings patterns on the terminal of `app`, on its own timers; a newer pattern ends the one before."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._left = 0
        self._timer: Timer | None = None

    def ring(self, outcome: Outcome) -> None:
        """Ring the pattern of an outcome."""
        if self._timer:
            self._timer.stop()
            self._timer = None
        self._left = STROKES[outcome]
        self._stroke()
        if self._left:
            self._timer = self._app.set_interval(GAP_S, self._stroke)

    def _stroke(self) -> None:
        self._left -= 1
        self._app.bell()
        if self._timer and not self._left:
            self._timer.stop()
            self._timer = None
