"""Sealed numbers at the community: who may open them, what is logged, and what the feed gives to other gates."""

from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
import sqlalchemy as sa

from passes.errors import KeyFileError, UsageError
from passes.identity import tail_of
from passes.keys import key_id_of
from passes.trust import USE_SEALING
from sync.bodies import PassageRecorded, PersonRegistered, Sealed, Visit
from sync.community.database import exports, reading
from sync.community.exports import make_sheet
from sync.community.keys import Office, current_list, start_sealing, withdraw_key
from sync.community.office import create_keys, load_digest, load_root, protect_root, sealing_key_path
from sync.community.persons import Opening, find_persons, get_person, open_person, tails
from sync.community.shiftlog import Selection, list_passages
from sync.community.staff import MAY_OPEN, MAY_UNMASK, ROLES, NotAllowedError, add_staff
from sync.events import read_body
from sync.sealing import Purpose, Sealer, SealingError, seal
from tests.community.conftest import COMMUNITY, NOW_MS, passage
from tests.community.files import to_csv, to_json
from tests.community.gates import Gates, order, pull_all

NUMBER, PHONE = "110101199003074477", "13800001234"
PASSWORD = "correct horse"
PASSPHRASE = "correct horse battery"
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.fixture
def office(engine: sa.Engine, tmp_path: Path) -> Office:
    """A community that seals, with one account of each role."""
    create_keys(tmp_path, COMMUNITY, NOW_MS)
    made = Office(engine, tmp_path, COMMUNITY, load_root(tmp_path))
    start_sealing(made, NOW_MS)
    for role in ROLES:
        add_staff(engine, COMMUNITY, role, role=role, password=PASSWORD, now_ms=NOW_MS)
    return made


def sealer(office: Office) -> Sealer:
    """Return what a station of the community seals with."""
    public_key = current_list(office.engine, office.folder, COMMUNITY).newest(USE_SEALING)
    assert public_key is not None
    return Sealer(COMMUNITY, public_key, load_digest(office.folder))


def person(office: Office, person_id: str = "p1", name: str = "钱多多", **numbers: str) -> PersonRegistered:
    """Return a registration as a station makes it."""
    numbers = numbers or {"id_number": NUMBER, "phone": PHONE}
    sealed = {field: sealer(office).sealed(field, value, person_id) for field, value in numbers.items()}  # type: ignore[arg-type] # both are fields
    return PersonRegistered(
        person_id=person_id,
        name=name,
        household="",
        address="某市",
        document="resident_id",
        id_number=sealed.get("id_number"),
        phone=sealed.get("phone"),
    )


def opening(name: str = "lead", **changes: str) -> Opening:
    return Opening(**{"person_id": "p1", "staff_name": name, "password": PASSWORD, **changes})


def logged(engine: sa.Engine) -> list[tuple[str, str, bool]]:
    with reading(engine) as connection:
        rows = connection.execute(sa.select(exports.c.staff_name, exports.c.selection, exports.c.unmasked))
        return [(row.staff_name, row.selection, row.unmasked) for row in rows]


@pytest.mark.parametrize("name", ["lead", "admin"])
def test_those_who_may_open_and_it_is_logged(office: Office, name: str) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    gates.meet()
    found, opened = open_person(office.engine, office.folder, COMMUNITY, opening(name), NOW_MS)
    assert (found.name, opened.id_number, opened.phone) == ("钱多多", NUMBER, PHONE)
    assert logged(office.engine) == [(name, '{"person":"p1"}', True)]
    assert NUMBER not in repr(opened)


@pytest.mark.parametrize(
    ("name", "password"), [("viewer", PASSWORD), ("worker", PASSWORD), ("lead", "wrong"), ("nobody", PASSWORD)]
)
def test_nobody_else_may(office: Office, name: str, password: str) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    gates.meet()
    with pytest.raises(NotAllowedError):
        open_person(office.engine, office.folder, COMMUNITY, opening(name, password=password), NOW_MS)
    assert logged(office.engine) == []


def test_a_key_in_another_place_or_under_a_passphrase(office: Office) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    gates.meet()
    protect_root(office.folder, None, PASSPHRASE)
    with pytest.raises(KeyFileError, match="needs a passphrase"):
        open_person(office.engine, office.folder, COMMUNITY, opening(), NOW_MS)
    _found, opened = open_person(office.engine, office.folder, COMMUNITY, opening(passphrase=PASSPHRASE), NOW_MS)
    assert opened.id_number == NUMBER
    sealing_key_path(office.folder, key_id_of(sealer(office).public_key)).unlink()
    with pytest.raises(KeyFileError, match="restore it"):
        open_person(office.engine, office.folder, COMMUNITY, opening(passphrase=PASSPHRASE), NOW_MS)


def test_another_person_s_box_does_not_open(office: Office) -> None:
    gates = Gates(office.engine)
    stolen = Sealed(box=seal(NUMBER, sealer(office).public_key, Purpose(COMMUNITY, "id_number", "p2")), tail="4477")
    gates.east.record(PersonRegistered(person_id="p1", name="x", household="", address="", id_number=stolen))
    gates.east.record(
        PersonRegistered(person_id="p3", name="x", household="", address="", id_number=Sealed(box="nonsense"))
    )
    gates.meet()
    for person_id, why in (("p1", "does not open"), ("p3", "no sealed value")):
        with pytest.raises(SealingError, match=why):
            open_person(office.engine, office.folder, COMMUNITY, opening(person_id=person_id), NOW_MS)


def test_persons_are_found_by_name_and_end_of_number(office: Office) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    gates.west.record(person(office, "p2", "孙小圣", id_number="11010119850101001X"))
    gates.east.record(PersonRegistered(person_id="p1", name="钱多", household="", address=""))
    gates.meet()
    for wanted in ("钱多", "4477", "1234", "p1"):
        assert [found.person_id for found in find_persons(office.engine, COMMUNITY, wanted)] == ["p1"]
    assert [found.name for found in find_persons(office.engine, COMMUNITY, "001x")] == ["孙小圣"]
    assert find_persons(office.engine, COMMUNITY, "钱多多") == []
    assert get_person(office.engine, COMMUNITY, "p1").id_number is not None
    with pytest.raises(UsageError, match="nobody is registered"):
        get_person(office.engine, COMMUNITY, "p9")


def test_after_a_new_key_the_old_boxes_still_open(office: Office) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    before = sealer(office).public_key
    assert start_sealing(office, NOW_MS) == ([], False)
    made, is_new_secret = start_sealing(office, NOW_MS, anew=True)
    (entry,) = [entry for entry in made if entry.use == USE_SEALING]
    assert not is_new_secret
    assert sealer(office).public_key == entry.public_key != before
    gates.east.record(person(office, "p2", id_number="E12345678"))
    gates.meet()
    for person_id, number in (("p1", NUMBER), ("p2", "E12345678")):
        wish = opening(person_id=person_id)
        assert open_person(office.engine, office.folder, COMMUNITY, wish, NOW_MS)[1].id_number == number
    withdraw_key(office, entry.key_id.hex(), None, NOW_MS + 1)
    assert sealer(office).public_key == before


def test_exports_tell_ends_only(office: Office) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    visit = Visit(host="王小明", origin="邻市", purpose="修水管")
    gates.east.record(passage("钱多多", pass_id="p1", holder_id="p1", visit=visit))
    gates.meet()
    found = list_passages(office.engine, COMMUNITY, Selection(station="east"), SHANGHAI)
    with reading(office.engine) as connection:
        ends = tails(connection, COMMUNITY)
    assert ends == {"p1": (tail_of(NUMBER), tail_of(PHONE))}
    masked, whole = make_sheet(found, SHANGHAI, tails=ends), make_sheet(found, SHANGHAI, tails=ends, unmasked=True)
    (row,) = masked.rows
    assert (row["id_tail"], row["phone_tail"], row["host"], row["purpose"]) == ("4477", "1234", "王*明", "***")
    (row,) = whole.rows
    assert (row["host"], row["origin"], row["purpose"]) == ("王小明", "邻市", "修水管")
    for sheet in (masked, whole):
        assert NUMBER.encode() not in to_json(sheet) + to_csv(sheet)


def bodies(engine: sa.Engine, kind: str, own_station: str = "west") -> list[msgspec.Raw]:
    return [item.body for item in pull_all(engine, own_station=own_station, own_epoch="02") if item.kind == kind]


def test_another_gate_gets_the_digest_and_nothing_else(office: Office) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    gates.east.record(PersonRegistered(person_id="p2", name="无号", household="", address=""))
    gates.meet()
    (raw,) = bodies(office.engine, "person.registered")
    body = read_body("person.registered", raw)
    assert isinstance(body, PersonRegistered)
    digest = sealer(office).digest("id_number", NUMBER)
    assert body == PersonRegistered(
        person_id="p1", name="", household="", address="", id_number=Sealed(box="", digest=digest)
    )


def test_a_station_gets_its_own_and_the_office_s_persons_without_the_boxes(office: Office) -> None:
    gates = Gates(office.engine)
    gates.east.record(person(office))
    gates.meet()
    order(office.engine, person(office, "p2", "李四"))
    for raw, name in zip(bodies(office.engine, "person.registered", "east"), ("钱多多", "李四"), strict=True):
        body = read_body("person.registered", raw)
        assert isinstance(body, PersonRegistered)
        assert body.id_number is not None
        assert body.phone is not None
        assert (body.name, body.id_number.tail, body.id_number.box, body.phone.box) == (name, "4477", "", "")


def test_a_visit_travels_as_a_leg_without_its_words(office: Office) -> None:
    gates = Gates(office.engine)
    visit = Visit(host="王小明", purpose="修水管")
    gates.east.record(passage("钱多多", direction="entry", pass_id="p1", holder_id="p1", pass_number=None, visit=visit))
    gates.meet()
    (raw,) = bodies(office.engine, "passage.recorded")
    body = read_body("passage.recorded", raw)
    assert body == PassageRecorded(
        outcome="allowed", direction="entry", verdict="allow", leg="first", pass_id="p1", visit=Visit()
    )


def test_a_visitor_let_in_at_two_gates_is_a_conflict(office: Office) -> None:
    gates = Gates(office.engine)
    for number, gate in enumerate((gates.east, gates.west)):
        at_ms = NOW_MS + number * 60_000
        gate.leg("p1", "first", at_ms, direction="entry", pass_kind="visitor", pass_number=None, visit=Visit())
    assert gates.meet() == 1


def test_fewer_may_open_than_unmask() -> None:
    assert MAY_OPEN < MAY_UNMASK < set(ROLES)
