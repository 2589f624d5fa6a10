"""A bad line between stations and their community: an HTTP proxy on loopback that does to requests what networks do.

What it does to each is drawn from seeded dice. While it is `is_faulty`, about a third of the requests meet something.
"""

import asyncio
import random
import re
import threading
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Self

from sync.wire import PROTOCOL_HEADER, PROTOCOL_VERSION

FAULT_SHARE = 0.35

STATUSES = (401, 403, 409, 413, 429, 500, 503)
PAGE = b"<html><body>Welcome! Please log in to the network.</body></html>"

_OUR_HEADER = f"{PROTOCOL_HEADER}: {PROTOCOL_VERSION}\r\n".encode()
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CONNECTION = re.compile(rb"\r\nconnection: *[^\r]*", re.IGNORECASE)


class Line:
    """The line to the server on `port`; `url` is what stations are told. Runs on a thread of its own.

    A late answer comes when a station that waits for `patience_s` waits no more. Whoever has the secret `cut_off`
    has no line.
    """

    def __init__(self, port: int, seed: int, patience_s: float) -> None:
        self.port = port
        self.is_faulty = False
        self.is_down = False
        self.cut_off: bytes | None = None
        self.met: Counter[str] = Counter()
        self.url = ""
        self._late_s = 1.6 * patience_s
        self._dice = random.Random(seed)
        self._deck: list[str] = []
        self._earlier: deque[bytes] = deque(maxlen=50)
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="line")
        self._faults: dict[str, Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]] = {
            "connection cut before the request": self._cut_before,
            "connection cut in the request": self._cut_inside,
            "answer lost": self._lose_answer,
            "answer after the time-out": self._answer_late,
            "request delivered later": self._deliver_later,
            "request delivered twice": self._deliver_twice,
            "request delivered twice at once": self._deliver_at_once,
            "an earlier request once more": self._deliver_earlier,
            "request cut short": self._shorten_request,
            "answer cut short": self._shorten_answer,
            "answer's connection cut": self._cut_answer,
            "answer in drops": self._drip,
            "captive portal": self._portal,
            "no HTTP": self._no_http,
            **{f"status {status}": partial(self._other_status, status) for status in STATUSES},
        }

    def __enter__(self) -> Self:
        self._thread.start()
        starting = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=16 * 1024 * 1024)
        self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(20)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(20)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        own = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not own]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    @property
    def has_met_all(self) -> bool:
        """Whether every kind of fault has been met."""
        return self._faults.keys() <= self.met.keys()

    def _keep(self, task: asyncio.Task[None]) -> None:
        """Keep a task until it is done: the loop itself holds it weakly."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._keep(task)
        with suppress(OSError, EOFError, asyncio.LimitOverrunError):
            request = await _read_message(reader)
            if not self.is_down and not (self.cut_off and self.cut_off in request):
                self.met["requests"] += 1
                await self._carry(request, writer)
        writer.close()

    async def _carry(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        if not self.is_faulty or self._dice.random() > FAULT_SHARE:
            writer.write(await self._ask(request))
            await writer.drain()
        else:
            if not self._deck:
                # Drawn from a deck, so that each kind of fault has its turn.
                self._deck = self._dice.sample(list(self._faults), len(self._faults))
            name = self._deck.pop()
            self.met[name] += 1
            await self._faults[name](request, writer)
        self._earlier.append(request)

    async def _ask(self, request: bytes) -> bytes:
        """Deliver a request and return the whole answer, until the server hangs up."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(_hanging_up(request))
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()

    async def _cut_before(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        pass

    async def _cut_inside(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        _reader, upstream = await asyncio.open_connection("127.0.0.1", self.port)
        upstream.write(request[: self._dice.randrange(len(request))])
        with suppress(OSError):
            await upstream.drain()
        upstream.close()

    async def _lose_answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        await self._ask(request)

    async def _answer_late(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        answer = await self._ask(request)
        await asyncio.sleep(self._late_s)
        writer.write(answer)

    async def _deliver_later(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        async def deliver() -> None:
            await asyncio.sleep(self._dice.uniform(0.2, 2.5 * self._late_s))
            with suppress(OSError):
                await self._ask(request)

        self._keep(asyncio.create_task(deliver()))

    async def _deliver_twice(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        answers = [await self._ask(request), await self._ask(request)]
        writer.write(self._dice.choice(answers))

    async def _deliver_at_once(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        answers = await asyncio.gather(self._ask(request), self._ask(request))
        writer.write(self._dice.choice(answers))

    async def _deliver_earlier(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        if self._earlier:
            await self._ask(self._dice.choice(self._earlier))
        writer.write(await self._ask(request))

    async def _shorten_request(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(await self._ask(self._shortened(request)))

    async def _shorten_answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(self._shortened(await self._ask(request)))

    async def _cut_answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        answer = await self._ask(request)
        writer.write(answer[: self._dice.randrange(len(answer) + 1)])

    async def _drip(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        """Answer byte by byte, each in time and all of them never."""
        answer = await self._ask(request)
        for at in range(len(answer)):
            writer.write(answer[at : at + 1])
            await writer.drain()
            await asyncio.sleep(self._late_s / 20)

    async def _other_status(self, status: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        header = self._dice.choice((_OUR_HEADER, b""))
        writer.write(_answer(status, b'{"detail":"not now"}', header + b"retry-after: 1\r\n"))

    async def _portal(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        answers = (
            _answer(200, PAGE),
            _answer(200, b"{}"),
            _answer(200, b"{}", _OUR_HEADER),
            _answer(302, PAGE, b"location: http://127.0.0.1:9/login\r\n"),
        )
        writer.write(self._dice.choice(answers))

    async def _no_http(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(self._dice.randbytes(300))

    def _shortened(self, message: bytes) -> bytes:
        """Return the message with a part of its body, and a length that says so."""
        head, _, body = message.partition(b"\r\n\r\n")
        body = body[: self._dice.randrange(len(body) + 1)]
        return _LENGTH.sub(b"\r\ncontent-length: %d" % len(body), head) + b"\r\n\r\n" + body


async def _read_message(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head + (await reader.readexactly(int(length[1])) if length else b"")


def _hanging_up(request: bytes) -> bytes:
    head, _, body = request.partition(b"\r\n\r\n")
    return _CONNECTION.sub(b"", head) + b"\r\nconnection: close\r\n\r\n" + body


def _answer(status: int, body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %d Told\r\n%bcontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        status,
        headers,
        len(body),
        body,
    )
