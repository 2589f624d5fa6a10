"""Corrections: a passage taken back, a leg that nobody recorded, a clock that the lead vouches for.

Nothing is changed or deleted: each is an event of its own, and the legs are paired anew.
"""

from passes.errors import N_, GatepostError, UsageError
from passes.plaintext import plain
from passes.trips import Direction
from station.clock import Clock
from station.journal import Journal
from station.logbook import LoggedPassage, recent
from station.register import Register
from sync.bodies import ClockConfirmed, PassageMissed, PassageUndone
from sync.events import Event

UNDO_MS = 15 * 60_000
"""How long after it a passage can be taken back, this instant included."""

_MOST_SAID = 500
_MOST_LOOKED_AT = 50


class CorrectionError(GatepostError):
    """A correction that the rules do not allow."""


def undo(journal: Journal, register: Register, clock: Clock, pass_id: str, reason: str | None = None) -> Event:
    """Take back the last accepted passage of a pass.

    Raises `CorrectionError` unless it is the last leg of the pass's line, was recorded at this gate and happened within
    `UNDO_MS`.
    """
    with journal.writing():
        now_ms = clock.now_ms()
        leg = register.last_leg(register.line_of(pass_id))
        if leg is None:
            raise CorrectionError(N_("this pass has no passage that could be taken back"))
        if leg.station != journal.station:
            raise CorrectionError(
                N_("the last passage of this pass was at gate {station}; it can only be taken back there"),
                station=leg.station,
            )
        if now_ms - leg.place[0] > UNDO_MS:
            raise CorrectionError(
                N_("that passage is more than {minutes} minutes old; record the missed return instead"),
                minutes=UNDO_MS // 60_000,
            )
        body = PassageUndone(passage_id=leg.id, pass_id=pass_id, reason=_said(reason))
        return register.record(body, now_ms)


def newest_to_undo(journal: Journal) -> LoggedPassage | None:
    """Return the passage that this gate let through last and has not taken back."""
    newest = recent(journal.connection, _MOST_LOOKED_AT)
    return next((one for one in newest if one.body.outcome == "allowed" and not one.is_undone), None)


def record_missed(
    journal: Journal,
    register: Register,
    clock: Clock,
    pass_id: str,
    *,
    direction: Direction,
    first_leg: Direction,
    happened_ms: int,
    reason: str,
) -> Event:
    """Write down a leg that nobody recorded when it happened.

    Raises `UsageError` without a reason and for an instant that has not come yet.
    """
    if not reason.strip():
        raise UsageError(N_("reason: say why this passage was not recorded when it happened"))
    with journal.writing():
        now_ms = clock.now_ms()
        if happened_ms > now_ms - (journal.drift_ms or 0):
            raise UsageError(N_("time: a missed passage lies in the past; correct the time"))
        body = PassageMissed(
            pass_id=pass_id,
            direction=direction.value,
            leg="first" if direction is first_leg else "return",
            happened_ms=happened_ms,
            reason=plain(reason.strip(), _MOST_SAID),
        )
        return register.record(body, now_ms)


def confirm_clock(journal: Journal, register: Register, clock: Clock, lead: str) -> Event:
    """Record the lead's word that the device's time is right although it lies before the last record.

    Raises `UsageError` when nobody gives their name.
    """
    if not lead.strip():
        raise UsageError(N_("lead: write the name of whoever confirms the time"))
    with journal.writing():
        now_ms = clock.now_ms()
        return register.record(ClockConfirmed(device_ms=now_ms, lead=plain(lead.strip(), 40)), now_ms)


def _said(text: str | None) -> str | None:
    return plain(text, _MOST_SAID) if text else None
