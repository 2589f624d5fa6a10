"""Who rests after a fever and is to be measured again: read from the journal, so that a restart loses nobody.

Whoever was refused a first leg for a fever alone waits here until another passage of theirs is recorded, something was
done about them, or they are taken to have gone.
"""

from typing import TYPE_CHECKING

import msgspec

from passes.reasons import NOTES, Reason
from passes.trips import Direction
from station.deciding import Visitor
from sync.bodies import Attempt, PassageFollowed, PassageRecorded

if TYPE_CHECKING:
    from sqlite3 import Connection

GONE_AFTER_MS = 2 * 3_600_000
"""Who has not come back by then is not expected any more."""

_SINCE = "SELECT n, at_ms FROM events WHERE n <= ? ORDER BY n DESC"
_NEWER = (
    "SELECT n, at_ms, kind, body, id FROM events"
    " WHERE n > ? AND kind IN ('passage.recorded', 'passage.followed') ORDER BY n"
)


class Rester(msgspec.Struct, frozen=True):
    """Somebody who rests since the passage `passage_id` was refused at `at_ms`."""

    passage_id: str
    at_ms: int
    body: PassageRecorded

    @property
    def pass_id(self) -> str:
        """Whose passage it was."""
        return self.body.pass_id or ""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """What has been measured so far."""
        return tuple(self.body.attempts)

    @property
    def companions(self) -> tuple[str, ...]:
        """Who passes with them, by name: all are measured again."""
        return tuple(one.name for one in self.body.companions)

    @property
    def direction(self) -> Direction:
        """Which way they were going."""
        return Direction(self.body.direction)

    def visitor(self) -> Visitor | None:
        """Return them as a visitor without a pass; None for whoever has one."""
        body = self.body
        if body.visit is None:
            return None
        return Visitor(
            person_id=self.pass_id,
            name=body.holder or "",
            household=body.household or "",
            address=body.address or "",
            visit=body.visit,
            has_document=body.id_matches is not False,
            host_known=body.visit.host_id is not None,
        )


class Resting:
    """Those who rest at the gate of one journal; every answer takes in what has been recorded since the one before."""

    def __init__(self, connection: "Connection") -> None:
        self._db = connection
        self._n: int | None = None
        self._resting: dict[str, Rester] = {}

    def all(self, now_ms: int) -> list[Rester]:
        """Return who rests at the instant `now_ms` (UTC milliseconds), the longest first."""
        self._catch_up(now_ms)
        return list(self._resting.values())

    def find(self, pass_id: str, now_ms: int) -> Rester | None:
        """Return the one who has this pass, or this person's id, if they rest."""
        self._catch_up(now_ms)
        return self._resting.get(pass_id)

    def _catch_up(self, now_ms: int) -> None:
        if self._n is None:
            self._n = self._beginning(now_ms)
        for n, at_ms, kind, raw, event_id in self._db.execute(_NEWER, (self._n,)).fetchall():
            self._n = n
            # Bodies are read only where they can matter: nearly no passage has to do with a fever.
            if kind == "passage.followed":
                followed = msgspec.json.decode(raw, type=PassageFollowed)
                self._resting.pop(followed.pass_id or "", None)
            elif self._resting or '"fever"' in raw:
                self._look_at(Rester(event_id, at_ms, msgspec.json.decode(raw, type=PassageRecorded)))
        gone = [key for key, one in self._resting.items() if now_ms - one.at_ms > GONE_AFTER_MS]
        for key in gone:
            del self._resting[key]

    def _look_at(self, one: Rester) -> None:
        self._resting.pop(one.pass_id, None)
        if one.pass_id and is_fever_alone(one.body):
            self._resting[one.pass_id] = one

    def _beginning(self, now_ms: int) -> int:
        newest = self._db.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0]
        for n, at_ms in self._db.execute(_SINCE, (newest,)):
            if now_ms - at_ms > GONE_AFTER_MS:
                return int(n)
        return 0


def is_fever_alone(body: PassageRecorded) -> bool:
    """Say whether nothing but a fever stood in the way of this passage."""
    return body.outcome == "refused" and set(body.reasons) - NOTES == {Reason.FEVER}
