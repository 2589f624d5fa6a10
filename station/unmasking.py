"""Names are hidden in lists; whoever has one shown leaves a record."""

from station.assembly import Station
from sync.bodies import NameUnmasked


def unmask(station: Station, subject: str, screen: str) -> None:
    """Record that the name of `subject`, an id, was shown whole on a screen; show it when this has returned."""
    with station.journal.writing():
        station.register.record(NameUnmasked(subject=subject, screen=screen), station.clock.now_ms())
