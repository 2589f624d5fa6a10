"""The endpoints by which stations learn of each other: the feed, and the claims on first legs."""

import asyncio
from collections.abc import Callable

import msgspec
import sqlalchemy as sa
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from passes.errors import N_
from sync.community.answering import answer, caller_of
from sync.community.claims import ClaimError, claim
from sync.community.database import reading, writing
from sync.community.feed import MAX_ITEMS, read_feed
from sync.community.numbering import feed_end
from sync.community.receiving import BodyError, read_lines
from sync.community.stations import Caller, note_contact, note_signed_head
from sync.heads import HEADER, is_signed, read_head
from sync.wire import ClaimAnswer, ClaimRequest, FeedAnswer, SignedHead

MAX_WAIT_S = 25
"""Longest wait for news; proxies commonly give up after 30 s."""

LOOK_S = 0.25
"""Pause between two looks for news: a query by primary key, with no connection held meanwhile."""


class FeedApi:
    """Feed and claims of one community; blocking work runs in a thread."""

    def __init__(self, engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> None:
        self._engine = engine
        self._community = community
        self._now_ms = now_ms

    async def feed(self, request: Request) -> Response:
        """Answer with what follows the cursor; with nothing new, wait for as long as the station asks."""
        limit = _number(request, "limit", MAX_ITEMS, 1, MAX_ITEMS)
        wait_s = _number(request, "wait", 0, 0, MAX_WAIT_S)
        epoch = request.query_params.get("epoch", "")
        caller = await caller_of(request, self._engine, self._community)
        head = read_head(request.headers.get(HEADER, ""))
        await run_in_threadpool(self._note_contact, caller, head)
        deadline_s = asyncio.get_running_loop().time() + wait_s
        after = request.query_params.get("after") or None
        while True:
            end, found = await run_in_threadpool(self._read, caller, after, limit, epoch)
            is_news = found.items or found.more or found.from_start
            if is_news or not await self._more_comes(request, end, deadline_s):
                return answer(msgspec.structs.replace(found, server_time_ms=self._now_ms()))
            after = found.cursor

    async def claim(self, request: Request) -> Response:
        """Take keys for a first leg that the caller is about to record, by the community's clock."""
        caller = await caller_of(request, self._engine, self._community)
        body = b"\n".join(await read_lines(request))
        try:
            wish = msgspec.json.decode(body, type=ClaimRequest)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BodyError(400, N_("body: no claim ({error}); send event_id, keys and at_ms"), error=error) from error
        try:
            return answer(await run_in_threadpool(self._claim, caller, wish))
        except ClaimError as error:
            raise BodyError(400, error.sentence, **error.values) from error

    def _note_contact(self, caller: Caller, head: SignedHead | None) -> None:
        # A forged head is no reason to refuse a station its feed; it is as if none had come.
        is_good = head is not None and is_signed(head, caller.station)
        with writing(self._engine) as connection:
            note_contact(connection, self._community, caller.station, self._now_ms())
            if head is not None and is_good:
                note_signed_head(connection, self._community, caller.station, head)

    def _read(self, caller: Caller, after: str | None, limit: int, epoch: str) -> tuple[int, FeedAnswer]:
        with reading(self._engine) as connection:
            end = feed_end(connection, self._community)
            return end, read_feed(
                connection,
                self._community,
                after=after,
                limit=limit,
                own_station=caller.station,
                own_epoch=epoch,
                now_ms=self._now_ms(),
            )

    async def _more_comes(self, request: Request, end: int, deadline_s: float) -> bool:
        """Wait until the feed goes beyond `end`; False when the time is up or nobody waits any more."""
        loop = asyncio.get_running_loop()
        while loop.time() < deadline_s and not await request.is_disconnected():
            await asyncio.sleep(min(LOOK_S, max(deadline_s - loop.time(), 0)))
            if await run_in_threadpool(self._end) > end:
                return True
        return False

    def _end(self) -> int:
        with reading(self._engine) as connection:
            return feed_end(connection, self._community)

    def _claim(self, caller: Caller, wish: ClaimRequest) -> ClaimAnswer:
        with writing(self._engine) as connection:
            return claim(connection, self._community, caller.station, wish.event_id, wish.keys, self._now_ms())


def feed_routes(engine: sa.Engine, community: str, now_ms: Callable[[], int]) -> list[Route]:
    """Return the routes of `sync.wire` for feed and claims, to stand beside those of `sync.community.api`."""
    api = FeedApi(engine, community, now_ms)
    return [
        Route("/v1/feed", api.feed, methods=["GET"], middleware=[Middleware(GZipMiddleware, compresslevel=5)]),
        Route("/v1/claims", api.claim, methods=["POST"]),
    ]


def _number(request: Request, name: str, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and least <= int(text) <= most):
        raise HTTPException(400, f"{name}={text[:50]!r}: write a number from {least} to {most}")
    return int(text)
