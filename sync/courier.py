"""The courier: carries a station's journal to its community, in order, and the community's feed back to it.

It runs on a thread of its own and never stands in the gate's way. Nothing counts as delivered before a well-formed
answer of the real community names it; everything else is tried again, later and later, with jitter.
"""

import gzip
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlencode

from passes.errors import N_, GatepostError
from sync.client import (
    TIMEOUT_S,
    BusyError,
    NotWelcomeError,
    TransferError,
    check_community,
    connect,
    decode,
    greet,
    send,
)
from sync.events import Event, to_json
from sync.wire import MAX_EVENTS, EventAnswer, FeedAnswer, JournalAnswer

if TYPE_CHECKING:
    import httpx2

BATCH_BYTES = 1024 * 1024
"""A batch ends here even when it has fewer than `MAX_EVENTS`, so that a slow line gets an answer in time."""

_SHORTEST_PAUSE_S = 0.5
_WELCOME_PAUSE_S = 60.0


_TROUBLES = (GatepostError, ArithmeticError, LookupError, OSError, TypeError, ValueError)
"""What may go wrong with an answer or the file; a courier that died of it would tell nobody."""


class Outbox(Protocol):
    """What the courier takes from and reports to; used on the courier's thread only."""

    def unsent(self, limit: int) -> list[tuple[int, Event]]:
        """Return the oldest events without an answer, with their local numbers."""
        ...

    def settle(self, answers: Sequence[tuple[int, EventAnswer]], at_ms: int) -> None:
        """Keep the community's answers, by local number."""
        ...


class FeedStore(Protocol):
    """Where the feed is kept; used on the courier's thread only."""

    def cursor(self) -> str | None:
        """Return what to ask for next; None before the first time."""
        ...

    def epoch(self) -> str | None:
        """Return the epoch in which the station writes: of that, it needs nothing from the feed."""
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
    community's, `trouble` the reason why nothing moves (None when all is well). `news` counts the events that the feed
    has brought since the start.
    """

    last_contact_ms: int | None = None
    drift_ms: int | None = None
    trouble: GatepostError | None = None
    news: int = 0


class Courier:
    """Carries what `station` has to send to the community at `url`, and the feed back, under the station's `secret`.

    `open_parcels` is entered on the courier's thread. `on_state` is called there too, whenever the state changed.
    `now_ms` is the station's clock. `longest_wait_s` bounds the pause between two tries, `timeout_s` a request.
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
        self._state = CourierState()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        """Begin to carry."""
        self._thread.start()

    def stop(self, timeout_s: float = 0.5) -> None:
        """Ask the thread to end and wait for at most `timeout_s`; a request under way ends by its own time-out."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def nudge(self) -> None:
        """Say that there may be something new to send; costs nothing and never blocks."""
        self._wake.set()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                with self._open_parcels() as parcels, connect(self._url, self._secret, self._timeout_s) as client:
                    greet(client, self._community, self._station)
                    while not self._stopping.is_set():
                        self._wake.clear()
                        more = self._carry(client, parcels)
                        failures = 0
                        self._wake.wait(0.0 if more else self._longest_wait_s)
            except _TROUBLES as error:
                # Whatever came over the line, the next try must be made.
                failures += 1
                self._tell(replace(self._state, trouble=_trouble(error)))
                # New records must not hurry a community that is down: only the pause or the end wakes us.
                self._stopping.wait(self._pause_s(error, failures))

    def _carry(self, client: "httpx2.Client", parcels: Parcels) -> bool:
        """Send one batch and fetch one piece of the feed; say whether there may be more of either."""
        sent = carry_once(client, parcels.outbox, self._community, self._now_ms)
        asked_ms = self._now_ms()
        answer, new = fetch_once(client, parcels.feed, self._community, self._now_ms)
        answered_ms = self._now_ms()
        drift_ms = (asked_ms + answered_ms) // 2 - answer.server_time_ms
        self._tell(CourierState(answered_ms, drift_ms, None, self._state.news + new))
        return sent > 0 or answer.more

    def _pause_s(self, error: Exception, failures: int) -> float:
        if isinstance(error, NotWelcomeError):
            pause_s = _WELCOME_PAUSE_S
        else:
            pause_s = min(self._longest_wait_s, _SHORTEST_PAUSE_S * 2 ** min(failures, 10))
        if isinstance(error, BusyError):
            return error.retry_after_s + pause_s * random.uniform(0.0, 0.5)  # noqa: S311 - as below
        return pause_s * random.uniform(0.5, 1.0)  # noqa: S311 - jitter against 43 gates retrying in step

    def _tell(self, state: CourierState) -> None:
        if state != self._state:
            self._state = state
            self._on_state(state)


def _trouble(error: Exception) -> GatepostError:
    if isinstance(error, GatepostError):
        return error
    return GatepostError(
        N_("sending failed unexpectedly ({error}); records stay here and are sent later, report it"),
        error=f"{type(error).__name__}: {error}",
    )


def carry_once(client: "httpx2.Client", outbox: Outbox, community: str, now_ms: Callable[[], int]) -> int:
    """Send one batch and keep its answers; return how many events were answered.

    Raises `TransferError` when there is no valid answer of this community; then nothing is marked.
    """
    numbers: list[int] = []
    lines: list[bytes] = []
    size = 0
    for n, event in outbox.unsent(MAX_EVENTS):
        line = to_json(event)
        if lines and size + len(line) > BATCH_BYTES:
            break
        numbers.append(n)
        lines.append(line)
        size += len(line) + 1
    if lines:
        answer = _post(client, lines)
        check_community(answer.community, community)
        outbox.settle([(numbers[result.line], result) for result in answer.results], now_ms())
    return len(lines)


def fetch_once(
    client: "httpx2.Client", feed: FeedStore, community: str, now_ms: Callable[[], int]
) -> tuple[FeedAnswer, int]:
    """Fetch one piece of the feed and keep it; return it, and how many of its events were new.

    Raises `TransferError` when there is no valid answer of this community; then nothing is kept.
    """
    asked = {"after": feed.cursor(), "epoch": feed.epoch()}
    query = urlencode({name: value for name, value in asked.items() if value})
    answer = decode(send(client, "GET", f"/v1/feed?{query}", None), FeedAnswer)
    check_community(answer.community, community)
    return answer, feed.take(answer, now_ms())


def _post(client: "httpx2.Client", lines: list[bytes]) -> JournalAnswer:
    content = gzip.compress(b"\n".join(lines) + b"\n", compresslevel=5, mtime=0)
    answer = decode(send(client, "POST", "/v1/journal", content), JournalAnswer)
    if sorted(result.line for result in answer.results) != list(range(len(lines))):
        raise TransferError(N_("the community's answer does not fit what was sent; it will be sent again"))
    return answer
