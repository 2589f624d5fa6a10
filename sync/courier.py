"""The courier: carries a station's journal to its community, in order, and the community's feed back to it.

It runs on two threads of its own, one for each way, and never stands in the gate's way. Nothing counts as delivered
before a well-formed answer of the real community names it; everything else is tried again, later and later, with
jitter. A database that is not the one before is asked first what it holds; what it lacks is sent again.
"""

import gzip
import random
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from passes.errors import N_, GatepostError
from sync.client import (
    TIMEOUT_S,
    NewGenerationError,
    NotWelcomeError,
    TooBigError,
    TransferError,
    ask_holdings,
    check_community,
    check_generation,
    connect,
    decode,
    greet,
    send,
)
from sync.events import Event, to_json
from sync.heads import HEADER, head_text
from sync.wire import MAX_EVENTS, EventAnswer, FeedAnswer, HoldingsAnswer, JournalAnswer, SignedHead

if TYPE_CHECKING:
    import httpx2

BATCH_BYTES = 1024 * 1024
"""A batch ends here even when it has fewer than `MAX_EVENTS`, so that a slow line gets an answer in time."""

WAIT_S = 10
"""How long the community is asked to wait for news; a line that died unnoticed is noticed after it."""

_PACKING = 1
"""Of gzip's levels the one that takes least from a gate that goes on meanwhile; level 5 saves a tenth of the bytes."""

_BREATH_S = 0.2
"""A backlog leaves no faster than a batch in this time, so that the gate goes on: 5,000 events a second at most."""

_SWITCH_S = 0.0005
"""How long the interpreter lets a thread of the courier's run while the gate's waits; it is 5 ms by default."""

_MOST_ROUNDS = 4
"""A database that was restored is noticed in one, asked in the next, and filled up in the one after that."""

_SHORTEST_PAUSE_S = 0.5
_WELCOME_PAUSE_S = 60.0


_TROUBLES = (GatepostError, ArithmeticError, LookupError, OSError, TypeError, ValueError)
"""What may go wrong with an answer or the file; a courier that died of it would tell nobody."""


class Outbox(Protocol):
    """What the courier takes from and reports to; used on one thread only."""

    def generation(self) -> str | None:
        """Return the life of the community's database that was agreed with; None: ask what it holds."""
        ...

    def agree(self, answer: HoldingsAnswer) -> None:
        """Take up with the database as it is: what it lacks is unsent; raises `GatepostError` for a stranger's."""
        ...

    def unsent(self, limit: int) -> list[tuple[int, Event]]:
        """Return the oldest events without an answer, with their local numbers."""
        ...

    def settle(
        self,
        answers: Sequence[tuple[int, EventAnswer]],
        at_ms: int,
        generation: str | None = None,
        *,
        has_gap: bool = False,
    ) -> None:
        """Keep the answers, by local number, of the database whose life is `generation`, which may have a gap."""
        ...


class FeedStore(Protocol):
    """Where the feed is kept; used on one thread only."""

    def cursor(self) -> str | None:
        """Return what to ask for next; None before the first time."""
        ...

    def generation(self) -> str | None:
        """Return the life of the community's database that was agreed with, None where none was yet."""
        ...

    def epoch(self) -> str | None:
        """Return the epoch in which the station writes: of that, it needs nothing from the feed."""
        ...

    def head(self) -> SignedHead | None:
        """Return how far the journal goes, signed; None while it is empty or the station has no key for that."""
        ...

    def take(self, answer: FeedAnswer, now_ms: int) -> int:
        """Keep a piece of the feed; return how many events were new."""
        ...


@dataclass(frozen=True, slots=True)
class Parcels:
    """The two ends of the courier's way at a station: what is to be sent, and where goes what has come."""

    outbox: Outbox
    feed: FeedStore


@dataclass(frozen=True, slots=True)
class CourierState:
    """How the courier fares.

    `last_contact_ms` is the instant of the last valid answer, `drift_ms` how far the device's clock is ahead of the
    community's, `trouble` the reason why nothing moves one way or the other (None when all is well). `news` counts the
    events that the feed has brought since the start.
    """

    last_contact_ms: int | None = None
    drift_ms: int | None = None
    trouble: GatepostError | None = None
    news: int = 0


class Courier:
    """Carries what `station` has to send to the community at `url`, and the feed back, under the station's `secret`.

    `open_parcels` is entered on each of the courier's threads. `on_state` is called there too, one thread at a time,
    whenever the state changed. `now_ms` is the station's clock. `longest_wait_s` bounds the pause between two tries,
    `timeout_s` a request; `wait_s` is how long the community may hold back an answer while there is no news.
    """

    def __init__(
        self,
        *,
        url: str,
        secret: str,
        community: str,
        station: str,
        open_parcels: Callable[[], AbstractContextManager[Parcels]],
        on_state: Callable[[CourierState], None],
        now_ms: Callable[[], int],
        longest_wait_s: float = 5.0,
        timeout_s: float = TIMEOUT_S,
        wait_s: int = WAIT_S,
    ) -> None:
        self._url = url
        self._secret = secret
        self._community = community
        self._station = station
        self._open_parcels = open_parcels
        self._on_state = on_state
        self._now_ms = now_ms
        self._longest_wait_s = longest_wait_s
        self._timeout_s = timeout_s
        self._wait_s = wait_s
        self._most = MAX_EVENTS
        self._state = CourierState()
        self._troubles: dict[_Way, GatepostError] = {}
        self._telling = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._mended = threading.Event()
        ways: dict[str, _Way] = {"courier-push": self._push, "courier-fetch": self._fetch}
        self._threads = [
            threading.Thread(target=self._run, args=(way,), name=name, daemon=True) for name, way in ways.items()
        ]

    def start(self) -> None:
        """Begin to carry."""
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_S))
        for thread in self._threads:
            thread.start()

    def stop(self, timeout_s: float = 0.5) -> None:
        """Ask the threads to end and wait for at most `timeout_s`; a request under way ends by its own time-out."""
        self._stopping.set()
        self._wake.set()
        self._mended.set()
        deadline_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline_s - time.monotonic(), 0))

    def nudge(self) -> None:
        """Say that there may be something new to send; costs nothing and never blocks."""
        self._wake.set()

    def _run(self, way: "_Way") -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                timeout_s = self._timeout_s + self._wait_s
                with self._open_parcels() as parcels, connect(self._url, self._secret, timeout_s) as client:
                    self._meet(client, parcels.outbox)
                    while not self._stopping.is_set():
                        way(client, parcels)
                        failures = 0
            except _TROUBLES as error:
                # Whatever came over the line, the next try must be made.
                failures += 1
                if not isinstance(error, NewGenerationError):
                    self._tell(way, trouble=_trouble(error))
                self._pause(error, failures)

    def _meet(self, client: "httpx2.Client", outbox: Outbox) -> None:
        """Make sure that this is the community and the database that we know, or what it lacks."""
        asked_ms = self._now_ms()
        answer = greet(client, self._community, self._station)
        drift_ms = (asked_ms + self._now_ms()) // 2 - answer.server_time_ms
        if answer.generation != outbox.generation():
            outbox.agree(ask_holdings(client, self._community))
        with self._telling:
            self._state = replace(self._state, drift_ms=drift_ms)

    def _push(self, client: "httpx2.Client", parcels: Parcels) -> None:
        """Send one batch, or wait until there is something to send."""
        self._wake.clear()
        began_s = time.monotonic()
        try:
            sent = carry_once(client, parcels.outbox, self._community, self._now_ms, self._most)
        except TooBigError:
            if self._most == 1:
                raise
            self._most //= 2
            return
        if sent:
            self._tell(self._push, last_contact_ms=self._now_ms())
            _require_agreement(parcels.outbox)
            if sent * 2 > self._most:
                self._stopping.wait(max(began_s + _BREATH_S - time.monotonic(), 0))
        else:
            self._tell(self._push)
            self._wake.wait(self._longest_wait_s)

    def _fetch(self, client: "httpx2.Client", parcels: Parcels) -> None:
        """Fetch one piece of the feed, for which the community waits when there is no news."""
        asked_s = time.monotonic()
        answer, new = fetch_once(client, parcels.feed, self._community, self._now_ms, self._wait_s)
        answered_ms = self._now_ms()
        # Keeping a full piece takes its time, and says nothing of the clock.
        drift_ms = self._state.drift_ms if answer.items else answered_ms - answer.server_time_ms
        self._tell(self._fetch, last_contact_ms=answered_ms, drift_ms=drift_ms, news=self._state.news + new)
        _require_agreement(parcels.outbox)
        if not answer.items and not answer.more and time.monotonic() - asked_s < self._wait_s / 2:
            # It did not wait, so we do.
            self._stopping.wait(self._longest_wait_s)

    def _pause(self, error: Exception, failures: int) -> None:
        # New records must not hurry a community that is down: only the other way's success does, or the end.
        is_bidden = isinstance(error, NotWelcomeError) or (isinstance(error, TransferError) and error.retry_after_s > 0)
        self._mended.clear()
        if not self._stopping.is_set():
            (self._stopping if is_bidden else self._mended).wait(self._pause_s(error, failures))

    def _pause_s(self, error: Exception, failures: int) -> float:
        if isinstance(error, NotWelcomeError):
            pause_s = _WELCOME_PAUSE_S
        else:
            pause_s = min(self._longest_wait_s, _SHORTEST_PAUSE_S * 2 ** min(failures, 10))
        # Jitter, against 43 gates retrying in step; never earlier than we were asked to.
        asked_s = error.retry_after_s if isinstance(error, TransferError) else 0.0
        return asked_s + pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - no secret depends on it

    def _tell(self, way: "_Way", *, trouble: GatepostError | None = None, **news: Any) -> None:
        with self._telling:
            was_troubled = self._troubles.pop(way, None) is not None
            if trouble:
                self._troubles[way] = trouble
            elif was_troubled:
                self._mended.set()
            state = replace(self._state, trouble=next(iter(self._troubles.values()), None), **news)
            if state != self._state:
                self._state = state
                self._on_state(state)


_Way = Callable[["httpx2.Client", Parcels], None]


def _require_agreement(outbox: Outbox) -> None:
    if outbox.generation() is None:
        raise NewGenerationError(N_("the community's database has lost something; asking what it holds"))


def _trouble(error: Exception) -> GatepostError:
    if isinstance(error, GatepostError):
        return error
    return GatepostError(
        N_("sending failed unexpectedly ({error}); records stay here and are sent later, report it"),
        error=f"{type(error).__name__}: {error}",
    )


def exchange(
    client: "httpx2.Client", parcels: Parcels, community: str, station: str, now_ms: Callable[[], int]
) -> tuple[int, int]:
    """Send all that is unsent and fetch all that is new; return how many events went and how many came.

    Raises as `agree_once`, `carry_once` and `fetch_once` do; what was answered until then stays so.
    """
    sent = fetched = 0
    for _ in range(_MOST_ROUNDS):
        agree_once(client, parcels.outbox, community, station)
        while batch := carry_once(client, parcels.outbox, community, now_ms):
            sent += batch
        has_more = True
        while has_more:
            answer, new = fetch_once(client, parcels.feed, community, now_ms)
            fetched, has_more = fetched + new, answer.more
        if parcels.outbox.generation() is not None and not parcels.outbox.unsent(1):
            break
    return sent, fetched


def agree_once(client: "httpx2.Client", outbox: Outbox, community: str, station: str) -> None:
    """Make sure, before anything is sent, who answers and what the database there lacks of what it once had.

    Raises `TransferError` when it is not the community or we are not the station, `GatepostError` for a stranger.
    """
    if greet(client, community, station).generation != outbox.generation():
        outbox.agree(ask_holdings(client, community))


def carry_once(
    client: "httpx2.Client", outbox: Outbox, community: str, now_ms: Callable[[], int], most: int = MAX_EVENTS
) -> int:
    """Send one batch of at most `most` events and keep its answers; return how many events were answered.

    Raises `TransferError` when there is no valid answer of this community; then nothing is marked.
    """
    batch, lines = fitting(outbox.unsent(most))
    if lines:
        answer = _post(client, lines)
        check_community(answer.community, community)
        check_generation(answer.generation, outbox.generation())
        results = [(batch[result.line][0], result) for result in answer.results]
        outbox.settle(results, now_ms(), answer.generation, has_gap=answer.has_gap)
    return len(lines)


def fitting(events: Iterable[tuple[int, Event]]) -> tuple[list[tuple[int, Event]], list[bytes]]:
    """Return the first of the numbered events, as many as fit into one batch, and each one's line; at least one."""
    batch: list[tuple[int, Event]] = []
    lines: list[bytes] = []
    size = 0
    for n, event in events:
        line = to_json(event)
        if lines and size + len(line) > BATCH_BYTES:
            break
        batch.append((n, event))
        lines.append(line)
        size += len(line) + 1
    return batch, lines


def fetch_once(
    client: "httpx2.Client", feed: FeedStore, community: str, now_ms: Callable[[], int], wait_s: int = 0
) -> tuple[FeedAnswer, int]:
    """Fetch one piece of the feed and keep it; return it, and how many of its events were new.

    With no news the answer comes after `wait_s` seconds.

    Raises `TransferError` when there is no valid answer of this community; then nothing is kept.
    """
    asked = {"after": feed.cursor(), "epoch": feed.epoch(), "wait": wait_s}
    query = urlencode({name: value for name, value in asked.items() if value})
    head = feed.head()
    headers = {HEADER: head_text(head)} if head else None
    answer = decode(send(client, "GET", f"/v1/feed?{query}", None, headers=headers), FeedAnswer)
    check_community(answer.community, community)
    check_generation(answer.generation, feed.generation())
    return answer, feed.take(answer, now_ms())


def pack(lines: list[bytes]) -> bytes:
    """Return the body of a batch, an event a line."""
    return gzip.compress(b"\n".join(lines) + b"\n", compresslevel=_PACKING, mtime=0)


def _post(client: "httpx2.Client", lines: list[bytes]) -> JournalAnswer:
    answer = decode(send(client, "POST", "/v1/journal", pack(lines)), JournalAnswer)
    if sorted(result.line for result in answer.results) != list(range(len(lines))):
        raise TransferError(N_("the community's answer does not fit what was sent; it will be sent again"))
    return answer
