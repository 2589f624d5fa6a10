"""What one request costs on loopback: a batch of 500 events, and the claim of a first leg.

Run: python -m bench.travel. A real server process on PostgreSQL and the station's own client. The floor is a request to
the same server that only looks whether its database answers.
"""

import itertools
import statistics
import time
from collections.abc import Callable

import msgspec

from bench.ingest import Chain, postgresql, server
from station.clock import SystemClock
from sync.claiming import HttpClaims
from sync.client import connect, decode, send
from sync.community.database import open_engine
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.courier import pack
from sync.events import to_json
from sync.wire import JournalAnswer

COMMUNITY = "370212004001"
ROUNDS = 60
BATCH = 500


def main() -> None:
    now_ms = SystemClock().now_ms()
    with postgresql() as uri:
        engine = open_engine(uri)
        migrate(engine)
        add_community(engine, COMMUNITY, "Bench", "Asia/Shanghai")
        secret = add_station(engine, COMMUNITY, "east", "East", now_ms)
        engine.dispose()
        chain = Chain("east")
        made = [to_json(event) for _ in range(ROUNDS * BATCH // 5000 + 1) for event in chain.more()]
        batches = [pack(made[start : start + BATCH]) for start in range(0, ROUNDS * BATCH, BATCH)]
        with server(uri, 1) as address, connect(f"http://{address}", secret) as client:
            claims = HttpClaims(f"http://{address}", secret, lambda: True, budget_s=5.0)
            numbers = itertools.count()

            def post() -> None:
                answer = decode(send(client, "POST", "/v1/journal", batches.pop()), JournalAnswer)
                assert len(answer.results) == BATCH

            def claim() -> None:
                number = next(numbers)
                given = claims.claim(f"event-{number}", [f"pass-{number}"], now_ms)
                assert given is not None
                assert given.granted

            def health() -> None:
                msgspec.json.decode(send(client, "GET", "/v1/health", None))

            spent = in_turn({"500-event POST": post, "claim": claim, "floor: a request that asks for nothing": health})
            claims.close()
    for (name, found), target in zip(spent.items(), ("target <= 10", "target <= 5", ""), strict=True):
        told = f"p50 {statistics.median(found):.2f} ms, p95 {statistics.quantiles(found, n=20)[18]:.2f} ms"
        print(f"{name}: {told} {f'({target} ms)' if target else ''}")


def in_turn(works: dict[str, Callable[[], None]]) -> dict[str, list[float]]:
    """Do all in turn, the first few rounds only to warm up; return the milliseconds of each."""
    spent: dict[str, list[float]] = {name: [] for name in works}
    for number in range(ROUNDS):
        for name, work in works.items():
            began_s = time.perf_counter()
            work()
            if number >= 10:
                spent[name].append((time.perf_counter() - began_s) * 1000)
    return spent


if __name__ == "__main__":
    main()
