"""Claiming a first leg at the community, in a bounded time: a gate that gets no answer decides alone."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OverdueError
from typing import TYPE_CHECKING

import msgspec

from sync.client import TransferError, connect, decode, send
from sync.wire import ClaimAnswer, ClaimRequest

if TYPE_CHECKING:
    import httpx2

BUDGET_S = 0.3
"""What a claim may cost a guard who waits for the green screen."""


class HttpClaims:
    """Claims at the community at `url` under a station's `secret`.

    `is_reachable` is what the courier found last: while the community does not answer, no guard waits for it.
    """

    def __init__(self, url: str, secret: str, is_reachable: Callable[[], bool], budget_s: float = BUDGET_S) -> None:
        self._url = url
        self._secret = secret
        self._is_reachable = is_reachable
        self._budget_s = budget_s
        self._client: httpx2.Client | None = None
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="claims")
        self._under_way: Future[ClaimAnswer] | None = None

    @property
    def is_reachable(self) -> bool:
        """Whether the community answered lately."""
        return self._is_reachable()

    def claim(self, event_id: str, keys: list[str], at_ms: int) -> ClaimAnswer | None:
        """Claim `keys` for the passage that `event_id` will record; None when there is no answer in time."""
        if not self.is_reachable or (self._under_way and not self._under_way.done()):
            return None
        self._under_way = self._worker.submit(self._ask, ClaimRequest(event_id=event_id, keys=keys, at_ms=at_ms))
        try:
            return self._under_way.result(self._budget_s)
        except (OverdueError, TransferError):
            return None

    def close(self) -> None:
        """Ask no more; a question under way ends by its own time-out."""
        self._worker.submit(self._hang_up)
        self._worker.shutdown(wait=False)

    def _hang_up(self) -> None:
        if self._client:
            self._client.close()

    def _ask(self, wish: ClaimRequest) -> ClaimAnswer:
        self._client = self._client or connect(self._url, self._secret, self._budget_s)
        content = msgspec.json.encode(wish)
        return decode(send(self._client, "POST", "/v1/claims", content, coding="identity"), ClaimAnswer)
