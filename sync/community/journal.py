"""The community's own journal: what its staff and its jobs order and find, one chain under the station id `office`.

Its epoch is the generation of the community's database. It is written under the lock of the feed's counter row, so it
is one chain whichever process writes it.
"""

import sqlalchemy as sa

from sync.bodies import Body
from sync.community.database import communities, events
from sync.community.numbering import take_numbers
from sync.events import GENESIS, OFFICE, Clock, Event, seal

__all__ = ["OFFICE", "append", "generation"]


def append(connection: sa.Connection, community: str, body: Body, at_ms: int, *, guard: str | None = None) -> Event:
    """Write one event of the community itself, by the member of staff `guard`, and return it.

    Must run inside `database.writing`; whoever appends or sends a batch waits until that transaction has ended. Raises
    `msgspec.ValidationError` for a body that could not be read back.
    """
    numbers = take_numbers(connection, community)
    epoch = numbers.generation
    seq, prev = _head(connection, community, epoch)
    clock = Clock(device_ms=at_ms, drift_ms=0)
    event = seal(
        body, station=OFFICE, epoch=epoch, seq=seq + 1, at_ms=at_ms, clock=clock, shift=None, guard=guard, prev=prev
    )
    row = {
        "community": community,
        "feed_no": numbers.before_no + 1,
        "received_at_ms": at_ms,
        **{name: getattr(event, name) for name in ("station", "epoch", "seq", "id", "kind", "at_ms", "shift", "guard")},
        **{name: getattr(clock, name) for name in ("device_ms", "drift_ms", "suspect")},
        "body": bytes(event.body).decode(),
        **{name: getattr(event, name) for name in ("body_sha256", "prev", "hash")},
    }
    connection.execute(sa.insert(events), row)
    return event


def generation(connection: sa.Connection, community: str) -> str:
    """Return the name of this life of the community's database."""
    query = sa.select(communities.c.generation).where(communities.c.community == community)
    found: str = connection.execute(query).scalar_one()
    return found


def _head(connection: sa.Connection, community: str, epoch: str) -> tuple[int, str]:
    """Return number and hash of the newest event of this epoch; of none, 0 and what its first event follows."""
    own = sa.select(events.c.seq, events.c.hash).where(events.c.community == community, events.c.station == OFFICE)
    head = connection.execute(own.where(events.c.epoch == epoch).order_by(events.c.seq.desc()).limit(1)).one_or_none()
    if head is not None:
        return head.seq, head.hash
    earlier = connection.execute(own.order_by(events.c.feed_no.desc()).limit(1)).one_or_none()
    return 0, earlier.hash if earlier else GENESIS
