"""The lives of a station's journal: where its epochs begin, and what shows that a life goes on somewhere else.

A folder that was copied, or a disk that was put back to an earlier state, may reuse numbers that the community has
seen. Where it does, or is about to, the journal goes on in a new epoch by itself: both lives are kept. A twin is
another machine that writes under this station's id at the same time; only people can end that.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from station.notes import CURSOR, EPOCH, TWIN, delete_note, read_note, write_note
from sync.events import new_id
from sync.wire import BRANCH_MARK, FeedHead, FeedItem

if TYPE_CHECKING:
    from sqlite3 import Connection

TOLERANCE_MS = 120_000
"""Clocks that differ by less are taken for equal: what another life wrote before this one began is no twin."""


class Twin(msgspec.Struct, frozen=True):
    """The newest record that another machine wrote under this station's id while this one was in use."""

    epoch: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """One epoch in the file: the local number of its first event, and how many it has."""

    first_n: int
    count: int

    def n(self, seq: int) -> int | None:
        """Return the local number of an event of the epoch; None when the file does not reach so far."""
        return self.first_n + seq - 1 if 1 <= seq <= self.count else None


def own_epochs(connection: "Connection") -> dict[str, Stretch]:
    """Return the epochs of the journal, the newest first; numbers run without gaps, so few rows are read."""
    epochs: dict[str, Stretch] = {}
    row = connection.execute("SELECT n, epoch, seq FROM events ORDER BY n DESC LIMIT 1").fetchone()
    while row:
        n, epoch, seq = row
        epochs[epoch] = Stretch(n - seq + 1, seq)
        row = connection.execute("SELECT n, epoch, seq FROM events WHERE n = ?", (n - seq,)).fetchone()
    return epochs


def current_epoch(connection: "Connection", noted: str | None) -> str:
    """Return the epoch that the next event will be in; `noted` is the one beside the file."""
    row = connection.execute("SELECT epoch FROM events ORDER BY n DESC LIMIT 1").fetchone()
    return max(noted or "", row[0] if row else "", read_note(connection, EPOCH) or "")


def leave_epoch(connection: "Connection", current: str, now_ms: int) -> None:
    """Let the journal go on in an epoch after `current`, and the feed begin anew; in the transaction that is open.

    The feed leaves out what belongs to the epoch that the station writes in, so what another life wrote in that one
    has not come.
    """
    epoch = new_id(now_ms)
    if epoch <= current:
        epoch = new_id(_began_ms(current) + 1)
    write_note(connection, EPOCH, epoch)
    delete_note(connection, CURSOR)


def is_own(connection: "Connection", item: FeedItem, epochs: dict[str, Stretch]) -> bool:
    """Say whether an item of this station's is in the journal here, and not that of another life."""
    stretch = epochs.get(item.epoch.partition(BRANCH_MARK)[0])
    n = stretch.n(item.seq) if stretch else None
    return n is not None and _column(connection, "id", n) == item.id


def notice_twin(connection: "Connection", item: FeedItem, current: str) -> None:
    """Keep that another life wrote this, if it did so after the present one began."""
    known = find_twin(connection)
    if item.at_ms > _began_ms(current) + TOLERANCE_MS and (known is None or item.at_ms > known.at_ms):
        write_note(connection, TWIN, msgspec.json.encode(Twin(item.epoch, item.at_ms)).decode())


def find_twin(connection: "Connection") -> Twin | None:
    """Return the newest sign of another machine under this station's id."""
    text = read_note(connection, TWIN)
    return msgspec.json.decode(text, type=Twin) if text else None


def is_behind(connection: "Connection", head: FeedHead, epochs: dict[str, Stretch], current: str) -> bool:
    """Say whether the community has other events of the epoch that is written in than the journal here."""
    if head.epoch != current:
        return False
    stretch = epochs.get(head.epoch)
    n = stretch.n(head.seq) if stretch else None
    return n is None or _column(connection, "hash", n) != head.hash


def lacks_answered(connection: "Connection", head: FeedHead | None, epochs: dict[str, Stretch]) -> bool:
    """Say whether the community's `head` of this journal lies before what it once said it had stored."""
    answered = "SELECT n FROM deliveries WHERE status IN ('stored', 'already') ORDER BY n DESC LIMIT 1"
    row = connection.execute(answered).fetchone()
    if row is None:
        return False
    if head is None:
        return True
    stretch = epochs.get(head.epoch)
    return stretch is not None and row[0] > stretch.first_n + head.seq - 1


def _column(connection: "Connection", name: str, n: int) -> str | None:
    row = connection.execute(f"SELECT {name} FROM events WHERE n = ?", (n,)).fetchone()  # noqa: S608 - our own names
    return str(row[0]) if row else None


def _began_ms(epoch: str) -> int:
    """Return when an epoch began: it is a UUIDv7 by the device's clock; 0 for one that is not."""
    try:
        return int(epoch.replace("-", "")[:12], 16)
    except ValueError:
        return 0
