import gzip
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
import sqlalchemy as sa
from starlette.types import ASGIApp

from sync.community.api import make_app
from sync.community.database import events, exports, forks, open_engine, quarantine, reading, stations, writing
from sync.community.holdings import holdings
from sync.community.numbering import feed_end
from sync.community.registry import add_community
from sync.community.screening import MAX_INTEGER
from sync.community.stations import add_station, withdraw_station
from sync.events import Clock, Event, is_intact
from sync.wire import (
    MAX_BODY_BYTES,
    MAX_EVENTS,
    PROTOCOL_HEADER,
    PROTOCOL_VERSION,
    Holding,
    JournalAnswer,
    Problem,
    StationAnswer,
)
from tests.community.conftest import (
    COMMUNITY,
    DEADLINE_S,
    NOW_MS,
    Chain,
    Server,
    answers_of,
    lines_of,
    passage,
    serving,
)
from tests.web import web


def statuses(server: Server, sent: list[Event], station: str = "east") -> list[str]:
    return [answer.status for answer in server.send(station, sent)]


def test_a_batch_is_stored_exactly_as_it_came(server: Server) -> None:
    chain = Chain("east")
    sent = chain.many(2)
    sent.append(chain.add(passage('\\N\t张\r\n"𠮷'), shift="", guard=None, clock=Clock(device_ms=-1, suspect=True)))
    sent.append(
        chain.add(shift="夜班\t\\.", guard="", event_id="编号", clock=Clock(device_ms=MAX_INTEGER, drift_ms=-1))
    )
    response = server.post("east", lines_of(sent))
    assert response.headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
    answer = msgspec.json.decode(response.content, type=JournalAnswer)
    assert [(one.line, one.status) for one in answer.results] == [(line, "stored") for line in range(4)]
    assert (answer.community, answer.server_time_ms) == (COMMUNITY, NOW_MS)
    rows = server.rows(events)
    assert [row.feed_no for row in rows] == [1, 2, 3, 4]
    for row, event in zip(rows, sent, strict=True):
        assert row.body.encode() == bytes(event.body)
        stored = {name: getattr(row, name) for name in ("station", "epoch", "seq", "id", "kind", "at_ms")}
        clock = {"device_ms": row.device_ms, "drift_ms": row.drift_ms, "suspect": row.suspect}
        rest = {name: getattr(row, name) for name in ("shift", "guard", "body_sha256", "prev", "hash")}
        assert is_intact(msgspec.convert({**stored, **rest, "clock": clock, "body": msgspec.Raw(row.body)}, Event))
        assert row.received_at_ms == NOW_MS


def test_the_same_batch_twice_is_stored_once(server: Server) -> None:
    sent = Chain("east").many(20)
    assert statuses(server, sent) == ["stored"] * 20
    assert statuses(server, sent) == ["already"] * 20
    assert len(server.rows(events)) == 20


def test_overlapping_batches_store_the_union(server: Server) -> None:
    sent = Chain("east").many(12)
    assert statuses(server, sent[:8]) == ["stored"] * 8
    assert statuses(server, sent[4:]) == ["already"] * 4 + ["stored"] * 4
    rows = sorted(server.rows(events), key=lambda row: row.feed_no)
    assert [row.seq for row in rows] == list(range(1, 13))


def test_duplicates_inside_one_batch(server: Server) -> None:
    chain = Chain("east")
    first, second = chain.many(2)
    other = Chain("east", epoch=first.epoch).add(passage("another"))
    assert statuses(server, [first, first, second, other]) == ["stored", "already", "stored", "fork"]
    assert statuses(server, [other, first, first]) == ["fork", "already", "already"]
    assert [row.hash for row in server.rows(events)] == [first.hash, second.hash, other.hash]
    assert [row.hash for row in server.rows(forks)] == [other.hash]


def test_a_lost_answer_does_no_harm(server: Server) -> None:
    sent = Chain("east").many(50)
    body = gzip.compress(lines_of(sent))
    head = "".join(f"{name}: {value}\r\n" for name, value in server.headers("east").items())
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"POST /v1/journal HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(body)}\r\n\r\n".encode())
        client.sendall(body)
    again = statuses(server, sent)
    assert set(again) <= {"stored", "already"}
    assert len(server.rows(events)) == 50


def test_a_body_that_ends_early_stores_nothing(server: Server) -> None:
    body = gzip.compress(lines_of(Chain("east").many(5)))
    head = "".join(f"{name}: {value}\r\n" for name, value in server.headers("east").items())
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(f"POST /v1/journal HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(body)}\r\n\r\n".encode())
        client.sendall(body[:-10])
        client.shutdown(socket.SHUT_WR)
        while client.recv(4096):
            pass
    assert server.rows(events) == []


def test_a_restarted_server_knows_what_it_had(engine: sa.Engine, database_url: str) -> None:
    secret = add_station(engine, COMMUNITY, "east", "East gate", NOW_MS)
    sent = Chain("east").many(10)
    with serving(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url:
        first = Server(url, engine, {"east": secret})
        assert statuses(first, sent[:6]) == ["stored"] * 6
    reopened = open_engine(database_url)
    try:
        with serving(make_app(reopened, COMMUNITY, lambda: NOW_MS + 1)) as url:
            second = Server(url, reopened, {"east": secret})
            assert statuses(second, sent) == ["already"] * 6 + ["stored"] * 4
    finally:
        reopened.dispose()


def test_four_threads_send_the_same_events(server: Server) -> None:
    sent = Chain("east").many(200)
    start = threading.Barrier(4)

    def send(turn: int) -> list[str]:
        start.wait(DEADLINE_S)
        found = []
        for at in range(0, 200, 50):
            # Every thread begins elsewhere and sends backwards now and then, which would deadlock row locks.
            part = sent[(at + turn * 50) % 200 :][:50]
            found += statuses(server, part[::-1] if turn % 2 else part)
        return found

    with ThreadPoolExecutor(4) as pool:
        results = [status for found in pool.map(send, range(4)) for status in found]
    assert sorted(set(results)) == ["already", "stored"]
    assert results.count("stored") == 200
    rows = server.rows(events)
    assert sorted(row.seq for row in rows) == list(range(1, 201))
    assert len({row.feed_no for row in rows}) == 200


def test_stations_number_their_journals_apart(server: Server) -> None:
    both = {name: Chain(name).many(4) for name in ("east", "west")}
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda name: statuses(server, both[name], name), both))
    assert found == [["stored"] * 4] * 2
    assert sorted(row.feed_no for row in server.rows(events)) == list(range(1, 9))


def test_a_fork_is_kept_beside_what_was_there(server: Server) -> None:
    sent = Chain("east").many(3)
    restored = Chain("east").many(3)
    assert statuses(server, sent) == ["stored"] * 3
    answers = server.send("east", restored)
    assert [answer.status for answer in answers] == ["fork"] * 3
    assert "new epoch" in (answers[0].reason or "")
    assert statuses(server, restored) == ["fork"] * 3
    # What came second counts as well, in epochs of its own.
    assert [row.hash for row in server.rows(events)] == [event.hash for event in [*sent, *restored]]
    assert [row.epoch for row in server.rows(events)][3:] == [f"01~{event.hash[:16]}" for event in restored]
    with reading(server.engine) as connection:
        assert holdings(connection, COMMUNITY, "east") == [Holding(epoch="01", seq=3)]
    marked = Chain("east", epoch="01~0").many(1)
    assert [answer.reason for answer in server.send("east", marked)] == [
        "epoch: 1 to 128 characters without NUL and '~' are needed"
    ]
    assert {row.hash for row in server.rows(forks)} == {event.hash for event in restored}
    new_epoch = Chain("east", epoch="02").many(3)
    assert statuses(server, new_epoch) == ["stored"] * 3


def test_a_thousand_lines_are_a_batch_and_one_more_is_not(server: Server) -> None:
    sent = Chain("east").many(MAX_EVENTS)
    assert statuses(server, sent) == ["stored"] * MAX_EVENTS
    assert statuses(server, sent) == ["already"] * MAX_EVENTS
    response = server.post("east", lines_of(sent) + b"{}\n")
    assert response.status_code == 413
    assert server.post("east", lines_of(sent) + b"\n" * 100_000).status_code == 413


def test_an_empty_batch_is_answered(server: Server) -> None:
    assert answers_of(server.post("east", b"")) == []


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer wrong", "Basic eDp5", "Bearer gps_\udcff"])
def test_without_the_right_secret_nothing_is_taken(server: Server, header: str | None) -> None:
    headers = [] if header is None else [(b"authorization", header.encode("utf-8", "surrogateescape"))]
    for response in (
        web.post(f"{server.url}/v1/journal", content=lines_of(Chain("east").many(1)), headers=headers),
        web.get(f"{server.url}/v1/station", headers=headers),
    ):
        assert response.status_code == 401
        assert response.headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
        assert "secret" in msgspec.json.decode(response.content, type=Problem).detail
    assert server.rows(events) == []


def test_a_withdrawn_station_is_told_so(server: Server) -> None:
    assert statuses(server, Chain("east").many(1)) == ["stored"]
    withdraw_station(server.engine, COMMUNITY, "east", NOW_MS)
    response = server.post("east", lines_of(Chain("east").many(2)))
    assert response.status_code == 403
    assert "withdrawn" in msgspec.json.decode(response.content, type=Problem).detail
    assert len(server.rows(events)) == 1
    assert statuses(server, Chain("west").many(1), "west") == ["stored"]


def test_another_communitys_station_is_unknown(server: Server) -> None:
    add_community(server.engine, "370212004002", "和顺里", "Asia/Urumqi")
    server.secrets["alien"] = add_station(server.engine, "370212004002", "east", "East gate", NOW_MS)
    assert server.post("alien", lines_of(Chain("east").many(1))).status_code == 401
    assert statuses(server, Chain("east").many(1)) == ["stored"]
    with serving(make_app(server.engine, "370212004002", lambda: NOW_MS)) as url:
        other = Server(url, server.engine, {"east": server.secrets["alien"]})
        assert statuses(other, Chain("east").many(1)) == ["stored"]
        assert other.post("east", b"x").status_code == 200
    assert sorted((row.community, row.feed_no) for row in server.rows(events)) == [(COMMUNITY, 1), ("370212004002", 1)]


def test_a_station_learns_who_it_is(server: Server) -> None:
    response = web.get(f"{server.url}/v1/station", headers={"authorization": f"bearer {server.secrets['west']}"})
    answer = msgspec.json.decode(response.content, type=StationAnswer)
    assert (answer.station, answer.station_name, answer.community) == ("west", "west gate", COMMUNITY)
    assert (answer.community_name, answer.zone, answer.server_time_ms) == ("平安里", "Asia/Shanghai", NOW_MS)
    journal = msgspec.json.decode(server.post("west", b"").content, type=JournalAnswer)
    assert journal.generation == answer.generation
    row = next(row for row in server.rows(stations) if row.station == "west")
    assert row.last_contact_ms == NOW_MS
    assert server.secrets["west"] not in str(row)


def test_health_and_unknown_addresses(server: Server) -> None:
    assert web.get(f"{server.url}/v1/health").json() == {"status": "ok", "server_time_ms": NOW_MS}
    for response, status in (
        (web.get(f"{server.url}/v1/journal"), 405),
        (web.get(f"{server.url}/nothing"), 404),
    ):
        assert response.status_code == status
        assert response.headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
        assert msgspec.json.decode(response.content, type=Problem).detail


@pytest.mark.parametrize(
    ("coding", "body", "status"),
    [
        ("gzip", b"this is no gzip", 400),
        ("gzip", gzip.compress(b"{}\n" * 50)[:-4], 400),
        ("gzip", gzip.compress(b"{}\n") + b"more", 400),
        ("gzip", b"", 400),
        ("gzip", gzip.compress(b"\0" * (MAX_BODY_BYTES + 1)), 413),
        ("identity", b" " * (MAX_BODY_BYTES + 1), 413),
        ("br", b"x", 415),
        ("gzip, gzip", gzip.compress(gzip.compress(b"{}")), 415),
    ],
    # gzip writes the time into its header: as names of tests the bodies would differ from one test process to the next.
    ids=["no gzip", "cut short", "something behind", "empty", "bomb", "too long", "other coding", "twice"],
)
def test_a_body_that_cannot_be_read_is_refused(server: Server, coding: str, body: bytes, status: int) -> None:
    headers = {**server.headers("east"), "content-encoding": coding}
    response = web.post(f"{server.url}/v1/journal", content=body, headers=headers, timeout=DEADLINE_S)
    assert response.status_code == status
    assert response.headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
    assert msgspec.json.decode(response.content, type=Problem).detail
    assert server.rows(quarantine) == []


def test_a_plain_body_is_taken_too(server: Server) -> None:
    headers = {"authorization": f"Bearer {server.secrets['east']}"}
    response = web.post(f"{server.url}/v1/journal", content=lines_of(Chain("east").many(2)), headers=headers)
    assert [answer.status for answer in answers_of(response)] == ["stored"] * 2


def test_a_failing_database_is_503_and_keeps_nothing(server: Server) -> None:
    sent = Chain("east").many(2)
    with writing(server.engine) as connection:
        connection.execute(sa.text("ALTER TABLE events RENAME TO gone"))
    response = server.post("east", lines_of(sent))
    assert response.status_code == 503
    assert response.headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
    assert "database" in msgspec.json.decode(response.content, type=Problem).detail
    with writing(server.engine) as connection:
        connection.execute(sa.text("ALTER TABLE gone RENAME TO events"))
    assert statuses(server, sent) == ["stored"] * 2
    assert server.rows(exports) == []


def test_an_unreachable_database_is_503(tmp_path: object, app: ASGIApp, engine: sa.Engine) -> None:
    gone = open_engine(f"sqlite:///{tmp_path}/no-such-folder/x.sqlite")
    with serving(make_app(gone, COMMUNITY, lambda: NOW_MS)) as url:
        assert web.get(f"{url}/v1/health").status_code == 503
        response = web.post(f"{url}/v1/journal", headers={"authorization": "Bearer x"})
        assert response.status_code == 503
        assert "Traceback" not in response.text
    gone.dispose()


def test_feed_numbers_become_visible_in_order(engine: sa.Engine) -> None:
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in ("a", "b", "c")}
    seen: list[int] = []
    skipped: list[tuple[int, int]] = []
    done = threading.Event()

    def watch() -> None:
        last = 0
        while True:
            finished = done.is_set()
            with reading(engine) as connection:
                end = feed_end(connection, COMMUNITY)
                query = sa.select(events.c.feed_no).where(events.c.feed_no > last, events.c.feed_no <= end)
                numbers = sorted(connection.execute(query).scalars())
            if numbers and numbers[0] != last + 1:
                skipped.append((last, numbers[0]))
            seen.extend(numbers)
            last = max([last, *numbers])
            if finished:
                return

    with serving(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url:
        server = Server(url, engine, secrets)
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda name: [statuses(server, part, name) for part in _parts(name)], secrets))
        finally:
            done.set()
            watcher.join(DEADLINE_S)
    assert skipped == []
    assert seen == list(range(1, 3 * 10 * 5 + 1))


def _parts(station: str) -> list[list[Event]]:
    chain = Chain(station)
    return [chain.many(5) for _ in range(10)]
