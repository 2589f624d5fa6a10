"""Sealed numbers at a station: issued passes, visitors of several gates, bans that follow the number, upgrades."""

from datetime import date
from pathlib import Path

import msgspec
import pytest

from passes.kinds import PRESETS
from passes.policy import Outcome
from passes.reasons import Reason
from passes.trips import Direction
from station import people
from station.deciding import Visitor
from station.feed import Feed
from station.folding import REGISTER_TABLES
from station.issuing import Application
from station.register import Register
from sync.bodies import KIND_OF, Body, HolderBanned, PassageRecorded, PersonRegistered, QuarantineOrdered, Sealed, Visit
from sync.events import read_body
from sync.sealing import Purpose, Sealer
from sync.wire import FeedAnswer, FeedItem
from tests.station.post import COMMUNITY, DIGESTING, SEALING, SHANGHAI, Post

NUMBER, PHONE = "110101199003074477", "13800001234"
IN, OUT = Direction.ENTRY, Direction.EXIT


@pytest.fixture
def sealing(post: Post) -> Post:
    post.desk.sealer = Sealer(COMMUNITY, SEALING.public_key, DIGESTING)
    return post


def application(
    holder: str = "王小明", address: str = "3-2-501", *, id_number: str = "", phone: str = ""
) -> Application:
    kind, first, last = PRESETS["resident"], date(2026, 1, 1), date(2026, 12, 31)
    return Application(holder, address, kind, first, last, id_number=id_number, phone=phone)


def registered(post: Post) -> list[PersonRegistered]:
    bodies = [read_body(event.kind, event.body) for _n, event in post.journal.read()]
    return [body for body in bodies if isinstance(body, PersonRegistered)]


def feed(post: Post, *facts: tuple[str, Body]) -> None:
    """Let facts of gate G2 come with the feed."""
    items = [
        FeedItem(
            station="G2",
            epoch="01",
            seq=number,
            id=event_id,
            kind=KIND_OF[type(body)],
            at_ms=post.clock.ms,
            body=msgspec.Raw(msgspec.json.encode(body)),
        )
        for number, (event_id, body) in enumerate(facts, 1)
    ]
    answer = FeedAnswer(
        community=COMMUNITY, generation="g", server_time_ms=1, cursor="g.9", items=items, more=False, from_start=False
    )
    Feed(post.journal.connection, post.journal.path, "G1", SHANGHAI).take(answer, post.clock.ms)


def visitor(person_id: str = "v1", **changes: object) -> Visitor:
    fields = {
        "person_id": person_id,
        "name": "钱多多",
        "household": "3-2-501",
        "address": "3-2-501",
        "visit": Visit(host="王小明"),
        "host_known": True,
        **changes,
    }
    return Visitor(**fields)  # type: ignore[arg-type] # the test's own fields


def elsewhere(person_id: str) -> PersonRegistered:
    """Return what the feed tells of somebody whom another gate registered."""
    digest = DIGESTING.digest("id_number", NUMBER)
    return PersonRegistered(
        person_id=person_id, name="", household="", address="", id_number=Sealed(box="", digest=digest)
    )


def test_an_issued_pass_keeps_the_numbers_for_the_office(sealing: Post) -> None:
    row = sealing.desk.issue(application(id_number=NUMBER, phone=PHONE))
    (body,) = registered(sealing)
    assert body.person_id == row.holder_id
    assert body.id_number is not None
    assert body.phone is not None
    assert SEALING.open(body.id_number.box, Purpose(COMMUNITY, "id_number", row.holder_id)) == NUMBER
    assert SEALING.open(body.phone.box, Purpose(COMMUNITY, "phone", row.holder_id)) == PHONE
    assert (body.id_number.tail, body.phone.tail) == ("4477", "1234")
    again = sealing.desk.issue(application("王晓明", "9-9-909", id_number=NUMBER, phone=PHONE))
    assert again.holder_id == row.holder_id
    assert len(registered(sealing)) == 1


def test_two_of_one_name_at_one_address_are_told_apart_by_their_numbers(sealing: Post) -> None:
    father = sealing.desk.issue(application(id_number=NUMBER))
    son = sealing.desk.issue(application(id_number="E12345678"))
    assert father.holder_id != son.holder_id
    assert sealing.desk.issue(application("王小明", "3-2-501", id_number=NUMBER)).holder_id == father.holder_id


def test_without_a_key_of_the_office_the_numbers_are_dropped(post: Post) -> None:
    post.desk.issue(application(id_number=NUMBER, phone=PHONE))
    assert registered(post) == []
    assert NUMBER.encode() not in b"".join(path.read_bytes() for path in post.folder.iterdir())


def test_without_a_secret_for_digests_numbers_are_sealed_and_nobody_is_known_again(post: Post) -> None:
    post.desk.sealer = Sealer(COMMUNITY, SEALING.public_key)
    post.desk.issue(application(id_number=NUMBER))
    post.desk.issue(application("李小红", id_number=NUMBER))
    assert [body.id_number and body.id_number.digest for body in registered(post)] == [None, None]
    assert len({body.person_id for body in registered(post)}) == 2


def test_a_ban_at_another_gate_holds_for_the_same_number(sealing: Post) -> None:
    row = sealing.desk.issue(application(id_number=NUMBER))
    feed(sealing, ("x1", elsewhere("p2")), ("x2", HolderBanned(holder_id="p2", reason="辱骂")))
    assert sealing.gate.verify(row.token, OUT).verdict.reasons == (Reason.BANNED,)
    assert sealing.gate.visit(visitor(row.holder_id), IN).verdict.reasons == (Reason.BANNED,)


def test_a_household_in_quarantine_gets_no_visitors(post: Post) -> None:
    with post.journal.writing():
        post.register.record(QuarantineOrdered(household="3-2-501"), post.clock.ms)
    scan = post.gate.visit(visitor(), IN)
    assert (scan.verdict.outcome, scan.verdict.reasons) == (Outcome.REFUSE, (Reason.QUARANTINED,))
    assert post.gate.visit(visitor("v2", household="3-2-502"), IN).verdict.outcome is Outcome.ALLOW
    out = post.gate.visit(visitor("v3"), OUT)
    assert out.verdict.outcome is Outcome.ATTENTION


def test_a_visitor_of_another_gate_leaves_here(post: Post) -> None:
    leg = PassageRecorded(
        outcome="allowed", direction="entry", verdict="allow", leg="first", pass_id="v1", visit=Visit()
    )
    feed(post, ("x1", elsewhere("v1")), ("x2", leg))
    connection = post.journal.connection
    (found,) = people.inside(connection)
    assert (found.person_id, found.name, found.station) == ("v1", "", "G2")
    assert people.find_inside(connection, DIGESTING.digest("id_number", NUMBER)) == found
    scan = post.gate.visit(visitor("v1"), OUT)
    assert (scan.verdict.leg, scan.verdict.reasons) == ("return", ())


def test_the_direction_is_turned_for_a_visitor_too(post: Post) -> None:
    scan = post.gate.visit(visitor(), OUT)
    assert Reason.NO_OPEN_TRIP in scan.verdict.reasons
    turned = post.gate.turned(scan, IN)
    assert (turned.verdict.leg, turned.verdict.outcome, turned.person) == ("first", Outcome.ALLOW, scan.person)


def test_the_register_is_the_same_when_it_is_built_anew(sealing: Post) -> None:
    sealing.desk.issue(application(id_number=NUMBER, phone=PHONE))
    feed(sealing, ("x1", elsewhere("p2")))
    scan = sealing.gate.visit(visitor(), IN)
    scan = sealing.gate.skip_reading(sealing.gate.check_id(scan, matches=True), "cold")
    assert sealing.gate.admit(scan, acknowledged=True).outcome == "allowed"
    before = {table: _rows(sealing, table) for table in REGISTER_TABLES}
    assert before["numbers"]
    assert before["visits"]
    Register(sealing.journal, SHANGHAI).rebuild()
    assert {table: _rows(sealing, table) for table in REGISTER_TABLES} == before


def test_a_file_of_the_version_before_is_brought_up(tmp_path: Path) -> None:
    post = Post(tmp_path)
    row = post.issue()
    connection = post.journal.connection
    for table in ("numbers", "visits"):
        connection.execute(f"DROP TABLE {table}")
    for index in ("persons_by_address", "passes_by_holder"):
        connection.execute(f"DROP INDEX {index}")
    connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'numbers_and_visits'")
    connection.execute("PRAGMA user_version = 2")
    connection.commit()
    post.journal.close()
    again = Post(tmp_path, create=False)
    assert again.register.find_pass(row.pass_id) is not None
    assert people.inside(again.journal.connection) == []
    again.journal.close()


def _rows(post: Post, table: str) -> list[str]:
    return sorted(map(repr, post.journal.connection.execute(f"SELECT * FROM {table}")))


def test_all_gates_choose_the_same_id_of_two_for_one_number(sealing: Post) -> None:
    assert sealing.desk.sealer is not None
    digest = sealing.desk.sealer.digest("id_number", NUMBER)
    assert digest is not None
    number = Sealed(box="", digest=digest)
    nameless = PersonRegistered(person_id="a", name="", household="", address="", id_number=number)
    named = PersonRegistered(person_id="b", name="钱多多", household="", address="某市", id_number=number)
    feed(sealing, ("e1", nameless), ("e2", named))
    found = people.find_digest(sealing.journal.connection, digest)
    assert found is not None
    assert (found.person_id, found.name, found.address) == ("a", "钱多多", "某市")
