"""Shifts: who is on duty, and the hand-over to the next."""

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain
from station.clock import Clock
from station.journal import Journal
from station.logbook import shift_counts
from station.register import Register, ShiftRow
from sync.bodies import ShiftHandedOver, ShiftOpened


class ShiftError(GatepostError):
    """A shift that cannot be opened or handed over now."""


def open_shift(
    journal: Journal, register: Register, clock: Clock, guards: list[str], lead: str | None = None
) -> ShiftRow:
    """Take up duty: everything recorded from now on carries this shift and its first guard.

    Raises `UsageError` when nobody is named, `ShiftError` when another shift is still on duty.
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
        # An open shift names the records after it; its own record belongs to no shift yet.
        body = ShiftOpened(guards=named, lead=plain(lead.strip(), 40) if lead and lead.strip() else None)
        journal.append(body, at_ms=clock.now_ms(), shift=None, guard=named[0])
    opened = register.current_shift()
    assert opened is not None  # noqa: S101 - it has just been recorded
    return opened


def hand_over(
    journal: Journal, register: Register, clock: Clock, incoming: str, outstanding: str = ""
) -> dict[str, int]:
    """End the shift on duty and open the next one for `incoming`; return what the ended shift counted.

    Raises `UsageError` when nobody takes over, `ShiftError` when no shift is on duty.
    """
    taking_over = plain(incoming.strip(), 40)
    if not taking_over:
        raise UsageError(N_("incoming: write the name of whoever takes over"))
    with journal.writing():
        current = register.current_shift()
        if current is None:
            raise ShiftError(N_("no shift is on duty here, so there is none to hand over"))
        counts = shift_counts(journal.connection, current.id)
        body = ShiftHandedOver(
            outgoing=current.guards[0], incoming=taking_over, counts=counts, outstanding=plain(outstanding.strip(), 500)
        )
        register.record(body, clock.now_ms())
        journal.append(ShiftOpened(guards=[taking_over]), at_ms=clock.now_ms(), shift=None, guard=taking_over)
    return counts
