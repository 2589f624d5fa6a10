"""The roster on its way: every gate learns who lives here; what was corrected long ago is emptied in time."""

import msgspec
import pytest
import sqlalchemy as sa
from msgspec import structs

from sync.bodies import HouseholdRegistered, PersonRegistered, Sealed
from tests.community.conftest import NOW_MS
from tests.community.gates import Gate, pull_all
from tests.community.oldtimes import bodies, run

SEALED = Sealed(box="GS1.x", tail="4477", digest="d")
PERSON = PersonRegistered(person_id="p-1", name="李小红", household="h1", address="3-2-501")
HOME = HouseholdRegistered(household="h1", address="3-2-501", plates=["鲁B12345"])


@pytest.fixture
def east(engine: sa.Engine) -> Gate:
    return Gate(engine, "east")


def test_who_lives_here_is_told_to_every_gate_and_a_visitor_is_not(engine: sa.Engine, east: Gate) -> None:
    east.record(structs.replace(PERSON, role="owner", flags=["elderly"], id_number=SEALED, order_ms=NOW_MS))
    east.record(PersonRegistered(person_id="p-2", name="钱多多", household="", address="", id_number=SEALED))
    east.record(PersonRegistered(person_id="p-3", name="孙小圣", household="", address=""))
    east.record(HOME)
    east.push()
    resident, visitor, household = (msgspec.json.decode(bytes(item.body)) for item in pull_all(engine))
    assert (resident["name"], resident["role"], resident["flags"]) == ("李小红", "owner", ["elderly"])
    assert resident["id_number"] == {"box": "", "digest": "d", "tail": "4477"}
    number = {"box": "", "digest": "d"}
    assert visitor == {"person_id": "p-2", "name": "", "household": "", "address": "", "id_number": number}
    assert household == {"household": "h1", "address": "3-2-501", "plates": ["鲁B12345"]}


def test_what_was_said_in_parts_stays_until_each_part_was_said_anew(engine: sa.Engine, east: Gate) -> None:
    east.record(structs.replace(PERSON, role="owner"))
    east.record(HOME)
    east.record(structs.replace(PERSON, name="李晓红"))
    east.push()
    assert run(engine).events == {}
    east.record(structs.replace(PERSON, role="tenant"))
    east.record(structs.replace(HOME, plates=[]))
    east.push()
    assert run(engine).events == {"household.registered": 1, "person.registered": 2}
    assert "鲁B12345" not in "".join(bodies(engine))
