"""The fold: what each event, of this station's journal or of the feed, changes in the register's tables.

Events of one station come in its order, those of different stations in any. So that every gate ends with the same
register, nothing here looks at when an event became known: of two facts about the same thing the later one holds, by
`order_ms` and then by the event's id.
"""

from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from passes.policy import State
from passes.reasons import Reason
from station.folding_duty import OPENINGS, STEPS, add_step, open_matter
from station.roster_folding import ROSTER_TABLES, RosterFold
from station.vehicle_folding import fold_vehicle
from sync import bodies
from sync.bodies import Body
from sync.duty_bodies import MatterStep
from sync.events import OFFICE, Event
from sync.retention import names_nobody

if TYPE_CHECKING:
    from sqlite3 import Connection

REGISTER_TABLES = (
    *("passes", "pass_events", "lines", "restrictions", "legs", "undone"),
    *("rules", "trust_lists", "conflicts", "shifts", "visits", "matters", "matter_steps", "staff", "vehicles"),
    *ROSTER_TABLES,
)
"""All that is folded from the journal and the feed, and can be thrown away."""

OF_PASSAGES = ("legs", "undone", "visits")
"""Those that come out of passages; all others do without them."""

MODE = "mode"
"""The name of the rule that says how strictly the gates are kept; every other rule has the code of its kind."""

_LATEST_MS = 253_402_300_799_999 - 2 * 86_400_000
"""Two days before the calendar's end: every zone can still say what day it is."""

_ADD_LEG = (
    "INSERT OR IGNORE INTO legs VALUES"
    " (coalesce((SELECT line FROM lines WHERE pass_id = ?1), ?1), ?, ?, ?, ?, ?, ?, ?1)"
)
_RESTRICT = (
    "INSERT INTO restrictions VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET is_on = excluded.is_on,"
    " until = excluded.until, reason = excluded.reason, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (restrictions.order_ms, restrictions.id)"
)
_REGISTER_VISIT = (
    "INSERT INTO visits VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET name = excluded.name,"
    " household = excluded.household, address = excluded.address, visit = excluded.visit,"
    " station = excluded.station, order_ms = excluded.order_ms, id = excluded.id"
    " WHERE (excluded.order_ms, excluded.id) > (visits.order_ms, visits.id)"
)
_SET_STAFF = "INSERT OR REPLACE INTO staff VALUES (?, ?, ?)"
_RESTRICTIONS: dict[type[bodies.Restriction], tuple[Reason, bool]] = {
    bodies.HolderBanned: (Reason.BANNED, True),
    bodies.HolderUnbanned: (Reason.BANNED, False),
    bodies.WatchListed: (Reason.WATCH_LISTED, True),
    bodies.WatchCleared: (Reason.WATCH_LISTED, False),
    bodies.QuarantineOrdered: (Reason.QUARANTINED, True),
    bodies.QuarantineReleased: (Reason.QUARANTINED, False),
}


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
        self._roster = RosterFold(connection)
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
            bodies.HouseholdRegistered: self._household,
            bodies.KindSet: self._kind_set,
            bodies.ModeSet: self._mode_set,
            bodies.KeyAdded: self._trust_list,
            bodies.KeyWithdrawn: self._trust_list,
            bodies.ConflictFound: self._conflict_found,
            bodies.ConflictClosed: self._conflict_closed,
            bodies.ShiftOpened: self._shift_opened,
            bodies.ShiftHandedOver: self._shift_handed_over,
            bodies.StaffSet: self._staff_set,
            **dict.fromkeys(_RESTRICTIONS, self._restriction),
            **dict.fromkeys(OPENINGS, self._matter),
            **dict.fromkeys(STEPS, self._step),
        }

    def apply(self, n: int | None, event: Fact, body: Body) -> None:
        """Take one event in; must run inside the transaction that made it known.

        `n` is its number in this station's journal, None for what came with the feed.
        """
        fold = self._folds.get(type(body))
        if fold and not names_nobody(body):
            fold(n, event, body)

    def _passage(self, _n: int | None, event: Fact, body: bodies.PassageRecorded) -> None:
        if body.outcome == "allowed" and body.pass_id and body.leg:
            places = _place_ms(event, body.order_ms), _place_ms(event)
            self._add_leg(event, body.pass_id, places, body.direction, body.leg)
            if body.subject == "vehicle":
                if body.leg == "first":
                    fold_vehicle(self._db, body, event.station, (places[0], event.id))
            elif body.visit and body.leg == "first":
                said = msgspec.json.encode(body.visit).decode()
                whose = (body.pass_id, body.holder or "", body.household or "", body.address or "")
                self._db.execute(_REGISTER_VISIT, (*whose, said, event.station, places[0], event.id))

    def _missed(self, _n: int | None, event: Fact, body: bodies.PassageMissed) -> None:
        self._add_leg(event, body.pass_id, (body.happened_ms, body.happened_ms), body.direction, body.leg)

    def _add_leg(self, event: Fact, pass_id: str, places: tuple[int, int], direction: str, leg: str) -> None:
        """Keep a leg; `places` are where it stands among the others and when it was."""
        order_ms, at_ms = places
        self._db.execute(_ADD_LEG, (pass_id, order_ms, event.id, at_ms, direction, event.station, leg))

    def _undone(self, _n: int | None, _event: Fact, body: bodies.PassageUndone) -> None:
        self._discard([body.passage_id])

    def _discard(self, passage_ids: Iterable[str]) -> None:
        self._db.executemany("INSERT OR IGNORE INTO undone VALUES (?)", [(passage_id,) for passage_id in passage_ids])

    def _issued(self, _n: int | None, event: Fact, body: bodies.PassIssued) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO passes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(body.pass_id, body.number, body.pass_kind, body.holder, body.holder_id, body.household),
                *(body.address, body.valid_from, body.valid_until, _place_ms(event), body.token, body.source),
            ),
        )
        self._roster.issued(body, (_place_ms(event), event.id))
        state = State.REQUESTED if body.state == "requested" else None
        self._pass_event(event, body.pass_id, None, state, None)

    def _replaced(self, _n: int | None, event: Fact, body: bodies.PassReplaced) -> None:
        self._pass_event(event, body.pass_id, body.order_ms, State.REPLACED, body.by)
        lines = [self._line(body.pass_id), self._line(body.by)]
        if lines[0] == lines[1]:
            return
        line = min(lines)
        # A hostile gate may use an event's id twice; what would stand in one place is one leg.
        self._db.execute("UPDATE OR REPLACE legs SET line = ?1 WHERE line IN (?2, ?3)", (line, *lines))
        self._db.execute("UPDATE lines SET line = ?1 WHERE line IN (?2, ?3)", (line, *lines))
        self._db.executemany("INSERT OR REPLACE INTO lines VALUES (?, ?)", [(body.pass_id, line), (body.by, line)])

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
        self._roster.person(body, (_place_ms(event, body.order_ms), event.id))

    def _household(self, _n: int | None, event: Fact, body: bodies.HouseholdRegistered) -> None:
        self._roster.household(body, (_place_ms(event, body.order_ms), event.id))

    def _restriction(self, n: int | None, event: Fact, body: bodies.Restriction) -> None:
        reason, is_on = _RESTRICTIONS[type(body)]
        scope, subject = ("holder", body.holder_id) if body.holder_id else ("household", body.household)
        until = body.until if isinstance(body, bodies.QuarantineOrdered) else None
        order_ms = _place_ms(event, body.order_ms)
        row = (scope, subject, reason, int(is_on), until, body.reason, order_ms, event.id)
        self._db.execute(_RESTRICT, row)
        if is_on and reason is not Reason.BANNED:
            # Where they are looked up, the newest order says by its id which of these describes it.
            open_matter(self._db, n, event, body)

    def _matter(self, n: int | None, event: Fact, body: Body) -> None:
        open_matter(self._db, n, event, body)

    def _step(self, n: int | None, event: Fact, body: MatterStep) -> None:
        add_step(self._db, n, event, body)

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
        self._discard(body.discarded)

    def _shift_opened(self, n: int | None, event: Fact, body: bodies.ShiftOpened) -> None:
        if n is not None:
            self._db.execute(
                "INSERT INTO shifts (id, opened_ms, guards, lead, opened_n, opened) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    *(event.id, event.at_ms, msgspec.json.encode(body.guards).decode(), body.lead, n),
                    msgspec.json.encode(body).decode(),
                ),
            )

    def _shift_handed_over(self, n: int | None, event: Any, body: bodies.ShiftHandedOver) -> None:
        if n is not None:
            self._db.execute(
                "UPDATE shifts SET handed_over_ms = ?, incoming = ?, outstanding = ?, handed_over = ? WHERE id = ?",
                (
                    *(event.at_ms, body.incoming, body.outstanding),
                    # In one order of keys, whether it comes from the hand-over itself or out of the journal.
                    msgspec.json.encode(body, order="deterministic").decode(),
                    event.shift,
                ),
            )

    def _staff_set(self, n: int | None, _event: Fact, body: bodies.StaffSet) -> None:
        # Each station has its own: whoever is a lead elsewhere is none here.
        if n is not None:
            self._db.execute(_SET_STAFF, (body.name, " ".join(body.roles), int(body.active)))


def _place_ms(event: Fact, order_ms: int | None = None) -> int:
    """Return where a fact lies among those of all stations, by the community's clock.

    The feed has it so already; what stands in the journal is by this device's clock, as far ahead as it was known.
    """
    place_ms = event.at_ms if order_ms is None else order_ms
    if isinstance(event, Event):
        place_ms -= event.clock.drift_ms or 0
    # A clock beyond the calendar, here or at the community, must not make a pass unreadable for good.
    return min(max(place_ms, 0), _LATEST_MS)
