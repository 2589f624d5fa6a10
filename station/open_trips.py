"""Who is out, or in, for too long: every trip that is open, by what its kind allows."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from passes.kinds import VISITOR, Kind
from station.register import Register

if TYPE_CHECKING:
    from sqlite3 import Connection

# With max(), SQLite takes the other columns from the row that has it: the last leg of every line.
_OPEN = "SELECT line, pass_id, direction, station, leg, max(order_ms) FROM legs WHERE id NOT IN undone GROUP BY line"


class Open(msgspec.Struct, frozen=True):
    """One open trip: whose, since when (UTC milliseconds, the community's clock), and how long its kind allows.

    `kind` is None where it is not known here, `minutes_allowed` 0 where there is no limit. `name` is empty for whom
    another gate let in. `plate` is that of a vehicle.
    """

    line: str
    kind: str | None
    direction: str
    station: str
    since_ms: int
    minutes_allowed: int
    person_id: str = ""
    name: str = ""
    address: str = ""
    number: str = ""
    plate: str = ""

    def minutes_over(self, now_ms: int) -> int:
        """Return for how many minutes they are overdue at an instant; 0 or less when they are not."""
        return (now_ms - self.since_ms) // 60_000 - self.minutes_allowed if self.minutes_allowed else 0


def open_trips(connection: "Connection", register: Register, now_ms: int) -> list[Open]:
    """Return every open trip, those that are longest overdue first, then by their age; `now_ms` is the community's."""
    rows = [row for row in connection.execute(_OPEN) if row[4] == "first"]
    rules = register.rules()
    kinds = rules.in_force(now_ms)
    found = [_open(connection, row, kinds) for row in rows]
    return sorted(found, key=lambda one: (-max(0, one.minutes_over(now_ms)), one.since_ms, one.line))


def overdue(trips: Iterable[Open], now_ms: int) -> list[Open]:
    """Return those that are overdue."""
    return [one for one in trips if one.minutes_over(now_ms) > 0]


def _open(connection: "Connection", row: tuple[str, str, str, str, str, int], kinds: dict[str, Kind]) -> Open:
    line, pass_id, direction, station, _leg, since_ms = row
    code, who = _whose(connection, pass_id)
    kind = kinds.get(code) if code else None
    return Open(line, code, direction, station, since_ms, kind.minutes_away if kind else 0, *who)


def _whose(connection: "Connection", pass_id: str) -> tuple[str | None, tuple[str, ...]]:
    row = connection.execute(
        "SELECT kind, holder_id, holder, address, number FROM passes WHERE pass_id = ?", (pass_id,)
    ).fetchone()
    if row:
        return row[0], (*row[1:], "")
    vehicle = connection.execute(
        "SELECT kind, driver_id, driver, address, '', plate FROM vehicles WHERE pass_id = ?", (pass_id,)
    ).fetchone()
    if vehicle:
        return vehicle[0], tuple(vehicle[1:])
    visit = connection.execute("SELECT person_id, name, address FROM visits WHERE person_id = ?", (pass_id,)).fetchone()
    return (VISITOR, (*visit, "", "")) if visit else (None, ())
