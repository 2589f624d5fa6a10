"""The fold: what each event, of this station's journal or of the feed, changes in the register's tables.

Events of one station come in its order, those of different stations in any. So that every gate ends with the same
register, nothing here looks at when an event became known: of two facts about the same thing the later one holds, by
`order_ms` and then by the event's id.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import tzinfo
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from passes.policy import State
from passes.reasons import Reason
from passes.trips import local_day
from station.logbook import newest_with_id
from sync import bodies
from sync.bodies import Body
from sync.events import OFFICE, Event

if TYPE_CHECKING:
    from sqlite3 import Connection

REGISTER_TABLES = (
    *("passes", "pass_events", "lines", "persons", "restrictions", "legs", "undone", "tallies"),
    *("rules", "trust_lists", "conflicts", "shifts"),
)
"""All that is folded from the journal and the feed, and can be thrown away."""

OPEN = "open"
"""Stands in the place of a day in the tallies of those whose trip is open now, by the direction of its first leg."""
MODE = "mode"
"""The name of the rule that says how strictly the gates are kept; every other rule has the code of its kind."""

_ADD_LEG = (
    "INSERT OR IGNORE INTO legs VALUES (coalesce((SELECT line FROM lines WHERE pass_id = ?1), ?1), ?, ?, ?, ?, ?, ?1)"
)
_LAST_LEG = (
    "SELECT order_ms, id, direction, leg FROM legs"
    " WHERE line = coalesce((SELECT line FROM lines WHERE pass_id = ?1), ?1)"
    " AND NOT EXISTS (SELECT 1 FROM undone WHERE passage_id = legs.id) ORDER BY order_ms DESC, id DESC LIMIT 1"
)
_RESTRICT = (
    "INSERT INTO restrictions VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET is_on = excluded.is_on,"
    " until = excluded.until, reason = excluded.reason, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (restrictions.order_ms, restrictions.id)"
)
_REGISTER_PERSON = (
    "INSERT INTO persons VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,"
    " household = excluded.household, address = excluded.address, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (persons.order_ms, persons.id)"
)
_RESTRICTIONS: dict[type[bodies.Restriction], tuple[Reason, bool]] = {
    bodies.HolderBanned: (Reason.BANNED, True),
    bodies.HolderUnbanned: (Reason.BANNED, False),
    bodies.WatchListed: (Reason.WATCH_LISTED, True),
    bodies.WatchCleared: (Reason.WATCH_LISTED, False),
    bodies.QuarantineOrdered: (Reason.QUARANTINED, True),
    bodies.QuarantineReleased: (Reason.QUARANTINED, False),
}


LastLeg = tuple[int, str, str, str]
"""The place, the event's id, the direction and what leg it is."""

Tally = tuple[str, str, str, int, int]
"""Day, outcome, direction, whether with a fever, and by how much that many changed."""


class Fact(Protocol):
    """What the fold needs to know of an event, whether it stands in the journal or came with the feed."""

    @property
    def id(self) -> str:
        """The event's id."""
        ...

    @property
    def station(self) -> str:
        """Whose event it is."""
        ...

    @property
    def kind(self) -> str:
        """Its kind, as in `sync.bodies.BODY_TYPES`."""
        ...

    @property
    def at_ms(self) -> int:
        """When it happened."""
        ...


class Fold:
    """Takes events into the register's tables on `connection`, cutting days in the community's `zone`."""

    def __init__(self, connection: "Connection", zone: tzinfo) -> None:
        self._db = connection
        self._zone = zone
        self._folds: dict[type[Body], Callable[[int | None, Any, Any], None]] = {
            bodies.PassageRecorded: self._passage,
            bodies.PassageUndone: self._undone,
            bodies.PassageMissed: self._missed,
            bodies.PassIssued: self._issued,
            bodies.PassReplaced: self._replaced,
            bodies.PassSuspended: self._suspended,
            bodies.PassRevoked: self._revoked,
            bodies.PassRestored: self._restored,
            bodies.PassPrinted: self._printed,
            bodies.PersonRegistered: self._person,
            bodies.KindSet: self._kind_set,
            bodies.ModeSet: self._mode_set,
            bodies.KeyAdded: self._trust_list,
            bodies.KeyWithdrawn: self._trust_list,
            bodies.ConflictFound: self._conflict_found,
            bodies.ConflictClosed: self._conflict_closed,
            bodies.ShiftOpened: self._shift_opened,
            bodies.ShiftHandedOver: self._shift_handed_over,
            **dict.fromkeys(_RESTRICTIONS, self._restriction),
        }

    def apply(self, n: int | None, event: Fact, body: Body) -> None:
        """Take one event in; must run inside the transaction that made it known.

        `n` is its number in this station's journal, None for what came with the feed.
        """
        fold = self._folds.get(type(body))
        if fold:
            fold(n, event, body)

    def _passage(self, n: int | None, event: Fact, body: bodies.PassageRecorded) -> None:
        changes = [] if n is None else [self._of_day(event.at_ms, body, 1)]
        if body.outcome == "allowed" and body.pass_id and body.leg:
            order_ms = _place_ms(event, body.order_ms)
            changes += self._add_leg(n, event, body.pass_id, order_ms, body.direction, body.leg)
        self._tally(changes)

    def _of_day(self, at_ms: int, body: bodies.PassageRecorded, change: int) -> Tally:
        day = local_day(at_ms, self._zone).isoformat()
        return day, body.outcome, body.direction, int(Reason.FEVER in body.reasons), change

    def _missed(self, n: int | None, event: Fact, body: bodies.PassageMissed) -> None:
        self._tally(self._add_leg(n, event, body.pass_id, body.happened_ms, body.direction, body.leg))

    def _add_leg(
        self, n: int | None, event: Fact, pass_id: str, order_ms: int, direction: str, leg: str
    ) -> list[Tally]:
        """Put a leg in its place; return how that changes the open trips."""
        last = self._last_leg(pass_id)
        self._db.execute(_ADD_LEG, (pass_id, order_ms, event.id, direction, event.station, leg))
        if last and (order_ms, event.id) <= last[:2]:
            return []
        # What takes back an own passage stands behind it in the journal; that of others may have come before.
        if n is None and self._db.execute("SELECT 1 FROM undone WHERE passage_id = ?", (event.id,)).fetchone():
            return []
        return _open_changes([_opened_by(last)], [direction if leg == "first" else None])

    def _undone(self, n: int | None, _event: Fact, body: bodies.PassageUndone) -> None:
        passage = newest_with_id(self._db, body.passage_id) if n is not None else None
        if passage:
            self._tally([self._of_day(passage.at_ms, passage.body, -1)])
        self._discard([body.passage_id], body.pass_id)

    def _discard(self, passage_ids: Iterable[str], pass_id: str) -> None:
        before = _opened_by(self._last_leg(pass_id))
        self._db.executemany("INSERT OR IGNORE INTO undone VALUES (?)", [(passage_id,) for passage_id in passage_ids])
        self._tally(_open_changes([before], [_opened_by(self._last_leg(pass_id))]))

    def _last_leg(self, pass_id: str) -> LastLeg | None:
        row: LastLeg | None = self._db.execute(_LAST_LEG, (pass_id,)).fetchone()
        return row

    def _tally(self, changes: list[Tally]) -> None:
        if changes:
            values = ", ".join(["(?, ?, ?, ?, ?)"] * len(changes))
            self._db.execute(
                f"INSERT INTO tallies VALUES {values} ON CONFLICT DO UPDATE SET number = number + excluded.number",  # noqa: S608 - only question marks
                list(chain.from_iterable(changes)),
            )

    def _issued(self, _n: int | None, event: Fact, body: bodies.PassIssued) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO passes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(body.pass_id, body.number, body.pass_kind, body.holder, body.holder_id, body.household),
                *(body.address, body.valid_from, body.valid_until, _place_ms(event), body.token, body.source),
            ),
        )
        person = (body.holder_id, body.holder, body.household, body.address, _place_ms(event), event.id)
        self._db.execute(_REGISTER_PERSON, person)
        state = State.REQUESTED if body.state == "requested" else None
        self._pass_event(event, body.pass_id, None, state, None)

    def _replaced(self, _n: int | None, event: Fact, body: bodies.PassReplaced) -> None:
        self._pass_event(event, body.pass_id, body.order_ms, State.REPLACED, body.by)
        lines = [self._line(body.pass_id), self._line(body.by)]
        if lines[0] == lines[1]:
            return
        before = [_opened_by(self._last_leg(pass_id)) for pass_id in (body.pass_id, body.by)]
        line = min(lines)
        self._db.execute("UPDATE legs SET line = ?1 WHERE line IN (?2, ?3)", (line, *lines))
        self._db.execute("UPDATE lines SET line = ?1 WHERE line IN (?2, ?3)", (line, *lines))
        self._db.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?)", [(body.pass_id, line), (body.by, line)])
        self._tally(_open_changes(before, [_opened_by(self._last_leg(body.by))]))

    def _line(self, pass_id: str) -> str:
        row = self._db.execute("SELECT line FROM lines WHERE pass_id = ?", (pass_id,)).fetchone()
        return str(row[0]) if row else pass_id

    def _suspended(self, _n: int | None, event: Fact, body: bodies.PassSuspended) -> None:
        self._pass_event(event, body.pass_id, body.order_ms, State.SUSPENDED, body.reason)

    def _revoked(self, _n: int | None, event: Fact, body: bodies.PassRevoked) -> None:
        self._pass_event(event, body.pass_id, body.order_ms, State.REVOKED, body.reason)

    def _restored(self, _n: int | None, event: Fact, body: bodies.PassRestored) -> None:
        self._pass_event(event, body.pass_id, body.order_ms, State.ACTIVE, body.reason)

    def _printed(self, _n: int | None, event: Fact, body: bodies.PassPrinted) -> None:
        self._pass_event(event, body.pass_id, None, None, body.printer)

    def _pass_event(
        self, event: Fact, pass_id: str, order_ms: int | None, state: State | None, detail: str | None
    ) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO pass_events VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (pass_id, _place_ms(event, order_ms), event.id, event.at_ms, event.station, event.kind, state, detail),
        )

    def _person(self, _n: int | None, event: Fact, body: bodies.PersonRegistered) -> None:
        self._db.execute(
            _REGISTER_PERSON, (body.person_id, body.name, body.household, body.address, _place_ms(event), event.id)
        )

    def _restriction(self, _n: int | None, event: Fact, body: bodies.Restriction) -> None:
        reason, is_on = _RESTRICTIONS[type(body)]
        scope, subject = ("holder", body.holder_id) if body.holder_id else ("household", body.household)
        until = body.until if isinstance(body, bodies.QuarantineOrdered) else None
        order_ms = _place_ms(event, body.order_ms)
        row = (scope, subject, reason, int(is_on), until, body.reason, order_ms, event.id)
        self._db.execute(_RESTRICT, row)

    def _kind_set(self, _n: int | None, event: Fact, body: bodies.KindSet) -> None:
        self._rule(event, body.kind.code, body.effective_ms, msgspec.json.encode(body.kind).decode())

    def _mode_set(self, _n: int | None, event: Fact, body: bodies.ModeSet) -> None:
        self._rule(event, MODE, body.effective_ms, body.mode)

    def _rule(self, event: Fact, name: str, effective_ms: int, body: str) -> None:
        # Rules are the office's alone: a gate in wrong hands must not open the others.
        if event.station != OFFICE:
            return
        self._db.execute(
            "INSERT INTO rules (name, effective_ms, order_ms, id, body) VALUES (?, ?, ?, ?, ?)",
            (name, effective_ms, _place_ms(event), event.id, body),
        )

    def _trust_list(self, _n: int | None, _event: Fact, body: bodies.KeyAdded | bodies.KeyWithdrawn) -> None:
        self._db.execute("INSERT INTO trust_lists (data) VALUES (?)", (body.trust_list,))

    def _conflict_found(self, _n: int | None, event: Fact, body: bodies.ConflictFound) -> None:
        self._db.execute(
            "INSERT INTO conflicts VALUES (?, ?, ?, ?, ?, ?, NULL, NULL) ON CONFLICT DO UPDATE SET"
            " rule = excluded.rule, passages = excluded.passages, stations = excluded.stations,"
            " found_ms = excluded.found_ms",
            (
                *(body.conflict_id, body.rule, body.pass_id),
                *(msgspec.json.encode(body.passages).decode(), msgspec.json.encode(body.stations).decode()),
                event.at_ms,
            ),
        )

    def _conflict_closed(self, _n: int | None, event: Fact, body: bodies.ConflictClosed) -> None:
        self._db.execute(
            "INSERT INTO conflicts (conflict_id, pass_id, closed_ms, reason) VALUES (?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET closed_ms = excluded.closed_ms, reason = excluded.reason",
            (body.conflict_id, body.pass_id, event.at_ms, body.reason),
        )
        self._discard(body.discarded, body.pass_id)

    def _shift_opened(self, n: int | None, event: Fact, body: bodies.ShiftOpened) -> None:
        if n is not None:
            self._db.execute(
                "INSERT INTO shifts (id, opened_ms, guards, lead, opened_n) VALUES (?, ?, ?, ?, ?)",
                (event.id, event.at_ms, msgspec.json.encode(body.guards).decode(), body.lead, n),
            )

    def _shift_handed_over(self, n: int | None, event: Any, body: bodies.ShiftHandedOver) -> None:
        if n is not None:
            self._db.execute(
                "UPDATE shifts SET handed_over_ms = ?, incoming = ?, outstanding = ? WHERE id = ?",
                (event.at_ms, body.incoming, body.outstanding, event.shift),
            )


def _place_ms(event: Fact, order_ms: int | None = None) -> int:
    """Return where a fact lies among those of all stations, by the community's clock.

    The feed has it so already; what stands in the journal is by this device's clock, as far ahead as it was known.
    """
    place_ms = event.at_ms if order_ms is None else order_ms
    return place_ms - (event.clock.drift_ms or 0) if isinstance(event, Event) else place_ms


def _opened_by(last_leg: LastLeg | None) -> str | None:
    """Return the direction that opened the trip which is open after the last leg of a line."""
    return last_leg[2] if last_leg and last_leg[3] == "first" else None


def _open_changes(before: Iterable[str | None], after: Iterable[str | None]) -> list[Tally]:
    changes = Counter(direction for direction in after if direction)
    changes.subtract(direction for direction in before if direction)
    return [(OPEN, "allowed", direction, 0, change) for direction, change in changes.items() if change]
