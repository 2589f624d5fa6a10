"""The community's HTTP side for stations: the endpoints of `sync.wire` on Starlette."""

import logging
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from passes.errors import N_, GatepostError
from sync.community.answering import answer, caller_of
from sync.community.database import DatabaseError, open_engine, reading
from sync.community.feed_api import feed_routes
from sync.community.holdings import holdings
from sync.community.ingest import read_batch, store_batch
from sync.community.inserting import Setting
from sync.community.keys import newest_trust_list
from sync.community.offers import OfferError, take
from sync.community.receiving import BodyError, Packed, read_lines, receive
from sync.community.registry import find_community
from sync.community.stations import Caller, StationWithdrawnError, UnknownSecretError
from sync.wire import EnrolmentAnswer, EnrolmentRequest, HoldingsAnswer, JournalAnswer, Problem, StationAnswer

logger = logging.getLogger("gatepost.community")


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """That the server answers and its database does too."""

    status: Literal["ok"] = "ok"
    server_time_ms: int


class Stations:
    """The endpoints that one community offers to its stations; blocking work runs in a thread."""

    def __init__(self, engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._community = community
        self._now_ms = now_ms

    async def health(self, _request: Request) -> Response:
        """Answer 200 when the database answers, else 503."""
        await run_in_threadpool(find_community, self._engine, self._community)
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
        sealed = await run_in_threadpool(take, self._engine, self._community, wish, self._now_ms())
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
        return answer(
            JournalAnswer(
                community=caller.community,
                generation=stored.generation,
                server_time_ms=received_at_ms,
                results=stored.answers,
                has_gap=stored.has_gap,
            )
        )


def make_app(engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> Starlette:
    """Make the ASGI application that serves `community` out of a migrated database.

    `now_ms` tells the server's time as UTC milliseconds. The application keeps no state of its own, so any number of
    processes may serve one database. The caller owns the engine.
    """
    stations = Stations(engine, community, now_ms)
    return Starlette(
        routes=[
            Route("/v1/health", stations.health, methods=["GET"]),
            Route("/v1/enrolment", stations.enrolment, methods=["POST"]),
            Route("/v1/station", stations.station, methods=["GET"]),
            Route("/v1/holdings", stations.holdings, methods=["GET"]),
            Route("/v1/journal", stations.journal, methods=["POST"]),
            *feed_routes(engine, community, now_ms),
        ],
        exception_handlers={
            UnknownSecretError: _handler(401, {"www-authenticate": "Bearer"}),
            StationWithdrawnError: _handler(403),
            OfferError: _handler(403),
            DatabaseError: _handler(503, {"retry-after": "5"}),
            GatepostError: _handler(503),
            BodyError: _body_error,
            HTTPException: _http_error,
            ClientDisconnect: _gone,
            Exception: _defect,
        },
    )


def open_app(database_url: str, community: str, now_ms: Callable[[], int]) -> Starlette:
    """Make the application with an engine of its own, for one of several processes; see `make_app`."""
    return make_app(open_engine(database_url), community, now_ms)


def _handler(status: int, headers: dict[str, str] | None = None) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(_request: Request, error: Exception) -> Response:
        if status >= 500:
            logger.error("%s", error)
        return answer(Problem(detail=str(error)), status, headers)

    return handle


async def _body_error(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, BodyError) else 400
    return answer(Problem(detail=str(error)), status)


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
