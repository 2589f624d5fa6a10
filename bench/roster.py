"""Finding people at a gate of 100,000, against two floors in the same run (issue: 50 ms at 100,000 people).

The floors are what a search can at best and at worst cost on this machine: one lookup by an index, and a plain LIKE
over all names. All three take turns over the same queries; figures are medians, and the longest of ours.

Run: python -m bench.roster [PEOPLE]
"""

import statistics
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from zoneinfo import ZoneInfo

from station import roster
from station.clock import SystemClock
from station.journal import Journal
from station.register import Register
from station.roster_folding import RosterFold
from sync.bodies import HouseholdRegistered, PersonRegistered, Sealed

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚单"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华建国红波斌宇浩凯云飞鹏晨欣怡雨桐梓涵子轩一诺博文思远雪梅兰竹松"
QUERIES = (
    "王",
    "王伟",
    "曾伟芳",
    "z",
    "zwf",
    "wangwei",
    "cwf",
    "3-2",
    "18-2-1501",
    "1501",
    "4321",
    "鲁B123",
    "B1234",
    "zzzz",
)
ROUNDS = 20


def main() -> None:
    """Measure and print a line for each query and one for all."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory(prefix="gatepost-bench-", dir=Path.cwd()) as folder:
        journal = Journal(Path(folder), "bench", SystemClock(), create=True)
        Register(journal, ZoneInfo("Asia/Shanghai"))
        began = time.perf_counter()
        with journal.writing():
            _fill(RosterFold(journal.connection), people)
        print(f"{people} people taken in: {(time.perf_counter() - began) / people * 1e6:.0f} us each")
        _measure(journal)
        journal.close()


def _fill(fold: RosterFold, people: int) -> None:
    names = product(SURNAMES, GIVEN, GIVEN)
    for number, parts in zip(range(people), names, strict=False):
        home = (
            f"{number // 3 % 40 + 1}-{number // 120 % 4 + 1}-{number // 480 % 30 + 1:02}{number // 14_400 % 10 + 1:02}"
        )
        body = PersonRegistered(
            person_id=f"p{number:06}",
            name="".join(parts),
            household=home,
            address=home,
            role="resident",
            phone=Sealed(box="", tail=f"{number * 7919 % 10_000:04}"),
        )
        fold.person(body, (number, body.person_id))
        if number % 3 == 0:
            plate = f"鲁B{number % 100_000:05}"
            fold.household(HouseholdRegistered(household=home, address=home, plates=[plate]), (number, body.person_id))


def _measure(journal: Journal) -> None:
    connection = journal.connection

    def floor(_query: str) -> None:
        connection.execute("SELECT * FROM persons WHERE person_id = 'p000777'").fetchone()

    def scan(query: str) -> None:
        connection.execute("SELECT * FROM persons WHERE name LIKE ? LIMIT 50", (f"%{query}_%",)).fetchall()

    ours_ms: list[float] = []
    floors_ms: list[float] = []
    scans_ms: list[float] = []
    for query in QUERIES:
        spent: dict[str, list[float]] = {"ours": [], "floor": [], "scan": []}
        for _ in range(ROUNDS):
            for name, work in (("ours", lambda text: roster.find(connection, text)), ("floor", floor), ("scan", scan)):
                began = time.perf_counter()
                work(query)
                spent[name].append((time.perf_counter() - began) * 1000)
        print(f"{query}: {len(roster.find(connection, query))} found, {statistics.median(spent['ours']):.2f} ms")
        ours_ms += spent["ours"]
        floors_ms += spent["floor"]
        scans_ms += spent["scan"]
    ours, lookup, plain = map(statistics.median, (ours_ms, floors_ms, scans_ms))
    print(f"find: {ours:.2f} ms, longest {max(ours_ms):.2f} ms (target <= 50)")
    print(f"floor, one indexed lookup: {lookup:.3f} ms, ratio {ours / lookup:.0f}")
    print(f"a plain LIKE over all names: {plain:.2f} ms, ratio {ours / plain:.2f}")


if __name__ == "__main__":
    main()
