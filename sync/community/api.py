"""The community's HTTP side for stations: the endpoints of `sync.wire` on Starlette."""

import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from passes.errors import N_, GatepostError
from sync.community.answering import AddressLimit, answer, caller_of, host_of, too_many
from sync.community.database import DatabaseError, open_engine, reading
from sync.community.feed_api import feed_routes
from sync.community.holdings import holdings
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.keys import newest_trust_list
from sync.community.limits import Limits, TooManyError
from sync.community.logs import LOGGER
from sync.community.metrics import EVENTS
from sync.community.offers import OfferError, OtherStationError, take
from sync.community.receiving import BodyError, Packed, read_lines, receive
from sync.community.registry import find_community
from sync.community.settings import LimitsTable
from sync.community.stations import Caller, StationWithdrawnError, UnknownSecretError
from sync.community.watching import Watch
from sync.wire import EnrolmentAnswer, EnrolmentRequest, HoldingsAnswer, JournalAnswer, Problem, StationAnswer

logger = logging.getLogger(LOGGER)

STATEMENT_TIMEOUT_S = 60
"""Longest time that one statement of a server may take; every request is answered or given up long before."""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the server answers and, unless only that was asked, its database does too."""

    status: Literal["ok"] = "ok"
    server_time_ms: int


class Stations:
    """The endpoints that one community offers to its stations; blocking work runs in a thread."""

    def __init__(self, engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._community = community
        self._now_ms = now_ms

    async def health(self, _request: Request) -> Response:
        """Answer 200 when this process can serve stations, else 503."""
        await run_in_threadpool(find_community, self._engine, self._community)
        return answer(Health(server_time_ms=self._now_ms()))

    async def live(self, _request: Request) -> Response:
        """Answer 200: the process is there. It is no reason to start it anew that the database is away."""
        return answer(Health(server_time_ms=self._now_ms()))

    async def station(self, request: Request) -> Response:
        """Tell the caller who the community takes it for."""
        caller = await caller_of(request, self._engine, self._community)
        return answer(
            StationAnswer(
                community=caller.community,
                community_name=caller.community_name,
                zone=caller.zone,
                generation=caller.generation,
                server_time_ms=self._now_ms(),
                station=caller.station,
                station_name=caller.station_name,
            )
        )

    async def enrolment(self, request: Request) -> Response:
        """Give a new station what the office sealed for it, against the proof of its one-time code."""
        body = b"\n".join(await read_lines(request))
        try:
            wish = msgspec.json.decode(body, type=EnrolmentRequest)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BodyError(
                400, N_("body: no enrolment ({error}); send locator, proof and public_key"), error=error
            ) from error
        limits: Limits | None = request.app.state.limits
        host = host_of(request.scope)
        if limits is not None:
            limits.check_secret(host, "")
        try:
            sealed = await run_in_threadpool(take, self._engine, self._community, wish, self._now_ms())
        except OfferError:
            if limits is not None:
                limits.note_wrong(host, "")
            raise
        return answer(EnrolmentAnswer(sealed=sealed))

    async def holdings(self, request: Request) -> Response:
        """Tell the caller what is held of its journal, and by which signature it knows its community."""
        caller = await caller_of(request, self._engine, self._community)
        return answer(await run_in_threadpool(self._holdings, caller))

    def _holdings(self, caller: Caller) -> HoldingsAnswer:
        with reading(self._engine) as connection:
            return HoldingsAnswer(
                community=caller.community,
                generation=caller.generation,
                server_time_ms=self._now_ms(),
                trust_list=newest_trust_list(connection, self._community),
                holdings=holdings(connection, self._community, caller.station),
            )

    async def journal(self, request: Request) -> Response:
        """Take in a batch of the caller's journal and say of each line what became of it."""
        caller = await caller_of(request, self._engine, self._community)
        packed = await receive(request)
        return await run_in_threadpool(self._take_in, caller, packed)

    def _take_in(self, caller: Caller, packed: Packed) -> Response:
        received_at_ms = self._now_ms()
        setting = Setting(caller.community, caller.station, received_at_ms)
        batch = read_batch(self._engine, setting, packed.lines())
        stored = store_batch(self._engine, batch)
        for verdict, count in Counter(result.status for result in stored.answers).items():
            EVENTS.labels(verdict).inc(count)
        return answer(
            JournalAnswer(
                community=caller.community,
                generation=stored.generation,
                server_time_ms=received_at_ms,
                results=stored.answers,
                has_gap=stored.has_gap,
            )
        )


def make_app(
    engine: sa.Engine, community: str, now_ms: Callable[[], int], limits: LimitsTable | None = None
) -> Starlette:
    """Make the ASGI application that serves `community` out of a migrated database.

    `now_ms` tells the server's time as UTC milliseconds; without `limits` everybody may ask as often as they like. Of
    what lasts the application keeps nothing, so any number of processes may serve one database. The caller owns the
    engine.
    """
    stations = Stations(engine, community, now_ms)
    routes = [
        Route("/v1/health", stations.health, methods=["GET"]),
        Route("/v1/health/live", stations.live, methods=["GET"]),
        Route("/v1/enrolment", stations.enrolment, methods=["POST"]),
        Route("/v1/station", stations.station, methods=["GET"]),
        Route("/v1/holdings", stations.holdings, methods=["GET"]),
        Route("/v1/journal", stations.journal, methods=["POST"]),
        *feed_routes(engine, community, now_ms),
    ]
    kept = Limits(limits) if limits else None
    middleware = [Middleware(Watch, [route.path for route in routes])]
    if kept is not None:
        middleware.append(Middleware(AddressLimit, kept))
    app = Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={
            UnknownSecretError: _handler(401, {"www-authenticate": "Bearer"}),
            StationWithdrawnError: _handler(403),
            OfferError: _handler(403),
            OtherStationError: _handler(409),
            TooManyError: _too_many,
            DatabaseError: _away,
            GatepostError: _away,
            BodyError: _body_error,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            Exception: _defect,
        },
    )
    app.state.limits = kept
    return app


def open_app(
    database_url: str, community: str, now_ms: Callable[[], int], limits: LimitsTable | None = None
) -> Starlette:
    """Make the application with an engine of its own, `state.engine`, for one of several processes; see `make_app`."""
    engine = open_engine(database_url, statement_timeout_s=STATEMENT_TIMEOUT_S)
    app = make_app(engine, community, now_ms, limits)
    app.state.engine = engine
    return app


def _handler(status: int, headers: dict[str, str] | None = None) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(_request: Request, error: Exception) -> Response:
        return answer(Problem(detail=str(error)), status, headers)

    return handle


async def _away(_request: Request, error: Exception) -> Response:
    # Where the database is and what it says is for the log; anybody may ask whether the server is well.
    logger.error("%s", error)
    detail = "the server cannot reach its database or use it; its log says why; send it again later"
    return answer(Problem(detail=detail), 503, {"retry-after": "1"})


async def _too_many(request: Request, error: Exception) -> Response:
    return too_many(error) if isinstance(error, TooManyError) else await _defect(request, error)


async def _body_error(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, BodyError) else 400
    # What is left of the body would be waited for before another request could come on this connection.
    headers = {"connection": "close"} if status in {408, 413} else None
    return answer(Problem(detail=str(error)), status, headers)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return await _defect(request, error)
    detail = f"{request.method} {request.url.path[:200]!r}: {error.detail}; this server speaks /v1 of Gatepost"
    return answer(Problem(detail=detail), error.status_code, dict(error.headers or {}))


async def _gone(_request: Request, _error: Exception) -> Response:
    return answer(Problem(detail="body: the connection ended before the batch did; send it again"), 400)


async def _defect(_request: Request, _error: Exception) -> Response:
    # Starlette raises the error again after this answer, so the server's log has it whole.
    return answer(Problem(detail="the server failed on this request; its log says why; send it again later"), 500)
