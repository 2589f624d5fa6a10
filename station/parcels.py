"""What the courier takes from and brings to a station, on a connection of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path

from station.feed import Feed
from station.outbox import JournalOutbox
from station.storage import FILE_NAME, open_file
from sync.courier import Parcels


@contextmanager
def open_parcels(folder: Path, station: str, zone: tzinfo) -> Iterator[Parcels]:
    """Open outbox and feed of the station in `folder` for the calling thread."""
    connection, path = open_file(folder), folder / FILE_NAME
    try:
        yield Parcels(JournalOutbox(connection, path, station), Feed(connection, path, station, zone))
    finally:
        connection.close()
