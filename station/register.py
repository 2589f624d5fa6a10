"""What is known now: passes, persons, restrictions, legs, the rules in force, the day's counts, shifts.

The register is folded from the journal and the feed (`station.folding`). It lives in the journal's file and changes in
the transaction that makes an event known. It can be thrown away and rebuilt from the events at any time.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

import msgspec

from passes.kinds import PRESETS, Kind, Mode
from passes.policy import State
from passes.reasons import Reason
from passes.trips import Direction, Leg
from station.counting import Counting, Counts
from station.feed import read_feed
from station.folding import MODE, OF_PASSAGES, REGISTER_TABLES, Fold
from station.journal import Journal, read_events
from station.notes import REGISTER, SYNCED, read_note, write_note
from sync.bodies import Body
from sync.events import Event, understood


class PassRow(msgspec.Struct, frozen=True):
    """One pass as this station knows it; `detail` says why or by what its state came about, `line` its replacements."""

    pass_id: str
    number: str
    kind: str
    holder: str
    holder_id: str
    household: str
    address: str
    valid_from: str
    valid_until: str
    issued_ms: int
    token: str
    source: str | None
    line: str
    state: State
    detail: str | None


class PersonRow(msgspec.Struct, frozen=True):
    """One person of the roster: of those who have or had a pass, or were registered."""

    person_id: str
    name: str
    household: str
    address: str


class PassEvent(msgspec.Struct, frozen=True):
    """One step in the life of a pass."""

    at_ms: int
    station: str
    kind: str
    detail: str | None


class ShiftRow(msgspec.Struct, frozen=True):
    """One shift; `handed_over_ms` is None while it is on duty."""

    id: str
    opened_ms: int
    guards: tuple[str, ...]
    lead: str | None
    handed_over_ms: int | None


class Rules(msgspec.Struct, frozen=True):
    """The kinds and modes that the community set, each with the instant from which it holds, in that order."""

    kinds: dict[str, list[tuple[int, Kind]]]
    modes: list[tuple[int, Mode]]

    def kind(self, code: str, at_ms: int) -> Kind | None:
        """Return what holds for a kind at an instant: the community's setting, otherwise the preset."""
        found = PRESETS.get(code)
        for effective_ms, kind in self.kinds.get(code, ()):
            if effective_ms <= at_ms:
                found = kind
        return found

    def kind_or_first(self, code: str, at_ms: int) -> Kind | None:
        """Return what holds for a kind at an instant, or what it will be first: its passes are known before."""
        settings = self.kinds.get(code)
        return self.kind(code, at_ms) or (settings[0][1] if settings else None)

    def mode(self, at_ms: int) -> Mode:
        """Return the mode at an instant; gates are closed to those without a pass unless the community says else."""
        found = Mode.CLOSED
        for effective_ms, mode in self.modes:
            if effective_ms <= at_ms:
                found = mode
        return found

    def in_force(self, at_ms: int) -> dict[str, Kind]:
        """Return every kind by its code as it is at an instant."""
        codes = dict.fromkeys((*PRESETS, *self.kinds))
        return {code: kind for code in codes if (kind := self.kind(code, at_ms))}


class Orders(msgspec.Struct, frozen=True):
    """What holds for all: the rules, when the lists were last as new as the community's, how far the feed has come."""

    rules: Rules
    synced_ms: int | None
    feed_n: int | None

    def is_stale(self, now_ms: int, after_ms: int) -> bool:
        """Say whether the lists are more than `after_ms` old; never, where there is no community."""
        return self.synced_ms is not None and now_ms - self.synced_ms > after_ms


_NEWEST_STATE = (
    "SELECT state, detail FROM pass_events WHERE pass_id = ? AND state IS NOT NULL"
    " ORDER BY order_ms DESC, id DESC LIMIT 1"
)
_COLUMNS = (
    "pass_id, number, kind, holder, holder_id, household, address, valid_from, valid_until, issued_ms, token, source,"
    " coalesce((SELECT line FROM lines WHERE lines.pass_id = passes.pass_id), pass_id)"
)
# One question instead of three: this is asked at every decision.
_TIPS = "SELECT (SELECT max(n) FROM rules), (SELECT value FROM notes WHERE name = ?), (SELECT max(n) FROM feed)"
_LEGS = (
    "SELECT order_ms, at_ms, direction, station, leg, id FROM legs WHERE line = ?"
    " AND NOT EXISTS (SELECT 1 FROM undone WHERE passage_id = legs.id) ORDER BY order_ms DESC, id DESC"
)
_RESTRICTIONS = (
    "SELECT kind, until FROM restrictions WHERE is_on AND scope = 'holder' AND subject = ?1"
    " UNION ALL SELECT kind, until FROM restrictions WHERE is_on AND scope = 'household' AND subject = ?2"
    # CROSS keeps SQLite from walking through all orders about holders first (its manual, "The SQLite Query Optimizer").
    " UNION ALL SELECT r.kind, r.until FROM numbers AS own CROSS JOIN numbers AS same"
    " ON same.digest = own.digest AND same.field = 'id_number' AND same.person_id <> ?1"
    " CROSS JOIN restrictions AS r ON r.scope = 'holder' AND r.subject = same.person_id"
    " WHERE own.person_id = ?1 AND own.field = 'id_number' AND r.is_on"
)
_DIRECTIONS = {direction.value: direction for direction in Direction}


class Register:
    """The register of one journal, cutting days in the community's `zone`."""

    def __init__(self, journal: Journal, zone: tzinfo) -> None:
        self._journal = journal
        self._db = journal.connection
        self._zone = zone
        self._fold = Fold(self._db, zone)
        self._rules: tuple[int | None, Rules] = (None, Rules({}, []))
        self._counting = Counting(self._db, zone)
        journal.fold = self._fold.apply
        if read_note(self._db, REGISTER) != "folded":
            self.rebuild()

    def record(self, body: Body, at_ms: int, event_id: str | None = None) -> Event:
        """Append one event under the shift and guard on duty; must run inside `journal.writing()`."""
        head = self._journal.head()
        return self._journal.append(body, at_ms=at_ms, shift=head.shift, guard=head.guard, event_id=event_id)

    def rebuild(self) -> None:
        """Throw everything away and fold the whole journal and the feed anew, in one transaction."""
        with self._journal.writing():
            for table in REGISTER_TABLES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
            for n, event in self._journal.read():
                self._apply(n, event, event.kind, event.body)
            for item in read_feed(self._db):
                self._apply(None, item, item.kind, item.body)
            write_note(self._db, REGISTER, "folded")
        self._rules = (None, Rules({}, []))
        self._counting = Counting(self._db, self._zone)

    def refold_but_passages(self) -> None:
        """Fold anew all that does not come out of passages; must run inside `journal.writing()`."""
        for table in REGISTER_TABLES:
            if table not in OF_PASSAGES:
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - our own table names
        for n, event in read_events(self._db, self._journal.station, but_passages=True):
            self._apply(n, event, event.kind, event.body)
        for item in read_feed(self._db, but_passages=True):
            self._apply(None, item, item.kind, item.body)
        self._rules = (None, Rules({}, []))

    def _apply(self, n: int | None, fact: Any, kind: str, raw: msgspec.Raw) -> None:
        body = understood(kind, raw)
        if body is not None:
            self._fold.apply(n, fact, body)

    def orders(self) -> Orders:
        """Return what the community orders for all, and since when it has not been heard of."""
        newest, synced_ms, feed_n = self._db.execute(_TIPS, (SYNCED,)).fetchone()
        if newest != self._rules[0]:
            self._rules = (newest, self._read_rules())
        return Orders(self._rules[1], None if synced_ms is None else int(synced_ms), feed_n)

    def rules(self) -> Rules:
        """Return the kinds and modes that the community set."""
        return self.orders().rules

    def _read_rules(self) -> Rules:
        rules = Rules({}, [])
        for name, effective_ms, body in self._db.execute(
            "SELECT name, effective_ms, body FROM rules ORDER BY effective_ms, order_ms, id"
        ):
            if name == MODE:
                rules.modes.append((effective_ms, Mode(body)))
            else:
                rules.kinds.setdefault(name, []).append((effective_ms, msgspec.json.decode(body, type=Kind)))
        return rules

    def trust_list_count(self) -> int:
        """Say how many trust lists the community sent; it grows with each."""
        return int(self._db.execute("SELECT coalesce(max(n), 0) FROM trust_lists").fetchone()[0])

    def trust_lists(self) -> list[str]:
        """Return the signed trust lists that the community sent (base64url), the newest last."""
        return [row[0] for row in self._db.execute("SELECT data FROM trust_lists ORDER BY n")]

    def find_pass(self, pass_id: str) -> PassRow | None:
        """Return the pass with this id."""
        return self._pass("pass_id = ?", pass_id)

    def find_number(self, number: str) -> PassRow | None:
        """Return the pass with this printed number (as `passes.number.parse_number` writes it)."""
        return self._pass("number = ?", number)

    def find_source(self, source: str) -> PassRow | None:
        """Return the pass that was issued from this spreadsheet row."""
        return self._pass("source = ?", source)

    def find_passes(self, holder: str = "", kind: str = "", *, unprinted: bool = False) -> list[PassRow]:
        """Return the passes of a holder or kind, or those that no printer took yet, in the order of issue."""
        where = ["(?1 = '' OR holder = ?1)", "(?2 = '' OR kind = ?2)"]
        if unprinted:
            printed = "SELECT 1 FROM pass_events AS e WHERE e.pass_id = passes.pass_id AND e.kind = 'pass.printed'"
            where.append(f"NOT EXISTS ({printed})")
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM passes WHERE {' AND '.join(where)} ORDER BY issued_ms, pass_id",  # noqa: S608 - our own words only
            (holder, kind),
        ).fetchall()
        return [self._with_state(row) for row in rows]

    def _pass(self, where: str, value: str) -> PassRow | None:
        row = self._db.execute(f"SELECT {_COLUMNS} FROM passes WHERE {where}", (value,)).fetchone()  # noqa: S608 - our own words only
        return self._with_state(row) if row else None

    def _with_state(self, row: tuple[Any, ...]) -> PassRow:
        state, detail = self.state_of(row[0])
        return PassRow(*(*row, state, detail))

    def state_of(self, pass_id: str) -> tuple[State, str | None]:
        """Return where a pass is in its life and why, whether or not this station knows more of it."""
        row = self._db.execute(_NEWEST_STATE, (pass_id,)).fetchone()
        return (State(row[0]), row[1]) if row else (State.ACTIVE, None)

    def line_of(self, pass_id: str) -> str:
        """Return the line of replacements that a pass belongs to."""
        row = self._db.execute("SELECT line FROM lines WHERE pass_id = ?", (pass_id,)).fetchone()
        return str(row[0]) if row else pass_id

    def newest_state_ms(self, pass_id: str) -> int | None:
        """Return the place, by this device's clock, of the newest step that set a pass's state; None without any."""
        row = self._db.execute(
            "SELECT max(order_ms) FROM pass_events WHERE pass_id = ? AND state IS NOT NULL", (pass_id,)
        ).fetchone()
        return None if row[0] is None else int(row[0]) + (self._journal.drift_ms or 0)

    def find_person(self, name: str, address: str) -> str | None:
        """Return the id of the person of that name at that address; None unless there is exactly one."""
        rows = self._db.execute(
            "SELECT person_id FROM persons WHERE name = ? AND address = ? LIMIT 2", (name, address)
        ).fetchall()
        return rows[0][0] if len(rows) == 1 else None

    def persons_named(self, name: str) -> list[PersonRow]:
        """Return the persons of that name, in the order of their addresses."""
        rows = self._db.execute(
            "SELECT person_id, name, household, address FROM persons WHERE name = ? ORDER BY address, person_id",
            (name,),
        )
        return [PersonRow(*row) for row in rows]

    def history(self, pass_id: str) -> list[PassEvent]:
        """Return the steps in the life of a pass, oldest first."""
        rows = self._db.execute(
            "SELECT at_ms, station, kind, detail FROM pass_events WHERE pass_id = ? ORDER BY order_ms, id", (pass_id,)
        )
        return [PassEvent(*row) for row in rows]

    def lines_of_household(self, household: str, counted: Iterable[str]) -> list[str]:
        """Return the lines of a household's passes of the `counted` kinds."""
        rows = self._db.execute(
            "SELECT DISTINCT coalesce((SELECT line FROM lines WHERE lines.pass_id = passes.pass_id), pass_id)"
            " FROM passes WHERE household = ? AND kind IN (SELECT value FROM json_each(?))",
            (household, msgspec.json.encode(list(counted)).decode()),
        )
        return [row[0] for row in rows]

    def restrictions(self, holder_id: str, household: str, today: date) -> tuple[Reason, ...]:
        """Return which of `quarantined`, `banned` and `watch_listed` hold for a holder or household today.

        What is ordered about somebody of the same ID number, registered under another id elsewhere, holds too.
        """
        rows = self._db.execute(_RESTRICTIONS, (holder_id, household)).fetchall()
        return tuple({Reason(kind) for kind, until in rows if until is None or until >= today.isoformat()})

    def newest_order_ms(self, scope: str, subject: str) -> int | None:
        """Return the place of the newest order about a holder or household, by this device's clock."""
        row = self._db.execute(
            "SELECT max(order_ms) FROM restrictions WHERE scope = ? AND subject = ?", (scope, subject)
        ).fetchone()
        return None if row[0] is None else int(row[0]) + (self._journal.drift_ms or 0)

    def legs(self, line: str, first_day: date, ahead_ms: int = 0) -> list[Leg]:
        """Return the legs of a line since the beginning of `first_day`, and those before it back to the last return.

        That is enough for `passes.trips.standing`. The day and the legs are by a clock that is `ahead_ms` ahead of the
        community's.
        """
        rows = self._db.execute(_LEGS, (line,))
        since_ms: int | None = None
        found: list[Leg] = []
        for place_ms, at_ms, direction, station, leg, event_id in rows:
            order_ms = place_ms + ahead_ms
            found.append(_leg(order_ms, at_ms + ahead_ms, direction, station, event_id))
            if leg == "return":
                since_ms = self._start_ms(first_day) if since_ms is None else since_ms
                if order_ms < since_ms:
                    break
        return found

    def last_leg(self, line: str) -> Leg | None:
        """Return the last leg of a line, by this device's clock."""
        row = self._db.execute(f"{_LEGS} LIMIT 1", (line,)).fetchone()
        if row is None:
            return None
        ahead_ms = self._journal.drift_ms or 0
        return _leg(row[0] + ahead_ms, row[1] + ahead_ms, row[2], row[3], row[5])

    def counts(self, day: date) -> Counts:
        """Count this gate's passages of one local day, and whose trips are open."""
        return self._counting.counts(day)

    def current_shift(self) -> ShiftRow | None:
        """Return the shift on duty; None when the last one has been handed over or none was opened."""
        row = self._db.execute(
            "SELECT id, opened_ms, guards, lead, handed_over_ms FROM shifts ORDER BY opened_n DESC LIMIT 1"
        ).fetchone()
        if row is None or row[4] is not None:
            return None
        return ShiftRow(row[0], row[1], tuple(msgspec.json.decode(row[2])), row[3], row[4])

    def _start_ms(self, day: date) -> int:
        # An hour's margin: where midnight is repeated, a few instants before the first 00:00 belong to the next day.
        midnight = datetime.combine(day, time.min, self._zone).astimezone(UTC) - timedelta(hours=1)
        return int(midnight.timestamp() * 1000)


def _leg(order_ms: int, at_ms: int, direction: str, station: str, event_id: str) -> Leg:
    return Leg(at_ms, _DIRECTIONS[direction], station, event_id, None if order_ms == at_ms else order_ms)
