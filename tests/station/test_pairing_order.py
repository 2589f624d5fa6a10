"""Legs of several gates come in any order, in any pieces, between own passages: the register ends up the same."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.trips import Direction, Leg, pair, standing
from station.folding import REGISTER_TABLES
from station.parcels import open_parcels
from sync.bodies import KIND_OF, Body, ConflictClosed, PassageMissed, PassageRecorded, PassageUndone, PassReplaced
from sync.events import OFFICE, canonical_json
from sync.wire import FeedAnswer, FeedItem
from tests.station.post import COMMUNITY, MORNING, SHANGHAI, Post

OWN = "G1"
PASSES = ("a1", "b2", "c3")
TODAY = MORNING.date()
START_MS = int(MORNING.timestamp() * 1000)
MINUTE_MS = 60_000


@dataclass(frozen=True)
class Fact:
    """Something that a station wrote `minute` minutes after eight; `id` is its event's."""

    station: str
    minute: int
    body: Body

    @property
    def id(self) -> str:
        return f"event-{self.minute:05}"

    @property
    def at_ms(self) -> int:
        return START_MS + self.minute * MINUTE_MS


@dataclass(frozen=True)
class History:
    """What happened everywhere, the order in which this gate hears of it, and how far its clock is ahead."""

    facts: list[Fact]
    arrivals: list[Fact]
    cuts: list[bool]
    ahead_ms: int | None


@st.composite
def histories(draw: st.DrawFn) -> History:
    # Over two days; no two at one instant, which nobody could put in order.
    minutes = draw(st.lists(st.integers(0, 2 * 24 * 60), min_size=2, max_size=12, unique=True))
    facts: list[Fact] = []
    for minute in sorted(minutes):
        station = draw(st.sampled_from((OWN, "G2", "G3")))
        facts.append(draw(_legs(station, minute)))
    taken = draw(st.lists(st.sampled_from(facts), max_size=3, unique_by=lambda fact: fact.minute))
    minute = 2 * 24 * 60
    for leg in taken:
        minute += 1
        facts.append(_taking_back(draw(st.booleans()), leg, minute))
    for pair_of_passes in draw(st.lists(st.permutations(PASSES), max_size=2)):
        minute += 1
        station = draw(st.sampled_from((OWN, "G2")))
        facts.append(Fact(station, minute, PassReplaced(pass_id=pair_of_passes[0], by=pair_of_passes[1])))
    foreign = draw(st.permutations([fact for fact in facts if fact.station != OWN]))
    arrivals = _merged(draw, [fact for fact in facts if fact.station == OWN], foreign)
    cuts = draw(st.lists(st.booleans(), min_size=len(arrivals), max_size=len(arrivals)))
    return History(facts, arrivals, cuts, draw(st.sampled_from((None, 0, 600_000, -86_400_000))))


@st.composite
def _legs(draw: st.DrawFn, station: str, minute: int) -> Fact:
    pass_id, is_first = draw(st.sampled_from(PASSES)), draw(st.booleans())
    way: Any = {"direction": "exit" if is_first else "entry", "leg": "first" if is_first else "return"}
    if draw(st.integers(0, 5)) == 0:
        happened_ms = START_MS + minute * MINUTE_MS
        return Fact(station, minute, PassageMissed(pass_id=pass_id, happened_ms=happened_ms, reason="漏记", **way))
    return Fact(station, minute, PassageRecorded(outcome="allowed", verdict="allow", pass_id=pass_id, **way))


def _taking_back(is_undone: bool, leg: Fact, minute: int) -> Fact:
    pass_id = _pass_of(leg)
    if is_undone:
        return Fact(leg.station, minute, PassageUndone(passage_id=leg.id, pass_id=pass_id))
    closed = ConflictClosed(conflict_id=leg.id, pass_id=pass_id, reason="误扫", discarded=[leg.id])
    return Fact(OFFICE, minute, closed)


def _merged(draw: st.DrawFn, own: list[Fact], foreign: list[Fact]) -> list[Fact]:
    """Return own facts in their order, the others anywhere between them; what the office says of a leg comes later."""
    arrivals = list(own)
    for fact in foreign:
        about = fact.body.discarded[0] if isinstance(fact.body, ConflictClosed) else ""
        earliest = next((i + 1 for i, known in enumerate(arrivals) if known.id == about and known.station == OWN), 0)
        arrivals.insert(draw(st.integers(earliest, len(arrivals))), fact)
    return arrivals


def _pass_of(fact: Fact) -> str:
    assert isinstance(fact.body, PassageRecorded | PassageMissed)
    return fact.body.pass_id or ""


@contextmanager
def heard(history: History) -> Iterator[Post]:
    """Tell a gate of everything in the order of arrival; what stands together comes in one piece of the feed."""
    with TemporaryDirectory() as folder:
        post = Post(Path(folder))
        post.journal.connection.execute("PRAGMA synchronous = OFF")
        post.journal.drift_ms = history.ahead_ms
        with open_parcels(post.folder, OWN, SHANGHAI) as parcels:
            piece: list[FeedItem] = []
            for fact, is_cut in zip(history.arrivals, history.cuts, strict=True):
                if piece and (is_cut or fact.station == OWN):
                    parcels.feed.take(_answer(piece), post.clock.now_ms())
                    piece = []
                if fact.station == OWN:
                    _write(post, fact)
                else:
                    piece.append(_item(fact))
            parcels.feed.take(_answer(piece), post.clock.now_ms())
        try:
            yield post
        finally:
            post.journal.close()


def _write(post: Post, fact: Fact) -> None:
    post.clock.ms = fact.at_ms + (post.journal.drift_ms or 0)
    with post.journal.writing():
        post.register.record(fact.body, post.clock.now_ms(), fact.id)


def _item(fact: Fact) -> FeedItem:
    body = msgspec.Raw(canonical_json(fact.body))
    kind = KIND_OF[type(fact.body)]
    return FeedItem(
        station=fact.station, epoch="01", seq=fact.minute + 1, id=fact.id, kind=kind, at_ms=fact.at_ms, body=body
    )


def _answer(items: list[FeedItem]) -> FeedAnswer:
    return FeedAnswer(community=COMMUNITY, generation="1", server_time_ms=START_MS, cursor="1.1", items=items)


def lines(history: History) -> dict[str, str]:
    """Say which passes are one line, whichever was replaced first."""
    line = {pass_id: pass_id for pass_id in PASSES}
    for fact in history.facts:
        if isinstance(fact.body, PassReplaced):
            one, other = line[fact.body.pass_id], line[fact.body.by]
            line = {pass_id: min(one, other) if of in (one, other) else of for pass_id, of in line.items()}
    return line


def legs_that_stand(history: History) -> dict[str, list[Leg]]:
    """Return, by line, what a look at everything at once leaves."""
    gone = set()
    for fact in history.facts:
        if isinstance(fact.body, PassageUndone):
            gone.add(fact.body.passage_id)
        elif isinstance(fact.body, ConflictClosed):
            gone.update(fact.body.discarded)
    line = lines(history)
    legs: dict[str, list[Leg]] = {line[pass_id]: [] for pass_id in PASSES}
    for fact in history.facts:
        if isinstance(fact.body, PassageRecorded | PassageMissed) and fact.id not in gone:
            leg = Leg(fact.at_ms, Direction(fact.body.direction), fact.station, fact.id)
            legs[line[_pass_of(fact)]].append(leg)
    return legs


def rows(post: Post) -> dict[str, list[tuple[Any, ...]]]:
    """Return everything that is folded, but for tallies that came back to nothing."""
    told = {}
    for table in REGISTER_TABLES:
        found = post.journal.connection.execute(f"SELECT * FROM {table}").fetchall()
        told[table] = sorted((row for row in found if table != "tallies" or row[-1]), key=repr)
    return told


@settings(max_examples=60, deadline=None)
@given(histories())
def test_trips_do_not_depend_on_the_order_of_arrival(history: History) -> None:
    expected = legs_that_stand(history)

    with heard(history) as post:
        first_day = TODAY - timedelta(days=10)
        for line, legs in expected.items():
            found = post.register.legs(line, first_day)
            assert pair(found, Direction.EXIT) == pair(legs, Direction.EXIT)
            assert post.register.last_leg(line) == _by_own_clock(
                history, max(legs, key=lambda leg: leg.at_ms, default=None)
            )
            for day in (TODAY, TODAY + timedelta(days=1), TODAY + timedelta(days=2)):
                recent = post.register.legs(line, day)
                assert standing(recent, Direction.EXIT, day, 1, SHANGHAI) == standing(
                    legs, Direction.EXIT, day, 1, SHANGHAI
                )
        is_open = Counter(max(legs, key=lambda leg: leg.at_ms).direction for legs in expected.values() if legs)
        assert post.register.counts(TODAY).away == is_open[Direction.EXIT]
        assert post.register.counts(TODAY).inside == 0

        before = rows(post)
        post.register.rebuild()
        assert rows(post) == before


def _by_own_clock(history: History, leg: Leg | None) -> Leg | None:
    if leg is None:
        return None
    return msgspec.structs.replace(leg, at_ms=leg.at_ms + (history.ahead_ms or 0))
