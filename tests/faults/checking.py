"""What has to hold when all is healed: nothing lost, nothing twice, everywhere the same.

The journals are read from the stations' files by plain SQL, and compared with what stands in the database; nothing of
what the program believes about deliveries is asked.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from station.assembly import open_station
from station.folding import REGISTER_TABLES
from station.storage import FILE_NAME
from sync.community.conflicts import open_conflicts
from sync.community.database import events, forks, quarantine, reading
from sync.community.tables_feed import legs, removed_legs
from sync.community.verifying import verify_journals
from sync.sqlite import sqlite3
from tests.faults.world import COMMUNITY, World

LOCAL = {"shifts", "pass_events", "trust_lists"}
"""Tables of the register that are this gate's own affair, or keep rows in the order of their coming."""

Place = tuple[str, int]


@dataclass(frozen=True)
class Report:
    """What was found right."""

    promised: int
    events: int
    passages: int
    conflicts: int
    undone: int
    claimed: int


def check(world: World) -> Report:
    """Compare all journals with the database and with each other; fails with the event that is wrong."""
    with reading(world.engine) as connection:
        rows = connection.execute(sa.select(events).order_by(events.c.station, events.c.epoch, events.c.seq)).all()
        for table in (forks, quarantine):
            assert connection.execute(sa.select(table)).all() == [], f"{table.name} is not empty"
        conflicts = {one.conflict_id for one in open_conflicts(connection, COMMUNITY)}
        gone = set(connection.execute(sa.select(removed_legs.c.event_id)).scalars())
        standing = set(connection.execute(sa.select(legs.c.event_id)).scalars()) - gone
    assert len({row.feed_no for row in rows}) == len(rows)
    by_station: dict[str, list[Any]] = {}
    for row in rows:
        by_station.setdefault(row.station, []).append(row)
    promised = sum(_check_station(station.folder, by_station.pop(station.name, [])) for station in world.stations)
    assert set(by_station) == {"office"}
    verified = verify_journals(world.engine, COMMUNITY)
    assert (verified.events, verified.missing) == (len(rows), 0)
    _check_double_use(rows, gone, conflicts)
    registers = {station.name: _register(station.folder) for station in world.stations}
    first = registers[world.stations[0].name]
    for name, register in registers.items():
        for what, known in register.items():
            _same(f"{name}, {what}", known, first[what])
    assert {row[0] for row in first["conflicts"] if row[6] is None} == conflicts
    undone = {row[0] for row in first["undone"]}
    assert {row[2] for row in first["legs"]} - undone == standing
    bodies = [msgspec.json.decode(row.body) for row in rows if row.kind == "passage.recorded"]
    allowed = [body for body in bodies if body["outcome"] == "allowed"]
    return Report(
        promised=promised,
        events=len(rows),
        passages=len(allowed),
        conflicts=len(conflicts),
        undone=len(undone),
        claimed=sum(body.get("leg") == "first" and "unclaimed" not in body.get("reasons", ()) for body in allowed),
    )


def _check_station(folder: Path, stored: list[Any]) -> int:
    """Compare what a station promised and wrote with what the database has of it; return how much it promised."""
    connection = sqlite3.connect(str(folder / FILE_NAME))
    written = connection.execute("SELECT epoch, seq, id, hash FROM events ORDER BY n").fetchall()
    connection.close()
    journal = {(epoch, seq): (event_id, digest) for epoch, seq, event_id, digest in written}
    found: dict[Place, tuple[str, str]] = {(row.epoch, row.seq): (row.id, row.hash) for row in stored}
    lines = (folder / "promised.txt").read_text().splitlines(keepends=True)
    # The last line of a killed station may be torn: it was not written, so nobody was told.
    told = [line.split() for line in lines if line.endswith("\n")]
    for epoch, seq, event_id, digest in told:
        place = (epoch, int(seq))
        assert journal.get(place) == (event_id, digest), f"{folder}: promised, not in the journal: {place} {event_id}"
        assert found.get(place) == (event_id, digest), f"{folder}: promised, not in the database: {place} {event_id}"
    assert [place for place in journal if place not in found] == [], f"{folder}: written, not in the database"
    assert [place for place in found if place not in journal] == [], f"{folder}: in the database, never written"
    assert found == journal
    assert len(stored) == len(found), f"{folder}: an event is in the database twice"
    assert list(found) == sorted(journal)
    assert [count for count in Counter(row.id for row in stored).values() if count > 1] == []
    return len(told)


def _register(folder: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Return what a station knows, once it is sure that folding everything anew gives the same; walk its chain."""
    with open_station(folder) as station:
        station.journal.verify()
        read = {
            table: {tuple(row) for row in station.journal.connection.execute(f"SELECT * FROM {table}")}
            for table in REGISTER_TABLES
        }
        station.register.rebuild()
        for table, rows in read.items():
            anew = {tuple(row) for row in station.journal.connection.execute(f"SELECT * FROM {table}")}
            _same(f"{folder.name}, {table} folded anew", anew, rows)
    return {table: rows for table, rows in read.items() if table not in LOCAL}


def _same(what: str, one: set[tuple[Any, ...]], other: set[tuple[Any, ...]]) -> None:
    assert one == other, f"{what}: {_few(one - other)} against {_few(other - one)}"


def _few(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return sorted(rows, key=repr)[:3]


def _check_double_use(rows: Iterable[Any], gone: set[str], conflicts: set[str]) -> None:
    """Make sure that every pass which is out twice is in a conflict, by a reckoning of our own.

    Only passes are looked at whose clocks were never wrong: there the order is that of the corrected times.
    """
    by_pass: dict[str, list[tuple[int, str, dict[str, Any], bool]]] = {}
    for row in rows:
        if row.kind == "passage.recorded" and row.id not in gone:
            body = msgspec.json.decode(row.body)
            if body["outcome"] == "allowed" and body.get("leg"):
                is_odd = row.suspect or row.drift_ms is None or abs(row.drift_ms) > 1000 or body.get("order_ms")
                legs_of = by_pass.setdefault(body["pass_id"], [])
                legs_of.append((row.at_ms - (row.drift_ms or 0), row.id, body, bool(is_odd)))
    for pass_id, found in by_pass.items():
        if any(is_odd for *_rest, is_odd in found):
            continue
        is_open = False
        for _at_ms, event_id, body, _is_odd in sorted(found, key=lambda leg: leg[:2]):
            if body["leg"] == "first" and is_open:
                assert any(one.startswith(event_id) for one in conflicts), f"{pass_id}: {event_id} is no conflict"
            is_open = body["leg"] == "first"
