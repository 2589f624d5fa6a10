"""What is only counted or noted: disinfected places, banners and letters, patrols, dissuasion, visits."""

from passes.errors import N_, UsageError
from station.duty.book import DutyBook, words
from station.duty.supplies import parse_quantity
from sync.duty_bodies import EFFORT_KINDS, DisinfectionRecorded, EffortCounted, EffortKind
from sync.events import Event


def disinfect(book: DutyBook, *, place: str, agent: str = "") -> Event:
    """Record that a place was disinfected; raises `UsageError` when none is named."""
    agent = words(N_("Agent"), agent, 60, may_be_empty=True)
    return book.record(DisinfectionRecorded(place=words(N_("Place"), place, 60), agent=agent))


def count(book: DutyBook, what: EffortKind, number: str, remark: str = "") -> Event:
    """Record so many of something; raises `UsageError` for what is no number between 1 and 100,000."""
    if what not in EFFORT_KINDS:
        raise UsageError(N_("what: choose one of {kinds}"), kinds=", ".join(EFFORT_KINDS))
    counted = parse_quantity(number)
    if not counted.is_integer() or not 1 <= counted <= 100_000:
        raise UsageError(N_('"{number}": write a whole number from 1 to 100000'), number=number[:20])
    remark = words(N_("Remark"), remark, may_be_empty=True)
    return book.record(EffortCounted(what=what, count=int(counted), remark=remark))
