"""What all endpoints for stations share: who asks, and the form of an answer."""

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from sync.community.stations import Caller, authenticate
from sync.wire import PROTOCOL_HEADER, PROTOCOL_VERSION

_PROTOCOL = {PROTOCOL_HEADER: PROTOCOL_VERSION, "cache-control": "no-store"}


async def caller_of(request: Request, engine: sa.Engine, community: str) -> Caller:
    """Return the station whose bearer secret the request carries; raises what `authenticate` raises."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        secret = ""
    return await run_in_threadpool(authenticate, engine, community, secret.strip())


def answer(body: msgspec.Struct, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return `body` as an answer that a station knows for the community's own."""
    return Response(msgspec.json.encode(body), status, {**_PROTOCOL, **(headers or {})}, media_type="application/json")
