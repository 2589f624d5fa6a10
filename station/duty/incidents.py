"""Incidents (事件): what happened at the gate, what was done about it, and that it is over."""

from dataclasses import dataclass

from passes.errors import N_, UsageError
from station import issuing, restricting
from station.duty.book import DutyBook, words
from sync.bodies import HolderBanned
from sync.duty_bodies import INCIDENT_KINDS, IncidentClosed, IncidentHandled, IncidentKind, IncidentReported
from sync.events import Event

MOST_TOLD = 500
MOST_PEOPLE = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What a guard reports; `number` is that of a pass in question, as it was typed, or empty.

    With `destroy` that pass is destroyed before the `witness`, with `ban` its holder may not pass any more.
    """

    what: IncidentKind
    account: str
    people: tuple[str, ...] = ()
    number: str = ""
    destroy: bool = False
    witness: str = ""
    ban: bool = False
    happened_ms: int | None = None


def report(book: DutyBook, said: Report) -> Event:
    """Record an incident, and in the same transaction what it means for the pass and its holder.

    Raises `UsageError` for what is missing, too long or no pass number, `IssuingError` for a pass that is unknown or
    has ended already, `StorageError`: then nothing of it is recorded.
    """
    if said.what not in INCIDENT_KINDS:
        raise UsageError(N_("kind: choose one of {kinds}"), kinds=", ".join(INCIDENT_KINDS))
    account = words(N_("What happened"), said.account, MOST_TOLD)
    people = [words(N_("Who"), name, 60) for name in said.people if name.strip()]
    if len(people) > MOST_PEOPLE:
        raise UsageError(N_("Who: at most {most} people; write the others into the account"), most=MOST_PEOPLE)
    row = issuing.find(book.register, said.number) if said.number.strip() else None
    if row is None and (said.destroy or said.ban):
        raise UsageError(N_("Pass: write its number; without one there is nothing to destroy and nobody to ban"))
    with book.journal.writing():
        body = IncidentReported(
            what=said.what,
            account=account,
            people=people,
            happened_ms=said.happened_ms,
            pass_id=row.pass_id if row else None,
            pass_number=row.number if row else None,
            holder_id=row.holder_id if row else None,
        )
        event = book.record(body)
        if row and said.destroy:
            witness = said.witness.strip() or None
            issuing.revoke(book.journal, book.register, book.clock, row, reason="destroyed", witness=witness)
        if row and said.ban:
            restricting.order(book.journal, book.register, book.clock, HolderBanned, row, reason=account)
    return event


def handle(book: DutyBook, matter_id: str, measures: str) -> Event:
    """Record what was done about an incident; it stays open. Raises what `DutyBook.take_on` raises."""
    return book.take_on(matter_id, IncidentHandled, measures)


def close(book: DutyBook, matter_id: str, note: str) -> Event:
    """Record that an incident is over; raises what `DutyBook.take_on` raises."""
    return book.take_on(matter_id, IncidentClosed, note)
