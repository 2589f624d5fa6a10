"""Watching requests from outside: each is counted, and those that were refused or failed are logged."""

import logging
import time
from collections.abc import Collection

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sync.community.answering import host_of
from sync.community.logs import FIELDS, LOGGER
from sync.community.metrics import LATENCY, REQUESTS

_METHODS = frozenset({"GET", "HEAD", "POST"})
_UNKNOWN = "other"

logger = logging.getLogger(LOGGER)


class Watch:
    """Counts and logs the requests to an application; `routes` are the paths that are named, all others are "other".

    Nothing of a request becomes part of a log line or a label but the station, which the database knew.
    """

    def __init__(self, app: ASGIApp, routes: Collection[str]) -> None:
        self._app = app
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and see how it is answered."""
        began_s = time.perf_counter()
        status = 500

        async def see(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, see)
        finally:
            self._note(scope, status, time.perf_counter() - began_s)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["path"] if scope["path"] in self._routes else _UNKNOWN
        method = scope["method"] if scope["method"] in _METHODS else _UNKNOWN
        REQUESTS.labels(route, method, str(status)).inc()
        LATENCY.labels(route).observe(seconds)
        level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
        if not logger.isEnabledFor(level):
            return
        fields = {"route": route, "method": method, "status": status, "ms": round(seconds * 1000, 1)}
        station = scope.get("state", {}).get("station")
        if station:
            fields["station"] = station
        if status in {401, 403, 429}:
            fields["address"] = host_of(scope)
        logger.log(level, "request", extra={FIELDS: fields})
