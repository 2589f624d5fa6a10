"""The duty book (值班簿): where every matter of a shift is written, found again, and taken on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_, GatepostError, UsageError
from passes.identity import mask_id_numbers
from passes.plaintext import plain
from passes.reasons import Reason
from passes.trips import local_day
from station.clock import Clock
from station.folding_duty import CLOSED, OPENINGS, ORDERS
from station.i18n import _
from station.journal import Journal
from station.register import Register
from station.restricting import order_ms_behind
from sync.bodies import Body
from sync.duty_bodies import MatterStep
from sync.events import Event

if TYPE_CHECKING:
    from sqlite3 import Connection

    from station.assembly import Station

PAGE = 200
"""Rows of a list that are read at once."""

MOST_SAID = 200

_BODIES: dict[str, type[Body]] = {what: body for body, what in (*OPENINGS.items(), *ORDERS.items())}
_COLUMNS = "m.id, m.n, m.what, m.state, m.at_ms, m.station, m.guard, m.body"
_FROM = f"SELECT {_COLUMNS} FROM matters AS m WHERE"  # noqa: S608 - our own words only
_STANDING = (
    f"SELECT {_COLUMNS}, coalesce(p.name, ''), coalesce(p.address, ''), r.order_ms, r.id FROM restrictions AS r"  # noqa: S608 - as above
    " JOIN matters AS m ON m.id = r.id LEFT JOIN persons AS p ON r.scope = 'holder' AND p.person_id = r.subject"
    " WHERE r.kind = ? AND r.is_on AND (r.until IS NULL OR r.until >= ?)"
)
_IN_ORDER = " ORDER BY m.n DESC LIMIT ?"


class DutyError(GatepostError):
    """A matter that cannot be taken on as asked."""


class Place(NamedTuple):
    """Where an order about somebody stands among all of its kind, which may be of other gates."""

    order_ms: int
    id: str


class Matter(msgspec.Struct, frozen=True):
    """One matter: its id is that of the event that opened it, `body` what that event says, `state` how it stands.

    `n` is that event's number in this station's journal; None where it came from another gate.
    """

    id: str
    n: int | None
    what: str
    state: str
    at_ms: int
    station: str
    guard: str | None
    body: Any

    @property
    def is_open(self) -> bool:
        """Say whether something is still to be done."""
        return self.state != CLOSED


class Standing(msgspec.Struct, frozen=True):
    """An order about a person or household that holds today; name and address are empty for whom nobody knows here."""

    matter: Matter
    name: str
    address: str
    place: Place


class Step(msgspec.Struct, frozen=True):
    """What was done about a matter, by whom, and the state that it led to."""

    state: str
    at_ms: int
    guard: str | None
    note: str


@dataclass(frozen=True, slots=True)
class DutyBook:
    """The duty book of one station; the community's `zone` cuts its days."""

    journal: Journal
    register: Register
    clock: Clock
    zone: ZoneInfo

    @classmethod
    def of(cls, station: "Station") -> "DutyBook":
        """Open the book of a station."""
        return cls(station.journal, station.register, station.clock, station.settings.zone)

    @property
    def connection(self) -> "Connection":
        """The station's file."""
        return self.journal.connection

    def today(self) -> date:
        """Return the community's calendar day."""
        return local_day(self.clock.now_ms(), self.zone)

    def record(self, body: Body) -> Event:
        """Write one event; raises `StorageError`."""
        with self.journal.writing():
            return self.register.record(body, self.clock.now_ms())

    def take_on(self, matter_id: str, step: type[MatterStep], note: str) -> Event:
        """Write what was done about a matter; raises `UsageError` without a note, `DutyError` when it has ended."""
        said = words(N_("What was done"), note)
        with self.journal.writing():
            matter = self.find(matter_id)
            if matter is None or not matter.is_open:
                raise DutyError(N_("this was closed already, perhaps at the other terminal; look at the list again"))
            return self.record(step(matter_id=matter_id, note=said))

    def find(self, matter_id: str) -> Matter | None:
        """Return the matter with this id."""
        rows = self.connection.execute(f"{_FROM} m.id = ?", (matter_id,))
        return next(map(_matter, rows), None)

    def page(self, *what: str, open_only: bool = False, behind: int | None = None, limit: int = PAGE) -> list[Matter]:
        """Return the newest matters of these kinds, newest first; those `behind` the one with that number."""
        conditions = [f"m.what IN ({', '.join('?' * len(what))})"]
        values: list[object] = [*what]
        if open_only:
            conditions.append("m.state <> 'closed'")
        if behind is not None:
            conditions.append("m.n < ?")
            values.append(behind)
        query = f"{_FROM} {' AND '.join(conditions)}{_IN_ORDER}"
        return [_matter(row) for row in self.connection.execute(query, (*values, limit))]

    def standing(self, kind: Reason, *, behind: Place | None = None, limit: int = PAGE) -> list[Standing]:
        """Return the orders of a kind that hold today, the newest first, those `behind` a row."""
        behind_it = " AND (r.order_ms, r.id) < (?, ?)" if behind else ""
        query = f"{_STANDING}{behind_it} ORDER BY r.order_ms DESC, r.id DESC LIMIT ?"
        rows = self.connection.execute(query, (kind, str(self.today()), *(behind or ()), limit)).fetchall()
        return [Standing(_matter(row[:-4]), row[-4], row[-3], Place(*row[-2:])) for row in rows]

    def order_ms(self, holder_id: str | None, household: str | None) -> int | None:
        """Return the place behind the newest order about somebody, None where now is behind it."""
        return order_ms_behind(self.register, holder_id, household, self.clock.now_ms())

    def newest_of(self, what: str, subject: str, limit: int = 1) -> list[Matter]:
        """Return the newest matters of a kind about one person, household or item, newest first."""
        query = f"{_FROM} m.what = ? AND m.subject = ?{_IN_ORDER}"
        return [_matter(row) for row in self.connection.execute(query, (what, subject, limit))]

    def steps(self, matter_id: str) -> list[Step]:
        """Return what was done about a matter, oldest first."""
        rows = self.connection.execute(
            "SELECT state, at_ms, guard, note FROM matter_steps WHERE matter_id = ? ORDER BY n", (matter_id,)
        )
        return [Step(*row) for row in rows]


def words(name: str, text: str, most: int = MOST_SAID, *, may_be_empty: bool = False) -> str:
    """Return what somebody wrote for the field `name` as one harmless line.

    Raises `UsageError` where it is empty and must not be, and where it holds an ID number: those are sealed, and only
    in their own line.
    """
    said = plain(text.strip(), most)
    if not said and not may_be_empty:
        raise UsageError(N_("{name}: is empty; write it down"), name=_(name))
    if mask_id_numbers(said) != said:
        raise UsageError(N_("{name}: holds an ID number, which would not be sealed here; leave it out"), name=_(name))
    return said


def _matter(row: Sequence[Any]) -> Matter:
    """Return the matter that a row of `COLUMNS` is."""
    matter_id, n, what, state, at_ms, station, guard, body = row
    return Matter(matter_id, n, what, state, at_ms, station, guard, msgspec.json.decode(body, type=_BODIES[what]))
