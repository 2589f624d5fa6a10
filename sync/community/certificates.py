"""The certificate of a purge as a file for whoever has to show it: the event in the office's chain, in short."""

from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import sqlalchemy as sa

from sync.bodies import RetentionPurged
from sync.community.database import events, reading
from sync.community.instants import local_time
from sync.community.sheets import save
from sync.community.tables_retention import purges
from sync.events import read_body

FOLDER = "certificates"


def write_certificates(engine: sa.Engine, community: str, folder: Path, zone: ZoneInfo) -> list[Path]:
    """Write the certificate of every finished purge whose file is not in `folder` yet; return the new files.

    Raises `ExportError` and `DatabaseError`; the next run writes what is missing.
    """
    with reading(engine) as connection:
        query = sa.select(purges.c.event_id).where(
            purges.c.community == community, purges.c.finished_at_ms.is_not(None)
        )
        finished = list(connection.execute(query.order_by(purges.c.finished_at_ms)).scalars())
    return [path for event_id in finished if (path := _write(engine, community, folder, zone, event_id))]


def _write(engine: sa.Engine, community: str, folder: Path, zone: ZoneInfo, event_id: str) -> Path | None:
    query = sa.select(events).where(events.c.community == community, events.c.id == event_id)
    with reading(engine) as connection:
        row = connection.execute(query.where(events.c.kind == "retention.purged")).one()
    body = read_body(row.kind, row.body.encode())
    assert isinstance(body, RetentionPurged)  # noqa: S101 - the kind says so
    path = folder / FOLDER / f"purge-{local_time(row.at_ms, zone):%Y-%m-%d}-{body.purge_id[-8:]}.json"
    if path.exists():
        return None
    with suppress(OSError):
        # What is wrong with the folder is told when the file is written.
        path.parent.mkdir(exist_ok=True)
    save(path, msgspec.json.format(msgspec.json.encode(_certificate(community, row, body, zone)), indent=2) + b"\n")
    return path


def _certificate(community: str, row: Any, body: RetentionPurged, zone: ZoneInfo) -> dict[str, object]:
    return {
        "community": community,
        "purged_at": local_time(row.at_ms, zone).isoformat(timespec="minutes"),
        "by": row.guard,
        "kept_days": body.days,
        "emptied_events": body.events,
        "changed_rows": body.rows,
        "digest": body.digest,
        "digest_covers": "a line `hash SP sha256-of-what-stays LF` for each emptied event, in the order of the feed",
        "event": {
            "station": row.station,
            "epoch": row.epoch,
            "seq": row.seq,
            "id": row.id,
            "hash": row.hash,
        },
        "not_covered": "backups, files exported before, paper, and the stations' own journals",
    }
