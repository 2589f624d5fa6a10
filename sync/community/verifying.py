"""Walking every journal at the community: each event is what its station wrote, or what a certificate says was left."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from passes.errors import N_, GatepostError
from sync.bodies import RetentionPurged
from sync.community.database import events
from sync.community.purging import certified_digest
from sync.community.registers import each_record
from sync.community.streaming import streamed, streaming
from sync.community.tables_retention import purges
from sync.events import GENESIS, OFFICE, Clock, Event, recompute_hash
from sync.wire import BRANCH_MARK


class BrokenJournalError(GatepostError):
    """An event at the community is not what was written, or an emptied one not what its certificate says."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was walked: journals, their events, those that retention has emptied, and numbers that have not arrived."""

    journals: int
    events: int
    purged: int
    missing: int
    certificates: int


def verify_journals(engine: sa.Engine, community: str) -> Verified:
    """Walk every link of every station's journal, and check what the certificates of purges say.

    A number that is missing has not arrived yet, and breaks nothing. Raises `BrokenJournalError` for the first event
    that is not as it should be.
    """
    journals = count = purged = missing = 0
    before: tuple[str, str, int, str] = ("", "", 0, GENESIS)
    with streaming(engine, at_one_moment=True) as connection:
        branches = _branches(connection, community)
        for row in streamed(connection, _query(community)):
            station, epoch, seq, digest = before
            journals += row.station != station
            is_next = (row.station, row.epoch, row.seq) == (station, epoch, seq + 1)
            if BRANCH_MARK not in row.epoch:
                missing += row.seq - 1 - (seq if (row.station, row.epoch) == (station, epoch) else 0)
            follows = row.prev == digest or (row.station, row.epoch, row.seq - 1, row.prev) in branches
            if not _is_as_written(row) or (is_next and not follows):
                raise _broken(row)
            count, purged = count + 1, purged + (row.purge_id is not None)
            before = (row.station, row.epoch, row.seq, row.hash)
        certificates = sum(1 for _ in _check_certificates(connection, community))
    return Verified(journals, count, purged, missing, certificates)


def _check_certificates(connection: sa.Connection, community: str) -> Iterator[str]:
    found: set[str] = set()
    records = list(each_record(connection, community, ("retention.purged",)))
    for record in records:
        body = record.body
        if record.station != OFFICE or not isinstance(body, RetentionPurged):
            continue
        found.add(body.purge_id)
        if certified_digest(connection, community, body.purge_id) != (body.events, body.digest):
            raise BrokenJournalError(
                N_("purge {purge_id}: what it left is not what its certificate says; compare with a backup"),
                purge_id=body.purge_id,
            )
        yield body.purge_id
    unfinished = sa.select(purges.c.purge_id).where(purges.c.community == community, purges.c.finished_at_ms.is_(None))
    found.update(connection.execute(unfinished).scalars())
    named = sa.select(events.c.purge_id).where(events.c.community == community, events.c.purge_id.is_not(None))
    for purge_id in connection.execute(named.distinct()).scalars():
        if purge_id not in found:
            raise BrokenJournalError(
                N_("purge {purge_id}: events were emptied by it, and there is no certificate; compare with a backup"),
                purge_id=purge_id,
            )


def _branches(connection: sa.Connection, community: str) -> set[tuple[str, str, int, str]]:
    """Return place and hash of every fork: what was written after it may be the only event in its own place."""
    query = sa.select(events.c.station, events.c.epoch, events.c.seq, events.c.hash).where(
        events.c.community == community, events.c.epoch.contains(BRANCH_MARK, autoescape=True)
    )
    return {(row.station, row.epoch.partition(BRANCH_MARK)[0], row.seq, row.hash) for row in connection.execute(query)}


def _query(community: str) -> sa.Select[Any]:
    return (
        sa.select(events)
        .where(events.c.community == community)
        .order_by(events.c.station, events.c.epoch, events.c.seq)
    )


def _is_as_written(row: Any) -> bool:
    body = row.body.encode()
    event = Event(
        station=row.station,
        # A fork is kept under an epoch of its own, and says the one that it was written in.
        epoch=row.epoch.partition(BRANCH_MARK)[0],
        seq=row.seq,
        id=row.id,
        kind=row.kind,
        at_ms=row.at_ms,
        clock=Clock(device_ms=row.device_ms, drift_ms=row.drift_ms, suspect=row.suspect),
        shift=row.shift,
        guard=row.guard,
        body=msgspec.Raw(body),
        body_sha256=row.body_sha256,
        prev=row.prev,
        hash=row.hash,
    )
    is_whole = row.purge_id is not None or hashlib.sha256(body).hexdigest() == row.body_sha256
    return bool(is_whole and recompute_hash(event) == row.hash)


def _broken(row: Any) -> BrokenJournalError:
    return BrokenJournalError(
        N_("station {station}: the chain breaks at {epoch}/{seq}: it is not as it was written; compare with the gate"),
        station=row.station,
        epoch=row.epoch,
        seq=row.seq,
    )
