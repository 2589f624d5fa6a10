from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.trips import Direction, Leg, pair
from sync.bodies import Body, ConflictClosed, PassageMissed, PassageUndone, PassReplaced
from sync.community.conflicts import find_conflicts
from sync.community.database import open_engine, reading
from sync.community.legs import lines_of, standing_legs
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.events import OFFICE, Event
from tests.community.conftest import NOW_MS, Chain, passage
from tests.community.gates import MINUTE_MS, issued, order, push

PASSES = ("p1", "p2", "p3")
STATIONS = ("east", "west")
_numbers = count(1)


@dataclass(frozen=True)
class Fact:
    """Something that a station or the office wrote; `about` is the place of the leg that it takes back."""

    what: str
    station: str
    pass_id: str
    other: str
    about: int


FACTS = st.lists(
    st.builds(
        Fact,
        what=st.sampled_from(["first", "return", "missed", "undone", "replaced", "replaced", "issued", "closed"]),
        station=st.sampled_from(STATIONS),
        pass_id=st.sampled_from(PASSES),
        other=st.sampled_from(PASSES),
        about=st.integers(0, 15),
    ),
    min_size=4,
    max_size=16,
)
Told = tuple[str, Body | Event]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    opened = open_engine(f"sqlite:///{tmp_path_factory.mktemp('order')}/community.sqlite")
    # Nothing here is to survive a power cut.
    sa.event.listen(opened, "connect", lambda connection, _record: connection.execute("PRAGMA synchronous = OFF"))
    migrate(opened)
    yield opened
    opened.dispose()


def written(facts: list[Fact]) -> list[Told]:
    """Return what is in the journals when these facts happened one after the other, a minute apart."""
    chains = {station: Chain(station) for station in STATIONS}
    told: list[Told] = []
    legs: list[Event] = []
    for minute, fact in enumerate(facts):
        at_ms = NOW_MS + minute * MINUTE_MS
        about = legs[fact.about % len(legs)].id if legs else "none"
        body: Body
        if fact.what in {"first", "return"}:
            direction = "exit" if fact.what == "first" else "entry"
            body = passage(pass_id=fact.pass_id, leg=fact.what, direction=direction)
        elif fact.what == "missed":
            body = PassageMissed(
                pass_id=fact.pass_id, direction="entry", leg="return", happened_ms=at_ms, reason="漏记"
            )
        elif fact.what == "undone":
            body = PassageUndone(passage_id=about, pass_id=fact.pass_id)
        elif fact.what == "replaced":
            body = PassReplaced(pass_id=fact.pass_id, by=fact.other)
        elif fact.what == "issued":
            body = issued(fact.pass_id)
        else:
            body = ConflictClosed(conflict_id="c", pass_id=fact.pass_id, reason="x", discarded=[about])
            told.append((OFFICE, body))
            continue
        event = chains[fact.station].add(body, at_ms=at_ms)
        told.append((fact.station, event))
        if fact.what in {"first", "return", "missed"}:
            legs.append(event)
    return told


def expected(facts: list[Fact], told: list[Told]) -> dict[str, tuple[list[str], list[str]]]:
    """Work out from the facts, for each pass, the legs of its line that count and those of them still open."""
    line = {pass_id: {pass_id} for pass_id in PASSES}
    gone: set[str] = set()
    legs: list[tuple[Fact, str]] = []
    for fact, (_station, what) in zip(facts, told, strict=True):
        about = legs[fact.about % len(legs)][1] if legs else "none"
        if fact.what in {"first", "return", "missed"}:
            assert isinstance(what, Event)
            legs.append((fact, what.id))
        elif fact.what in {"undone", "closed"}:
            gone.add(about)
        elif fact.what == "replaced":
            both = line[fact.pass_id] | line[fact.other]
            line.update(dict.fromkeys(both, both))
    result = {}
    for pass_id in PASSES:
        counting = [(fact, one) for fact, one in legs if fact.pass_id in line[pass_id] and one not in gone]
        still_open: list[str] = []
        for fact, one in counting:
            still_open = [*still_open, one] if fact.what == "first" else []
        result[pass_id] = ([one for _fact, one in counting], still_open)
    return result


def known(engine: sa.Engine, community: str) -> dict[str, tuple[list[str], list[str]]]:
    result = {}
    with reading(engine) as connection:
        for pass_id in PASSES:
            legs = standing_legs(connection, community, lines_of(connection, community, [pass_id]).values())
            trips = pair(
                [Leg(leg.order_ms, Direction(leg.direction), "", leg.event_id) for leg in legs], Direction.EXIT
            )
            result[pass_id] = [leg.event_id for leg in legs], [trip.first.id for trip in trips if trip.back is None]
    return result


def arrive(engine: sa.Engine, told: list[Told], is_last_of_batch: list[bool]) -> str:
    """Let a new community hear of it in this order, folding after each batch; return its id."""
    community = f"c{next(_numbers)}"
    add_community(engine, community, "乙", "Asia/Shanghai")
    for station in STATIONS:
        add_station(engine, community, station, station, NOW_MS)
    batches: dict[str, list[Event]] = {}
    for (station, what), is_last in zip(told, is_last_of_batch, strict=True):
        if isinstance(what, Event):
            batches.setdefault(station, []).append(what)
        else:
            order(engine, what, community=community)
        if is_last:
            for sender, sent in batches.items():
                assert set(push(engine, sender, sent, community)) == {"stored"}
            batches = {}
            find_conflicts(engine, community, NOW_MS)
    return community


@settings(max_examples=60, deadline=None)
@given(facts=FACTS, data=st.data())
def test_the_order_of_arrival_does_not_matter(shared: sa.Engine, facts: list[Fact], data: st.DataObject) -> None:
    told = written(facts)
    shuffled = data.draw(st.permutations(told))
    cuts = data.draw(st.lists(st.booleans(), min_size=len(told) - 1, max_size=len(told) - 1))
    community = arrive(shared, shuffled, [*cuts, True])
    assert known(shared, community) == expected(facts, told)
