"""Ordering and lifting what holds against a person or a whole household: bans, the watch list, quarantine."""

from datetime import date
from typing import Any, TypeAlias

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.clock import Clock
from station.journal import Journal
from station.register import PassRow, Register
from sync.bodies import (
    HolderBanned,
    HolderUnbanned,
    QuarantineOrdered,
    QuarantineReleased,
    Restriction,
    WatchCleared,
    WatchListed,
)
from sync.events import Event

Order: TypeAlias = type[Restriction]
ORDERS: dict[str, Order] = {
    "ban": HolderBanned,
    "unban": HolderUnbanned,
    "watch": WatchListed,
    "clear": WatchCleared,
    "quarantine": QuarantineOrdered,
    "release": QuarantineReleased,
}
"""Every order by the word for it."""

_MOST_SAID = 200


def order(
    journal: Journal,
    register: Register,
    clock: Clock,
    what: Order,
    row: PassRow,
    *,
    reason: str,
    whole_household: bool = False,
    until: date | None = None,
) -> Event:
    """Record an order about the holder of a pass, or about the household that the pass belongs to.

    `until` is the last day of a quarantine. Raises `UsageError` without a reason.
    """
    if not reason.strip():
        raise UsageError(N_("reason: say why, for whoever asks later"))
    with journal.writing():
        now_ms = clock.now_ms()
        holder_id, household = (None, row.household) if whole_household else (row.holder_id, None)
        fields: dict[str, Any] = {
            "holder_id": holder_id,
            "household": household,
            "reason": plain(reason.strip(), _MOST_SAID),
            "order_ms": order_ms_behind(register, holder_id, household, now_ms),
        }
        if what is QuarantineOrdered:
            fields["until"] = until.isoformat() if until else None
        return register.record(what(**fields), now_ms)


def order_ms_behind(register: Register, holder_id: str | None, household: str | None, now_ms: int) -> int | None:
    """Return the place behind the newest order about somebody, where the clock alone would not put another one."""
    scope, subject = ("holder", holder_id) if holder_id else ("household", household or "")
    newest_ms = register.newest_order_ms(scope, subject)
    return newest_ms + 1 if newest_ms is not None and newest_ms >= now_ms else None
