"""Supplies (物资): what came in, what was given out, what was counted, and of what there is too little."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

import msgspec

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.bulk.values import parse_day
from station.duty.book import DutyBook, DutyError, words
from sync.duty_bodies import SUPPLY_SOURCES, SuppliesCounted, SupplySource
from sync.events import Event
from sync.stock import Stock, stock_of

Change = Literal["stock_in", "issue", "count"]

_NUMBER = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,3})?")
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Move:
    """What the guard wrote about a supply, as it was typed; `unit` may be empty for one that is known."""

    change: Change
    item: str
    quantity: str
    unit: str = ""
    low: str = ""
    source: SupplySource | None = None
    spec: str = ""
    batch: str = ""
    expiry: str = ""
    issued_to: str = ""
    approved_by: str = ""
    remark: str = ""


def record(book: DutyBook, move: Move) -> Event:
    """Record that a supply came in, was given out or was counted.

    Raises `UsageError` for what is missing or no number, `DutyError` when more is given out than there is.
    """
    item = words(N_("Article"), move.item, 40)
    quantity = parse_quantity(move.quantity)
    low = parse_quantity(move.low) if move.low.strip() else None
    if move.source is not None and move.source not in SUPPLY_SOURCES:
        raise UsageError(N_("source: choose one of {sources}"), sources=", ".join(SUPPLY_SOURCES))
    notes = {
        "spec": words(N_("Spec"), move.spec, 40, may_be_empty=True),
        "batch": words(N_("Batch"), move.batch, 40, may_be_empty=True),
        "expiry": str(parse_day(move.expiry.strip())) if move.expiry.strip() else "",
        "issued_to": words(N_("To whom"), move.issued_to, 60, may_be_empty=True),
        "approved_by": words(N_("Approved by"), move.approved_by, 60, may_be_empty=True),
        "remark": words(N_("Remark"), move.remark, may_be_empty=True),
    }
    with book.journal.writing():
        known = stocks(book).get(item)
        if move.change == "issue" and (known is None or known.quantity < quantity):
            raise DutyError(
                N_("{item}: only {there} there; count it first if there is more"),
                item=item,
                there=known.quantity if known else 0,
            )
        body = SuppliesCounted(
            item=item,
            unit=words(N_("Unit"), move.unit or (known.unit if known else ""), 10),
            change=move.change,
            quantity=quantity,
            low=low,
            source=move.source,
            **notes,
        )
        return book.record(body)


def stocks(book: DutyBook) -> dict[str, Stock]:
    """Return what is there of each supply, by item."""
    rows = book.connection.execute("SELECT body FROM matters WHERE what = 'supplies' ORDER BY subject, n")
    return stock_of(msgspec.json.decode(row[0], type=SuppliesCounted) for row in rows)


def parse_quantity(typed: str) -> float:
    """Read a quantity as people type it, full-width digits included; raises `UsageError` for what is none."""
    text = unicodedata.normalize("NFKC", typed).replace(",", ".").strip()
    if not _NUMBER.fullmatch(text) or float(text) > _MOST:
        raise UsageError(N_('"{typed}" is no quantity; write one like 20 or 2.5'), typed=plain(typed, 20))
    return float(text)
