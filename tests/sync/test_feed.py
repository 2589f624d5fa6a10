"""The feed on its way: from the office and other gates, over HTTP, into a station's register."""

import msgspec
import pytest

from passes.keys import IssuingKey
from passes.kinds import PRESETS, Mode
from passes.reasons import Reason
from passes.trips import Direction
from passes.trust import TrustedKey, sign_trust_list, trust_list_text
from station import issuing
from station.feed import last_heads
from station.notes import CURSOR, SYNCED, read_note
from station.parcels import open_parcels
from station.trusting import Trusting
from sync.bodies import Body, KeyAdded, KindSet, ModeSet
from sync.client import TransferError, connect
from sync.community.database import writing
from sync.community.journal import append
from sync.community.stations import add_station
from sync.courier import carry_once, fetch_once
from sync.wire import FeedAnswer
from tests.community.conftest import COMMUNITY, NOW_MS, Server
from tests.station.post import KEY, ROOT, SHANGHAI, Post, reading
from tests.sync.conftest import STATION, Sender
from tests.sync.servers import DEADLINE_S, PROTOCOL, front, says

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY


def order(community: Server, body: Body) -> None:
    with writing(community.engine) as connection:
        append(connection, COMMUNITY, body, NOW_MS)


def travel(post: Post, community: Server, station: str = STATION) -> int:
    """Push everything, pull everything; return how many events were new."""
    news = 0
    with (
        open_parcels(post.folder, station, SHANGHAI) as parcels,
        connect(community.url, community.secrets[station], DEADLINE_S) as client,
    ):
        while carry_once(client, parcels.outbox, COMMUNITY, post.clock.now_ms):
            pass
        has_more = True
        while has_more:
            answer, new = fetch_once(client, parcels.feed, COMMUNITY, post.clock.now_ms)
            news, has_more = news + new, answer.more
    return news


@pytest.fixture
def west(community: Server, tmp_path_factory: pytest.TempPathFactory) -> Post:
    """Another gate of the community."""
    community.secrets["G2"] = add_station(community.engine, COMMUNITY, "G2", "西门", NOW_MS)
    return Post(tmp_path_factory.mktemp("west"), station="G2")


def test_a_pass_issued_at_one_gate_is_known_and_counted_at_the_other(
    sender: Sender, community: Server, west: Post
) -> None:
    east = sender.post
    row = east.issue()
    east.pass_through(row, EXIT)
    travel(east, community)

    assert travel(west, community, "G2") == 2
    known = west.register.find_number(row.number)
    assert known is not None
    assert (known.holder, known.household) == (row.holder, row.household)
    assert west.gate.verify(row.token, EXIT).verdict.reasons == (Reason.ALREADY_OUT, Reason.OVER_LIMIT)
    assert west.register.counts(west.gate.today()).away == 1
    west.pass_through(row, ENTRY)
    travel(west, community, "G2")
    travel(east, community)
    assert east.register.counts(east.gate.today()).away == 0
    assert east.gate.verify(row.token, EXIT).verdict.reasons == (Reason.OVER_LIMIT,)


def test_what_ends_at_one_gate_ends_at_the_other(sender: Sender, community: Server, west: Post) -> None:
    east = sender.post
    old = east.issue()
    east.pass_through(old, EXIT)
    new = east.desk.replace(old, reason="worn")
    travel(east, community)
    travel(west, community, "G2")

    assert west.gate.verify(old.token, EXIT).verdict.reasons[0] is Reason.REPLACED
    # The replacement is the same line: its first trip of today is used, and open.
    assert west.gate.verify(new.token, EXIT).verdict.reasons == (Reason.ALREADY_OUT, Reason.OVER_LIMIT)
    issuing.revoke(west.journal, west.register, west.clock, new, reason="lost")
    travel(west, community, "G2")
    travel(east, community)
    assert Reason.REVOKED in east.gate.verify(new.token, EXIT).verdict.reasons


def test_the_office_sets_kinds_and_modes_and_a_gate_cannot(sender: Sender, community: Server, west: Post) -> None:
    east = sender.post
    row = west.issue()
    twice = msgspec.structs.replace(PRESETS["resident"], trips=2)
    order(community, KindSet(kind=twice, effective_ms=west.clock.now_ms()))
    order(community, ModeSet(mode=Mode.STATIC, effective_ms=west.clock.now_ms() + 3_600_000))
    with east.journal.writing():
        east.journal.append(ModeSet(mode=Mode.OPEN, effective_ms=0), at_ms=east.clock.now_ms(), shift=None, guard=None)
    for post, station in ((east, STATION), (west, "G2")):
        travel(post, community, station)

    assert west.gate.verify(row.token, EXIT).verdict.trips == 2
    west.pass_through(row, EXIT)
    west.pass_through(row, ENTRY)
    assert west.pass_through(row, EXIT).outcome == "allowed"
    west.pass_through(row, ENTRY)
    west.clock.move(3600)
    assert west.gate.verify(row.token, EXIT).verdict.reasons == (Reason.MODE, Reason.OVER_LIMIT)
    assert east.register.rules().mode(east.clock.now_ms()) is Mode.CLOSED


def test_an_event_comes_once_and_the_register_can_be_rebuilt(sender: Sender, community: Server, west: Post) -> None:
    row = west.issue()
    west.pass_through(row, EXIT)
    travel(west, community, "G2")
    east = sender.post
    east.issue("张三")
    assert travel(east, community) == 2
    assert travel(east, community) == 0
    before = [east.register.legs(row.pass_id, east.gate.today()), east.register.find_passes()]

    # A cursor that was lost brings everything again, and changes nothing.
    with east.journal.writing():
        east.journal.connection.execute("DELETE FROM notes WHERE name = ?", (CURSOR,))
    assert travel(east, community) == 0
    east.register.rebuild()

    assert [east.register.legs(row.pass_id, east.gate.today()), east.register.find_passes()] == before
    assert {head.station for head in last_heads(east.journal.connection)} >= {STATION, "G2"}
    assert read_note(east.journal.connection, SYNCED) == str(east.clock.now_ms())


def test_lists_grow_old_without_contact(sender: Sender, community: Server) -> None:
    post = sender.post
    row = post.issue()
    travel(post, community)
    post.clock.move(24 * 3600)
    assert post.gate.verify(row.token, EXIT).verdict.reasons == ()
    post.clock.move(1)

    scan = post.gate.measured(post.gate.scan(row.token, EXIT), [reading(36.5)])

    assert (scan.verdict.outcome, scan.verdict.reasons) == ("allow", (Reason.STALE_DATA,))
    travel(post, community)
    assert post.gate.verify(row.token, EXIT).verdict.reasons == ()


@pytest.mark.parametrize("body", [b"", b"{}", b"[" * 10_000, b'{"community": "c"}'])
def test_what_is_no_feed_changes_nothing(sender: Sender, body: bytes) -> None:
    with (
        front(says(200, body, **PROTOCOL)) as liar,
        open_parcels(sender.post.folder, STATION, SHANGHAI) as parcels,
        connect(liar.url, "s", DEADLINE_S) as client,
        pytest.raises(TransferError),
    ):
        fetch_once(client, parcels.feed, COMMUNITY, sender.post.clock.now_ms)
    assert read_note(sender.post.journal.connection, CURSOR) is None


def test_another_communitys_feed_is_not_ours(sender: Sender) -> None:
    answer = FeedAnswer(community="999", generation="g", server_time_ms=NOW_MS, cursor="x", items=[])
    with (
        front(says(200, msgspec.json.encode(answer), **PROTOCOL)) as other,
        open_parcels(sender.post.folder, STATION, SHANGHAI) as parcels,
        connect(other.url, "s", DEADLINE_S) as client,
        pytest.raises(TransferError, match="999"),
    ):
        fetch_once(client, parcels.feed, COMMUNITY, sender.post.clock.now_ms)
    assert read_note(sender.post.journal.connection, CURSOR) is None


def test_the_trust_list_of_the_feed_is_taken_only_with_the_roots_signature(sender: Sender, community: Server) -> None:
    post, new, stranger = sender.post, IssuingKey.generate(), IssuingKey.generate()
    entries = [TrustedKey(key.key_id, key.public_key, COMMUNITY) for key in (KEY, new)]
    trusting = Trusting(post.register, post.trust, ROOT.public_key)
    forged = trust_list_text(sign_trust_list(stranger, COMMUNITY, entries, 10))
    order(community, KeyAdded(key_id=new.key_id.hex(), station="G9", trust_list=forged))
    travel(post, community)
    assert not trusting.newest().candidates(new.key_id, COMMUNITY)

    real = trust_list_text(sign_trust_list(ROOT, COMMUNITY, entries, 20))
    order(community, KeyAdded(key_id=new.key_id.hex(), station="G9", trust_list=real))
    travel(post, community)

    assert trusting.newest().candidates(new.key_id, COMMUNITY)
    older = trust_list_text(sign_trust_list(ROOT, COMMUNITY, entries[:1], 5))
    order(community, KeyAdded(key_id="00", station="G9", trust_list=older))
    travel(post, community)
    assert trusting.newest().candidates(new.key_id, COMMUNITY)
