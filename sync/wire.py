"""What goes over HTTP between a station and its community.

`POST /v1/journal`: gzip-compressed NDJSON, one event a line, at most `MAX_EVENTS`; the answer is a `JournalAnswer`
with one `EventAnswer` per line, in the order of the lines. The station names itself by its bearer secret.
`POST /v1/enrolment`: an `EnrolmentRequest` as JSON, without a secret; the answer is an `EnrolmentAnswer`.
`GET /v1/station`: a `StationAnswer`, so that a station can prove its settings right.
`GET /v1/holdings`: a `HoldingsAnswer`, asked by a station that meets another generation of the database than before.
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


BRANCH_MARK = "~"
"""Stands in no station's epoch: the community keeps a forked event under its epoch, this mark and part of its hash."""


class EnrolmentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A new station's wish for what a one-time code stands for (`sync.onetime`).

    `proof` shows that the code is known. `public_key` (32 raw bytes) is the one that the station signs its heads with;
    whoever asks again with the same key, having got no answer, gets the same. `station` is the id under which there are
    records already, empty where there are none: a code for another station is not used up then.
    """

    locator: str
    proof: bytes
    public_key: bytes
    station: str = ""


class EnrolmentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the office sealed for whoever has the code: an `sync.enrolment.Enrolment` as JSON."""

    sealed: bytes


class EventAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the event on line `line` (from 0).

    `stored`: new and kept. `already`: was there with the same hash. `fork`: another event has its number; both are
    kept. `quarantined`: kept with its raw bytes but not understood, see `reason`.
    """

    line: int
    status: Literal["stored", "already", "fork", "quarantined"]
    reason: str | None = None


class JournalAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The community's answer to one batch; `generation` changes when its database is not the one known before.

    `has_gap`: the event before the batch is not there, so the database may have lost what it once had.
    """

    community: str
    generation: str
    server_time_ms: Instant
    results: list[EventAnswer]
    has_gap: bool = False


class StationAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Who the community takes the caller for."""

    community: str
    community_name: str
    zone: str
    generation: str
    server_time_ms: Instant
    station: str
    station_name: str


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """That the community holds the caller's events 1 to `seq` of an epoch."""

    epoch: str
    seq: int


class HoldingsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the community holds of the caller's journal, by epoch; what is not named has to be sent (again).

    `trust_list` is the newest that the community's office signed (base64url): whoever cannot show one that the
    station's own root key signed is another community, whatever it calls itself.
    """

    community: str
    generation: str
    server_time_ms: Instant
    trust_list: str | None
    holdings: list[Holding]


class FeedItem(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the community as other gates get it: `at_ms` is drift-corrected, `body` cut to what a gate needs."""

    station: str
    epoch: str
    seq: int
    id: str
    kind: str
    at_ms: Instant
    body: msgspec.Raw


class SignedHead(msgspec.Struct, frozen=True, kw_only=True):
    """The newest event of a station's journal as the station itself says (`sync.heads`)."""

    epoch: str
    seq: int
    hash: str
    public_key: bytes
    signature: bytes


class FeedHead(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far the community has heard of a station: its newest event, and when it was last in contact.

    `signed` is how far the station itself last said that its journal goes; some of that may be unsent.
    """

    station: str
    epoch: str
    seq: int
    hash: str
    contact_ms: Instant | None = None
    signed: SignedHead | None = None


class FeedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of the feed. `cursor` is what to ask for next; it says nothing else to a station.

    `from_start`: the cursor asked for is not one of this database as it is now, so the feed begins anew. `more`: there
    is more at once. `heads` of all stations come with the piece that reaches the end.
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
