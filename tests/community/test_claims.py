import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import msgspec
import pytest
import sqlalchemy as sa

from sync.community.api import make_app
from sync.community.claims import ABANDONED_AFTER_MS, KEPT_MS, MAX_KEYS, ClaimError, claim, prune_claims
from sync.community.conflicts import close_conflict
from sync.community.database import open_engine, reading, writing
from sync.community.stations import add_station, withdraw_station
from sync.community.tables_feed import claims
from sync.wire import PROTOCOL_HEADER, ClaimAnswer, ClaimRequest, Problem
from tests.community.conftest import COMMUNITY, DEADLINE_S, NOW_MS, Server, serving
from tests.community.gates import HOUR_MS, Gate, found, still_open
from tests.web import web

LATER_MS = NOW_MS + ABANDONED_AFTER_MS
GRANTED = ClaimAnswer(granted=True)
KEYS = ["line:p1:after:-", "limit:p1:2026-02-07:1"]


def take(engine: sa.Engine, station: str, event_id: str, keys: list[str], at_ms: int = NOW_MS) -> ClaimAnswer:
    with writing(engine) as connection:
        return claim(connection, COMMUNITY, station, event_id, keys, at_ms)


def held(engine: sa.Engine) -> dict[str, str]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(claims.c.key, claims.c.event_id))
        return {row.key: row.event_id for row in rows}


def test_one_event_gets_the_keys_and_asks_again(engine: sa.Engine) -> None:
    assert take(engine, "east", "e1", KEYS) == GRANTED
    assert take(engine, "east", "e1", KEYS[::-1], NOW_MS + 5) == GRANTED
    assert take(engine, "east", "e1", [KEYS[0], KEYS[0]], LATER_MS) == GRANTED
    lost = ClaimAnswer(granted=False, key=KEYS[0], station="east", at_ms=NOW_MS)
    assert take(engine, "west", "e2", KEYS[:1]) == lost
    # Another station cannot speak for the event.
    assert take(engine, "west", "e1", KEYS).granted is False
    assert held(engine) == dict.fromkeys(KEYS, "e1")


def test_a_station_that_could_not_record_asks_again_for_another_event(engine: sa.Engine) -> None:
    """A full disk between the claim and the record must not refuse its own gate's next try."""
    assert take(engine, "east", "e1", KEYS) == GRANTED

    assert take(engine, "east", "e2", KEYS) == GRANTED
    assert held(engine) == dict.fromkeys(KEYS, "e2")
    assert take(engine, "west", "e3", KEYS).granted is False


def test_all_or_nothing(engine: sa.Engine) -> None:
    assert take(engine, "east", "e1", ["b"]) == GRANTED
    assert take(engine, "west", "e2", ["a", "b", "c"]) == ClaimAnswer(
        granted=False, key="b", station="east", at_ms=NOW_MS
    )
    assert held(engine) == {"b": "e1"}
    assert take(engine, "west", "e3", ["a"]) == GRANTED
    # What was granted before stays granted when more is asked for in vain.
    assert take(engine, "west", "e3", ["a", "b"]).granted is False
    assert held(engine) == {"a": "e3", "b": "e1"}


def test_a_claim_whose_passage_never_came_is_taken_over(engine: sa.Engine) -> None:
    assert take(engine, "east", "e1", KEYS) == GRANTED
    assert take(engine, "west", "e2", KEYS, LATER_MS - 1).granted is False
    assert take(engine, "west", "e2", [*KEYS, "more"], LATER_MS) == GRANTED
    assert held(engine) == dict.fromkeys([*KEYS, "more"], "e2")
    assert take(engine, "east", "e1", KEYS, LATER_MS + 1) == ClaimAnswer(
        granted=False, key=KEYS[1], station="west", at_ms=LATER_MS
    )


def test_a_passage_that_came_keeps_its_claim_until_it_is_undone(engine: sa.Engine) -> None:
    east = Gate(engine, "east")
    leg = east.leg("p1", "first", NOW_MS)
    assert take(engine, "east", leg.id, KEYS) == GRANTED
    east.push()
    assert take(engine, "west", "e2", KEYS, LATER_MS + HOUR_MS).granted is False
    east.undo(leg, "p1")
    east.push()
    # However young the claim is, and whether the job has run or not.
    assert take(engine, "west", "e2", KEYS) == GRANTED


def test_a_refusal_under_the_claimed_id_gives_the_keys_back(engine: sa.Engine) -> None:
    east = Gate(engine, "east")
    refused = east.leg("p1", "first", NOW_MS, "fever", outcome="refused")
    assert take(engine, "east", refused.id, KEYS) == GRANTED
    east.push()
    assert take(engine, "west", "e2", KEYS, LATER_MS) == GRANTED


def test_a_discarded_passage_gives_its_keys_back(engine: sa.Engine) -> None:
    east, west = Gate(engine, "east"), Gate(engine, "west")
    legs = [gate.leg("p1", "first", NOW_MS + number) for number, gate in enumerate((east, west))]
    assert take(engine, "west", legs[1].id, KEYS) == GRANTED
    east.push()
    west.push()
    assert found(engine) == 1
    assert take(engine, "east", "e3", KEYS, LATER_MS).granted is False
    with writing(engine) as connection:
        close_conflict(connection, COMMUNITY, still_open(engine)[0].conflict_id, "误刷", ["west"], LATER_MS)
    assert take(engine, "east", "e3", KEYS, LATER_MS) == GRANTED


def test_of_many_who_claim_at_once_one_wins(engine: sa.Engine, database_url: str) -> None:
    claimers, rounds = 4, 8
    start = threading.Barrier(claimers)

    def run(number: int) -> list[bool]:
        own = open_engine(database_url)
        answers = []
        try:
            for turn in range(rounds):
                start.wait(DEADLINE_S)
                keys = [f"{turn}:{name}" for name in "abcd"]
                # Each in an order of its own, and all share one key.
                mine = [*keys[number:], *keys[:number]][:3]
                answers.append(take(own, f"g{number}", f"{turn}-{number}", [*mine, f"{turn}:all"]).granted)
        finally:
            own.dispose()
        return answers

    with ThreadPoolExecutor(claimers) as pool:
        results = list(pool.map(run, range(claimers)))
    # A late claimer may find the key given back by one who lost meanwhile, so somebody always wins, and only one.
    assert [sum(turn) for turn in zip(*results, strict=True)] == [1] * rounds
    winners = {f"{turn}-{number}" for number, turns in enumerate(results) for turn, won in enumerate(turns) if won}
    by_event: dict[str, set[str]] = {}
    for key, event_id in held(engine).items():
        by_event.setdefault(event_id, set()).add(key)
    assert set(by_event) == winners
    assert {len(keys) for keys in by_event.values()} == {4}


def test_an_abandoned_claim_is_taken_over_once(engine: sa.Engine, database_url: str) -> None:
    claimers = 4
    assert take(engine, "east", "e1", KEYS) == GRANTED
    start = threading.Barrier(claimers)

    def run(number: int) -> bool:
        own = open_engine(database_url)
        try:
            with reading(own):
                start.wait(DEADLINE_S)
            return take(own, f"g{number}", f"event-{number}", KEYS, LATER_MS).granted
        finally:
            own.dispose()

    with ThreadPoolExecutor(claimers) as pool:
        assert sum(pool.map(run, range(claimers))) == 1


def test_old_claims_are_forgotten(engine: sa.Engine) -> None:
    take(engine, "east", "e1", ["old"])
    take(engine, "east", "e2", ["young"], NOW_MS + 1)
    assert prune_claims(engine, COMMUNITY, NOW_MS + KEPT_MS) == 0
    assert prune_claims(engine, COMMUNITY, NOW_MS + KEPT_MS + 1) == 1
    assert held(engine) == {"young": "e2"}


def test_a_claim_that_cannot_be_meant_is_refused(engine: sa.Engine) -> None:
    for event_id, keys in (
        ("", ["a"]),
        ("e" * 129, ["a"]),
        ("e\0", ["a"]),
        ("e1", []),
        ("e1", ["a", ""]),
        ("e1", ["a\0"]),
        ("e1", ["a" * 513]),
        ("e1", [str(number) for number in range(MAX_KEYS + 1)]),
    ):
        with pytest.raises(ClaimError, match=r"event_id|keys"):
            take(engine, "east", event_id, keys)
    assert held(engine) == {}


@pytest.fixture
def claiming(engine: sa.Engine) -> Iterator[Server]:
    """Serve the community's claims to east and west."""
    app = make_app(engine, COMMUNITY, lambda: NOW_MS)
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in ("east", "west")}
    with serving(app) as url:
        yield Server(url, engine, secrets)


def test_claims_over_http(claiming: Server) -> None:
    def post(station: str, content: bytes) -> httpx2.Response:
        headers = {"authorization": f"Bearer {claiming.secrets[station]}"}
        return web.post(f"{claiming.url}/v1/claims", content=content, headers=headers, timeout=DEADLINE_S)

    def answer(station: str, event_id: str) -> ClaimAnswer:
        # The gate's clock is an hour ahead: that makes no claim an old one.
        wish = ClaimRequest(event_id=event_id, keys=KEYS, at_ms=NOW_MS + HOUR_MS)
        response = post(station, msgspec.json.encode(wish))
        assert response.status_code == 200
        assert PROTOCOL_HEADER in response.headers
        return msgspec.json.decode(response.content, type=ClaimAnswer)

    assert [answer("east", "e1"), answer("east", "e1")] == [GRANTED] * 2
    assert answer("west", "e2") == ClaimAnswer(granted=False, key=KEYS[1], station="east", at_ms=NOW_MS)
    no_keys = msgspec.json.encode(ClaimRequest(event_id="e1", keys=[], at_ms=NOW_MS))
    for wrong in (b"", b"{", b"\xff", b"[" * 5000, b'{"event_id":1,"keys":[],"at_ms":0}', no_keys):
        response = post("east", wrong)
        assert response.status_code == 400
        assert msgspec.json.decode(response.content, type=Problem).detail
    withdraw_station(claiming.engine, COMMUNITY, "west", NOW_MS)
    assert post("west", b"{}").status_code == 403
