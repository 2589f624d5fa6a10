"""What is known now, folded from the journal: passes, bans, legs, the day's counts, shifts.

The register lives in the journal's file and changes in the transaction that appends. It can be thrown away and
rebuilt from the events at any time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import msgspec

from passes.reasons import Reason
from passes.trips import Direction, Leg, local_day
from station.journal import Journal
from sync.bodies import (
    Body,
    HolderBanned,
    HolderUnbanned,
    PassageRecorded,
    PassIssued,
    PassRevoked,
    ShiftHandedOver,
    ShiftOpened,
)
from sync.events import Event, read_body

_OPEN = "open"
"""Stands in the place of a day in the tallies of those whose trip is open now, by the direction of its first leg."""

TABLES = ("passes", "bans", "passages", "tallies", "shifts")


@dataclass(frozen=True, slots=True)
class PassRow:
    """One pass as this station knows it; `state` is `active` or `revoked`, `detail` why it was revoked."""

    pass_id: str
    number: str
    kind: str
    holder: str
    holder_id: str
    household: str
    address: str
    valid_from: str
    valid_until: str
    state: str
    detail: str | None
    issued_ms: int
    token: str


@dataclass(frozen=True, slots=True)
class ShiftRow:
    """One shift; `handed_over_ms` is None while it is on duty."""

    id: str
    opened_ms: int
    guards: tuple[str, ...]
    lead: str | None
    handed_over_ms: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What happened at this gate on one local day.

    Of the trips that are open now, `away` are those that began with an exit (residents out) and `inside` those that
    began with an entry (outsiders in).
    """

    entries: int = 0
    exits: int = 0
    away: int = 0
    inside: int = 0
    fevers: int = 0
    refused: int = 0
    turned_back: int = 0


@dataclass(frozen=True, slots=True)
class RecentPassage:
    """One line of the list of last passages."""

    at_ms: int
    outcome: str
    body: PassageRecorded


class Register:
    """The register of one journal, cutting days in the community's `zone`."""

    def __init__(self, journal: Journal, zone: tzinfo) -> None:
        self._journal = journal
        self._db = journal.connection
        self._zone = zone
        self._folds: dict[type[Body], Callable[[int, Event, Any], None]] = {
            PassageRecorded: self._fold_passage,
            PassIssued: self._fold_issued,
            PassRevoked: self._fold_revoked,
            HolderBanned: self._fold_banned,
            HolderUnbanned: self._fold_unbanned,
            ShiftOpened: self._fold_shift_opened,
            ShiftHandedOver: self._fold_shift_handed_over,
        }
        journal.fold = self.apply

    def apply(self, n: int, event: Event, body: Body) -> None:
        """Take one event in; must run inside the transaction that made it known."""
        self._folds[type(body)](n, event, body)

    def record(self, body: Body, at_ms: int) -> Event:
        """Append one event under the shift and guard on duty; must run inside `journal.writing()`."""
        shift = self.current_shift()
        return self._journal.append(
            body, at_ms=at_ms, shift=shift.id if shift else None, guard=shift.guards[0] if shift else None
        )

    def rebuild(self) -> None:
        """Throw everything away and fold the whole journal anew, in one transaction."""
        with self._journal.writing():
            for table in TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            for n, event in self._journal.read():
                body = read_body(event.kind, event.body)
                if body is not None:
                    self.apply(n, event, body)

    def find_pass(self, pass_id: str) -> PassRow | None:
        """Return the pass with this id (32 hex characters)."""
        row = self._db.execute("SELECT * FROM passes WHERE pass_id = ?", (pass_id,)).fetchone()
        return PassRow(*row) if row else None

    def find_number(self, number: str) -> PassRow | None:
        """Return the pass with this printed number."""
        row = self._db.execute("SELECT * FROM passes WHERE number = ?", (number,)).fetchone()
        return PassRow(*row) if row else None

    def passes(self) -> list[PassRow]:
        """Return all passes, oldest first."""
        return [PassRow(*row) for row in self._db.execute("SELECT * FROM passes ORDER BY issued_ms, pass_id")]

    def is_banned(self, holder_id: str) -> bool:
        """Say whether this person may not pass."""
        return self._db.execute("SELECT 1 FROM bans WHERE holder_id = ?", (holder_id,)).fetchone() is not None

    def legs(self, pass_id: str, first_day: date) -> list[Leg]:
        """Return the legs of a pass since the beginning of `first_day`, and those before it back to the last return.

        That is enough for `passes.trips.standing`.
        """
        since_ms = self._start_ms(first_day)
        found: list[Leg] = []
        for at_ms, direction, station, leg, order_ms in self._db.execute(
            "SELECT at_ms, direction, station, leg, order_ms FROM passages"
            " WHERE pass_id = ? AND outcome = 'allowed' ORDER BY order_ms DESC",
            (pass_id,),
        ):
            found.append(Leg(at_ms, Direction(direction), station, order_ms))
            if at_ms < since_ms and leg == "return":
                break
        return found

    def last_allowed(self, pass_id: str) -> PassageRecorded | None:
        """Return the newest accepted passage of a pass as it was recorded."""
        row = self._db.execute(
            "SELECT body FROM passages JOIN events USING (n)"
            " WHERE pass_id = ? AND outcome = 'allowed' ORDER BY order_ms DESC LIMIT 1",
            (pass_id,),
        ).fetchone()
        return msgspec.json.decode(row[0], type=PassageRecorded) if row else None

    def counts(self, day: date) -> Counts:
        """Count this gate's passages of one local day."""
        entries = exits = fevers = refused = turned_back = 0
        for outcome, direction, fever, number in self._db.execute(
            "SELECT outcome, direction, fever, number FROM tallies WHERE day = ?",
            (day.isoformat(),),
        ):
            if outcome == "allowed":
                entries += number if direction == "entry" else 0
                exits += number if direction == "exit" else 0
            elif outcome == "refused":
                refused += number
            else:
                turned_back += number
            fevers += number if fever else 0
        is_open = dict(self._db.execute("SELECT direction, number FROM tallies WHERE day = ?", (_OPEN,)).fetchall())
        return Counts(entries, exits, is_open.get("exit", 0), is_open.get("entry", 0), fevers, refused, turned_back)

    def recent(self, limit: int) -> list[RecentPassage]:
        """Return the newest passages, newest first."""
        rows = self._db.execute(
            "SELECT passages.at_ms, outcome, body FROM passages JOIN events USING (n) ORDER BY n DESC LIMIT ?", (limit,)
        )
        decode = msgspec.json.Decoder(PassageRecorded).decode
        return [RecentPassage(at_ms, outcome, decode(body)) for at_ms, outcome, body in rows]

    def passages_of(self, pass_id: str) -> list[RecentPassage]:
        """Return everything recorded of a pass, refusals included, oldest first."""
        decode = msgspec.json.Decoder(PassageRecorded).decode
        rows = self._db.execute(
            "SELECT passages.at_ms, outcome, body FROM passages JOIN events USING (n) WHERE pass_id = ? ORDER BY n",
            (pass_id,),
        )
        return [RecentPassage(at_ms, outcome, decode(body)) for at_ms, outcome, body in rows]

    def current_shift(self) -> ShiftRow | None:
        """Return the shift on duty; None when the last one has been handed over or none was opened."""
        row = self._db.execute(
            "SELECT id, opened_ms, guards, lead, handed_over_ms FROM shifts ORDER BY opened_n DESC LIMIT 1"
        ).fetchone()
        if row is None or row[4] is not None:
            return None
        return ShiftRow(row[0], row[1], tuple(msgspec.json.decode(row[2])), row[3], row[4])

    def shift_counts(self, shift_id: str) -> dict[str, int]:
        """Count what a shift recorded: `entries`, `exits`, `refused`, `turned_back`, `fevers`."""
        counts = dict.fromkeys(("entries", "exits", "refused", "turned_back", "fevers"), 0)
        for outcome, direction, fever, number in self._db.execute(
            "SELECT outcome, direction, fever, count(*) FROM passages JOIN events USING (n)"
            " WHERE n > (SELECT opened_n FROM shifts WHERE id = ?1) AND shift = ?1 GROUP BY outcome, direction, fever",
            (shift_id,),
        ):
            allowed = "entries" if direction == "entry" else "exits"
            counts[allowed if outcome == "allowed" else outcome] += number
            counts["fevers"] += number if fever else 0
        return counts

    def _start_ms(self, day: date) -> int:
        # An hour's margin: where midnight is repeated, a few instants before the first 00:00 belong to the next day.
        midnight = datetime.combine(day, time.min, self._zone).astimezone(UTC) - timedelta(hours=1)
        return int(midnight.timestamp() * 1000)

    def _fold_passage(self, n: int, event: Event, body: PassageRecorded) -> None:
        fever = int(Reason.FEVER in body.reasons)
        is_leg = body.outcome == "allowed" and body.pass_id is not None
        before_ms, before = self._last_leg(body.pass_id) if is_leg else (0, None)
        # This station saw its own legs in this order, whatever its clock said; the true time stays beside it.
        order_ms = max(event.at_ms, before_ms + 1) if event.station == self._journal.station else event.at_ms
        self._db.execute(
            "INSERT INTO passages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                n,
                event.at_ms,
                order_ms,
                event.station,
                body.direction,
                body.outcome,
                fever,
                body.leg,
                body.pass_id,
            ),
        )
        self._tally(local_day(event.at_ms, self._zone).isoformat(), body.outcome, body.direction, fever, 1)
        _after_ms, after = self._last_leg(body.pass_id) if is_leg else (0, None)
        if after != before:
            if before:
                self._tally(_OPEN, "allowed", before, 0, -1)
            if after:
                self._tally(_OPEN, "allowed", after, 0, 1)

    def _last_leg(self, pass_id: str | None) -> tuple[int, str | None]:
        """Return the place of the pass's last leg, and the direction that opened its trip if one is open."""
        row = self._db.execute(
            "SELECT order_ms, direction, leg FROM passages"
            " WHERE pass_id = ? AND outcome = 'allowed' ORDER BY order_ms DESC LIMIT 1",
            (pass_id,),
        ).fetchone()
        return (row[0], row[1] if row[2] == "first" else None) if row else (0, None)

    def _tally(self, day: str, outcome: str, direction: str, fever: int, change: int) -> None:
        self._db.execute(
            "INSERT INTO tallies VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number",
            (day, outcome, direction, fever, change),
        )

    def _fold_issued(self, _n: int, event: Event, body: PassIssued) -> None:
        row = PassRow(
            pass_id=body.pass_id,
            number=body.number,
            kind=body.pass_kind,
            holder=body.holder,
            holder_id=body.holder_id,
            household=body.household,
            address=body.address,
            valid_from=body.valid_from,
            valid_until=body.valid_until,
            state="active",
            detail=None,
            issued_ms=event.at_ms,
            token=body.token,
        )
        values = tuple(getattr(row, name) for name in row.__slots__)
        self._db.execute("INSERT OR IGNORE INTO passes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)

    def _fold_revoked(self, _n: int, _event: Event, body: PassRevoked) -> None:
        self._db.execute(
            "UPDATE passes SET state = 'revoked', detail = ? WHERE pass_id = ?", (body.reason, body.pass_id)
        )

    def _fold_banned(self, _n: int, _event: Event, body: HolderBanned) -> None:
        self._db.execute("INSERT OR REPLACE INTO bans VALUES (?, ?)", (body.holder_id, body.reason))

    def _fold_unbanned(self, _n: int, _event: Event, body: HolderUnbanned) -> None:
        self._db.execute("DELETE FROM bans WHERE holder_id = ?", (body.holder_id,))

    def _fold_shift_opened(self, n: int, event: Event, body: ShiftOpened) -> None:
        self._db.execute(
            "INSERT INTO shifts (id, opened_ms, guards, lead, opened_n) VALUES (?, ?, ?, ?, ?)",
            (event.id, event.at_ms, msgspec.json.encode(body.guards).decode(), body.lead, n),
        )

    def _fold_shift_handed_over(self, _n: int, event: Event, body: ShiftHandedOver) -> None:
        self._db.execute(
            "UPDATE shifts SET handed_over_ms = ?, incoming = ?, outstanding = ? WHERE id = ?",
            (event.at_ms, body.incoming, body.outstanding, event.shift),
        )
