"""What this gate has seen of the other gates' journals, so that a tail cut off or a second life of one shows.

The community hands on the head that each station has signed (`sync.heads`). The newest of each epoch is kept. A station
that later says less than it did, other than it did, or signs with another key in the same epoch, is doubted; less only
after a while, since a community that was restored tells of the past until each gate has been heard again. A doubt ends
with the epoch, and one about what is missing when it has come back.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sync.heads import is_signed
from sync.wire import FeedHead, SignedHead

if TYPE_CHECKING:
    from sqlite3 import Connection

Doubt = Literal["cut", "fork", "key"]

GRACE_MS = 15 * 60_000
"""How long a station may say less than before until it is doubted."""

_NEWEST = (
    "SELECT epoch, seq, hash, public_key, doubt, since_ms FROM witnessed WHERE station = ? ORDER BY epoch DESC LIMIT 1"
)
_KEEP = (
    "INSERT INTO witnessed (station, epoch, seq, hash, public_key, at_ms) VALUES (?, ?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET seq = excluded.seq, hash = excluded.hash, at_ms = excluded.at_ms, since_ms = NULL,"
    " doubt = NULL, reported = 0"
)


@dataclass(frozen=True, slots=True)
class Doubted:
    """A station whose journal is not what it was: `seen_seq` was its head here, `told_seq` what it says now."""

    station: str
    epoch: str
    doubt: Doubt
    seen_seq: int
    told_seq: int


def watch(connection: "Connection", own_station: str, heads: list[FeedHead], now_ms: int) -> None:
    """Compare the heads with those seen before, and keep the newest; in the transaction that is open."""
    for head in heads:
        if head.signed and head.station != own_station and is_signed(head.signed, head.station):
            _watch_one(connection, head.station, head.signed, now_ms)


def _watch_one(connection: "Connection", station: str, told: SignedHead, now_ms: int) -> None:
    row = connection.execute(_NEWEST, (station,)).fetchone()
    key = told.public_key.hex()
    if row is None or told.epoch > row[0]:
        connection.execute(_KEEP, (station, told.epoch, told.seq, told.hash, key, now_ms))
        return
    epoch, seq, digest, known_key, doubt, since_ms = row
    is_same = (told.epoch, key) == (epoch, known_key)
    if doubt == "cut" and is_same and (told.seq > seq or (told.seq, told.hash) == (seq, digest)):
        # What was missing has come back: the community was restored, and the gate has sent it again.
        connection.execute(_KEEP, (station, epoch, told.seq, told.hash, key, now_ms))
    if doubt:
        return
    is_less = told.epoch < epoch or told.seq < seq
    if told.epoch == epoch and key != known_key:
        _doubt(connection, station, epoch, "key", told.seq, now_ms)
    elif told.epoch == epoch and told.seq == seq and told.hash != digest:
        _doubt(connection, station, epoch, "fork", told.seq, now_ms)
    elif is_less and since_ms is not None and now_ms - since_ms > GRACE_MS:
        _doubt(connection, station, epoch, "cut", told.seq if told.epoch == epoch else 0, now_ms)
    elif is_less:
        since = "UPDATE witnessed SET since_ms = coalesce(since_ms, ?) WHERE station = ? AND epoch = ?"
        connection.execute(since, (now_ms, station, epoch))
    elif told.seq > seq or since_ms is not None:
        connection.execute(_KEEP, (station, epoch, told.seq, told.hash, key, now_ms))


def _doubt(connection: "Connection", station: str, epoch: str, doubt: Doubt, told_seq: int, now_ms: int) -> None:
    connection.execute(
        "UPDATE witnessed SET doubt = ?, told_seq = ?, at_ms = ? WHERE station = ? AND epoch = ?",
        (doubt, told_seq, now_ms, station, epoch),
    )


def doubted(connection: "Connection", *, unreported: bool = False) -> list[Doubted]:
    """Return the stations whose journals are doubted here, or only those that no record here tells of yet."""
    rows = connection.execute(
        "SELECT station, epoch, doubt, seq, told_seq FROM witnessed"
        " WHERE doubt IS NOT NULL AND reported <= ?"
        " AND NOT EXISTS (SELECT 1 FROM witnessed AS newer WHERE newer.station = witnessed.station"
        " AND newer.epoch > witnessed.epoch) ORDER BY station, epoch",
        (0 if unreported else 1,),
    )
    return [Doubted(*row) for row in rows]


def set_reported(connection: "Connection", doubt: Doubted) -> None:
    """Remember, in the transaction that records it, that a doubt has been recorded."""
    where = "WHERE station = ? AND epoch = ?"
    connection.execute(f"UPDATE witnessed SET reported = 1 {where}", (doubt.station, doubt.epoch))  # noqa: S608 - no input
