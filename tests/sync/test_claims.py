"""Claims of a gate at a real server: one gate wins, nobody waits long, and without an answer the gate decides alone."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from passes.reasons import Reason
from passes.trips import Direction
from station.deciding import Scan
from station.register import PassRow
from sync.claiming import HttpClaims
from sync.community.stations import add_station
from tests.community.conftest import COMMUNITY, NOW_MS, Server
from tests.station.post import Post, reading
from tests.sync.conftest import STATION, Sender
from tests.sync.servers import DEADLINE_S, Exchange, front, problem
from tests.sync.test_feed import travel

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


@contextmanager
def claiming(post: Post, url: str, secret: str, budget_s: float = DEADLINE_S) -> Iterator[HttpClaims]:
    claims = HttpClaims(url, secret, lambda: True, budget_s)
    post.gate.claims = claims
    try:
        yield claims
    finally:
        claims.close()


@pytest.fixture
def west(community: Server, tmp_path_factory: pytest.TempPathFactory) -> Post:
    community.secrets["G2"] = add_station(community.engine, COMMUNITY, "G2", "西门", NOW_MS)
    return Post(tmp_path_factory.mktemp("west"), station="G2")


def ready(post: Post, row: PassRow, direction: Direction = EXIT) -> Scan:
    return post.gate.measured(post.gate.scan(row.token, direction), [reading(36.5)])


def test_of_two_gates_that_see_one_pass_at_once_one_allows_it(sender: Sender, community: Server, west: Post) -> None:
    east = sender.post
    row = east.issue()
    travel(east, community)
    travel(west, community, "G2")
    first, second = ready(east, row), ready(west, row)
    with (
        claiming(east, community.url, community.secrets[STATION]),
        claiming(west, community.url, community.secrets["G2"]),
    ):
        allowed, refused = east.gate.admit(first), west.gate.admit(second)

    assert (allowed.outcome, allowed.verdict.reasons) == ("allowed", ())
    assert (refused.outcome, refused.verdict.reasons) == ("refused", (Reason.OVER_LIMIT,))
    assert west.register.counts(west.gate.today()).refused == 1


def test_the_same_gate_may_try_again(sender: Sender, community: Server) -> None:
    post = sender.post
    row = post.issue()
    with claiming(post, community.url, community.secrets[STATION]):
        for direction in (EXIT, ENTRY):
            assert post.gate.admit(ready(post, row, direction)).outcome == "allowed"
            post.clock.move(60)


def test_a_gate_that_gets_no_answer_in_time_decides_alone(sender: Sender) -> None:
    post, silence = sender.post, threading.Event()
    row = post.issue()

    def never(_exchange: Exchange) -> None:
        silence.wait(DEADLINE_S)

    with front(never) as line, claiming(post, line.url, "s", budget_s=0.05) as claims:
        done = post.gate.admit(ready(post, row))
        # While a question hangs, the next guard is not made to wait for it.
        assert claims.claim("e", ["k"], 0) is None
        silence.set()

    assert (done.outcome, done.verdict.reasons) == ("allowed", (Reason.UNCLAIMED,))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
def test_a_server_that_is_in_trouble_locks_nobody_in(sender: Sender, status: int) -> None:
    post = sender.post
    row = post.issue()
    with front(problem(status)) as line, claiming(post, line.url, "s"):
        done = post.gate.admit(ready(post, row))

    assert (done.outcome, done.verdict.reasons) == ("allowed", (Reason.UNCLAIMED,))


def test_while_the_community_is_away_nothing_is_asked(sender: Sender) -> None:
    post = sender.post
    row = post.issue()
    with front(problem(500)) as line:
        claims = HttpClaims(line.url, "s", lambda: False)
        post.gate.claims = claims
        scan = ready(post, row)
        assert scan.verdict.reasons == (Reason.UNCLAIMED,)
        assert post.gate.admit(scan).verdict.reasons == (Reason.UNCLAIMED,)
        claims.close()
        assert line.exchanges == []
