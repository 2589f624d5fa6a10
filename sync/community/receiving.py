"""Reading a request's body within bounds: what is too big, broken or packed twice never reaches memory whole."""

import asyncio
import zlib
from dataclasses import dataclass

from starlette.requests import Request

from passes.errors import N_, GatepostError
from sync.community.patience import BODY_TIMEOUT_S
from sync.wire import MAX_BODY_BYTES, MAX_EVENTS

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BodyError(GatepostError):
    """A request's body that cannot be read; `status` is the HTTP status that fits."""

    def __init__(self, status: int, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.status = status


@dataclass(frozen=True, slots=True)
class Packed:
    """A request's body as it came, its size within bounds."""

    parts: list[bytes]
    is_gzip: bool

    def lines(self) -> list[bytes]:
        """Return the lines of an NDJSON body without their line ends.

        Raises `BodyError`: 413 for more than `MAX_BODY_BYTES` after decompression or `MAX_EVENTS` lines, 400 for
        broken gzip.
        """
        body = b"".join(self.parts)
        lines = (_inflate(body) if self.is_gzip else body).split(b"\n", MAX_EVENTS + 1)
        if lines[-1] == b"":
            lines.pop()
        if len(lines) > MAX_EVENTS:
            raise BodyError(
                413, N_("body: more than {limit} lines; send the events in smaller batches"), limit=MAX_EVENTS
            )
        return lines


async def receive(request: Request) -> Packed:
    """Return the body, plain or gzip-compressed; unpacking it is `Packed.lines`, for a thread.

    Raises `BodyError`: 408 for one that comes too slowly, 413 for more than `MAX_BODY_BYTES`, 415 for another coding.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"gzip", "x-gzip", "identity", ""}:
        raise BodyError(415, N_("Content-Encoding: {coding!r} is not understood; use gzip or none"), coding=coding[:50])
    parts: list[bytes] = []
    received = 0
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for chunk in request.stream():
                received += len(chunk)
                if received > MAX_BODY_BYTES:
                    raise _too_big()
                parts.append(chunk)
    except TimeoutError as error:
        raise BodyError(
            408, N_("body: not whole after {limit} s; send fewer events at once"), limit=BODY_TIMEOUT_S
        ) from error
    return Packed(parts, coding in {"gzip", "x-gzip"})


async def read_lines(request: Request) -> list[bytes]:
    """Return the lines of a small body; raises what `receive` and `Packed.lines` raise."""
    return (await receive(request)).lines()


def _inflate(packed: bytes) -> bytes:
    inflate = zlib.decompressobj(_GZIP_WINDOW)
    try:
        body = inflate.decompress(packed, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise BodyError(400, N_("body: broken gzip ({error}); send it again"), error=error) from error
    if len(body) > MAX_BODY_BYTES:
        raise _too_big()
    if not inflate.eof or inflate.unused_data:
        raise BodyError(400, N_("body: the gzip stream is cut off or followed by other bytes; send it again"))
    return body


def _too_big() -> BodyError:
    return BodyError(413, N_("body: more than {limit} bytes; send the events in smaller batches"), limit=MAX_BODY_BYTES)
