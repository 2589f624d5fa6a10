"""Reading a request's body within bounds: what is too big, broken or packed twice never reaches memory whole."""

import zlib
from typing import Protocol

from starlette.requests import Request

from passes.errors import N_, GatepostError
from sync.wire import MAX_BODY_BYTES, MAX_EVENTS

_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BodyError(GatepostError):
    """A request's body that cannot be read; `status` is the HTTP status that fits."""

    def __init__(self, status: int, sentence: str, /, **values: object) -> None:
        super().__init__(sentence, **values)
        self.status = status


class _Unpacker(Protocol):
    def feed(self, data: bytes, room: int) -> bytes:
        """Return what `data` unpacks to, at most `room` + 1 bytes."""
        ...

    def finish(self) -> None:
        """Raise `BodyError` unless the body was whole."""
        ...


async def read_lines(request: Request) -> list[bytes]:
    """Return the lines of an NDJSON body, plain or gzip-compressed, without their line ends.

    Raises `BodyError`: 413 for more than `MAX_BODY_BYTES` (before or after decompression) or `MAX_EVENTS` lines, 415
    for another coding, 400 for broken gzip.
    """
    body = await _read_body(request)
    lines = body.split(b"\n", MAX_EVENTS + 1)
    if lines[-1] == b"":
        lines.pop()
    if len(lines) > MAX_EVENTS:
        raise BodyError(413, N_("body: more than {limit} lines; send the events in smaller batches"), limit=MAX_EVENTS)
    return lines


async def _read_body(request: Request) -> bytes:
    unpacker = _unpacker_for(request.headers.get("content-encoding", "identity").strip().lower())
    parts = bytearray()
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > MAX_BODY_BYTES:
            raise _too_big()
        parts += unpacker.feed(chunk, MAX_BODY_BYTES - len(parts))
        if len(parts) > MAX_BODY_BYTES:
            raise _too_big()
    unpacker.finish()
    return bytes(parts)


def _unpacker_for(coding: str) -> _Unpacker:
    if coding in {"gzip", "x-gzip"}:
        return _Gzip()
    if coding in {"identity", ""}:
        return _Plain()
    raise BodyError(415, N_("Content-Encoding: {coding!r} is not understood; use gzip or none"), coding=coding[:50])


class _Plain:
    def feed(self, data: bytes, room: int) -> bytes:  # noqa: ARG002 - the caller's count is enough for plain bytes
        return data

    def finish(self) -> None:
        """Plain bytes have no end mark to miss."""


class _Gzip:
    def __init__(self) -> None:
        self._inflate = zlib.decompressobj(_GZIP_WINDOW)

    def feed(self, data: bytes, room: int) -> bytes:
        if not data:
            return b""
        if self._inflate.eof:
            raise BodyError(400, N_("body: bytes follow the end of the gzip stream; send one stream"))
        try:
            return self._inflate.decompress(data, room + 1)
        except zlib.error as error:
            raise BodyError(400, N_("body: broken gzip ({error}); send it again"), error=error) from error

    def finish(self) -> None:
        if not self._inflate.eof or self._inflate.unused_data:
            raise BodyError(400, N_("body: the gzip stream is cut off or followed by other bytes; send it again"))


def _too_big() -> BodyError:
    return BodyError(413, N_("body: more than {limit} bytes; send the events in smaller batches"), limit=MAX_BODY_BYTES)
