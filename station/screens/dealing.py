"""Who deals visitors where no scanner is: the demo's simulated one."""

from typing import Protocol

from passes.trips import Direction


class Scanner(Protocol):
    """A scanner that deals the next visitor when a key is pressed, and lets them go on when they are done."""

    def deal(self, direction: Direction) -> str:
        """Return the next visitor's code."""
        ...

    def leave(self) -> None:
        """Let the visitor leave the thermometer."""
        ...
