"""What is still to be done (未尽事宜): gathered from everything that a shift records, so that nothing is forgotten.

Each of these has to be handed over or closed by name at the end of a shift.
"""

from collections.abc import Iterator

import msgspec

from passes.errors import N_
from passes.masking import mask_name
from passes.plaintext import plain
from station.clock import local_time
from station.duty import quarantine, supplies
from station.duty.book import DutyBook, Matter
from station.i18n import _
from station.outbox import JournalOutbox
from station.shifts import last_hand_over
from sync.duty_bodies import ErrandDone, IncidentClosed, InspectionRectified, MatterStep

CLOSING: dict[str, type[MatterStep]] = {
    "incident": IncidentClosed,
    "inspection": InspectionRectified,
    "errand": ErrandDone,
}
"""The step that closes each kind of matter."""

WORDS = {
    "note": N_("Note"),
    "incident": N_("Incident"),
    "inspection": N_("Finding"),
    "errand": N_("Errand"),
    "health": N_("Health check"),
    "supplies": N_("Supplies"),
    "sync": N_("Records"),
}

_MOST_SAID = 200


class Outstanding(msgspec.Struct, frozen=True):
    """One thing that the next shift has to know; `about` as in `sync.shift_bodies.Handed`.

    What `may_be_closed` can be ended at the hand-over; anything else ends where it is dealt with.
    """

    what: str
    about: str
    text: str

    @property
    def key(self) -> str:
        """Return what it is ticked by."""
        return f"{self.what} {self.about or self.text}"

    @property
    def may_be_closed(self) -> bool:
        """Say whether the hand-over itself can close it."""
        return self.what == "note" or self.what in CLOSING


def outstanding(book: DutyBook) -> list[Outstanding]:
    """Return everything that is still to be done at this station, in the user's language."""
    return [*_notes(book), *_open_matters(book), *_health_checks(book), *_low_supplies(book), *_stuck_records(book)]


def _notes(book: DutyBook) -> Iterator[Outstanding]:
    """Yield what the shift before wrote down, and what it took over from the one before that."""
    before = last_hand_over(book.connection)
    if before is None:
        return
    carried = [handed.text for handed in before.matters if handed.what == "note" and not handed.closed]
    for text in dict.fromkeys(filter(None, [*carried, before.outstanding])):
        yield Outstanding("note", "", text)


def _open_matters(book: DutyBook) -> Iterator[Outstanding]:
    for matter in book.page(*CLOSING, open_only=True, limit=-1):
        yield Outstanding(matter.what, matter.id, plain(_told(matter), _MOST_SAID))


def _told(matter: Matter) -> str:
    body = matter.body
    if matter.what == "incident":
        return str(body.account)
    if matter.what == "inspection":
        return str(body.finding)
    return " ".join(filter(None, (body.wanted, body.address, body.assignee, body.due)))


def _health_checks(book: DutyBook) -> Iterator[Outstanding]:
    for case in quarantine.due(book):
        due = local_time(case.due_ms or 0, book.zone)
        who = f"{mask_name(case.name)} {case.address}".strip()
        about = case.order.holder_id or case.order.household or ""
        yield Outstanding("health", about, _("{who}: due since {time}").format(who=who, time=f"{due:%m-%d %H:%M}"))


def _low_supplies(book: DutyBook) -> Iterator[Outstanding]:
    for stock in supplies.stocks(book).values():
        if stock.is_low:
            text = _("{item}: {quantity:g} {unit} left, fewer than {low:g}")
            told = text.format(item=stock.item, quantity=stock.quantity, unit=stock.unit, low=stock.low)
            yield Outstanding("supplies", stock.item, told)


def _stuck_records(book: DutyBook) -> Iterator[Outstanding]:
    stuck = JournalOutbox(book.connection, book.journal.path, book.journal.station).backlog().stuck
    if stuck:
        text = _("{count} records set aside by the office (Travel)")
        yield Outstanding("sync", "stuck", text.format(count=stuck))
