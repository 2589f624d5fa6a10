"""HTTP whose every request has one deadline: a server that answers byte by byte, head or body, holds nobody up."""

import time
from typing import Any

import httpcore2
import httpx2


class BoundedTransport(httpx2.HTTPTransport):
    """Carries one request at a time, and none for longer than the time-out for reading.

    Libraries count that time anew with each byte that comes; here it runs from the request's start to the answer's end.
    """

    def __init__(self) -> None:
        context = httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._backend = _Backend()
        self._pool = httpcore2.ConnectionPool(ssl_context=context, network_backend=self._backend)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request; the answer's body is read within the same deadline."""
        self._backend.deadline_s = time.monotonic() + request.extensions["timeout"]["read"]
        return super().handle_request(request)


class _Backend(httpcore2.SyncBackend):
    deadline_s = 0.0

    def connect_tcp(self, *args: Any, **options: Any) -> httpcore2.NetworkStream:
        return _Stream(super().connect_tcp(*args, **options), self)

    def left_s(self, timeout_s: float | None, error: type[Exception]) -> float:
        left_s = self.deadline_s - time.monotonic()
        if left_s <= 0:
            raise error("timed out")
        return left_s if timeout_s is None else min(timeout_s, left_s)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, stream: httpcore2.NetworkStream, backend: _Backend) -> None:
        self._stream = stream
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._backend.left_s(timeout, httpcore2.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            left_s = self._backend.left_s(timeout, httpcore2.WriteTimeout)
            self._stream.write(buffer[start : start + _WRITE_BYTES], left_s)

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, *args: Any, **options: Any) -> httpcore2.NetworkStream:
        return _Stream(self._stream.start_tls(*args, **options), self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


_WRITE_BYTES = 64 * 1024
"""Written at once: one who takes a request in drops is noticed between two of these."""
