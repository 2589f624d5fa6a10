"""Inspections of the post (督查): what an inspector looked at and found, and that it was put right."""

from collections.abc import Collection

from passes.errors import N_
from station.duty.book import DutyBook, words
from sync.duty_bodies import InspectionRecorded, InspectionRectified
from sync.duty_words import POINTS
from sync.events import Event


def record(book: DutyBook, *, inspector: str, in_order: Collection[str], finding: str = "") -> Event:
    """Record an inspection; `in_order` are the `POINTS` that were. Raises `UsageError` for what is missing.

    A point that was not in order is a finding: then it must be told.
    """
    is_well = set(in_order) == set(POINTS)
    body = InspectionRecorded(
        inspector=words(N_("Inspector"), inspector, 60),
        finding=words(N_("Finding"), finding, may_be_empty=is_well),
        **{point: point in in_order for point in POINTS},
    )
    return book.record(body)


def rectify(book: DutyBook, matter_id: str, note: str) -> Event:
    """Record that a finding was put right; raises what `DutyBook.take_on` raises."""
    return book.take_on(matter_id, InspectionRectified, note)
