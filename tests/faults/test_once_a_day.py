"""Once a day: whichever gates race for it, a pass gets one first leg; cut off they may err, and all learn of it."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa

from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station.deciding import Scan
from sync.claiming import HttpClaims
from sync.community.api import make_app
from sync.community.conflicts import catch_up, open_conflicts
from sync.community.database import open_engine, reading, writing
from sync.community.stations import add_station
from sync.community.tables_feed import legs
from tests.community.conftest import COMMUNITY, NOW_MS, Server, serving
from tests.community.gates import found
from tests.faults.world import CommunityServer, found_community, free_port
from tests.station import post as posts
from tests.station.post import Post
from tests.sync.servers import DEADLINE_S
from tests.sync.test_feed import travel

RACES = int(os.environ.get("GATEPOST_RACES", "250"))
NAMES = ("G1", "G2", "G3")
EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


@pytest.fixture
def community(postgresql_database: str, tmp_path: Path) -> Iterator[Server]:
    """A community on PostgreSQL, served by two processes to three gates."""
    found_community(tmp_path / "community", postgresql_database)
    engine = open_engine(postgresql_database)
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in NAMES}
    process = CommunityServer(tmp_path / "community", free_port(), 2, tmp_path / "server.txt")
    process.start()
    try:
        yield Server(f"http://127.0.0.1:{process.port}", engine, secrets)
    finally:
        process.end(signal.SIGTERM)
        engine.dispose()


def test_of_three_gates_online_exactly_one_allows(community: Server, tmp_path: Path) -> None:
    issuing = _gate(tmp_path, "office")
    tokens = [issuing.issue(f"王{number}").token for number in range(RACES)]
    issuing.journal.close()
    start = threading.Barrier(len(NAMES))

    def race(name: str) -> list[str]:
        gate = _gate(tmp_path, name)
        # What is proved is that the community decides, not that this machine is quick enough for the gates' budget.
        gate.gate.claims = claims = HttpClaims(community.url, community.secrets[name], lambda: True, DEADLINE_S)
        answers = []
        for token in tokens:
            start.wait(DEADLINE_S)
            answers.append(str(_let_through(gate, token, EXIT).outcome))
        claims.close()
        travel(gate, community, name)
        gate.journal.close()
        return answers

    with ThreadPoolExecutor(len(NAMES)) as pool:
        answers = list(pool.map(race, NAMES))
    assert [sorted(of_one_pass) for of_one_pass in zip(*answers, strict=True)] == [
        ["allowed", "refused", "refused"]
    ] * RACES
    # Nobody wins always: they were really raced.
    assert all("allowed" in of_one_gate for of_one_gate in answers)
    with writing(community.engine) as connection:
        catch_up(connection, COMMUNITY, NOW_MS)
        assert open_conflicts(connection, COMMUNITY) == []
        assert connection.execute(sa.select(sa.func.count()).select_from(legs)).scalar_one() == RACES


def test_cut_off_gates_both_allow_and_everybody_learns_of_it(postgresql_database: str, tmp_path: Path) -> None:
    found_community(tmp_path / "community", postgresql_database)
    engine = open_engine(postgresql_database)
    secrets = {name: add_station(engine, COMMUNITY, name, name, NOW_MS) for name in NAMES}
    gates = {name: _gate(tmp_path, name) for name in NAMES}
    with serving(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url:
        server = Server(url, engine, secrets)

        def heal() -> None:
            # Twice: what the first round brings to light goes to all in the second.
            for _ in range(2):
                for name, gate in gates.items():
                    travel(gate, server, name)
                found(engine)

        token = gates["G1"].issue().token
        heal()
        for name, gate in gates.items():
            gate.gate.claims = HttpClaims(url, secrets[name], lambda name=name: name == "G3", DEADLINE_S)  # type: ignore[misc] # mypy infers no lambda with a default

        for name in ("G1", "G2"):
            done = _let_through(gates[name], token, EXIT)
            assert (done.outcome, Reason.UNCLAIMED in done.verdict.reasons) == ("allowed", True)
        heal()
        with reading(engine) as connection:
            (conflict,) = open_conflicts(connection, COMMUNITY)
        assert set(conflict.stations) == {"G1", "G2"}
        for gate in gates.values():
            known = gate.journal.connection.execute("SELECT conflict_id, closed_ms FROM conflicts").fetchall()
            assert [tuple(row) for row in known] == [(conflict.conflict_id, None)]
            assert _refused(gate, token) == Reason.ALREADY_OUT
        assert _let_through(gates["G2"], token, ENTRY).outcome == "allowed"
        heal()
        assert [_refused(gate, token) for gate in gates.values()] == [Reason.OVER_LIMIT] * len(NAMES)
        with reading(engine) as connection:
            assert len(open_conflicts(connection, COMMUNITY)) == 1
    for gate in gates.values():
        gate.gate.claims.close()  # type: ignore[union-attr] # set above
        gate.journal.close()
    engine.dispose()


def _gate(folder: Path, name: str) -> Post:
    (folder / name).mkdir()
    return Post(folder / name, station=name)


def _let_through(gate: Post, token: str, direction: Direction) -> Scan:
    scan = gate.gate.measured(gate.gate.scan(token, direction), [posts.reading(36.5)])
    return gate.gate.admit(scan, acknowledged=True)


def _refused(gate: Post, token: str) -> Reason:
    gate.clock.move(60)
    verdict = gate.gate.verify(token, EXIT).verdict
    assert verdict.outcome is Outcome.REFUSE
    return verdict.reasons[0]
