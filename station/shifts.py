"""Shifts: who takes up duty, who was on it, and when the post was left unmanned (脱岗)."""

from typing import TYPE_CHECKING, Literal

import msgspec

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain
from station.clock import Clock
from station.journal import Journal
from station.register import Register, ShiftRow
from sync.bodies import ShiftHandedOver, ShiftOpened

if TYPE_CHECKING:
    from sqlite3 import Connection

Signed = Literal["name", "pin"]

_SHIFTS = (
    "SELECT id, opened_ms, opened, handed_over_ms, handed_over,"
    " opened_ms - lag(handed_over_ms) OVER (ORDER BY opened_n) FROM shifts ORDER BY opened_n DESC LIMIT ?"
)


class ShiftError(GatepostError):
    """A shift that cannot be opened or handed over now."""


class ShiftLine(msgspec.Struct, frozen=True):
    """One shift as it was; `gap_ms` is how long nobody was on duty before it, 0 where it followed at once."""

    id: str
    opened_ms: int
    opened: ShiftOpened
    handed_over_ms: int | None
    handed_over: ShiftHandedOver | None
    gap_ms: int

    @property
    def late_ms(self) -> int:
        """Return how much later than planned it began; 0 where it was in time or nothing was planned."""
        due_ms = self.opened.due_ms
        return 0 if due_ms is None else max(self.opened_ms - due_ms, 0)


def open_shift(
    journal: Journal,
    register: Register,
    clock: Clock,
    guards: list[str],
    lead: str | None = None,
    *,
    protected: bool | None = None,
    due_ms: int | None = None,
    late_reason: str = "",
    signed: Signed = "name",
) -> ShiftRow:
    """Take up duty: everything recorded from now on carries this shift and its first guard.

    `protected`, `due_ms` and `late_reason` as in `sync.bodies.ShiftOpened`. Raises `UsageError` when nobody is named,
    `ShiftError` when another shift is still on duty.
    """
    named = [plain(guard.strip(), 40) for guard in guards if guard.strip()]
    if not named:
        raise UsageError(N_("guard: write the name of whoever is on duty"))
    with journal.writing():
        current = register.current_shift()
        if current:
            raise ShiftError(
                N_("{guards} is still on duty here; hand that shift over first"), guards=", ".join(current.guards)
            )
        body = ShiftOpened(
            guards=named,
            lead=plain(lead.strip(), 40) if lead and lead.strip() else None,
            protected=protected,
            due_ms=due_ms,
            late_reason=plain(late_reason.strip(), 100),
            signed=signed,
        )
        # An open shift names the records after it; its own record belongs to no shift yet.
        journal.append(body, at_ms=clock.now_ms(), shift=None, guard=named[0])
    opened = register.current_shift()
    assert opened is not None  # noqa: S101 - it has just been recorded
    return opened


def signed_by(name: str, guards: list[str]) -> list[str]:
    """Return the guards of a shift with whoever signed for it as the first."""
    return [name, *(guard for guard in guards if plain(guard.strip(), 40) != name)]


def shift_lines(connection: "Connection", limit: int = -1) -> list[ShiftLine]:
    """Return the shifts of this gate, the newest first."""
    return [
        ShiftLine(
            shift_id,
            opened_ms,
            msgspec.json.decode(opened, type=ShiftOpened),
            handed_over_ms,
            msgspec.json.decode(handed_over, type=ShiftHandedOver) if handed_over else None,
            max(gap_ms or 0, 0),
        )
        for shift_id, opened_ms, opened, handed_over_ms, handed_over, gap_ms in connection.execute(_SHIFTS, (limit,))
    ]


def last_hand_over(connection: "Connection") -> ShiftHandedOver | None:
    """Return what the last shift that ended handed over."""
    ended = (line.handed_over for line in shift_lines(connection, 2) if line.handed_over)
    return next(ended, None)
