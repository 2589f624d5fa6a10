import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import msgspec
import pytest
import sqlalchemy as sa

from passes.kinds import PRESETS, Kind, Mode
from passes.token import mark_of
from passes.trips import Direction
from sync.bodies import (
    HolderBanned,
    KindSet,
    ModeSet,
    PassageRecorded,
    PassPrinted,
    PassSuspended,
    PersonRegistered,
    QuarantineOrdered,
    ShiftOpened,
)
from sync.community.api import make_app
from sync.community.database import communities, events, open_engine, reading, stations, writing
from sync.community.feed import PAGE_BYTES
from sync.community.instants import MAX_AT_MS
from sync.community.journal import append
from sync.community.registry import find_community
from sync.community.screening import MAX_INTEGER
from sync.community.stations import add_station, withdraw_station
from sync.events import OFFICE, read_body
from sync.wire import PROTOCOL_HEADER, PROTOCOL_VERSION, FeedAnswer, FeedItem, Problem
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS, Chain, Server, passage, serving
from tests.community.gates import HOUR_MS, Gate, issued, order, pull, pull_all, push
from tests.web import web

PERSON = PersonRegistered(person_id="p-1", name="李小红", household="h1", address="3-2-501")


@pytest.fixture
def east(engine: sa.Engine) -> Gate:
    return Gate(engine, "east")


def body_of(item: FeedItem) -> Any:
    return msgspec.json.decode(bytes(item.body))


def test_a_leg_travels_without_name_and_reading(engine: sa.Engine, east: Gate) -> None:
    leg = east.leg("p1", "first", NOW_MS, "unclaimed", "overridden", "typed", verdict="attention", household="h1")
    east.push()
    (item,) = pull_all(engine)
    assert (item.station, item.epoch, item.seq, item.id, item.kind) == ("east", "01", 1, leg.id, "passage.recorded")
    assert body_of(item) == {
        "outcome": "allowed",
        "direction": "exit",
        "verdict": "allow",
        "reasons": ["overridden"],
        "leg": "first",
        "pass_id": "p1",
    }
    assert isinstance(read_body(item.kind, item.body), PassageRecorded)


def test_what_concerns_one_gate_stays_there(engine: sa.Engine, east: Gate) -> None:
    east.record(passage(outcome="refused", reasons=["fever"]))
    east.record(passage(outcome="turned_back"))
    east.record(passage(pass_id=None))
    east.record(ShiftOpened(guards=["王五"]))
    east.record(PassPrinted(pass_id="p1", printer="usb", layout="strip"))
    east.record(PERSON)
    east.record(ModeSet(mode=Mode.OPEN, effective_ms=NOW_MS))
    east.push()
    answer = pull(engine)
    assert (answer.items, answer.more) == ([], False)
    assert pull(engine, answer.cursor).items == []


def test_facts_and_orders_travel_whole(engine: sa.Engine, east: Gate) -> None:
    bodies = [
        issued("p1"),
        HolderBanned(holder_id="p-9", reason="闯岗"),
        QuarantineOrdered(household="h2", until="2026-02-20"),
    ]
    for body in bodies:
        east.record(body)
    east.push()
    orders = [PERSON, KindSet(kind=PRESETS["visitor"], effective_ms=NOW_MS), ModeSet(mode=Mode.OPEN, effective_ms=1)]
    for body in orders:
        order(engine, body)
    items = pull_all(engine)
    assert [read_body(item.kind, item.body) for item in items] == [*bodies, *orders]
    assert [item.station for item in items] == ["east"] * 3 + [OFFICE] * 3


def test_what_a_newer_peer_says_is_passed_on_as_it_came(engine: sa.Engine, east: Gate) -> None:
    came = {
        "gate.painted": '{ "what": [1, 2],  "order_ms": 7 }',
        "pass.suspended": '{"reason":"x","pass_id":"p1","n":{}}',
    }
    for _ in came:
        east.record(PassSuspended(pass_id="p1", reason="x"))
    east.push()
    with writing(engine) as connection:
        for seq, (kind, body) in enumerate(came.items(), 1):
            connection.execute(sa.update(events).where(events.c.seq == seq).values(kind=kind, body=body))
    assert {item.kind: bytes(item.body).decode() for item in pull_all(engine)} == came


def test_a_correction_keeps_what_a_newer_peer_said(engine: sa.Engine, east: Gate) -> None:
    east.record(PassSuspended(pass_id="p1", reason="x", order_ms=NOW_MS), NOW_MS, drift_ms=1)
    east.push()
    with writing(engine) as connection:
        body = '{"pass_id":"p1","reason":"x","order_ms":5,"new":{"deep":[1]}}'
        connection.execute(sa.update(events).values(body=body))
    (item,) = pull_all(engine)
    assert body_of(item) == {"pass_id": "p1", "reason": "x", "order_ms": 4, "new": {"deep": [1]}}


def test_only_visitors_passes_travel_without_their_holder(engine: sa.Engine, east: Gate) -> None:
    guest = Kind("guest", "Guest", Direction.ENTRY, visitor=True)
    order(engine, KindSet(kind=guest, effective_ms=NOW_MS))
    neighbour = Kind("visitor", "Neighbour", Direction.ENTRY)
    order(engine, KindSet(kind=neighbour, effective_ms=NOW_MS + HOUR_MS))
    for kind in ("resident", "visitor", "guest", "never heard of"):
        east.record(issued(kind, kind))
    east.record(issued("later", "visitor"), NOW_MS + HOUR_MS)
    east.push()
    holders = {item["pass_id"]: item["holder"] for item in map(body_of, pull_all(engine)) if "pass_id" in item}
    assert holders == {"resident": "王小明", "visitor": "", "guest": "", "never heard of": "", "later": "王小明"}
    # A token holds the name too.
    tokens = {item["pass_id"]: item["token"] for item in map(body_of, pull_all(engine)) if "pass_id" in item}
    assert (tokens["resident"], tokens["visitor"]) == ("GP1AAAA", mark_of("GP1AAAA"))
    own = [body_of(item) for item in pull_all(engine, own_station=east.station, own_epoch="another life")]
    assert {item["token"] for item in own if "pass_id" in item} == {"GP1AAAA"}


def test_times_are_corrected_by_the_drift(engine: sa.Engine, east: Gate) -> None:
    east.leg("p1", "first", NOW_MS + HOUR_MS, drift_ms=HOUR_MS, order_ms=NOW_MS + HOUR_MS + 5)
    suspended = PassSuspended(pass_id="p1", reason="x", order_ms=NOW_MS + HOUR_MS + 9)
    east.record(suspended, NOW_MS + HOUR_MS, HOUR_MS)
    east.record(suspended, NOW_MS, None)
    missed = east.missed("p1", NOW_MS - HOUR_MS)
    east.push()
    first, second, third, fourth = pull_all(engine)
    assert (first.at_ms, body_of(first)["order_ms"]) == (NOW_MS, NOW_MS + 5)
    assert (second.at_ms, body_of(second)) == (NOW_MS, {"pass_id": "p1", "reason": "x", "order_ms": NOW_MS + 9})
    assert (third.at_ms, body_of(third)["order_ms"]) == (NOW_MS, NOW_MS + HOUR_MS + 9)
    assert (fourth.id, body_of(fourth)["happened_ms"], body_of(fourth)["reason"]) == (missed.id, NOW_MS - HOUR_MS, "")


def test_an_impossible_drift_stays_inside_the_calendar(engine: sa.Engine, east: Gate) -> None:
    for drift_ms in (MAX_INTEGER, -MAX_INTEGER):
        east.leg("p1", "first", NOW_MS, drift_ms=drift_ms, order_ms=NOW_MS)
    east.push()
    answer = msgspec.json.decode(msgspec.json.encode(pull(engine)), type=FeedAnswer)
    assert [(item.at_ms, body_of(item)["order_ms"]) for item in answer.items] == [(0, 0), (MAX_AT_MS, MAX_AT_MS)]


def test_a_station_gets_its_earlier_lives_and_not_its_present_one(engine: sa.Engine, east: Gate) -> None:
    old = east.leg("p1", "first", NOW_MS)
    named = east.record(PERSON)
    east.push()
    east.chain = Chain("east", epoch="02")
    new = east.leg("p1", "return", NOW_MS + 1)
    east.push()
    assert [item.id for item in pull_all(engine, own_station="east", own_epoch="02")] == [old.id, named.id]
    assert [item.id for item in pull_all(engine, own_station="east", own_epoch="01")] == [new.id]
    assert [item.id for item in pull_all(engine, own_station="west", own_epoch="02")] == [old.id, new.id]


def test_pieces_join_without_gap_or_repetition(engine: sa.Engine, east: Gate) -> None:
    legs = []
    for number in range(10):
        legs.append(east.leg(f"p{number}", "first", NOW_MS + number))
        east.record(passage(outcome="refused"))
    east.push()
    for limit in (1, 2, 3, 19, 20, 21):
        assert [item.id for item in pull_all(engine, limit=limit)] == [leg.id for leg in legs]
    end = pull(engine).cursor
    last = east.leg("p1", "return", NOW_MS + HOUR_MS)
    east.push()
    assert [item.id for item in pull(engine, end).items] == [last.id]


def test_a_piece_is_bounded_in_bytes(engine: sa.Engine, east: Gate) -> None:
    long = "字" * 80_000
    for number in range(6):
        east.record(PassSuspended(pass_id=f"p{number}", reason=long))
    east.push()
    first = pull(engine)
    assert first.more
    assert PAGE_BYTES <= sum(len(bytes(item.body)) for item in first.items) < PAGE_BYTES + 250_000
    assert [body_of(item)["pass_id"] for item in pull_all(engine)] == [f"p{number}" for number in range(6)]


def test_a_cursor_that_is_not_ours_begins_anew(engine: sa.Engine, east: Gate) -> None:
    leg = east.leg("p1", "first", NOW_MS)
    east.push()
    own = find_community(engine, COMMUNITY).generation
    for cursor in ("", ".", "x.1", "1", *(f"{own}.{end}" for end in ("", "-1", "²", "1e3", "99", "9" * 40))):
        answer = pull(engine, cursor)
        assert ([item.id for item in answer.items], answer.from_start) == ([leg.id], True)
        assert pull(engine, answer.cursor).from_start is False
    assert pull(engine).from_start is False


def test_another_generation_begins_anew(engine: sa.Engine, east: Gate) -> None:
    leg = east.leg("p1", "first", NOW_MS)
    east.push()
    cursor = pull(engine).cursor
    with writing(engine) as connection:
        connection.execute(sa.update(communities).values(generation="restored"))
    answer = pull(engine, cursor)
    assert (answer.from_start, answer.generation, [item.id for item in answer.items]) == (True, "restored", [leg.id])


def test_heads_come_with_the_end(engine: sa.Engine, east: Gate) -> None:
    north, gone = Gate(engine, "north"), Gate(engine, "gone")
    Gate(engine, "silent")
    gone.leg("p1", "first", NOW_MS)
    gone.push()
    withdraw_station(engine, COMMUNITY, "gone", NOW_MS)
    for gate in (east, north):
        for number in range(3):
            gate.leg(f"p{number}", "first", NOW_MS)
        gate.push()
    north.chain = Chain("north", epoch="02")
    head = north.record(ShiftOpened(guards=["王五"]))
    north.push()
    written = order(engine, PERSON)
    first = pull(engine, limit=2)
    assert (first.more, first.heads) == (True, [])
    heads = {one.station: one for one in pull(engine).heads}
    assert set(heads) == {"east", "north", OFFICE}
    assert (heads["east"].seq, heads["east"].contact_ms) == (3, NOW_MS)
    assert (heads["north"].epoch, heads["north"].seq, heads["north"].hash) == ("02", 1, head.hash)
    assert (heads[OFFICE].epoch, heads[OFFICE].hash, heads[OFFICE].contact_ms) == (written.epoch, written.hash, None)


def test_a_body_that_nobody_can_read_stops_nobody(engine: sa.Engine, east: Gate) -> None:
    east.leg("p1", "first", NOW_MS)
    leg = east.leg("p2", "first", NOW_MS)
    east.push()
    with writing(engine) as connection:
        connection.execute(sa.update(events).where(events.c.seq == 1).values(body='{"outcome":7}'))
    assert [item.id for item in pull_all(engine)] == [leg.id]


def test_no_reader_misses_what_slow_writers_commit_late(engine: sa.Engine, database_url: str) -> None:
    """Slow writers hold their transaction open until the reader has looked twice more, so commits and looks mix."""
    writers, each = 4, 9
    gates = [Gate(engine, f"g{number}") for number in range(writers)]
    looked = threading.Condition()
    looks = itertools.count()
    newest_look = 0
    writing_still = writers

    def wait_for_look(number: int) -> None:
        with looked:
            assert looked.wait_for(lambda: newest_look >= number, DEADLINE_S)

    def write(gate: Gate) -> None:
        nonlocal writing_still
        own = open_engine(database_url)
        try:
            for number in range(each):
                if number % 3:
                    push(own, gate.station, [gate.leg(f"p{number}", "first", NOW_MS)])
                    continue
                with writing(own) as connection:
                    append(connection, COMMUNITY, PERSON, NOW_MS)
                    wait_for_look(newest_look + 2)
        finally:
            own.dispose()
            with looked:
                writing_still -= 1

    def read() -> list[str]:
        nonlocal newest_look
        seen: list[str] = []
        after, is_last = None, False
        while True:
            answer = pull(engine, after, limit=5)
            seen += [item.id for item in answer.items]
            after = answer.cursor
            if is_last and not answer.more:
                return seen
            with looked:
                newest_look = next(looks)
                is_last = writing_still == 0
                looked.notify_all()

    with ThreadPoolExecutor(writers + 1) as pool:
        reader = pool.submit(read)
        for done in [pool.submit(write, gate) for gate in gates]:
            done.result(DEADLINE_S * 3)
        seen = reader.result(DEADLINE_S)
    assert len(seen) == len(set(seen)) == writers * each


def test_a_reader_waits_behind_a_number_that_is_not_committed(engine: sa.Engine, database_url: str) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    gate, other = Gate(engine, "g1"), open_engine(database_url)
    late = gate.leg("p1", "first", NOW_MS)
    with ThreadPoolExecutor(1) as pool, writing(other) as connection:
        written = append(connection, COMMUNITY, PERSON, NOW_MS)
        behind = pool.submit(push, engine, "g1", [late])
        while not _is_waiting(engine):
            assert not behind.done()
        answer = pull(engine)
        assert answer.items == []
        connection.commit()
        behind.result(DEADLINE_S)
    assert [item.id for item in pull(engine, answer.cursor).items] == [written.id, late.id]
    other.dispose()


def _is_waiting(engine: sa.Engine) -> bool:
    """Say whether a process of the database waits for another's lock."""
    with reading(engine) as connection:
        return bool(connection.execute(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")).scalar_one())


@pytest.fixture
def feeding(engine: sa.Engine) -> Iterator[Server]:
    """Serve the community's feed to east and west."""
    app = make_app(engine, COMMUNITY, lambda: NOW_MS)
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in ("east", "west")}
    with serving(app) as url:
        yield Server(url, engine, secrets)


def ask(server: Server, station: str = "west", coding: str = "gzip", **query: Any) -> httpx2.Response:
    headers = {"authorization": f"Bearer {server.secrets[station]}", "accept-encoding": coding}
    return web.get(f"{server.url}/v1/feed", params=query, headers=headers, timeout=DEADLINE_S * 2)


def read(response: httpx2.Response) -> FeedAnswer:
    assert response.status_code == 200, response.text
    assert response.headers[PROTOCOL_HEADER] == PROTOCOL_VERSION
    return msgspec.json.decode(response.content, type=FeedAnswer)


def test_the_feed_over_http(feeding: Server) -> None:
    ask(feeding)
    contacts = {row.station: row.last_contact_ms for row in feeding.rows(stations)}
    assert contacts == {"east": None, "west": NOW_MS}
    sent = Chain("east").many(30)
    feeding.send("east", sent)
    packed, plain = ask(feeding), ask(feeding, coding="identity")
    assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
    assert read(packed) == read(plain)
    answer = read(ask(feeding, limit=10, after=read(ask(feeding, limit=5)).cursor))
    assert [item.id for item in answer.items] == [event.id for event in sent[5:15]]
    assert (answer.community, answer.server_time_ms, answer.more) == (COMMUNITY, NOW_MS, True)
    assert read(ask(feeding, "east", epoch="01")).items == []
    assert len(read(ask(feeding, "east", epoch="02")).items) == 30


def test_a_station_that_waits_hears_at_once(feeding: Server) -> None:
    end = read(ask(feeding)).cursor
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, feeding, after=end, wait=25)
        # A gate's own records and what stays at home are no news.
        feeding.send("east", [Chain("east").add(ShiftOpened(guards=["王五"]))])
        told = order(feeding.engine, PERSON)
        answer = read(waiting.result(DEADLINE_S))
    assert [item.id for item in answer.items] == [told.id]


def test_a_wait_for_nothing_ends(feeding: Server) -> None:
    cursor = read(ask(feeding)).cursor
    answer = read(ask(feeding, after=cursor, wait=1))
    assert (answer.items, answer.cursor, answer.more) == ([], cursor, False)


def test_a_wish_that_cannot_be_is_named(feeding: Server) -> None:
    wishes = [("limit", "0"), ("limit", "1001"), ("wait", "26"), ("wait", "-1"), ("limit", "²"), ("limit", "9" * 5000)]
    for name, text in wishes:
        response = ask(feeding, **{name: text})
        assert response.status_code == 400
        assert name in msgspec.json.decode(response.content, type=Problem).detail


def test_strangers_and_withdrawn_stations_get_nothing(feeding: Server) -> None:
    feeding.secrets["nobody"] = "gps_x"
    assert ask(feeding, "nobody").status_code == 401
    withdraw_station(feeding.engine, COMMUNITY, "west", NOW_MS)
    assert ask(feeding).status_code == 403
