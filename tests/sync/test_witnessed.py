"""Signed heads on their way: who keeps them, and who notices a journal that was cut."""

from collections.abc import Iterator
from typing import cast

import pytest
import sqlalchemy as sa

from passes.trips import Direction
from station.assembly import Station
from station.feed import last_heads
from station.settings import HEAD_KEY_FILE
from station.travel import alarms, report_doubts
from station.witness import GRACE_MS, doubted
from sync.community.checking import check_surroundings
from sync.community.database import events, reading, writing
from sync.community.doubts import HeadDoubt, open_doubts
from sync.community.metrics import CommunityCollector
from sync.community.stations import add_station
from tests.community.conftest import COMMUNITY, NOW_MS, Server
from tests.station.post import SHANGHAI, Post
from tests.sync.conftest import STATION, Sender
from tests.sync.living import put_back, travel

EXIT = Direction.EXIT


@pytest.fixture
def west(community: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """Another gate of the community."""
    community.secrets["G2"] = add_station(community.engine, COMMUNITY, "G2", "西门", NOW_MS)
    post = Post(tmp_path_factory.mktemp("west"), station="G2")
    yield post
    post.journal.close()


def test_gates_notice_a_journal_that_was_cut_and_the_office_is_told(
    sender: Sender, community: Server, west: Post
) -> None:
    east = sender.post
    rows = [east.issue(f"住户{number}") for number in range(3)]
    travel(east, community)
    with put_back(east):
        east.pass_through(rows[0], EXIT)
        travel(east, community)  # what was recorded, and then the head that it makes
        travel(west, community, "G2")
    assert doubted(west.journal.connection) == []
    with writing(community.engine) as connection:
        # A community that helps to hide it: the tail is gone there too.
        connection.execute(sa.delete(events).where(events.c.station == STATION, events.c.seq > 3))
        connection.execute(sa.text("UPDATE stations SET head_seq = 3 WHERE station = 'G1'"))
    travel(east, community)
    travel(west, community, "G2")
    west.clock.move(GRACE_MS / 1000 + 1)
    travel(west, community, "G2")

    [doubt] = doubted(west.journal.connection)
    assert (doubt.station, doubt.doubt, doubt.seen_seq, doubt.told_seq) == (STATION, "cut", 4, 3)
    [alarm] = alarms(west.journal.connection, west.clock.now_ms(), SHANGHAI)
    assert "station G1: its journal reaches to 3 now and reached to 4 before; tell the office" in str(alarm)

    assert report_doubts(cast(Station, west)) == 1
    travel(west, community, "G2")
    with reading(community.engine) as connection:
        assert open_doubts(connection, COMMUNITY) == [HeadDoubt(STATION, "G2", doubt.epoch, "cut", 4, 3)]
    now_ms = west.clock.now_ms()
    said = [str(found.told) for found in check_surroundings(community.engine, COMMUNITY, west.folder, now_ms)]
    assert "station G1: gate G2 saw its journal reach to 4, and now to 3 only; ask there why" in said
    assert doubted_heads(community, now_ms) == 1
    east.pass_through(rows[1], EXIT)
    travel(east, community)
    assert doubted_heads(community, now_ms) == 0


def doubted_heads(community: Server, now_ms: int) -> float:
    """Return what Prometheus is told."""
    found = CommunityCollector(community.engine, COMMUNITY, lambda: now_ms).collect()
    return next(metric.samples[0].value for metric in found if metric.name == "gatepost_doubted_heads")


def test_a_head_is_taken_only_with_the_key_that_the_station_showed_first(
    sender: Sender, community: Server, west: Post
) -> None:
    east = sender.post
    east.issue()
    travel(east, community)
    travel(west, community, "G2")
    [head] = [head for head in last_heads(west.journal.connection) if head.station == STATION]
    assert head.signed
    assert (head.signed.epoch, head.signed.seq, head.signed.hash) == (head.epoch, head.seq, head.hash)
    (east.folder / HEAD_KEY_FILE).unlink()
    east.issue("李四")
    travel(east, community)
    travel(west, community, "G2")
    [later] = [head for head in last_heads(west.journal.connection) if head.station == STATION]
    assert (later.seq, later.signed) == (2, head.signed)
