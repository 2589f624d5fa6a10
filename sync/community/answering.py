"""What all endpoints for stations share: who asks, and the form of an answer."""

import math

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sync.community.limits import Limits, TooManyError
from sync.community.stations import Caller, UnknownSecretError, authenticate
from sync.secrets import secret_digest
from sync.wire import PROTOCOL_HEADER, PROTOCOL_VERSION, Problem

_PROTOCOL = {PROTOCOL_HEADER: PROTOCOL_VERSION, "cache-control": "no-store"}


async def caller_of(request: Request, engine: sa.Engine, community: str) -> Caller:
    """Return the station whose bearer secret the request carries; raises what `authenticate` raises.

    Raises `TooManyError` for a station that asks too often, and for whoever tries secrets out.
    """
    limits: Limits | None = request.app.state.limits
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    digest = secret_digest(secret.strip() if scheme.lower() == "bearer" else "")
    host = host_of(request.scope)
    if limits is not None:
        limits.check_secret(host, digest)
    try:
        caller = await run_in_threadpool(authenticate, engine, community, digest)
    except UnknownSecretError:
        if limits is not None:
            limits.note_wrong(host, digest)
        raise
    request.state.station = caller.station
    if limits is not None:
        limits.check_station(caller.station, digest)
    return caller


def host_of(scope: Scope) -> str:
    """Return the address that a request came from; a trusted proxy's word counts, see `serving`."""
    client = scope.get("client")
    return str(client[0]) if client else ""


def answer(body: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `body` as an answer that a station knows for the community's own."""
    return Response(msgspec.json.encode(body), status, {**_PROTOCOL, **(headers or {})}, media_type="application/json")


def too_many(error: TooManyError) -> Response:
    """Return the answer for whoever asks too often: 429, and when to ask again."""
    return answer(Problem(detail=str(error)), 429, {"retry-after": str(math.ceil(error.retry_after_s))})


class AddressLimit:
    """Lets through what an address may ask, before anything else looks at the request."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 429."""
        try:
            self._limits.check_address(host_of(scope))
        except TooManyError as error:
            await too_many(error)(scope, receive, send)
            return
        await self._app(scope, receive, send)
