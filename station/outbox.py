"""What has been sent and what has not: the courier's view of the journal, on a connection of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from passes.errors import N_, GatepostError, KeyFileError
from passes.trust import read_trust_list, trust_list_bytes
from station.journal import noted_epoch, read_events
from station.lives import current_epoch, leave_epoch, own_epochs
from station.notes import GENERATION, delete_note, read_note, write_note
from station.settings import ROOT_FILE, load_root
from station.storage import storage_errors, writing
from sync.events import Event
from sync.wire import EventAnswer, HoldingsAnswer

if TYPE_CHECKING:
    from sqlite3 import Connection


class StrangerError(GatepostError):
    """Another community, or another's database, answers under our community's id; nothing is sent to it."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events without an answer, the instant of the oldest, and how many the community could not simply store."""

    pending: int = 0
    oldest_ms: int | None = None
    stuck: int = 0


_IN_TROUBLE = frozenset({"fork", "quarantined"})


class JournalOutbox:
    """The unsent part of one station's journal.

    Recording an event needs no write of its own here: answers come for whole batches in the order of writing, and the
    unsent events are those behind the newest answer.
    """

    def __init__(self, connection: "Connection", path: Path, station: str) -> None:
        self._connection = connection
        self._path = path
        self._station = station

    def unsent(self, limit: int) -> list[tuple[int, Event]]:
        """Return the oldest events without an answer, with their local numbers."""
        with storage_errors(self._path):
            return list(read_events(self._connection, self._station, self._answered(), limit))

    def settle(
        self,
        answers: Sequence[tuple[int, EventAnswer]],
        at_ms: int,
        generation: str | None = None,
        *,
        has_gap: bool = False,
    ) -> None:
        """Keep the community's answers; an event is marked, never deleted.

        Of those that were simply stored only the newest is written down: what lies before it has its answer. A fork in
        the epoch that is written in means that another life of this journal used its numbers: it is left at once.
        Answers of another database than the one that was agreed with, and such as would leave unsent ones before them
        (what was answered has become unsent meanwhile), are dropped: the events are sent again.
        """
        rows = [(n, answer.status, answer.reason, at_ms) for n, answer in answers if answer.status in _IN_TROUBLE]
        rows += [(n, answer.status, answer.reason, at_ms) for n, answer in [max(answers, key=itemgetter(0))]]
        forked = [n for n, answer in answers if answer.status == "fork"]
        with writing(self._connection, self._path):
            noted = read_note(self._connection, GENERATION)
            is_another = bool(generation and noted) and generation != noted
            if is_another or min(n for n, _answer in answers) > self._answered() + 1:
                return
            self._connection.executemany("INSERT OR REPLACE INTO deliveries VALUES (?, ?, ?, ?)", rows)
            if has_gap:
                delete_note(self._connection, GENERATION)
            if forked:
                current = current_epoch(self._connection, noted_epoch(self._path.parent))
                last = "SELECT epoch FROM events WHERE n = ?"
                if self._connection.execute(last, (max(forked),)).fetchone()[0] == current:
                    leave_epoch(self._connection, current, at_ms)

    def generation(self) -> str | None:
        """Return the life of the community's database that this station has agreed with; None: it has to ask."""
        with storage_errors(self._path):
            return read_note(self._connection, GENERATION)

    def agree(self, answer: HoldingsAnswer) -> None:
        """Take up with a database as it is now: whatever it lacks of the journal will be sent, again if need be.

        Raises `StrangerError`, and then nothing has changed, when it is not that of this station's community.
        """
        with writing(self._connection, self._path):
            noted = read_note(self._connection, GENERATION)
            self._require_own_root(answer, is_change=noted not in (None, answer.generation))
            held = {holding.epoch: holding.seq for holding in answer.holdings}
            missing = [
                stretch.first_n + held.get(epoch, 0)
                for epoch, stretch in own_epochs(self._connection).items()
                if held.get(epoch, 0) < stretch.count
            ]
            if missing:
                self._connection.execute("DELETE FROM deliveries WHERE n >= ?", (min(missing),))
            write_note(self._connection, GENERATION, answer.generation)

    def _require_own_root(self, answer: HoldingsAnswer, *, is_change: bool) -> None:
        """Refuse a database whose trust list the root key of this station's community has not signed."""
        if answer.trust_list is None and not is_change:
            return
        try:
            root_public_key = load_root(self._path.parent)
            trust = read_trust_list(trust_list_bytes(answer.trust_list or ""), root_public_key)
        except KeyFileError as error:
            raise StrangerError(
                N_(
                    "the server says it is community {community}, but not by the root key in {file} ({why});"
                    " nothing is sent to it: correct community.url, or have the office enrol this station anew"
                ),
                community=answer.community,
                file=ROOT_FILE,
                why=error,
            ) from error
        if trust.community != answer.community:
            raise StrangerError(
                N_("the server's trust list is of community {found}, not {wanted}; nothing is sent to it"),
                found=trust.community,
                wanted=answer.community,
            )

    def backlog(self) -> Backlog:
        """Count what is still to be sent and what the community could not simply store."""
        with storage_errors(self._path):
            answered = self._answered()
            newest = self._connection.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0]
            oldest = self._connection.execute("SELECT at_ms FROM events WHERE n = ?", (answered + 1,)).fetchone()
            stuck = self._connection.execute(
                "SELECT count(*) FROM deliveries WHERE status IN ('fork', 'quarantined')"
            ).fetchone()[0]
        return Backlog(newest - answered, oldest[0] if oldest else None, stuck)

    def _answered(self) -> int:
        return int(self._connection.execute("SELECT coalesce(max(n), 0) FROM deliveries").fetchone()[0])
