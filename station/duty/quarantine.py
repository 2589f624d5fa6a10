"""Home isolation (居家隔离): cases, with the checks that are due, and their release."""

from dataclasses import dataclass
from datetime import date

import msgspec

from passes.errors import N_, UsageError
from passes.number import parse_number
from passes.plaintext import plain
from passes.reasons import Reason
from station.duty import health
from station.duty.book import PAGE, DutyBook, Matter, Place, Standing, words
from station.register import PersonRow
from sync.bodies import QuarantineOrdered, QuarantineReleased
from sync.events import Event


class Case(msgspec.Struct, frozen=True):
    """One person or household that stays at home today.

    `checks` are the newest, newest first. `due_ms` is when the next one is due; None where nobody has to ask, and where
    another gate does.
    """

    matter: Matter
    name: str
    address: str
    checks: list[Matter]
    due_ms: int | None
    place: Place

    @property
    def order(self) -> QuarantineOrdered:
        """Return what was ordered."""
        order: QuarantineOrdered = self.matter.body
        return order


@dataclass(frozen=True, slots=True)
class Isolation:
    """What is ordered about exactly one of `holder_id` and `household`; both days are inclusive, `plan` as typed."""

    holder_id: str = ""
    household: str = ""
    since: date | None = None
    until: date | None = None
    origin: str = ""
    responsible: str = ""
    letter_signed: bool = False
    plan: str = ""
    reason: str = ""


def open_case(book: DutyBook, wanted: Isolation) -> Event:
    """Order somebody to stay at home; what is ordered again replaces what was said before.

    Raises `UsageError` when it is not clear who, and for days that have gone by or lie the wrong way round.
    """
    if bool(wanted.holder_id) == bool(wanted.household):
        raise UsageError(N_("name a person, or a household"))
    today = book.today()
    if wanted.until and wanted.until < max(today, wanted.since or today):
        raise UsageError(N_("Until {until}: that day has gone by, or lies before the first"), until=wanted.until)
    plan = health.parse_plan(wanted.plan)
    with book.journal.writing():
        body = QuarantineOrdered(
            holder_id=wanted.holder_id or None,
            household=wanted.household or None,
            reason=words(N_("Why"), wanted.reason, may_be_empty=True) or None,
            order_ms=book.order_ms(wanted.holder_id or None, wanted.household or None),
            since=str(wanted.since) if wanted.since else None,
            until=str(wanted.until) if wanted.until else None,
            origin=words(N_("Coming from"), wanted.origin, may_be_empty=True),
            responsible=words(N_("Responsible"), wanted.responsible, 60, may_be_empty=True),
            letter_signed=wanted.letter_signed,
            every_hours=plan.every_hours,
            at_times=list(plan.at_times),
        )
        return book.record(body)


def find_subject(book: DutyBook, typed: str, *, is_household: bool) -> tuple[str, str]:
    """Return who is meant by a pass number, or a name and a room: the person's id, or else the household's.

    A household may be written as its room, known here or not. Raises `UsageError` for nobody, and for several people.
    """
    text = typed.strip()
    number = parse_number(text)
    row = book.register.find_number(number) if number else None
    name, _space, room = (part.strip() for part in text.partition(" "))
    if row:
        found = [PersonRow(row.holder_id, row.holder, row.household, row.address)]
    else:
        found = [one for one in book.register.persons_named(name) if room in ("", one.address, one.household)]
    households = {one.household for one in found if one.household}
    if is_household and len(households) <= 1 and text:
        return "", next(iter(households), text)
    if len(found) == 1:
        return found[0].person_id, ""
    if found:
        rooms = ", ".join(plain(one.address, 20) for one in found[:5])
        raise UsageError(N_("several are called so ({rooms}); write the name, a space and the room"), rooms=rooms)
    raise UsageError(N_("nobody here has this pass or name; enter them into the roster first"))


def release(book: DutyBook, order: QuarantineOrdered, reason: str) -> Event:
    """Record that an isolation is over; raises `UsageError` without a reason."""
    said = words(N_("Why"), reason)
    with book.journal.writing():
        order_ms = book.order_ms(order.holder_id, order.household)
        body = QuarantineReleased(holder_id=order.holder_id, household=order.household, reason=said, order_ms=order_ms)
        return book.record(body)


def cases(book: DutyBook, *, behind: Place | None = None, limit: int = PAGE) -> list[Case]:
    """Return who stays at home today, the newest orders first, those `behind` a row."""
    return [_case(book, one) for one in book.standing(Reason.QUARANTINED, behind=behind, limit=limit)]


def due(book: DutyBook) -> list[Case]:
    """Return the cases whose check is due by now, the longest overdue first."""
    now_ms = book.clock.now_ms()
    found = [case for case in cases(book, limit=-1) if case.due_ms is not None and case.due_ms <= now_ms]
    return sorted(found, key=lambda case: case.due_ms or 0)


def _case(book: DutyBook, one: Standing) -> Case:
    matter, order = one.matter, one.matter.body
    checks = health.checks_of(book, order)
    due_ms = None
    if matter.station == book.journal.station:
        since_ms = matter.at_ms
        if order.since:
            since_ms = max(since_ms, health.start_ms(date.fromisoformat(order.since), book.zone))
        due_ms = health.plan_of(order).due_ms(since_ms, health.last_check_ms(checks), book.zone)
    return Case(matter, one.name, one.address or order.household or "", checks, due_ms, one.place)
