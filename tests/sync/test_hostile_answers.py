"""What may answer in the community's place, and that none of it counts as an answer."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from sync.client import NotWelcomeError, TransferError
from sync.wire import MAX_BODY_BYTES, MAX_EVENTS
from tests.station.post import COMMUNITY
from tests.sync.conftest import Sender
from tests.sync.servers import (
    DEADLINE_S,
    PROTOCOL,
    Behaviour,
    Exchange,
    Liar,
    front,
    never_ends_its_head,
    problem,
    says,
)


def lines(*numbers: int) -> Callable[[dict[str, Any]], None]:
    def spoil(answer: dict[str, Any]) -> None:
        answer["results"] = [{"line": number, "status": "stored"} for number in numbers]

    return spoil


def put(**fields: object) -> Callable[[dict[str, Any]], None]:
    return lambda answer: answer.update(fields)


def endless(exchange: Exchange) -> None:
    exchange.answer(200, b"", content_length="999999999", **PROTOCOL)
    while True:
        exchange.wfile.write(b" " * 65536)


def trickles(exchange: Exchange) -> None:
    exchange.answer(200, b"", content_length="999999999", **PROTOCOL)
    while not threading.Event().wait(0.02):
        exchange.wfile.write(b" ")


SLOW = (trickles, never_ends_its_head)


def cut_short(exchange: Exchange) -> None:
    exchange.answer(200, b'{"community"', content_length="5000", **PROTOCOL)


def talks_nonsense(exchange: Exchange) -> None:
    exchange.wfile.write(b"SSH-2.0-hello\r\n" * 10)


PORTAL = b"<html><body>Please log in to use this network</body></html>"
HOSTILE: dict[str, tuple[Behaviour, str]] = {
    "a captive portal": (says(200, PORTAL, content_type="text/html"), "something else answered"),
    "no protocol header": (Liar(COMMUNITY, headers={}), "something else answered"),
    "another protocol": (Liar(COMMUNITY, headers={"gatepost-protocol": "2"}), "something else answered"),
    "a redirect": (says(302, location="/v1/elsewhere"), r"something else answered .*302"),
    "a redirect that knows us": (says(307, b"", location="/v1/elsewhere", **PROTOCOL), "could not take .*307"),
    "another community": (Liar("370212004002"), "belongs to community 370212004002, this station to 370212004001"),
    "a line is missing": (Liar(COMMUNITY, lines(0, 1)), "does not fit"),
    "a line twice": (Liar(COMMUNITY, lines(0, 1, 1)), "does not fit"),
    "a line too many": (Liar(COMMUNITY, lines(0, 1, 2, 3)), "does not fit"),
    "other lines": (Liar(COMMUNITY, lines(-1, 1, 2)), "does not fit"),
    "no lines": (Liar(COMMUNITY, lines()), "does not fit"),
    "an unknown status": (Liar(COMMUNITY, put(results=[{"line": 0, "status": "kept"}])), r"\$\.results\[0\]\.status"),
    "no results": (Liar(COMMUNITY, put(results=None)), r"cannot be read .*\$\.results"),
    "a time beyond calendars": (Liar(COMMUNITY, put(server_time_ms=2**63)), r"cannot be read .*server_time_ms"),
    "a time before clocks": (Liar(COMMUNITY, put(server_time_ms=-1)), r"cannot be read .*server_time_ms"),
    "no JSON": (says(200, PORTAL, **PROTOCOL), "cannot be read"),
    "half JSON": (says(200, b'{"community":', **PROTOCOL), "cannot be read"),
    "no text": (says(200, b'{"community":"\xff"}', **PROTOCOL), "cannot be read"),
    "deep JSON": (says(200, b'{"x":' + b"[" * 100_000, **PROTOCOL), "cannot be read"),
    "packed twice": (says(200, b"\x1f\x8b\x08", content_encoding="gzip", **PROTOCOL), "cannot be read"),
    "nothing": (says(204, b"", **PROTOCOL), "could not take"),
    "401": (problem(401), "does not accept this station .the .* office"),
    "403": (problem(403), "does not accept this station"),
    "413": (problem(413), "too many at once"),
    "500": (problem(500), "status 500"),
    "503": (problem(503), "status 503"),
    "503 without reason": (says(503, PORTAL, **PROTOCOL), "status 503: -"),
    "a proxy's 502": (says(502, PORTAL), r"something else answered .*502"),
    "no end": (endless, "too long"),
    "drop by drop": (trickles, "cannot be reached"),
    "drop by drop from the head on": (never_ends_its_head, "cannot be reached"),
    "silence": (lambda exchange: None, "cannot be reached"),
    "an early end": (cut_short, "cannot be reached"),
    "another protocol altogether": (talks_nonsense, "cannot be reached"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_is_marked_unless_the_community_itself_answers(sender: Sender, name: str) -> None:
    behave, sentence = HOSTILE[name]
    sender.record(3)
    before = list(sender.post.journal.read())

    with front(behave) as server, pytest.raises(TransferError, match=sentence) as caught:
        sender.carry(server.url, timeout_s=0.3 if behave in SLOW else DEADLINE_S)

    assert isinstance(caught.value, NotWelcomeError) == (name in {"401", "403"})
    assert len(server.exchanges) == 1
    assert sender.table("SELECT * FROM deliveries") == []
    assert sender.backlog.pending == 3
    assert list(sender.post.journal.read()) == before


def test_bounds_are_above_what_the_community_says() -> None:
    reason = "x" * 1000

    assert MAX_EVENTS * len(f'{{"line":999,"status":"quarantined","reason":"{reason}"}},') < MAX_BODY_BYTES
