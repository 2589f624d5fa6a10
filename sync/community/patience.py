"""HTTP connections whose requests have to come within bounds: small heads, and no head that takes for ever."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_TIMEOUT_S = 10.0
"""Longest time from the connection, or from the first byte of another request, to the end of a request's head."""

BODY_TIMEOUT_S = 60.0
"""Longest time for a request's body; a gate gives up after ten seconds of silence."""

MAX_HEAD_BYTES = 16 * 1024
MAX_CONNECTIONS = 1000
"""Connections of one process; whoever comes beyond them is told 503."""


class PatientProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, which waits for a request's head without end once a byte of it has come."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take in bytes, and see whether they have ended the head that was waited for."""
        super().data_received(data)
        if self._is_answering():
            self._stop_waiting()
        elif self._head_timer is None:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _stop_waiting(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if not self._is_answering():
            self.timeout_keep_alive_handler()
