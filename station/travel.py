"""How the records of this station travel: what is unsent and since when, what the office set aside, what is amiss.

The screens, `gatepost sync status` and the doctor ask here; everything is read from the station's own file.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

from passes.errors import N_, GatepostError
from station.clock import local_time
from station.feed import last_heads
from station.lives import Twin, find_twin
from station.notes import GENERATION, SYNCED, read_note
from station.outbox import Backlog
from station.witness import Doubted, doubted, set_reported
from sync.bodies import HeadDoubted
from sync.wire import FeedHead

if TYPE_CHECKING:
    from datetime import tzinfo
    from sqlite3 import Connection

    from station.assembly import Station

RECENT_MS = 24 * 3_600_000
"""How long a sign of another life is told; it is gone by then, or has come again."""

_DOUBTS = {
    "cut": N_("station {station}: its journal reaches to {told} now and reached to {seen} before; tell the office"),
    "fork": N_("station {station}: its record {seen} is not the one it was; tell the office"),
    "key": N_("station {station}: somebody else signs for it now; tell the office"),
}
_FORKED = N_(
    "records of this station met others under their numbers: its folder was copied or put back. Both are kept, and it "
    "goes on under new numbers; tell the office"
)
_TWIN = N_(
    "another machine records under this station's name ({time}): switch one of the two off, or have the office give it "
    "a code of its own (gatepost community station add)"
)


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that the community could not simply store: kept there as a fork, or with its raw bytes and why."""

    n: int
    kind: str
    at_ms: int
    status: Literal["fork", "quarantined"]
    reason: str
    told_ms: int


@dataclass(frozen=True, slots=True)
class OpenConflict:
    """Passages of one pass that cannot all be right, found by the community and not closed yet."""

    conflict_id: str
    rule: str
    pass_id: str
    holder: str | None
    stations: tuple[str, ...]
    found_ms: int


@dataclass(frozen=True, slots=True)
class Travel:
    """The state of the link at one moment; instants are UTC milliseconds, None for what has not happened."""

    backlog: Backlog
    last_contact_ms: int | None
    generation: str | None
    set_aside: list[SetAside]
    conflicts: list[OpenConflict]
    heads: list[FeedHead]
    doubted: list[Doubted]
    twin: Twin | None


def look(station: "Station", most: int = 200) -> Travel:
    """Return how the link of an open station fares, with at most `most` records and conflicts, the newest first."""
    connection = station.journal.connection
    contact = read_note(connection, SYNCED)
    return Travel(
        backlog=station.outbox.backlog(),
        last_contact_ms=None if contact is None else int(contact),
        generation=read_note(connection, GENERATION),
        set_aside=set_aside(connection, most),
        conflicts=open_conflicts(connection, most),
        heads=last_heads(connection),
        doubted=doubted(connection),
        twin=find_twin(connection),
    )


def set_aside(connection: "Connection", most: int = 200) -> list[SetAside]:
    """Return the records that the community could not simply store, the newest first."""
    rows = connection.execute(
        "SELECT n, kind, events.at_ms, status, coalesce(reason, ''), deliveries.at_ms FROM deliveries"
        " JOIN events USING (n) WHERE status IN ('fork', 'quarantined') ORDER BY n DESC LIMIT ?",
        (most,),
    )
    return [SetAside(*row) for row in rows]


def open_conflicts(connection: "Connection", most: int = 200) -> list[OpenConflict]:
    """Return the conflicts that nobody has closed, the newest first."""
    rows = connection.execute(
        "SELECT conflict_id, rule, pass_id, (SELECT holder FROM passes WHERE passes.pass_id = conflicts.pass_id),"
        " stations, found_ms FROM conflicts WHERE closed_ms IS NULL AND found_ms IS NOT NULL"
        " ORDER BY found_ms DESC, conflict_id LIMIT ?",
        (most,),
    )
    return [
        OpenConflict(conflict_id, rule, pass_id, holder, tuple(msgspec.json.decode(stations, type=list[str])), found_ms)
        for conflict_id, rule, pass_id, holder, stations, found_ms in rows
    ]


def alarms(connection: "Connection", now_ms: int, zone: "tzinfo") -> list[GatepostError]:
    """Return what is amiss with this journal's life or another's, each as a sentence with its remedy.

    Cheap enough to be asked every second.
    """
    found: list[GatepostError] = []
    twin = find_twin(connection)
    if twin and now_ms - twin.at_ms < RECENT_MS:
        found.append(GatepostError(_TWIN, time=f"{local_time(twin.at_ms, zone):%m-%d %H:%M}"))
    forked = "SELECT max(at_ms) FROM deliveries WHERE status = 'fork'"
    forked_ms = connection.execute(forked).fetchone()[0]
    if forked_ms is not None and now_ms - forked_ms < RECENT_MS:
        found.append(GatepostError(_FORKED))
    found += [
        GatepostError(_DOUBTS[one.doubt], station=one.station, told=one.told_seq, seen=one.seen_seq)
        for one in doubted(connection)
    ]
    return found


def report_doubts(station: "Station") -> int:
    """Record each new doubt about another station's journal, so that the office learns of it; return how many."""
    connection = station.journal.connection
    if not doubted(connection, unreported=True):
        return 0
    with station.journal.writing():
        new = doubted(connection, unreported=True)
        for one in new:
            body = HeadDoubted(
                station=one.station, epoch=one.epoch, doubt=one.doubt, seen_seq=one.seen_seq, told_seq=one.told_seq
            )
            station.register.record(body, station.clock.now_ms())
            set_reported(connection, one)
    return len(new)
