"""Journals and databases with more than one life: copied folders, disks put back, communities restored from backups."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from passes.keys import IssuingKey
from passes.trips import Direction
from passes.trust import sign_trust_list, trust_list_text
from station.lives import find_twin
from station.notes import GENERATION, read_note
from station.outbox import StrangerError
from station.settings import ROOT_FILE
from sync.bodies import Body, HolderBanned, KeyAdded
from sync.community.api import make_app
from sync.community.database import events, forks, open_engine, reading, writing
from sync.community.feed import read_feed
from sync.community.journal import append
from sync.community.lives import Lives, find_lives
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.community.verifying import verify_journals
from sync.sqlite import sqlite3
from tests.community.conftest import COMMUNITY, NOW_MS, Server, serving
from tests.station.post import ROOT, Post
from tests.sync.conftest import STATION, Sender
from tests.sync.living import put_back, travel

EXIT, ENTRY = Direction.EXIT, Direction.ENTRY
both_databases = pytest.mark.parametrize("community", ["sqlite", "postgresql"], indirect=True)


def order(engine: sa.Engine, body: Body) -> None:
    with writing(engine) as connection:
        append(connection, COMMUNITY, body, NOW_MS)


def settled(post: Post, community: Server, station: str = STATION) -> None:
    """Travel until the courier would find nothing to do."""
    for _ in range(3):
        travel(post, community, station)


def ids_of(post: Post) -> list[str]:
    return [event.id for _n, event in post.journal.read()]


def stored(community: Server) -> list[str]:
    return sorted(row.id for row in community.rows(events) if row.station != "office")


def feed_ids(community: Server) -> list[str]:
    with reading(community.engine) as connection:
        answer = read_feed(connection, COMMUNITY, after=None, own_station="-", own_epoch="", now_ms=NOW_MS)
        assert not answer.more
        return [item.id for item in answer.items]


def register_of(post: Post) -> list[object]:
    """What a station knows that others must know too."""
    db = post.journal.connection
    queries = (
        "SELECT line, order_ms, id, direction, station, leg FROM legs ORDER BY line, order_ms, id",
        "SELECT pass_id, holder, household FROM passes ORDER BY pass_id",
        "SELECT pass_id, order_ms, id, state FROM pass_events WHERE kind <> 'pass.printed' ORDER BY 1, 2, 3",
        "SELECT scope, subject, kind, is_on FROM restrictions ORDER BY scope, subject, kind",
    )
    return [tuple(row) for query in queries for row in db.execute(query)]


@pytest.fixture
def west(community: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    """Another gate of the community."""
    community.secrets["G2"] = add_station(community.engine, COMMUNITY, "G2", "西门", NOW_MS)
    post = Post(tmp_path_factory.mktemp("west"), station="G2")
    yield post
    post.journal.close()


@both_databases
def test_a_machine_put_back_that_recorded_before_it_was_heard_keeps_both_lives(
    sender: Sender, community: Server, west: Post
) -> None:
    east = sender.post
    rows = [east.issue(f"住户{number}") for number in range(5)]
    travel(east, community)
    with put_back(east):
        lost = [east.pass_through(rows[0], EXIT), east.pass_through(rows[1], EXIT)]
        travel(east, community)
    east.pass_through(rows[2], EXIT)
    east.pass_through(rows[0], EXIT)  # nobody here knows that they are out
    east.pass_through(rows[3], EXIT)

    settled(east, community)
    after = east.pass_through(rows[4], EXIT)
    settled(east, community)
    travel(west, community, "G2")

    lost_ids = [scan.recorded.id for scan in lost if scan.recorded]
    assert stored(community) == sorted([*ids_of(east), *lost_ids])
    assert feed_ids(community).count(lost_ids[0]) == 1
    assert len(community.rows(forks)) == 2  # the third has no other event in its place
    assert after.recorded
    epochs = [event.epoch for _n, event in east.journal.read()]
    assert len(set(epochs)) == 2
    assert epochs[-2:] == [epochs[0], after.recorded.epoch]
    # Both lives count, at this gate and at the others.
    assert register_of(east) == register_of(west)
    assert len(east.register.legs(rows[0].pass_id, east.gate.today())) == 2
    assert len(east.register.legs(rows[1].pass_id, east.gate.today())) == 1
    assert east.journal.verify() == len(epochs)
    assert verify_journals(community.engine, COMMUNITY).missing == 0
    before = register_of(east)
    east.register.rebuild()
    assert register_of(east) == before
    assert find_twin(east.journal.connection) is None


def test_a_machine_put_back_that_is_heard_first_never_forks(sender: Sender, community: Server, west: Post) -> None:
    east = sender.post
    row, other = east.issue("王小明"), east.issue("李四")
    travel(east, community)
    with put_back(east):
        east.pass_through(row, EXIT)
        travel(east, community)

    travel(east, community)
    scan = east.pass_through(other, EXIT)
    settled(east, community)
    travel(west, community, "G2")

    assert community.rows(forks) == []
    assert scan.recorded
    assert scan.recorded.epoch > next(iter(east.journal.read()))[1].epoch
    assert register_of(east) == register_of(west)
    assert east.register.counts(east.gate.today()).away == 2


def test_a_copied_folder_and_its_original_at_once(sender: Sender, community: Server, tmp_path: Path) -> None:
    original = sender.post
    rows = [original.issue(f"住户{number}") for number in range(6)]
    travel(original, community)
    original.journal.close()
    shutil.copytree(original.folder, tmp_path / "copy")
    original.create = False
    original.__post_init__()
    copy = Post(tmp_path / "copy", clock=original.clock, trust=original.trust, create=False)
    original.clock.move(600)

    for number, (one, two) in enumerate(((rows[0], rows[1]), (rows[2], rows[3]), (rows[4], rows[5]))):
        original.pass_through(one, EXIT)
        copy.pass_through(two, EXIT)
        travel(original if number % 2 else copy, community)
    settled(original, community)
    settled(copy, community)
    settled(original, community)

    assert community.rows(forks) == []
    assert stored(community) == sorted({*ids_of(original), *ids_of(copy)})
    assert register_of(original) == register_of(copy)
    # Each sees that the other writes under its name.
    twins = [find_twin(post.journal.connection) for post in (original, copy)]
    assert [twin.epoch for twin in twins if twin] == [
        list(copy.journal.read())[-1][1].epoch,
        list(original.journal.read())[-1][1].epoch,
    ]
    copy.journal.close()
    with reading(community.engine) as connection:
        assert find_lives(connection, COMMUNITY) == {STATION: Lives(forks=0, twin_ms=original.clock.now_ms() - 120_000)}


def test_a_folder_that_moved_to_another_machine_has_no_twin(sender: Sender, community: Server, tmp_path: Path) -> None:
    old = sender.post
    row = old.issue()
    travel(old, community)
    old.pass_through(row, EXIT)
    old.journal.close()
    shutil.copytree(old.folder, tmp_path / "new")
    old.clock.move(3600)
    new = Post(tmp_path / "new", clock=old.clock, trust=old.trust, create=False)

    new.pass_through(row, ENTRY)
    settled(new, community)

    assert find_twin(new.journal.connection) is None
    with reading(community.engine) as connection:
        assert find_lives(connection, COMMUNITY) == {}
    assert stored(community) == sorted(ids_of(new))
    new.journal.close()
    old.create = False
    old.__post_init__()


Backup = Callable[[], Callable[[], None]]


def back_up_sqlite(engine: sa.Engine, tmp_path: Path) -> Callable[[], None]:
    """Copy a SQLite database as its own backup does; call the result to put it back."""
    file, kept = str(engine.url.database), tmp_path / "backup.sqlite"
    with sqlite3.connect(file) as source, sqlite3.connect(kept) as target:
        source.backup(target)

    def restore() -> None:
        engine.dispose()
        with sqlite3.connect(kept) as source, sqlite3.connect(file) as target:
            source.backup(target)

    return restore


def back_up_postgresql(engine: sa.Engine) -> Callable[[], None]:
    """Keep every table's rows as COPY writes them; call the result to put them back."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        names = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        tables = [row[0] for row in connection.execute(names).fetchall()]
        kept = {}
        for table in tables:
            with connection.cursor().copy(f'COPY "{table}" TO STDOUT') as copy:
                kept[table] = b"".join(bytes(block) for block in copy)

    def restore() -> None:
        with psycopg.connect(url) as connection:
            connection.execute("SET session_replication_role = replica")
            for table in tables:
                connection.execute(f'DELETE FROM "{table}"')
            for table, rows in kept.items():
                with connection.cursor().copy(f'COPY "{table}" FROM STDIN') as copy:
                    copy.write(rows)

    return restore


@pytest.fixture
def back_up(community: Server, tmp_path: Path) -> Backup:
    if community.engine.dialect.name == "sqlite":
        return lambda: back_up_sqlite(community.engine, tmp_path)
    return lambda: back_up_postgresql(community.engine)


def signed_list(root: IssuingKey, issued_at_ms: int = 1) -> KeyAdded:
    trust = trust_list_text(sign_trust_list(root, COMMUNITY, [], issued_at_ms))
    return KeyAdded(key_id="00", station="office", trust_list=trust)


def know_root(*posts: Post) -> None:
    for post in posts:
        (post.folder / ROOT_FILE).write_text(ROOT.public_key.hex())


@both_databases
@pytest.mark.parametrize("is_told", [True, False], ids=["a new generation", "nobody said so"])
def test_a_community_restored_from_a_backup_is_filled_up_again(
    sender: Sender, community: Server, west: Post, back_up: Backup, *, is_told: bool
) -> None:
    east = sender.post
    know_root(east, west)
    order(community.engine, signed_list(ROOT))
    order(community.engine, HolderBanned(holder_id="p1"))
    rows = [east.issue(f"住户{number}") for number in range(6)]
    east.pass_through(rows[0], EXIT)
    travel(east, community)
    travel(west, community, "G2")
    west.pass_through(rows[0], ENTRY)
    travel(west, community, "G2")
    restore = back_up()
    east.pass_through(rows[1], EXIT)
    travel(east, community)
    travel(west, community, "G2")
    west.pass_through(rows[1], ENTRY)
    west.pass_through(rows[2], EXIT)
    travel(west, community, "G2")
    travel(east, community)
    east.pass_through(rows[3], EXIT)  # not sent yet when it happens

    restore()
    if is_told:
        with writing(community.engine) as connection:
            connection.execute(sa.text("UPDATE communities SET generation = 'after'"))
    order(community.engine, HolderBanned(holder_id="p2"))
    west.pass_through(rows[4], EXIT)
    for _ in range(3):
        travel(west, community, "G2")
        travel(east, community)

    assert stored(community) == sorted([*ids_of(east), *ids_of(west)])
    assert len(set(feed_ids(community))) == len(feed_ids(community))
    assert register_of(east) == register_of(west)
    assert verify_journals(community.engine, COMMUNITY).missing == 0
    (east.folder / "fresh").mkdir()
    fresh = Post(east.folder / "fresh", station="G3")
    know_root(fresh)
    community.secrets["G3"] = add_station(community.engine, COMMUNITY, "G3", "北门", NOW_MS)
    travel(fresh, community, "G3")
    assert register_of(fresh) == register_of(east)
    fresh.journal.close()
    for post in (east, west):
        post.register.rebuild()
    assert register_of(east) == register_of(west)
    generation = read_note(east.journal.connection, GENERATION)
    with reading(community.engine) as connection:
        assert generation == connection.execute(sa.text("SELECT generation FROM communities")).scalar_one()


def test_a_running_courier_fills_up_a_restored_community_by_itself(
    sender: Sender, community: Server, back_up: Backup
) -> None:
    know_root(sender.post)
    order(community.engine, signed_list(ROOT))
    sender.record(10)
    with sender.courier(community.url, community.secrets[STATION]):
        sender.wait(lambda: sender.backlog.pending == 0)
        restore = back_up()
        sender.record(2000)
        sender.wait(lambda: sender.backlog.pending == 0)
        restore()
        with writing(community.engine) as connection:
            connection.execute(sa.text("UPDATE communities SET generation = 'after'"))
        sender.record(5)
        sender.wait(lambda: stored(community) == sorted(ids_of(sender.post)))
        sender.wait(lambda: sender.backlog.pending == 0)

    assert sender.post.journal.verify() == 2015


def test_a_strangers_database_under_our_communitys_id_gets_nothing(
    sender: Sender, community: Server, tmp_path: Path
) -> None:
    know_root(sender.post)
    order(community.engine, signed_list(ROOT))
    sender.record(3)
    travel(sender.post, community)
    sender.record(2)
    engine = open_engine(f"sqlite:///{tmp_path}/stranger.sqlite")
    migrate(engine)
    add_community(engine, COMMUNITY, "平安里", "Asia/Shanghai")
    secret = add_station(engine, COMMUNITY, STATION, "东门", NOW_MS)
    order(engine, signed_list(IssuingKey.generate()))
    with serving(make_app(engine, COMMUNITY, lambda: NOW_MS)) as url:
        stranger = Server(url, engine, {STATION: secret})
        with pytest.raises(StrangerError, match="not by the root key"):
            travel(sender.post, stranger)
        with sender.courier(url, secret):
            assert isinstance(sender.wait_for_trouble().trouble, StrangerError)
    assert stranger.rows(events)[0].station == "office"
    assert len(stranger.rows(events)) == 1
    engine.dispose()
    assert sender.backlog.pending == 2
    travel(sender.post, community)
    assert stored(community) == sorted(ids_of(sender.post))
