"""From the gate to the office and back by stick: everything once, whatever else brings the same."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from passes.keys import IssuingKey
from passes.trust import TrustedKey, sign_trust_list
from station.bundle_answers import import_from
from station.bundles import export_to
from station.settings import HEAD_KEY_FILE
from sync.bodies import HolderBanned
from sync.bundle import BundleError
from sync.community import journal
from sync.community.api import make_app
from sync.community.database import forks, quarantine, reading, writing
from sync.community.keys import start_sealing, withdraw_key
from sync.community.registry import add_community
from sync.community.stations import add_station, withdraw_station
from sync.heads import head_key
from tests.bundles.world import World
from tests.community.conftest import serving
from tests.station.post import COMMUNITY, ROOT, Post, trust_list
from tests.sync.conftest import Sender
from tests.sync.servers import DEADLINE_S

both_databases = pytest.mark.parametrize("world", ["sqlite", "postgresql"], indirect=True)


def order(world: World, holder_id: str) -> None:
    """Let the office ban somebody."""
    with writing(world.engine) as connection:
        journal.append(connection, COMMUNITY, HolderBanned(holder_id=holder_id), world.clock.ms)


def refusal(world: World, *paths: Path) -> str:
    """Return why the office refuses the one bundle there, and see that nothing was stored."""
    before = world.stored()
    done = world.take_in(*paths, answer=False)
    assert world.stored() == before
    assert done.taken == []
    (error,) = done.refused
    return str(error)


def refused_answer(world: World, *paths: Path) -> str:
    """Return why the gate refuses the one bundle there, and see that nothing has changed."""
    before = world.state()
    done = world.take_over(*paths)
    assert world.state() == before
    assert done.files == []
    (error,) = done.refused
    return str(error)


@both_databases
def test_there_and_back_and_all_of_it_twice(world: World) -> None:
    world.record(2500)
    order(world, "p1")
    done = world.export()
    assert (done.events, done.left, len(done.files)) == (2500, 0, 1)
    assert world.take_in().taken[0].counts == {"stored": 2500}
    assert world.stored() == world.recorded()
    answered = world.take_over()
    assert (answered.settled, answered.refused) == (2500, [])
    assert answered.news > 0
    assert world.outbox.backlog().pending == 0
    assert world.table("SELECT count(*) FROM restrictions WHERE subject = 'p1'") == [(1,)]
    assert world.export().files == []

    state = world.state()
    again = world.take_over()
    assert (len(again.files), again.settled, again.news) == (1, 0, 0)
    assert world.state() == state
    assert world.take_in(*world.bundles("community")).taken[0].counts == {"already": 2500}
    assert world.stored() == world.recorded()
    assert world.take_over().settled == 0


def test_an_answer_is_as_old_as_the_bundle(world: World) -> None:
    world.record()
    world.export()
    made_ms = world.clock.ms + 1000
    world.take_in()
    world.clock.move(7 * 3600)
    world.take_over()
    assert world.post.register.orders().synced_ms == made_ms


def test_an_export_goes_on_where_the_stick_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("station.bundles.FILE_BYTES", 1000)
    world.record(2500)
    seen: list[tuple[int, int]] = []
    stopped = world.export(progress=lambda now, of: seen.append((now, of)), is_cancelled=lambda: len(seen) == 2)
    assert (len(stopped.files), stopped.events, stopped.left) == (2, 2000, 500)
    assert [path.suffix for path in world.stick.iterdir()] == [".gatepost"] * 2
    (world.stick / f"{stopped.files[0].name}.part").write_bytes(b"broken off")
    rest = world.export()
    assert (rest.events, rest.there_before, rest.left) == (500, 2000, 0)
    assert world.export().there_before == 2500
    world.record(1)
    assert world.export().events == 1
    # What a broken file holds is written once more.
    stopped.files[1].write_bytes(stopped.files[1].read_bytes()[:-1])
    assert world.export().there_before == 1000
    assert len(world.take_in().refused) == 1
    assert world.stored() == world.recorded()
    assert world.take_over().settled == 2501


def test_one_file_by_name(world: World) -> None:
    world.record()
    path = world.folder / "mail.gatepost"
    assert world.export(path).files == [path]
    with pytest.raises(BundleError, match="is there already"):
        world.export(path)
    assert world.take_in(path).taken[0].counts == {"stored": 3}
    assert world.take_over().settled == 3


def test_answers_in_any_order_hide_nothing(world: World) -> None:
    world.record(2)
    first = world.export().files[0]
    world.take_in(first)
    early = world.bundles("station")[0]
    world.record(2)
    world.export()
    second = world.bundles("community")[1]
    world.take_in(second)
    late = world.bundles("station")[1]
    assert world.take_over(late).settled == 0
    assert world.outbox.backlog().pending == 4
    assert world.take_over(early).settled == 2
    assert world.take_over(late).settled == 2
    assert world.take_over(early, late).settled == 0


def test_what_another_life_of_the_journal_sent_is_no_receipt(world: World) -> None:
    world.record(2)
    world.export()
    world.take_in()
    copy = world.folder / "copy"
    copy.mkdir()
    world.trust_root(copy)
    other = Post(copy, world.clock, station="east")
    for _ in range(2):
        other.issue()
    done = import_from(world.carrier(folder=copy), [world.stick])
    assert (done.refused, done.settled) == ([], 0)
    other.journal.close()


@both_databases
def test_a_race_with_the_network_stores_everything_once(world: World, tmp_path: Path) -> None:
    world.record(3000)
    world.export()
    sender = Sender(world.post, world.outbox)
    app = make_app(world.engine, COMMUNITY, world.clock.now_ms)
    start = threading.Barrier(2)

    def import_all() -> None:
        start.wait(DEADLINE_S)
        world.take_in()

    other = threading.Thread(target=import_all)
    other.start()
    with serving(app) as url:
        start.wait(DEADLINE_S)
        sent = 0
        while sent < 3000:
            sent += sender.carry(url, world.secret)
        other.join(DEADLINE_S)
    assert world.stored() == world.recorded()
    with reading(world.engine) as connection:
        assert connection.execute(forks.select()).all() == []
        assert connection.execute(quarantine.select()).all() == []
    done = world.take_over()
    assert (done.refused, done.settled) == ([], 0)


def test_a_fork_and_a_spoilt_record_are_told_as_over_http(world: World) -> None:
    world.record(1)
    world.export()
    world.take_in()
    twin_folder = world.folder / "twin"
    twin_folder.mkdir()
    world.trust_root(twin_folder)
    (twin_folder / "head-key.pem").write_bytes((world.post.folder / "head-key.pem").read_bytes())
    (twin_folder / "head-key.pem").chmod(0o600)
    twin = Post(twin_folder, world.clock, station="east")
    twin.journal._epoch = world.post.journal._epoch
    twin.issue()
    stick = world.folder / "stick2"
    stick.mkdir()
    export_to(world.carrier(folder=twin_folder), stick)
    twin.journal.close()
    done = world.take_in(stick)
    assert done.taken[0].counts == {"fork": 1}
    assert import_from(world.carrier(folder=twin_folder), world.bundles("station")).settled == 1


def test_a_foreign_a_withdrawn_and_an_unknown_station_are_refused(world: World) -> None:
    world.record()
    world.export()
    (path,) = world.bundles("community")
    add_community(world.engine, "other", "别处", "Asia/Shanghai")
    other = replace(world.desk, community="other")
    from sync.community.bundles import import_bundles

    assert "is not for community other" in str(import_bundles(other, [path]).refused[0])
    withdraw_station(world.engine, COMMUNITY, "east", world.clock.ms)
    assert "was withdrawn by the community" in refusal(world)
    path.unlink()
    west = world.folder / "west"
    west.mkdir()
    post = Post(west, world.clock, station="west")
    post.issue()
    post.journal.close()
    export_to(world.carrier(folder=west, station="west"), world.stick)
    assert "station 'west'" in refusal(world)


def test_who_does_not_have_the_secret_cannot_speak_for_a_station(world: World) -> None:
    world.record()
    export_to(world.carrier(secret="gps_guessed"), world.stick)
    assert "does not prove the key" in refusal(world)


def test_the_first_key_that_a_station_showed_holds(world: World) -> None:
    world.record()
    world.export()
    world.take_in()
    (world.post.folder / "head-key.pem").unlink()
    for path in world.bundles("community"):
        path.unlink()
    world.record()
    world.export()
    assert "another key than the one it is known by" in refusal(world)


def test_a_bundle_for_a_key_that_the_office_lost_says_which(world: World) -> None:
    world.record()
    world.export()
    (key,) = world.office.folder.glob("bundle-key.*.pem")
    kept = key.read_bytes()
    key.unlink()
    assert key.name.split(".")[1] in refusal(world)
    key.touch(0o600)
    key.write_bytes(kept)
    assert world.take_in().taken[0].counts == {"stored": 3}


def test_after_a_new_key_all_that_is_unsent_is_sealed_to_it(world: World) -> None:
    world.record()
    old = world.export().files[0]
    (entry,) = [entry for entry in start_sealing(world.office, world.clock.ms, anew=True)[0] if entry.use == "bundle"]
    assert world.export().events == 3
    assert world.take_in(old).taken[0].counts == {"stored": 3}
    withdraw_key(world.office, entry.key_id.hex(), None, world.clock.ms + 1)
    assert world.export().there_before == 3


def test_without_a_key_to_seal_to_nothing_is_written(world: World) -> None:
    world.record()
    with pytest.raises(BundleError, match="gatepost community key seal"):
        export_to(world.carrier(trust=trust_list()), world.stick)
    assert list(world.stick.iterdir()) == []


def test_an_answer_for_somebody_else_is_refused(world: World) -> None:
    add_station(world.engine, COMMUNITY, "west", "西门", world.clock.ms)
    assert "is not for station east" in refused_answer(world, world.write_feed("west"))
    east = world.write_feed()
    assert "is of community" in str(import_from(world.carrier(community="other"), [east]).refused[0])
    assert "sealed for somebody else" in str(import_from(world.carrier(secret="gps_old"), [east]).refused[0])
    world.record()
    assert "journal of east" in refused_answer(world, world.export().files[0])


def test_an_answer_signed_by_a_stranger_is_refused(world: World) -> None:
    path = world.write_feed()
    stranger = TrustedKey(bytes(8), bytes(32), COMMUNITY)
    # Whatever trust list is in the bundle: only one that the root has signed counts.
    carrier = world.carrier(trust=trust_list(stranger), root_public_key=ROOT.public_key)
    assert "not the community's" in str(import_from(carrier, [path]).refused[0])


def test_a_station_that_never_heard_of_the_key_learns_it_from_the_bundle(world: World) -> None:
    root = world.office.root
    old = sign_trust_list(root, COMMUNITY, [TrustedKey(IssuingKey.generate().key_id, bytes(32), COMMUNITY)], 1)
    from passes.trust import read_trust_list

    carrier = world.carrier(trust=read_trust_list(old, root.public_key))
    path = world.write_feed()
    assert "not the community's" in str(import_from(carrier, [path]).refused[0])
    first = world.trust.entries[:1]
    carrier = world.carrier(trust=read_trust_list(sign_trust_list(root, COMMUNITY, first, 1), root.public_key))
    assert import_from(carrier, [path]).refused == []
    assert world.table("SELECT count(*) FROM trust_lists") > [(0,)]


def test_an_answer_changed_anywhere_changes_nothing(world: World) -> None:
    world.record()
    world.export()
    world.take_in()
    (path,) = world.bundles("station")
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        refused_answer(world)
        path.write_bytes(whole[:at])
        refused_answer(world)
    path.write_bytes(whole)
    assert world.take_over().settled == 3


def test_a_journal_changed_anywhere_stores_nothing(world: World) -> None:
    world.record()
    (path,) = world.export().files
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        refusal(world)
        path.write_bytes(whole[:at])
        refusal(world)
    path.write_bytes(whole)
    assert world.take_in().taken[0].counts == {"stored": 3}


def test_what_an_earlier_life_of_the_database_said_is_refused(world: World) -> None:
    old = world.write_feed()
    with writing(world.engine) as connection:
        connection.exec_driver_sql("UPDATE communities SET generation = 'later'")
    new = world.write_feed()
    assert world.take_over(new).refused == []
    assert "another one" in refused_answer(world, old)
    # The other way round the later one holds, and the feed begins anew.
    before = world.table("SELECT count(*) FROM feed")
    assert world.take_over(new).news == 0
    assert world.table("SELECT count(*) FROM feed") == before


def test_a_file_of_the_system_s_errors_are_sentences(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record()
    with pytest.raises(BundleError, match="plugged in"):
        world.export(world.folder / "nowhere")
    with pytest.raises(BundleError, match="plugged in"):
        world.take_over(world.folder / "nowhere")
    monkeypatch.setattr("sync.bundlefiles.SPARE_BYTES", 2**62)
    with pytest.raises(BundleError, match="is full"):
        world.export()
    assert list(world.stick.iterdir()) == []


Failing = Callable[[], OSError]


@pytest.mark.parametrize(
    ("number", "told"), [(28, "is full"), (5, "plug it in again"), (30, "write lock"), (19, "plug it in again")]
)
def test_a_stick_that_fails_while_it_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    world.record()
    world.write_feed().unlink()
    head_key(world.post.folder / HEAD_KEY_FILE)

    def fail(_descriptor: int) -> None:
        raise OSError(number, "broken")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", fail)
        with pytest.raises(BundleError, match=told):
            world.export()
    assert list(world.stick.iterdir()) == []
    assert world.export().events == 3


def test_a_stick_that_gives_back_something_else_is_noticed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.record()

    def spoil(file: object) -> None:
        path = next(world.stick.glob("*.part"))
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)

    monkeypatch.setattr("sync.bundlefiles._forget", spoil)
    with pytest.raises(BundleError):
        world.export()
    assert list(world.stick.iterdir()) == []
