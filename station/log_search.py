"""Looking through the logbook: pages of passages by what they were, and all that is known around one of them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import msgspec

from passes.errors import N_
from passes.identity import IdentityError, parse_plate
from passes.number import parse_number
from passes.reasons import Reason
from station import roster
from sync.bodies import Body, PassageRecorded
from sync.events import understood

if TYPE_CHECKING:
    from sqlite3 import Connection

OUTCOMES = {
    "allowed": N_("allowed"),
    "refused": N_("refused"),
    "turned_back": N_("turned back"),
    "fever": N_("fever"),
    "overridden": N_("lead's word"),
    "abnormal": N_("unusual"),
}
"""As what passages may be looked for: what happened, a fever, the lead's word, or all that was not as usual."""

_DAY_MS = 86_400_000
_MOST_PEOPLE = 20
_PASSAGES = (
    "SELECT n, at_ms, body, id, id IN undone, shift, guard FROM events"
    " WHERE kind = 'passage.recorded' AND n < ? AND n >= ?{wanted} ORDER BY n DESC"
)
_AROUND = (
    "SELECT at_ms, station, kind, detail FROM pass_events WHERE pass_id = ?1"
    " UNION ALL SELECT at_ms, station, 'leg', direction FROM legs"
    " WHERE line = coalesce((SELECT line FROM lines WHERE pass_id = ?1), ?1) AND id <> ?2"
    " UNION ALL SELECT found_ms, '', 'conflict.found', rule FROM conflicts WHERE pass_id = ?1 AND found_ms IS NOT NULL"
    " UNION ALL SELECT closed_ms, '', 'conflict.closed', reason FROM conflicts"
    " WHERE pass_id = ?1 AND closed_ms IS NOT NULL"
    " ORDER BY 1 DESC LIMIT 200"
)
_LATER = (
    "SELECT at_ms, kind, body, guard FROM events WHERE n > ? AND kind IN (SELECT value FROM json_each(?)) ORDER BY n"
)
_ABOUT_PASSAGES = '["passage.undone", "passage.missed", "passage.followed"]'
_decode = msgspec.json.Decoder(PassageRecorded).decode


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which passages; what is given must all hold. `text` is a name, its pinyin, a pass number or a plate."""

    text: str = ""
    day: date | None = None
    direction: str | None = None
    outcome: str | None = None
    kind: str = ""


class Found(msgspec.Struct, frozen=True):
    """One passage of this gate: its number in the journal, its event, and whether it was taken back."""

    n: int
    at_ms: int
    body: PassageRecorded
    id: str
    is_undone: bool
    shift: str | None
    guard: str | None


@dataclass(frozen=True, slots=True)
class Around:
    """Something else that is known of the pass of a passage; `kind` as in the records, or `leg` for a passage."""

    at_ms: int
    station: str
    kind: str
    detail: str


def page(connection: "Connection", wanted: Wanted, before_n: int | None, most: int, zone: tzinfo) -> list[Found]:
    """Return the passages before the record `before_n`, the newest first, at most so many."""
    first_n, last_n = _bounds(connection, wanted.day, zone)
    needles = _needles(connection, wanted.text)
    condition = f" AND ({' OR '.join('instr(body, ?)' for _ in needles)})" if needles else ""
    upto = last_n + 1 if before_n is None else min(before_n, last_n + 1)
    rows = connection.execute(_PASSAGES.format(wanted=condition), (upto, first_n, *needles))
    found: list[Found] = []
    for row in rows:
        one = _found(row)
        if _is_wanted(one, wanted, zone):
            found.append(one)
            if len(found) == most:
                break
    rows.close()
    return found


def get(connection: "Connection", n: int) -> Found | None:
    """Return the passage that stands at this number of the journal."""
    row = connection.execute(_PASSAGES.format(wanted=""), (n + 1, n)).fetchone()
    return _found(row) if row else None


def around(connection: "Connection", one: Found) -> list[Around]:
    """Return what else is known of the pass of a passage, newest first: its life, other passages, conflicts."""
    rows = connection.execute(_AROUND, (one.body.pass_id, one.id)).fetchall() if one.body.pass_id else []
    return [Around(at_ms, station, kind, detail or "") for at_ms, station, kind, detail in rows]


def afterwards(connection: "Connection", one: Found) -> Iterator[tuple[int, str | None, Body]]:
    """Yield what was recorded here about a passage after it, with time and guard: taken back, followed, missed."""
    for at_ms, kind, raw, guard in connection.execute(_LATER, (one.n, _ABOUT_PASSAGES)):
        if one.id in raw or (kind == "passage.missed" and one.body.pass_id and one.body.pass_id in raw):
            body = understood(kind, raw.encode())
            if body:
                yield at_ms, guard, body


def _bounds(connection: "Connection", day: date | None, zone: tzinfo) -> tuple[int, int]:
    """Return the first and last record that can be of a day: clocks that go back are off by less than another day."""
    newest = connection.execute("SELECT coalesce(max(n), 0) FROM events").fetchone()[0]
    if day is None:
        return 1, newest
    start, end = (_start_ms(moment, zone) for moment in (day, day + timedelta(days=1)))
    return _first_from(connection, newest, start - _DAY_MS), _first_from(connection, newest, end + _DAY_MS)


def _first_from(connection: "Connection", newest: int, at_ms: int) -> int:
    """Return the first record from an instant on, found by halving: numbers have no gaps, and times seldom go back."""
    low, high = 1, newest
    while low < high:
        middle = (low + high) // 2
        row = connection.execute("SELECT at_ms FROM events WHERE n = ?", (middle,)).fetchone()
        if row and row[0] < at_ms:
            low = middle + 1
        else:
            high = middle
    return low


def _start_ms(day: date, zone: tzinfo) -> int:
    return int(datetime.combine(day, time.min, zone).timestamp() * 1000)


def _needles(connection: "Connection", text: str) -> list[str]:
    """Return what stands in the record of a passage that is meant by `text`, as it is written there."""
    text = text.strip()
    if not text:
        return []
    whole = [parse_number(text) or text]
    with suppress(IdentityError):
        whole.append(parse_plate(text))
    people = [person.person_id for person in roster.find(connection, text, _MOST_PEOPLE)]
    # JSON without its quotation marks.
    return [
        msgspec.json.encode(plain).decode()[1:-1] for plain in dict.fromkeys((*whole, *people)) if plain.isprintable()
    ]


def _is_wanted(one: Found, wanted: Wanted, zone: tzinfo) -> bool:
    body = one.body
    return (
        (wanted.day is None or datetime.fromtimestamp(one.at_ms / 1000, zone).date() == wanted.day)
        and wanted.direction in {None, body.direction}
        and wanted.kind in {"", body.pass_kind}
        and (wanted.outcome is None or _is(one, wanted.outcome))
    )


def _is(one: Found, outcome: str) -> bool:
    reasons = one.body.reasons
    if outcome == "fever":
        return Reason.FEVER in reasons
    if outcome == "overridden":
        return Reason.OVERRIDDEN in reasons
    if outcome == "abnormal":
        return one.body.outcome != "allowed" or bool({Reason.FEVER, Reason.OVERRIDDEN} & set(reasons)) or one.is_undone
    return one.body.outcome == outcome


def _found(row: tuple[Any, ...]) -> Found:
    n, at_ms, body, event_id, is_undone, shift, guard = row
    return Found(n, at_ms, _decode(body), event_id, bool(is_undone), shift, guard)
