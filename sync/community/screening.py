"""Deciding of one line of a batch whether it is an event that can be kept as such, before any lock is taken."""

import re
from dataclasses import dataclass

import msgspec

from sync.community.instants import MAX_AT_MS
from sync.events import Event, from_json, is_intact, read_body
from sync.wire import BRANCH_MARK

MAX_LINE_BYTES = 256 * 1024
MAX_NAME_CHARS = 128
"""Longest station, epoch, id, kind or shift; PostgreSQL's index rows hold 2,704 bytes."""

MAX_GUARD_CHARS = 1000
MAX_INTEGER = 2**53 - 1
"""Largest number that every JSON reader keeps exact (RFC 8259 section 6); it also fits a database's bigint."""

_NAME_NEEDED = f"1 to {MAX_NAME_CHARS} characters without NUL and {BRANCH_MARK!r} are needed"
_HEX_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a line is quarantined, as a sentence for the station and the office."""

    reason: str


class Screen:
    """Looks at the lines of one batch, sent by `station`; what many lines share is looked at once."""

    def __init__(self, station: str) -> None:
        self._station = station
        self._good: set[tuple[str | None, ...]] = set()
        self._last_hash = ""

    def look(self, line: bytes) -> tuple[Event, str] | Rejection:
        """Return the event on `line` and its body as text, or why it cannot be kept as an event.

        Text is stored as it came, hostile or not; only what no database column can hold (NUL in a header field, broken
        UTF-8, lone surrogates, numbers beyond `MAX_INTEGER`) is refused as an event.
        """
        if len(line) > MAX_LINE_BYTES:
            return Rejection(f"line: {len(line)} bytes, at most {MAX_LINE_BYTES} are an event")
        try:
            event = from_json(line)
            body = str(event.body, "utf-8")
            intact = is_intact(event)
        except msgspec.ValidationError as error:
            return Rejection(f"header: {_short(error)}")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            return Rejection(f"line: no JSON event: {_short(error)}")
        wrong = self._wrong_header(event) or _wrong_number(event)
        if wrong is None and not intact:
            wrong = "hash: header or body are not what the event's hash covers"
        wrong = wrong or _wrong_body(event)
        if wrong is not None:
            return Rejection(wrong)
        self._last_hash = event.hash
        return event, body

    def _wrong_header(self, event: Event) -> str | None:
        words = (event.station, event.epoch, event.kind, event.shift, event.guard)
        if words not in self._good:
            wrong = _wrong_words(event, self._station)
            if wrong is not None:
                return wrong
            self._good.add(words)
        if not 1 <= len(event.id) <= MAX_NAME_CHARS or "\0" in event.id:
            return f"id: {_NAME_NEEDED}"
        # Of an intact event the other two digests are what this program has computed itself.
        if event.prev != self._last_hash and not _HEX_SHA256.fullmatch(event.prev):
            return "prev: 64 lower-case hexadecimal digits are needed"
        return None


def _wrong_words(event: Event, station: str) -> str | None:
    if event.station != station:
        return f"station: the event names {event.station[:MAX_NAME_CHARS]!r}, the sender is {station!r}"
    for name, text in (("epoch", event.epoch), ("kind", event.kind)):
        if not 1 <= len(text) <= MAX_NAME_CHARS or "\0" in text:
            return f"{name}: {_NAME_NEEDED}"
    if BRANCH_MARK in event.epoch:
        return f"epoch: {_NAME_NEEDED}"
    if event.shift is not None and (len(event.shift) > MAX_NAME_CHARS or "\0" in event.shift):
        return f"shift: at most {MAX_NAME_CHARS} characters without NUL are allowed"
    if event.guard is not None and (len(event.guard) > MAX_GUARD_CHARS or "\0" in event.guard):
        return f"guard: at most {MAX_GUARD_CHARS} characters without NUL are allowed"
    return None


def _wrong_number(event: Event) -> str | None:
    if not 1 <= event.seq <= MAX_INTEGER:
        return "seq: a number from 1 is needed"
    if not 0 <= event.at_ms <= MAX_AT_MS:
        return "at_ms: milliseconds between 1970-01-01 and 9999-12-29 are needed"
    if abs(event.clock.device_ms) > MAX_INTEGER or abs(event.clock.drift_ms or 0) > MAX_INTEGER:
        return "clock: the milliseconds are beyond any clock"
    return None


def _wrong_body(event: Event) -> str | None:
    try:
        read_body(event.kind, event.body)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        return f"body of {event.kind}: {_short(error)}"
    return None


def _short(error: BaseException) -> str:
    # A station's own text can come back in here; the database column and the answer hold no more than this.
    return str(error).replace("\0", "\\0")[:300]
