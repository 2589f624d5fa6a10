"""What is said of households."""

import msgspec

from sync.body import Body, Instant


class HouseholdRegistered(Body, frozen=True):
    """A household of the roster: where it lives, who of the grid looks after it, its vehicles' plates.

    `address` is what passes print; its parts say the same apart, as far as they are known. A later event about the
    same household corrects it.
    """

    household: str
    address: str
    compound: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""
    grid: str = ""
    plates: list[str] = msgspec.field(default_factory=list)
    order_ms: Instant | None = None
