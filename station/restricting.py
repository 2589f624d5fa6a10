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
        scope, subject = ("household", row.household) if whole_household else ("holder", row.holder_id)
        newest_ms = register.newest_order_ms(scope, subject)
        fields: dict[str, Any] = {
            "holder_id": None if whole_household else row.holder_id,
            "household": row.household if whole_household else None,
            "reason": plain(reason.strip(), _MOST_SAID),
            "order_ms": newest_ms + 1 if newest_ms is not None and newest_ms >= now_ms else None,
        }
        if what is QuarantineOrdered:
            fields["until"] = until.isoformat() if until else None
        return register.record(what(**fields), now_ms)
