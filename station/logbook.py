"""The logbook: what this gate recorded, read from its journal.

There is no table beside the journal to look passages up in: it would be one more page to write for every passage, and
people read the log seldom and in small pieces.
"""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from passes.reasons import Reason
from sync.bodies import PassageRecorded

if TYPE_CHECKING:
    from sqlite3 import Connection

SHIFT_COUNTS = ("entries", "exits", "refused", "turned_back", "fevers", "vehicle_entries", "vehicle_exits")
"""What is counted at a hand-over; vehicles are among the entries and exits."""

_PASSAGES = "SELECT at_ms, body, id, id IN undone FROM events WHERE kind = 'passage.recorded'"
_decode = msgspec.json.Decoder(PassageRecorded).decode


class LoggedPassage(msgspec.Struct, frozen=True):
    """One recorded passage of this gate; `is_undone` where it was taken back."""

    at_ms: int
    body: PassageRecorded
    id: str
    is_undone: bool


def recent(connection: "Connection", limit: int) -> list[LoggedPassage]:
    """Return the newest passages, newest first."""
    return _read(connection, f"{_PASSAGES} ORDER BY n DESC LIMIT ?", limit)


def passages_of(connection: "Connection", pass_id: str) -> list[LoggedPassage]:
    """Return everything recorded here of a pass, refusals included, oldest first."""
    return _read(connection, f"{_PASSAGES} AND body ->> '$.pass_id' = ? ORDER BY n", pass_id)


def newest_with_id(connection: "Connection", passage_id: str) -> LoggedPassage | None:
    """Return the passage that an event recorded; looked for from the newest back, so a late one is found at once."""
    found = _read(connection, f"{_PASSAGES} AND id = ? ORDER BY n DESC LIMIT 1", passage_id)
    return found[0] if found else None


def shift_counts(connection: "Connection", shift_id: str) -> dict[str, int]:
    """Count what a shift recorded, by `SHIFT_COUNTS`; what was undone is not."""
    opened = connection.execute("SELECT opened_n FROM shifts WHERE id = ?", (shift_id,)).fetchone()
    counts = Counter(dict.fromkeys(SHIFT_COUNTS, 0))
    if opened:
        since = f"{_PASSAGES} AND n > {opened[0]:d} AND shift = ? ORDER BY n"
        for passage in _read(connection, since, shift_id):
            if not passage.is_undone:
                counts[counted_as(passage.body)] += 1
                if passage.body.subject == "vehicle" and passage.body.outcome == "allowed":
                    counts[f"vehicle_{counted_as(passage.body)}"] += 1
                counts["fevers"] += Reason.FEVER in passage.body.reasons
    return dict(counts)


def counted_as(body: PassageRecorded) -> str:
    """Return what a passage is counted as: `entries`, `exits`, `refused` or `turned_back`."""
    if body.outcome != "allowed":
        return body.outcome
    return "entries" if body.direction == "entry" else "exits"


def _read(connection: "Connection", query: str, value: object) -> list[LoggedPassage]:
    return [
        LoggedPassage(at_ms, _decode(body), event_id, bool(is_undone))
        for at_ms, body, event_id, is_undone in connection.execute(query, (value,))
    ]
