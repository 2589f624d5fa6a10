"""Errands (代办) for households that cannot leave home: what is wanted, who sees to it, and that it is done."""

from passes.errors import N_
from station.duty.book import DutyBook, words
from sync.duty_bodies import ErrandAdded, ErrandDone
from sync.events import Event


def add(book: DutyBook, *, wanted: str, address: str, name: str = "", assignee: str = "", due: str = "") -> Event:
    """Record what a household needs; raises `UsageError` for what is missing."""
    body = ErrandAdded(
        wanted=words(N_("What is needed"), wanted),
        address=words(N_("Room"), address, 60),
        name=words(N_("For whom"), name, 60, may_be_empty=True),
        assignee=words(N_("Who does it"), assignee, 60, may_be_empty=True),
        due=words(N_("When"), due, 60, may_be_empty=True),
    )
    return book.record(body)


def done(book: DutyBook, matter_id: str, note: str) -> Event:
    """Record that an errand was done; raises what `DutyBook.take_on` raises."""
    return book.take_on(matter_id, ErrandDone, note)
