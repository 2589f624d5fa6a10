"""The tables of a scenario file, apart from its steps (`verbs.py`).

Names are those of the file, except where Python has the word already: `pass` is `pass_`, `from` and `until` of a pass
are `valid_from` and `valid_until`. Every `datetime` here is an instant in UTC: two times of one zone would be compared
and subtracted as wall times, which is wrong where hours repeat.
"""

import re
from datetime import date, datetime, time
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from passes.kinds import Hours
from passes.trips import Direction

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
"""Stations and communities: also names of folders, so nothing else is let in."""

Hex = Annotated[str, Meta(pattern=r"^([0-9a-fA-F]{2})*$")]
Count = Annotated[int, Meta(ge=0, le=1_000_000)]
Trips = Count | Literal["unlimited"]
Reading = float | str
"""A number in degrees Celsius, or what the guard typed."""

DEFAULT_KEY = "K1"
"""The key that is there and trusted without a word, and signs every pass that names no other."""

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::00)?")


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything that stands in a file: a key that is not listed is an error."""


class Community(Table, frozen=True, kw_only=True):
    """The community whose rules are played."""

    id: Name = "370212004001"
    zone: str = "Asia/Shanghai"
    name: str = "平安里"


class Gate(Table, frozen=True, kw_only=True):
    """A gate; `os_zone` is the time zone that its laptop is set to, the community's when None."""

    os_zone: str | None = None


class Window(Table, frozen=True, kw_only=True):
    """Hours of the day on some weekdays; both ends belong to it."""

    days: str = "mon-sun"
    start: str = field(name="from")
    end: str = field(name="to")

    def hours(self) -> Hours:
        """Return the window as the rules take it; raises ValueError, naming the key, for what is no day or time."""
        start, end = clock_time("from", self.start), clock_time("to", self.end)
        if end < start:
            raise ValueError("to")
        return Hours(start, end, _weekdays(self.days))


class Kind(Table, frozen=True, kw_only=True):
    """What the holders of a kind of pass may do; see `passes.kinds`."""

    first_leg: Direction
    trips: Trips = 1
    period_days: Annotated[int, Meta(ge=1, le=3660)] = 1
    count: Literal["pass", "household"] = "pass"
    hours: list[Window] = []
    minutes_away: Count = 0
    id_check: bool = False
    reading: Literal["required", "optional"] = "required"


class Key(Table, frozen=True, kw_only=True):
    """A key that signs passes; `key_id` only to give two keys one short id."""

    state: Literal["trusted", "withdrawn", "unknown"] = "trusted"
    community: Name | None = None
    key_id: Hex | None = None


class Claims(Table, frozen=True, kw_only=True):
    """What the token says instead of the truth, validly signed; None leaves the truth. Days may be impossible."""

    kind: str | int | None = None
    community: str | None = None
    valid_from: str | int | None = field(name="from", default=None)
    valid_until: str | int | None = field(name="until", default=None)
    name: str | None = None
    id: Hex | None = None
    key_id: Hex | None = None


class _PassTable(Table, frozen=True, kw_only=True):
    kind: str
    holder: str
    household: str
    issued: datetime
    state: Literal["active", "requested"] = "active"
    key: str = DEFAULT_KEY
    known: bool = True
    claims: Claims = Claims()


class Pass(_PassTable, frozen=True, kw_only=True):
    """A pass that was issued at `issued`; both days are inclusive. Not `known`: in no register, only signed."""

    valid_from: date = field(name="from")
    valid_until: date = field(name="until")


class NewPass(_PassTable, frozen=True, kw_only=True):
    """A pass that a step asks for; its days are text, since asking for impossible ones is `rejected`, no error."""

    valid_from: str = field(name="from")
    valid_until: str = field(name="until")


class Put(Table, frozen=True, kw_only=True):
    """Replace the characters from `at` (0 = the first) by `text`."""

    at: Count
    text: str


class Token(Table, frozen=True, kw_only=True):
    """The token of pass `of`, damaged. Bit 0 is the highest bit of the first byte; as the verb `scan` says."""

    of: str
    flip_payload_bit: Count | None = None
    flip_signature_bit: Count | None = None
    drop_last: Count = 0
    append: str = ""
    append_bytes: Hex = ""
    put: Put | None = None
    prefix: str | None = None
    lower: bool = False
    double: bool = False
    pad_left: str = ""
    newline: bool = False
    zero_signature: bool = False
    reencode: bool = False


class Number(Table, frozen=True, kw_only=True):
    """The right number of pass `of`, typed by hand."""

    of: str


def clock_time(key: str, text: str) -> time:
    """Return the time of day written as `06:00`; raises ValueError with `key` for anything else."""
    written = _CLOCK_TIME.fullmatch(text)
    if written is None:
        raise ValueError(key)
    return time(int(written[1]), int(written[2]))


def _weekdays(text: str) -> frozenset[int]:
    """Return the weekdays (0 = Monday) of `mon-fri`, `sat,sun`, `fri-mon`; raises ValueError with `days`."""
    days: set[int] = set()
    for part in text.replace(" ", "").lower().split(","):
        first, dash, last = part.partition("-")
        ends = first, last if dash else first
        if not set(ends) <= set(_WEEKDAYS):
            raise ValueError("days")
        start, end = map(_WEEKDAYS.index, ends)
        days.update((start + more) % 7 for more in range((end - start) % 7 + 1))
    return frozenset(days)
