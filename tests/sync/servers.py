"""What a courier may meet on the network: the community behind a line that can fail, and others in its place."""

import gzip
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import msgspec

from sync.events import Event, from_json
from sync.wire import PROTOCOL_HEADER, PROTOCOL_VERSION, EventAnswer, JournalAnswer, Problem
from tests.web import web

DEADLINE_S = 20.0
PROTOCOL = {PROTOCOL_HEADER: PROTOCOL_VERSION}


class Exchange(BaseHTTPRequestHandler):
    """One request, and the means to answer it well or badly."""

    protocol_version = "HTTP/1.1"
    server: "Front"

    def handle_one(self) -> None:
        self.content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.close_connection = True
        self.server.exchanges.append(self)
        with suppress(ConnectionError):
            self.server.behave(self)

    do_GET = do_POST = handle_one  # noqa: N815 - http.server looks for these names

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Tests read `Front.exchanges`."""

    @property
    def events(self) -> list[Event]:
        """The events of a batch."""
        return [from_json(line) for line in gzip.decompress(self.content).splitlines()]

    def answer(self, status: int = 200, body: bytes = b"", **headers: str) -> None:
        """Answer in full; underscores in names of headers stand for dashes."""
        self.send_response(status)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in {"content-length": str(len(body)), "connection": "close", **named}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def pass_on(self, url: str) -> httpx2.Response:
        """Ask the server at `url` the same and return what it said."""
        names = ("authorization", "content-type", "content-encoding")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        return web.request(self.command, url + self.path, content=self.content, headers=headers, timeout=DEADLINE_S)


Behaviour = Callable[[Exchange], None]


class Front(ThreadingHTTPServer):
    """A server on loopback that does what `behave` says with each request."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, port: int, behave: Behaviour) -> None:
        super().__init__(("127.0.0.1", port), Exchange)
        self.behave = behave
        self.exchanges: list[Exchange] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@contextmanager
def front(behave: Behaviour, port: int = 0) -> Iterator[Front]:
    """Serve on loopback in a thread until the block is left."""
    server = Front(port, behave)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(DEADLINE_S)
        server.server_close()
        assert not thread.is_alive()


def passes_on(url: str) -> Behaviour:
    """A line that works: every answer is the one of the server at `url`."""

    def behave(exchange: Exchange) -> None:
        told = exchange.pass_on(url)
        exchange.answer(told.status_code, told.content, **{PROTOCOL_HEADER: told.headers[PROTOCOL_HEADER]})

    return behave


@dataclass
class Liar:
    """Answers a batch nearly as the community would; `spoil` changes the answer on the way out."""

    community: str
    spoil: Callable[[dict[str, Any]], None] = lambda _answer: None
    headers: dict[str, str] = field(default_factory=lambda: dict(PROTOCOL))

    def __call__(self, exchange: Exchange) -> None:
        results = [EventAnswer(line=line, status="stored") for line in range(len(exchange.events))]
        answer = JournalAnswer(
            community=self.community, generation="g", server_time_ms=1_770_422_400_000, results=results
        )
        told = msgspec.to_builtins(answer)
        self.spoil(told)
        exchange.answer(200, msgspec.json.encode(told), content_type="application/json", **self.headers)


def never_ends_its_head(exchange: Exchange) -> None:
    """Answer byte by byte, each of them in time."""
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\nx: ")
    while not threading.Event().wait(0.02):
        exchange.wfile.write(b"y")


def says(status: int, body: bytes = b"", **headers: str) -> Behaviour:
    """Give everybody the same answer."""
    return lambda exchange: exchange.answer(status, body, **headers)


def problem(status: int) -> Behaviour:
    """Refuse everybody as the community would."""
    return says(status, msgspec.json.encode(Problem(detail="the [/] office\x1b[2J is closed")), **PROTOCOL)
