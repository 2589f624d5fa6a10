"""Looking a whole community over: whether everything is there that should be, and agrees with itself.

What the database holds is looked at in an image of one moment (`imaging`), so that stations are served meanwhile and a
backup is checked in the same way.
"""

import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa

from passes.errors import N_, GatepostError
from passes.trust import read_trust_list, trust_list_bytes
from sync.bodies import KeyAdded, KeyWithdrawn
from sync.community.backups import SECRET_FILES
from sync.community.database import events, feed_counters, forks, quarantine, reading, stations, writing
from sync.community.doubts import open_doubts
from sync.community.folding import fold
from sync.community.office import DIGEST_KEY_FILE, KEY_FILES, key_path, load_root_public, load_trust_list
from sync.community.registers import each_record
from sync.community.tables_feed import alerts, conflicts, fold_cursors, known_passes, legs, removed_legs
from sync.community.tables_retention import purges
from sync.community.verifying import verify_journals
from sync.events import OFFICE

Grade = Literal["good", "attention", "wrong"]

SILENT_AFTER_MS = 24 * 60 * 60 * 1000
CLOCK_TOLERANCE_MS = 2 * 60 * 1000
LOW_BYTES = 1024**3
SCARCE_BYTES = 100 * 1024**2
_FOLD_EVENTS = 5000

# Of each register the columns that retention leaves as they were.
_REGISTERS: dict[sa.Table, tuple[str, ...]] = {
    legs: ("event_id", "pass_id", "station", "epoch", "seq", "direction", "leg", "order_ms", "at_ms", "is_missed"),
    removed_legs: ("event_id",),
    known_passes: ("pass_id", "line", "kind", "is_issued"),
    conflicts: ("conflict_id", "rule", "closed_at_ms"),
    alerts: ("feed_no", "event_id", "station", "direction", "reasons"),
}

# What these know outlives the records that retention has emptied.
_OUTLIVING: dict[sa.Table, tuple[str, ...]] = {removed_legs: ("event_id",), known_passes: ("pass_id",)}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found: `told` is a sentence, raised by nobody."""

    grade: Grade
    told: GatepostError


def _good(sentence: str, /, **values: object) -> Finding:
    return Finding("good", GatepostError(sentence, **values))


def _attention(sentence: str, /, **values: object) -> Finding:
    return Finding("attention", GatepostError(sentence, **values))


def _wrong(sentence: str, /, **values: object) -> Finding:
    return Finding("wrong", GatepostError(sentence, **values))


def check_image(image: sa.Engine, community: str) -> Iterator[Finding]:
    """Yield what is found in an image that may be changed: its journals, feed and registers, and what waits for staff.

    Raises `DatabaseError`.
    """
    yield from _check_journals(image, community)
    with reading(image) as connection:
        yield from _check_feed(connection, community)
        yield from _check_put_aside(connection, community)
    with writing(image) as connection:
        yield from _check_registers(connection, community)


def check_surroundings(engine: sa.Engine, community: str, folder: Path, now_ms: int) -> Iterator[Finding]:
    """Yield what is found of a community that is served: its keys, stations, clock and disk; raises `DatabaseError`."""
    with reading(engine) as connection:
        yield from check_keys(connection, community, folder)
        yield from _check_stations(connection, community, now_ms)
        for doubt in open_doubts(connection, community):
            yield Finding("attention", doubt.told())
        yield from _check_clock(connection, community, now_ms)
    yield from _check_disk(engine, folder)


def check_keys(connection: sa.Connection, community: str, folder: Path) -> Iterator[Finding]:
    """Yield what is found of a folder's keys, and whether its trust list is the one that was recorded last."""
    try:
        root = load_root_public(folder)
        held = read_trust_list(load_trust_list(folder), root)
        recorded = None
        for record in each_record(connection, community, ("key.added", "key.withdrawn")):
            if record.station == OFFICE and isinstance(record.body, KeyAdded | KeyWithdrawn):
                recorded = read_trust_list(trust_list_bytes(record.body.trust_list), root)
    except GatepostError as error:
        yield Finding("wrong", error)
        return
    if recorded is None or recorded.issued_at_ms != held.issued_at_ms:
        yield _attention(
            N_("keys: the folder's trust list and the one recorded last differ; the next key command puts that right")
        )
    else:
        yield _good(N_("keys: {count} in the signed trust list, as recorded"), count=len(held.entries))
    for entry in held.entries:
        if entry.use in KEY_FILES and not (path := key_path(folder, entry.use, entry.key_id)).exists():
            yield _wrong(
                N_("keys: {path} is missing, and what was made for it cannot be read; copy it back"), path=path
            )
    if not (folder / DIGEST_KEY_FILE).exists():
        yield _attention(
            N_("keys: {path} is missing; copy it back, or new stations match no numbers"), path=folder / DIGEST_KEY_FILE
        )
    for pattern in SECRET_FILES:
        for path in sorted(folder.glob(pattern)):
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                yield _wrong(N_("keys: {path} can be read by others on this machine; run: chmod 600"), path=path)


def _check_journals(image: sa.Engine, community: str) -> Iterator[Finding]:
    try:
        found = verify_journals(image, community)
    except GatepostError as error:
        yield Finding("wrong", error)
        return
    yield _good(
        N_("journals: {events} records of {journals} journals, every link holds; emptied by retention: {purged}"),
        events=found.events,
        journals=found.journals,
        purged=found.purged,
    )
    if found.missing:
        yield _attention(
            N_("journals: {missing} records have not arrived though later ones have; ask the gates to send or export"),
            missing=found.missing,
        )


def _check_feed(connection: sa.Connection, community: str) -> Iterator[Finding]:
    last = connection.execute(
        sa.select(feed_counters.c.last_feed_no).where(feed_counters.c.community == community)
    ).scalar_one_or_none()
    query = sa.select(sa.func.count(), sa.func.max(events.c.feed_no), sa.func.min(events.c.feed_no))
    count, most, least = connection.execute(query.where(events.c.community == community)).one()
    if last is None or (most or 0) > last or (least or 1) < 1:
        yield _wrong(
            N_("feed: numbers {least} to {most} do not fit its counter, {last}; bring a backup back"),
            least=least,
            most=most,
            last=last,
        )
        return
    yield _good(
        N_("feed: {count} records up to number {last}; {unused} numbers were given up unused"),
        count=count,
        last=last,
        unused=last - count,
    )


def _check_put_aside(connection: sa.Connection, community: str) -> Iterator[Finding]:
    for table, sentence in (
        (
            forks,
            N_("forks: {count} records came under a number that was taken; a gate's file was copied or restored"),
        ),
        (quarantine, N_("quarantine: {count} lines could not be understood and are kept; look at their reasons")),
    ):
        query = sa.select(sa.func.count()).select_from(table).where(table.c.community == community)
        count = connection.execute(query).scalar_one()
        if count:
            yield _attention(sentence, count=count)
    query = sa.select(sa.func.count()).where(conflicts.c.community == community, conflicts.c.closed_at_ms.is_(None))
    count = connection.execute(query).scalar_one()
    if count:
        yield _attention(N_("conflicts: {count} are open; see: gatepost community conflicts"), count=count)


def _check_registers(connection: sa.Connection, community: str) -> Iterator[Finding]:
    """Fold the journals anew, as far as they have been folded, and compare."""
    end = connection.execute(
        sa.select(fold_cursors.c.last_feed_no).where(fold_cursors.c.community == community)
    ).scalar_one_or_none()
    purged = sa.select(purges.c.purge_id).where(purges.c.community == community).limit(1)
    outliving = _OUTLIVING if connection.execute(purged).one_or_none() else {}
    columns = {**_REGISTERS, **outliving}
    before = {table: _rows(connection, table, columns[table], community) for table in columns}
    for table in _REGISTERS:
        connection.execute(sa.delete(table).where(table.c.community == community))
    reached = 0
    while reached < (end or 0):
        reached, _touched = fold(connection, community, reached, end or 0, _FOLD_EVENTS)
    after = {table: _rows(connection, table, columns[table], community) for table in columns}
    differing = [
        table.name
        for table in columns
        if not (after[table] <= before[table] if table in outliving else after[table] == before[table])
    ]
    for name in differing:
        yield _wrong(N_("registers: {name} is not what the journals say; bring a backup back and report it"), name=name)
    if not differing:
        yield _good(N_("registers: passes, legs, conflicts and alerts are what the journals say"))


def _rows(connection: sa.Connection, table: sa.Table, columns: tuple[str, ...], community: str) -> set[tuple[Any, ...]]:
    query = sa.select(*(table.c[name] for name in columns)).where(table.c.community == community)
    if table is alerts:
        # Whom they were about is gone, and they with it.
        emptied = sa.select(events.c.feed_no).where(events.c.community == community, events.c.purge_id.is_not(None))
        query = query.where(alerts.c.feed_no.not_in(emptied))
    return {tuple(row) for row in connection.execute(query)}


def _check_stations(connection: sa.Connection, community: str, now_ms: int) -> Iterator[Finding]:
    heard = sa.func.coalesce(stations.c.last_contact_ms, stations.c.added_at_ms)
    query = sa.select(stations.c.station, heard).where(
        stations.c.community == community, stations.c.withdrawn_at_ms.is_(None)
    )
    ages = {station: now_ms - heard_ms for station, heard_ms in connection.execute(query.order_by(stations.c.station))}
    silent = [station for station, age_ms in ages.items() if age_ms > SILENT_AFTER_MS]
    if silent:
        yield _attention(
            N_("stations: not heard for more than a day: {stations}; ask there, or withdraw them"),
            stations=", ".join(silent),
        )
    else:
        yield _good(N_("stations: {count} take part, all heard within a day"), count=len(ages))


def _check_clock(connection: sa.Connection, community: str, now_ms: int) -> Iterator[Finding]:
    newest = sa.select(sa.func.max(stations.c.last_contact_ms)).where(stations.c.community == community)
    known_ms = connection.execute(newest).scalar_one_or_none() or 0
    if connection.dialect.name == "postgresql":
        seconds = sa.func.extract("epoch", sa.func.clock_timestamp())
        database_ms = int(connection.execute(sa.select(seconds)).scalar_one() * 1000)
        if abs(database_ms - now_ms) > CLOCK_TOLERANCE_MS:
            yield _wrong(
                N_("clock: this machine's and the database's are {seconds} s apart; set both by NTP"),
                seconds=round(abs(database_ms - now_ms) / 1000),
            )
            return
    if known_ms > now_ms + CLOCK_TOLERANCE_MS:
        yield _wrong(
            N_("clock: it is {seconds} s before the last contact with a gate; set it right by NTP"),
            seconds=round((known_ms - now_ms) / 1000),
        )
    else:
        yield _good(N_("clock: not before the last contact with a gate"))


def _check_disk(engine: sa.Engine, folder: Path) -> Iterator[Finding]:
    place = Path(engine.url.database or "").parent if engine.dialect.name == "sqlite" else folder
    free = shutil.disk_usage(place).free
    judge: Callable[..., Finding] = _wrong if free < SCARCE_BYTES else _attention if free < LOW_BYTES else _good
    yield judge(N_("disk: {free} MB are free at {place}"), free=free // 1024**2, place=place)
