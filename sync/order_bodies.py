"""What is ordered about people, as in `sync.bodies`: bans, the watch list, isolation at home, and their ends."""

from typing import Annotated

import msgspec

from sync.body import Body, Instant


class Restriction(Body, frozen=True):
    """What is ordered about one person or a whole household: exactly one of the two is named."""

    holder_id: str | None = None
    household: str | None = None
    reason: str | None = None
    order_ms: Instant | None = None

    def __post_init__(self) -> None:
        """Raise ValueError, which becomes a `msgspec.ValidationError` where a body is read."""
        if bool(self.holder_id) == bool(self.household):
            raise ValueError("name either holder_id or household")


class HolderBanned(Restriction, frozen=True):
    """They may not pass until the ban is lifted."""


class HolderUnbanned(Restriction, frozen=True):
    """The end of a ban."""


class WatchListed(Restriction, frozen=True):
    """They are on the list of the police or the street: refused, and staff are told.

    Whoever registers at any gate under the same `name` and `address` is taken for the same person; `source` says whose
    list it is.
    """

    name: str = ""
    address: str = ""
    source: str = ""


class WatchCleared(Restriction, frozen=True):
    """They are off the watch list."""


class QuarantineOrdered(Restriction, frozen=True):
    """They stay at home from `since` (None = the day of the order) through the day `until` (None = until released).

    They came from `origin`; `responsible` is the person who answers for them (包保责任人), `letter_signed` says whether
    they signed the letter of commitment. The gate that ordered it asks after them `every_hours`, or at the times of day
    `at_times` (HH:MM, community-local); neither means that nobody has to ask.
    """

    until: str | None = None
    since: str | None = None
    origin: str = ""
    responsible: str = ""
    letter_signed: bool = False
    every_hours: Annotated[int, msgspec.Meta(ge=0, le=48)] = 0
    at_times: list[str] = msgspec.field(default_factory=list)


class QuarantineReleased(Restriction, frozen=True):
    """Their isolation is over."""
