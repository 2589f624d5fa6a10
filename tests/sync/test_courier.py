"""The courier against the real community, and against everything else that may answer in its place."""

import socket
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from station.parcels import open_parcels
from station.storage import StorageError
from sync.bodies import HolderBanned
from sync.claiming import HttpClaims
from sync.client import NotWelcomeError, TransferError, ask_station, connect
from sync.community.database import events, forks, quarantine, writing
from sync.community.journal import append
from sync.community.stations import add_station, withdraw_station
from sync.courier import Parcels
from sync.wire import MAX_EVENTS
from tests.community.conftest import COMMUNITY, NOW_MS, Chain, Server
from tests.station.post import SHANGHAI
from tests.sync.conftest import STATION, Sender
from tests.sync.servers import DEADLINE_S, PROTOCOL, Exchange, front, never_ends_its_head, passes_on, problem

HTTP = "http://"
both_databases = pytest.mark.parametrize("community", ["sqlite", "postgresql"], indirect=True)


def secret_of(community: Server) -> str:
    return community.secrets[STATION]


def stored(community: Server) -> list[tuple[int, str]]:
    return sorted((row.seq, row.hash) for row in community.rows(events))


def recorded(sender: Sender) -> list[tuple[int, str]]:
    return [(event.seq, event.hash) for _n, event in sender.post.journal.read()]


def statuses(sender: Sender) -> list[str]:
    return [row[0] for row in sender.table("SELECT status FROM deliveries ORDER BY n")]


def test_what_is_recorded_arrives(sender: Sender, community: Server) -> None:
    sender.record(3)

    assert sender.carry(community.url, secret_of(community)) == 3
    assert stored(community) == recorded(sender)
    assert statuses(sender) == ["stored"]
    assert sender.backlog.pending == 0
    assert sender.carry(community.url, secret_of(community)) == 0


def test_the_station_is_told_who_it_is(community: Server) -> None:
    with connect(community.url + "/", secret_of(community)) as client:
        hello = ask_station(client, COMMUNITY)

    assert (hello.community, hello.station, hello.station_name, hello.zone) == (
        COMMUNITY,
        STATION,
        "东门",
        "Asia/Shanghai",
    )


def test_a_record_is_sent_when_the_courier_is_nudged(sender: Sender, community: Server) -> None:
    with sender.courier(community.url, secret_of(community), longest_wait_s=1000.0) as courier:
        sender.wait(lambda: bool(sender.states))
        sender.record(1)
        courier.nudge()
        sender.wait(lambda: sender.backlog.pending == 0)

    assert stored(community) == recorded(sender)
    last = sender.states[-1]
    assert last.trouble is None
    assert last.last_contact_ms is not None
    assert last.drift_ms is not None
    assert abs(last.last_contact_ms - NOW_MS - last.drift_ms) < 5000


def test_a_server_that_comes_back_gets_everything_without_a_nudge(sender: Sender, community: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    sender.record(4)
    with sender.courier(f"http://127.0.0.1:{port}", secret_of(community)):
        trouble = sender.wait_for_trouble().trouble
        sender.record(2)
        assert sender.backlog.pending == 6
        with front(passes_on(community.url), port):
            sender.wait(lambda: sender.backlog.pending == 0)
            sender.wait(lambda: sender.states[-1].trouble is None)

    assert f"http://127.0.0.1:{port}: the community cannot be reached" in str(trouble)
    assert stored(community) == recorded(sender)


@both_databases
def test_a_lost_answer_is_asked_for_again_and_stored_once(sender: Sender, community: Server) -> None:
    lost: list[int] = []

    def loses_the_first_three(exchange: Exchange) -> None:
        if exchange.command == "POST" and len(lost) < 3:
            lost.append(exchange.pass_on(community.url).status_code)
        else:
            passes_on(community.url)(exchange)

    sender.record(5)
    with front(loses_the_first_three) as line, sender.courier(line.url, secret_of(community)):
        sender.wait(lambda: len(lost) == 2)
        sender.record(5)
        sender.wait(lambda: sender.backlog.pending == 0)

    assert lost == [200] * 3
    assert stored(community) == recorded(sender)
    assert set(statuses(sender)) <= {"already", "stored"}
    assert sender.backlog.stuck == 0


@both_databases
def test_two_couriers_at_once_store_everything_once(sender: Sender, community: Server) -> None:
    sender.record(50)
    url, secret = community.url, secret_of(community)
    with sender.courier(url, secret), sender.courier(url, secret):
        sender.wait(lambda: sender.backlog.pending == 0)

    assert stored(community) == recorded(sender)


def test_a_long_backlog_goes_in_batches(sender: Sender, community: Server) -> None:
    sender.record(5000)
    sizes: list[int] = []

    def counts(exchange: Exchange) -> None:
        if exchange.command == "POST":
            sizes.append(len(exchange.events))
        passes_on(community.url)(exchange)

    with front(counts) as line, sender.courier(line.url, secret_of(community)):
        sender.wait(lambda: sender.backlog.pending == 0)

    assert sum(sizes) == 5000
    assert len(sizes) >= 5
    assert max(sizes) <= MAX_EVENTS
    assert stored(community) == recorded(sender)


def test_long_records_make_small_batches(sender: Sender, community: Server) -> None:
    sender.record(8, guard="长" * 100_000)

    assert sender.carry(community.url, secret_of(community)) == 3


def test_what_the_community_cannot_simply_store_stays_visible_and_stops_nothing(
    sender: Sender, community: Server
) -> None:
    sender.record(3)
    sender.record(1, guard="x" * 2000)
    sender.record(1)
    _n, second = list(sender.post.journal.read())[1]
    impostor = Chain(STATION, epoch=second.epoch, seq=second.seq - 1).add()
    community.send(STATION, [impostor])

    with sender.courier(community.url, secret_of(community)):
        sender.wait(lambda: sender.backlog.pending == 0)

    assert statuses(sender) == ["fork", "quarantined", "stored"]
    assert sender.backlog.stuck == 2
    reasons = sender.table("SELECT reason FROM deliveries WHERE reason IS NOT NULL ORDER BY n")
    assert [reason.split(":")[0] for (reason,) in reasons] == ["seq", "guard"]
    assert [row.hash for row in community.rows(forks)] == [second.hash]
    assert len(community.rows(quarantine)) == 1
    sender.record(1)
    assert sender.carry(community.url, secret_of(community)) == 1
    assert sender.backlog.stuck == 2


def test_a_station_that_is_shut_out_keeps_its_records(sender: Sender, community: Server) -> None:
    sender.record(2)
    withdraw_station(community.engine, COMMUNITY, STATION, NOW_MS)

    with sender.courier(community.url, secret_of(community)) as courier:
        trouble = sender.wait_for_trouble().trouble
        courier.nudge()

    assert isinstance(trouble, NotWelcomeError)
    assert "was withdrawn" in str(trouble)
    assert sender.backlog.pending == 2
    with pytest.raises(NotWelcomeError, match="no station of this community has this secret"):
        sender.carry(community.url, "gps_wrong")


def test_under_another_stations_secret_nothing_is_sent(sender: Sender, community: Server) -> None:
    sender.record(2)
    other = add_station(community.engine, COMMUNITY, "G2", "西门", NOW_MS)

    with sender.courier(community.url, other):
        trouble = sender.wait_for_trouble().trouble

    assert "the secret is that of station G2, and this is G1" in str(trouble)
    assert sender.backlog.pending == 2
    assert community.rows(quarantine) == []
    with sender.courier(community.url, secret_of(community)):
        sender.wait(lambda: sender.backlog.pending == 0)
    assert stored(community) == recorded(sender)


def test_an_answer_that_does_not_come_is_not_waited_for(sender: Sender) -> None:
    sender.record(1)
    gone = threading.Event()

    def hangs(exchange: Exchange) -> None:
        gone.wait(DEADLINE_S)

    with front(hangs) as server, sender.courier(server.url, timeout_s=0.1):
        trouble = sender.wait_for_trouble().trouble
        gone.set()

    assert "cannot be reached" in str(trouble)
    assert sender.backlog.pending == 1


def test_a_server_that_drips_holds_up_neither_way_nor_claims(sender: Sender, community: Server) -> None:
    sender.record(1)
    dripped: set[str] = set()
    passed_on = passes_on(community.url)

    def drips_first(exchange: Exchange) -> None:
        path = exchange.path.partition("?")[0]
        if path not in dripped:
            dripped.add(path)
            never_ends_its_head(exchange)
        passed_on(exchange)

    with front(drips_first) as line, sender.courier(line.url, secret_of(community), timeout_s=0.3):
        sender.wait(lambda: sender.backlog.pending == 0)
        sender.wait(lambda: sender.states[-1].trouble is None and "/v1/feed" in dripped)
        claims = HttpClaims(line.url, secret_of(community), lambda: True)
        assert claims.claim("e1", ["k"], NOW_MS) is None
        sender.wait(lambda: claims.claim("e1", ["k"], NOW_MS) is not None)
        claims.close()
    assert dripped == {"/v1/station", "/v1/holdings", "/v1/journal", "/v1/feed", "/v1/claims"}


def test_stop_does_not_wait_for_a_server_that_hangs(sender: Sender) -> None:
    sender.record(1)
    asked, gone = threading.Event(), threading.Event()

    def hangs(exchange: Exchange) -> None:
        asked.set()
        gone.wait(DEADLINE_S)

    with front(hangs) as server, sender.courier(server.url) as courier:
        assert asked.wait(DEADLINE_S)
        began_s = time.monotonic()
        courier.stop()
        took_s = time.monotonic() - began_s
        gone.set()

    assert took_s < 1.0
    assert sender.backlog.pending == 1


def test_stop_does_not_wait_for_the_pause_after_a_failure(sender: Sender) -> None:
    with front(problem(401)) as server, sender.courier(server.url) as courier:
        sender.wait_for_trouble()
        began_s = time.monotonic()
        courier.stop()
        took_s = time.monotonic() - began_s

    assert took_s < 1.0


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://127.0.0.1",
        "http://127.0.0.1:port",
        "http://127.0.0.1\0",
        f"{HTTP}.",
        "http://127.0.0.1:-1",
    ],
)
def test_a_wrong_address_is_a_sentence_and_not_a_dead_thread(sender: Sender, url: str) -> None:
    sender.record(1)

    with sender.courier(url) as courier:
        trouble = sender.wait_for_trouble().trouble
        assert isinstance(trouble, TransferError)
        assert trouble.values["url"] == url or url.rstrip("/") in str(trouble)
        assert all(thread.is_alive() for thread in courier._threads)

    assert sender.backlog.pending == 1


def test_a_damaged_secret_is_a_sentence_and_not_a_dead_thread(sender: Sender, community: Server) -> None:
    sender.record(1)
    for secret in ("密", "a\nb: c", "a\0"):
        with pytest.raises(TransferError):
            sender.carry(community.url, secret)


def test_trouble_with_the_file_is_told_and_tried_again(sender: Sender, community: Server) -> None:
    sender.record(2)
    tries: list[int] = []

    def opened() -> AbstractContextManager[Parcels]:
        tries.append(1)
        if len(tries) < 3:
            raise StorageError("{path}: the disk is full", path=Path("journal.sqlite"))
        return open_parcels(sender.post.folder, STATION, SHANGHAI)

    with sender.courier(community.url, secret_of(community), open_parcels=opened):
        sender.wait(lambda: sender.backlog.pending == 0)

    assert str(sender.wait_for_trouble().trouble) == "journal.sqlite: the disk is full"
    assert stored(community) == recorded(sender)


def test_nothing_that_was_sent_is_deleted(sender: Sender, community: Server) -> None:
    sender.record(3)
    before = recorded(sender)
    sender.carry(community.url, secret_of(community))

    assert recorded(sender) == before
    assert sender.post.journal.verify() == 3
    assert sender.backlog.pending == 0


def test_batches_that_are_too_big_for_a_proxy_become_smaller(sender: Sender, community: Server) -> None:
    sender.record(50)
    sizes: list[int] = []

    def takes_no_more_than_seven(exchange: Exchange) -> None:
        if exchange.command == "POST" and len(exchange.events) > 7:
            exchange.answer(413, b"<html>too large</html>")
            return
        if exchange.command == "POST":
            sizes.append(len(exchange.events))
        passes_on(community.url)(exchange)

    with front(takes_no_more_than_seven) as line, sender.courier(line.url, secret_of(community)):
        sender.wait(lambda: sender.backlog.pending == 0)

    assert set(sizes) <= set(range(1, 8))
    assert [str(state.trouble) for state in sender.states if state.trouble] == []
    assert stored(community) == recorded(sender)


@pytest.mark.parametrize("status", [429, 503])
def test_a_server_that_asks_for_time_gets_it(sender: Sender, community: Server, status: int) -> None:
    sender.record(3)
    tries_s: list[float] = []

    def busy(exchange: Exchange) -> None:
        if exchange.command != "POST":
            passes_on(community.url)(exchange)
            return
        tries_s.append(time.monotonic())
        if len(tries_s) == 1:
            exchange.answer(status, b'{"detail": "later"}', retry_after="1", **PROTOCOL)
        else:
            passes_on(community.url)(exchange)

    with front(busy) as line, sender.courier(line.url, secret_of(community)):
        sender.wait(lambda: sender.backlog.pending == 0)

    assert tries_s[1] - tries_s[0] >= 1.0
    assert stored(community) == recorded(sender)


def test_news_comes_at_once_while_the_community_holds_the_answer_back(sender: Sender, community: Server) -> None:
    asked: list[str] = []

    def counts(exchange: Exchange) -> None:
        if exchange.path.startswith("/v1/feed"):
            asked.append(exchange.path)
        passes_on(community.url)(exchange)

    with (
        front(counts) as line,
        sender.courier(line.url, secret_of(community), wait_s=8, longest_wait_s=1000.0) as courier,
    ):
        sender.wait(lambda: bool(asked))
        with writing(community.engine) as connection:
            append(connection, COMMUNITY, HolderBanned(holder_id="p1"), NOW_MS)
        began_s = time.monotonic()
        sender.wait(lambda: bool(sender.states) and sender.states[-1].news == 1)
        took_s = time.monotonic() - began_s
        # What is recorded meanwhile does not wait for that.
        sender.record(1)
        courier.nudge()
        sender.wait(lambda: sender.backlog.pending == 0)

    assert took_s < 4
    assert "wait=8" in asked[0]
    assert len(asked) <= 3
