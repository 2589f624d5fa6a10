"""Who asks too often, too slowly, too much or with wrong secrets: turned away, and the others are served."""

import gzip
import json
import socket
from pathlib import Path

import httpx2
import msgspec
import pytest

from sync.community import patience, receiving
from sync.community.api import make_app
from sync.community.database import open_engine
from sync.community.limits import MAX_KEYS, Buckets, Limits, TooManyError
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.serving import Front
from sync.community.settings import LimitsTable
from sync.community.stations import add_station
from sync.wire import PROTOCOL_HEADER, PROTOCOL_VERSION, EnrolmentRequest, Problem
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS
from tests.community.fronts import fronted


class Stopwatch:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_fills_again_and_never_overflows() -> None:
    clock = Stopwatch()
    buckets = Buckets(2.0, 4, clock)
    assert [buckets.take("a") for _ in range(4)] == [0.0] * 4
    assert buckets.take("a") == pytest.approx(0.5)
    assert buckets.take("b") == 0.0
    clock.now_s += 0.5
    assert buckets.take("a") == 0.0
    assert buckets.take("a") == pytest.approx(0.5)
    clock.now_s += 3600
    assert [buckets.take("a") for _ in range(5)] == [0.0] * 4 + [pytest.approx(0.5)]


def test_a_million_addresses_do_not_fill_the_memory() -> None:
    buckets = Buckets(1.0, 1, Stopwatch())
    for number in range(MAX_KEYS * 2):
        buckets.take(str(number))
    assert len(buckets._buckets) == MAX_KEYS


def test_an_address_that_tries_secrets_out_is_slowed_and_its_gates_are_not() -> None:
    clock = Stopwatch()
    limits = Limits(LimitsTable(wrong_secrets_per_min=6.0), clock)
    limits.check_station("east", "right")
    for number in range(6):
        limits.check_secret("192.0.2.1", f"wrong {number}")
        limits.note_wrong("192.0.2.1", f"wrong {number}")
    with pytest.raises(TooManyError) as caught:
        limits.check_secret("192.0.2.1", "a seventh, were it the right one")
    assert caught.value.retry_after_s == pytest.approx(10)
    limits.check_secret("192.0.2.1", "right")
    limits.check_secret("192.0.2.2", "another address")
    limits.note_wrong("192.0.2.1", "right")
    with pytest.raises(TooManyError):
        limits.check_secret("192.0.2.1", "right")
    clock.now_s += 10
    limits.check_secret("192.0.2.1", "after the pause")


def test_one_line_of_ipv6_is_one_address() -> None:
    limits = Limits(LimitsTable(address_requests_per_s=0.1), Stopwatch())
    limits.check_address("2001:db8::1")
    with pytest.raises(TooManyError):
        limits.check_address("2001:db8::ffff:2")
    limits.check_address("2001:db8:0:1::1")
    limits.check_address("no address at all")


def test_whoever_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/c.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in ("east", "west")}
    limits = LimitsTable(station_requests_per_s=0.2, address_requests_per_s=2.0, wrong_secrets_per_min=2.0)
    front = Front(proxies=("127.0.0.1",))

    def ask(url: str, secret: str, host: str) -> httpx2.Response:
        headers = {"authorization": f"Bearer {secret}", "x-forwarded-for": host}
        return client.get(f"{url}/v1/station", headers=headers)

    with fronted(make_app(engine, COMMUNITY, lambda: NOW_MS, limits), front) as url, httpx2.Client() as client:
        answers = [ask(url, secrets["east"], "192.0.2.1") for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 200, 429]
        assert 1 <= int(answers[2].headers["retry-after"]) <= 5
        assert answers[2].headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
        assert "east" in msgspec.json.decode(answers[2].content, type=Problem).detail
        assert ask(url, secrets["west"], "192.0.2.1").status_code == 200
        wrong = [ask(url, f"wrong {number}", "192.0.2.66").status_code for number in range(3)]
        assert wrong == [401, 401, 429]
        flood = [client.get(f"{url}/nothing", headers={"x-forwarded-for": "192.0.2.77"}) for _ in range(25)]
        assert {404, 429} == {one.status_code for one in flood}
        assert ask(url, secrets["west"], "192.0.2.88").status_code == 200
        # A header that others have written into the chain is not believed: what the proxy itself saw stands last.
        assert ask(url, "wrong", "192.0.2.1, 192.0.2.66").status_code == 429
    with fronted(make_app(engine, COMMUNITY, lambda: NOW_MS, limits)) as url, httpx2.Client() as client:
        # Nobody is trusted here: whatever address is claimed, it is this machine's that is counted.
        wrong = [ask(url, f"wrong {number}", f"192.0.2.{number}").status_code for number in range(3)]
        assert wrong == [401, 401, 429]
    guess = msgspec.json.encode(EnrolmentRequest(locator="0" * 32, proof=b"0" * 32, public_key=b"0" * 32))
    with fronted(make_app(engine, COMMUNITY, lambda: NOW_MS, limits)) as url, httpx2.Client() as client:
        guessed = [client.post(f"{url}/v1/enrolment", content=guess).status_code for _ in range(3)]
        assert guessed == [403, 403, 429]
    engine.dispose()


def _said(url: str, sent: bytes, then: bytes = b"") -> bytes:
    """Send bytes, and more after the first answer, and return all that comes until the server hangs up."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as client:
        client.sendall(sent)
        said = client.recv(65536) if then else b""
        if then:
            client.sendall(then)
        while got := client.recv(65536):
            said += got
        return said


def test_a_head_or_body_that_never_ends_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "HEAD_TIMEOUT_S", 0.1)
    monkeypatch.setattr(receiving, "BODY_TIMEOUT_S", 0.1)
    engine = open_engine(f"sqlite:///{tmp_path}/c.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    secret = add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    head = f"POST /v1/journal HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {secret}\r\ncontent-length: 900\r\n\r\n"
    whole = b"GET /v1/health/live HTTP/1.1\r\nhost: x\r\n\r\n"
    with fronted(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url:
        assert _said(url, b"") == b""
        assert _said(url, b"GET /v1/health/live HTTP/1.1\r\nhost: x\r\n") == b""
        assert b" 200 " in _said(url, whole, b"GET /v1/health/li")
        assert b" 408 " in _said(url, head.encode() + b"x")
        assert b" 400 " in _said(url, b"GET / HTTP/1.1\r\nx: " + b"y" * (patience.MAX_HEAD_BYTES + 1000))
        assert b" 400 " in _said(url, b"GET / HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n")
    engine.dispose()


@pytest.mark.parametrize("depth", [50_000])
def test_a_deeply_nested_body_costs_nothing(tmp_path: Path, depth: int) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/c.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    secret = add_station(engine, COMMUNITY, "east", "East", NOW_MS)
    headers = {"authorization": f"Bearer {secret}", "content-encoding": "gzip"}
    bodies = [b"[" * depth, b'{"a":' * depth, b'{"station":"east","body":' + b"[" * depth + b"]" * depth + b"}"]
    with fronted(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url, httpx2.Client(headers=headers) as client:
        for body in bodies:
            stored = client.post(f"{url}/v1/journal", content=gzip.compress(body))
            assert json.loads(stored.content)["results"][0]["status"] == "quarantined"
            assert client.post(f"{url}/v1/claims", content=gzip.compress(body)).status_code == 400
        bomb = gzip.compress(b"\0" * (64 * 1024 * 1024))
        assert client.post(f"{url}/v1/claims", content=bomb).status_code == 413
        assert client.get(f"{url}/v1/station").status_code == 200
    engine.dispose()
