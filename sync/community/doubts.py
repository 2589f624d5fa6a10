"""Doubted heads: stations of which other gates say that their journal is not what it was (`head.doubted`)."""

from dataclasses import dataclass
from typing import Literal

import sqlalchemy as sa

from passes.errors import N_, GatepostError
from sync.bodies import HeadDoubted
from sync.community.database import events, stations
from sync.events import understood

_SAYS = {
    "cut": N_("station {station}: gate {by} saw its journal reach to {seen}, and now to {told} only; ask there why"),
    "fork": N_("station {station}: gate {by} saw another record {seen} of it than it has now; ask there why"),
    "key": N_("station {station}: gate {by} saw somebody else sign for it; ask there why, or withdraw it"),
}


@dataclass(frozen=True, slots=True)
class HeadDoubt:
    """What the gate `by` says of a station: its journal reached to `seen_seq` of `epoch`, and now to `told_seq`."""

    station: str
    by: str
    epoch: str
    doubt: Literal["cut", "fork", "key"]
    seen_seq: int
    told_seq: int

    def told(self) -> GatepostError:
        """Return it as a sentence, raised by nobody."""
        return GatepostError(
            _SAYS[self.doubt], station=self.station, by=self.by, seen=self.seen_seq, told=self.told_seq
        )


def open_doubts(connection: sa.Connection, community: str) -> list[HeadDoubt]:
    """Return the doubts that stand, by station: one a station and epoch, from the gate that was heard last.

    A doubt is over when the station was withdrawn or has begun a new epoch, and one that its journal was cut also when
    it has signed again for what was missing.
    """
    taking_part = {
        row.station: row
        for row in connection.execute(
            sa.select(stations.c.station, stations.c.signed_epoch, stations.c.signed_seq).where(
                stations.c.community == community, stations.c.withdrawn_at_ms.is_(None)
            )
        )
    }
    found = {}
    # The kind is a literal, so that both databases see that the index of these records is enough.
    query = sa.select(events.c.station, events.c.kind, events.c.body).where(
        events.c.community == community, events.c.kind == sa.literal_column("'head.doubted'")
    )
    for by, kind, text in connection.execute(query.order_by(events.c.feed_no)):
        body = understood(kind, text.encode())
        if isinstance(body, HeadDoubted) and body.station in taking_part:
            row = taking_part[body.station]
            if not _is_over(body, row.signed_epoch or "", row.signed_seq or 0):
                doubt = HeadDoubt(body.station, by, body.epoch, body.doubt, body.seen_seq, body.told_seq)
                found[body.station, body.epoch] = doubt
    return [found[key] for key in sorted(found)]


def _is_over(body: HeadDoubted, epoch: str, seq: int) -> bool:
    return epoch > body.epoch or (body.doubt == "cut" and epoch == body.epoch and seq >= body.seen_seq)
