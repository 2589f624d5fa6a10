"""What goes over HTTP between a station and its community.

`POST /v1/journal`: gzip-compressed NDJSON, one event a line, at most `MAX_EVENTS`; the answer is a `JournalAnswer`
with one `EventAnswer` per line, in the order of the lines. The station names itself by its bearer secret.
`GET /v1/station`: a `StationAnswer`, so that a station can prove its settings right.
`GET /v1/feed?after=CURSOR&limit=&epoch=&wait=`: a `FeedAnswer` with what follows the cursor, without the events of the
station's own `epoch`; with nothing new it comes after `wait` seconds.
`POST /v1/claims`: a `ClaimRequest` as JSON, plain or gzip-compressed; the answer is a `ClaimAnswer`.
Errors are a `Problem` (the `detail` of RFC 9457) with the HTTP status that fits.
"""

from typing import Annotated, Literal

import msgspec

MAX_EVENTS = 1000
"""Events in one request."""

MAX_BODY_BYTES = 8 * 1024 * 1024
"""Size of one request after decompression."""

MEDIA_TYPE = "application/x-ndjson"
PROTOCOL_HEADER = "gatepost-protocol"
PROTOCOL_VERSION = "1"
"""Every real answer carries this header, so a captive portal's 200 is not taken for one."""


Instant = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799_999)]
"""UTC milliseconds up to the end of the year 9999; what lies beyond fits no calendar and no database column."""


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the event on line `line` (from 0).

    `stored`: new and kept. `already`: was there with the same hash. `fork`: another event has its number; both are
    kept. `quarantined`: kept with its raw bytes but not understood, see `reason`.
    """

    line: int
    status: Literal["stored", "already", "fork", "quarantined"]
    reason: str | None = None


class JournalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The community's answer to one batch; `generation` changes when its database is not the one known before."""

    community: str
    generation: str
    server_time_ms: Instant
    results: list[EventAnswer]


class StationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who the community takes the caller for."""

    community: str
    community_name: str
    zone: str
    generation: str
    server_time_ms: Instant
    station: str
    station_name: str


class FeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the community as other gates get it: `at_ms` is drift-corrected, `body` cut to what a gate needs."""

    station: str
    epoch: str
    seq: int
    id: str
    kind: str
    at_ms: Instant
    body: msgspec.Raw


class FeedHead(msgspec.Struct, frozen=True, kw_only=True):
    """How far the community has heard of a station: its newest event, and when it was last in contact."""

    station: str
    epoch: str
    seq: int
    hash: str
    contact_ms: Instant | None = None


class FeedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the feed. `cursor` is what to ask for next; it says nothing else to a station.

    `from_start`: the cursor asked for was another generation's, so the feed begins anew. `more`: there is more at
    once. `heads` of all stations come with the piece that reaches the end.
    """

    community: str
    generation: str
    server_time_ms: Instant
    cursor: str
    items: list[FeedItem]
    more: bool = False
    from_start: bool = False
    heads: list[FeedHead] = []


class ClaimRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A first leg that the event `event_id` is about to record at `at_ms`; `keys` are what it takes."""

    event_id: str
    keys: list[str]
    at_ms: Instant


class ClaimAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Whether all keys are the event's; otherwise the `key` that is another's, whose `station`, and since `at_ms`."""

    granted: bool
    key: str | None = None
    station: str | None = None
    at_ms: Instant | None = None


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """A refused request, in a sentence that names the field and the remedy."""

    detail: str
