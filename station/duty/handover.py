"""The hand-over (交接班): what the shift counted, what is still to be done, the goods, and both who sign."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from passes.errors import N_, UsageError
from passes.plaintext import plain
from station.duty.book import DutyBook, words
from station.duty.outstanding import CLOSING, WORDS, outstanding
from station.duty.supplies import parse_quantity, stocks
from station.i18n import _
from station.logbook import shift_counts
from station.shifts import ShiftError, Signed, open_shift
from sync.bodies import ShiftHandedOver
from sync.duty_bodies import SuppliesCounted
from sync.shift_bodies import Goods, Handed

MOST_TOLD = 500


@dataclass(frozen=True, slots=True)
class Count:
    """What was counted of one kind of goods, as it was typed, and why that is another number than expected."""

    quantity: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class HandOver:
    """What the outgoing and the incoming guard agree on; of the `incoming` the first one signs.

    `outgoing` is who signs for the shift; empty: its first guard.

    `closed` says for each `Outstanding.key` whether it was closed now or is handed over; `goods` what was counted of
    each supply. With `unmanned` nobody takes over and the post is left.
    """

    incoming: Sequence[str] = ()
    outgoing: str = ""
    lead: str = ""
    abnormal: str = ""
    outstanding: str = ""
    closed: Mapping[str, bool] = field(default_factory=dict)
    goods: Mapping[str, Count] = field(default_factory=dict)
    protected: bool | None = None
    unmanned: bool = False
    outgoing_signed: Signed = "name"
    incoming_signed: Signed = "name"


def hand_over(book: DutyBook, agreed: HandOver) -> dict[str, int]:
    """End the shift on duty and open the next one, in one transaction; return what the ended shift counted.

    Raises `UsageError` when nobody takes over, when something that is still to be done was not ticked, and for goods
    that were not counted or differ without a word; `ShiftError` when no shift is on duty.
    """
    incoming = [plain(guard.strip(), 40) for guard in agreed.incoming if guard.strip()]
    if bool(incoming) == agreed.unmanned:
        raise UsageError(N_("incoming: write the name of whoever takes over, or say that nobody does"))
    abnormal = words(N_("Out of the ordinary"), plain(agreed.abnormal, MOST_TOLD), MOST_TOLD, may_be_empty=True)
    note = words(N_("Still to do"), plain(agreed.outstanding, MOST_TOLD), MOST_TOLD, may_be_empty=True)
    with book.journal.writing():
        current = book.register.current_shift()
        if current is None:
            raise ShiftError(N_("no shift is on duty here, so there is none to hand over"))
        counts = shift_counts(book.connection, current.id)
        body = ShiftHandedOver(
            outgoing=agreed.outgoing or current.guards[0],
            incoming=incoming[0] if incoming else "",
            counts=counts,
            outstanding=note,
            abnormal=abnormal,
            matters=_settle(book, agreed.closed),
            goods=_count_goods(book, agreed.goods),
            outgoing_signed=agreed.outgoing_signed,
            incoming_signed=agreed.incoming_signed,
        )
        book.record(body)
        if incoming:
            open_shift(
                *(book.journal, book.register, book.clock, incoming, agreed.lead),
                protected=agreed.protected,
                signed=agreed.incoming_signed,
            )
    return counts


def _settle(book: DutyBook, closed: Mapping[str, bool]) -> list[Handed]:
    """Close what was closed, and return everything that was still to be done."""
    handed = []
    for one in outstanding(book):
        is_closed = closed.get(one.key)
        if is_closed is None or (is_closed and not one.may_be_closed):
            raise UsageError(
                N_("{what} ({text}): say whether it is handed over or closed"), what=_(WORDS[one.what]), text=one.text
            )
        if is_closed and one.what in CLOSING:
            book.take_on(one.about, CLOSING[one.what], _("closed at the hand-over"))
        handed.append(Handed(what=one.what, about=one.about, text=one.text, closed=is_closed))
    return handed


def _count_goods(book: DutyBook, counted: Mapping[str, Count]) -> list[Goods]:
    """Record what is another number than expected, and return all goods."""
    goods = []
    for stock in stocks(book).values():
        if stock.item not in counted:
            raise UsageError(N_("{item}: count it, so that the next shift knows what is there"), item=stock.item)
        count = counted[stock.item]
        quantity = parse_quantity(count.quantity)
        is_different = quantity != stock.quantity
        if is_different:
            why = words(f"{stock.item}: {_('why another number')}", count.why, 100)
            change = SuppliesCounted(item=stock.item, unit=stock.unit, change="count", quantity=quantity, remark=why)
            book.record(change)
        goods.append(
            Goods(
                item=stock.item,
                unit=stock.unit,
                expected=stock.quantity,
                counted=quantity,
                why=why if is_different else "",
            )
        )
    return goods
