"""What staff select when they pull: days, people, passes; and that a pull fits a small machine."""

import io
import json
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import openpyxl
import pytest
import sqlalchemy as sa

from passes.errors import UsageError
from sync.bodies import PersonRegistered
from sync.community.database import exports, reading
from sync.community.pulling import Asking, Office, pull_passages
from sync.community.registers import find_number, find_person
from sync.community.settings import CommunitySettings, CommunityTable, DatabaseTable, ServerTable
from sync.community.sheets import Column, ExportError, Sheet, save_by
from sync.community.shiftlog import Selection, list_passages
from tests.community.conftest import COMMUNITY, NOW_MS, passage
from tests.community.files import to_csv, to_xlsx
from tests.community.gates import DAY_MS, Gates, issued

SHANGHAI = ZoneInfo("Asia/Shanghai")
SETTINGS = CommunitySettings(
    CommunityTable(COMMUNITY, "平安里", "Asia/Shanghai"), DatabaseTable("sqlite:///x"), ServerTable("http://127.0.0.1")
)


@pytest.fixture
def gates(engine: sa.Engine) -> Gates:
    """Return two gates where two people of one name have passed on three days."""
    gates = Gates(engine)
    for pass_id, holder_id, name, address in (
        ("a", "p-a", "王小明", "3-2-501"),
        ("b", "p-b", "王小明", "5-1-101"),
        ("c", "p_c", "李四%", "1-1-101"),
    ):
        body = issued(pass_id, holder=name)
        gates.east.record(msgspec.structs.replace(body, holder_id=holder_id, address=address))
        for day, gate in enumerate((gates.east, gates.west, gates.east)):
            number = f"ABC-DEF-GH{pass_id}"
            body_of = passage(name, holder_id=holder_id, pass_number=number, address=address, pass_id=pass_id)
            gate.record(body_of, NOW_MS + day * DAY_MS)
    gates.east.push()
    gates.west.push()
    return gates


def found(engine: sa.Engine, selection: Selection) -> list[tuple[str, str | None]]:
    return [(one.station, one.body.holder_id) for one in list_passages(engine, COMMUNITY, selection, SHANGHAI)]


def test_a_person_and_a_pass_are_told_apart(engine: sa.Engine, gates: Gates) -> None:
    assert found(engine, Selection(holder_id="p-a")) == [("east", "p-a"), ("east", "p-a"), ("west", "p-a")]
    assert found(engine, Selection(pass_number="ABC-DEF-GHb", station="west")) == [("west", "p-b")]
    assert found(engine, Selection(holder_id="p-a", pass_number="ABC-DEF-GHb")) == []
    # What LIKE takes for a pattern is a character of an id, and a part of an id is not an id.
    assert len(found(engine, Selection(holder_id="p_c"))) == 3
    for none in ("p_a", "p", "%", "王小明"):
        assert found(engine, Selection(holder_id=none)) == []


def test_days_are_taken_from_the_first_through_the_last(engine: sa.Engine, gates: Gates) -> None:
    first, last = date(2026, 2, 7), date(2026, 2, 8)
    assert len(found(engine, Selection(from_day=first, until_day=last))) == 6
    assert len(found(engine, Selection(from_day=last))) == 6
    assert len(found(engine, Selection(until_day=first))) == 3
    assert len(found(engine, Selection(day=last, holder_id="p-a"))) == 1


def test_a_person_is_found_by_id_or_by_a_name_that_one_has(engine: sa.Engine, gates: Gates) -> None:
    gates.east.record(PersonRegistered(person_id="p-d", name="赵七", household="h7", address="7-1-101"))
    gates.east.push()
    with reading(engine) as connection:

        def find(wanted: str, address: str | None = None) -> str:
            return find_person(connection, COMMUNITY, wanted, address)

        assert find("p-b") == "p-b"
        assert find("赵七") == "p-d"
        assert find("王小明", "5-1-101") == "p-b"
        with pytest.raises(UsageError, match="2 people"):
            find("王小明")
        for nobody, address in (("王小", None), ("王小明", "9-9-999"), ("p-a", "3-2-501")):
            with pytest.raises(UsageError, match="nobody"):
                find(nobody, address)


def test_a_pass_number_is_read_as_people_type_it() -> None:
    from passes.number import number_of

    number = number_of(b"12345")
    assert find_number(number.lower().replace("-", " ")) == number
    with pytest.raises(UsageError, match="check character"):
        find_number(number[:-1] + ("0" if number[-1] != "0" else "1"))


def test_every_pull_is_logged_before_the_file_is_there(engine: sa.Engine, gates: Gates, tmp_path: Path) -> None:
    office, path = Office(engine, SETTINGS, NOW_MS), tmp_path / "log.csv"
    selection = Selection(holder_id="p-a", from_day=date(2026, 2, 7))
    assert pull_passages(office, selection, Asking(file_format="csv"), path) == (3, b"")
    with reading(engine) as connection:
        (logged,) = connection.execute(sa.select(exports)).all()
    assert (logged.passages, logged.format, logged.unmasked) == (3, "csv", False)
    assert json.loads(logged.selection)["holder_id"] == "p-a"
    path.unlink()
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE exports RENAME TO gone"))
    with pytest.raises(Exception, match="exports"):
        pull_passages(office, selection, Asking(file_format="csv"), path)
    assert list(tmp_path.glob("log.csv*")) == []


def test_what_fails_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"old")

    def write(out: object) -> int:
        out.write(b"half")  # type: ignore[attr-defined] # a file
        raise OSError("disk full")

    with pytest.raises(ExportError, match="disk full"):
        save_by(path, write, lambda _count: None)
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"old"]


def test_a_table_that_is_purged_says_so_only_where_it_names_people() -> None:
    columns = {"name": Column("Name", is_personal=True), "remark": Column("Remark"), "yes": Column("Yes?")}
    rows = [
        {"name": "", "remark": "", "yes": True, "purged": True},
        {"name": "王五", "remark": "", "yes": False, "purged": True},
        {"name": "", "remark": "", "yes": False, "purged": False},
    ]
    sheet = Sheet("Table", columns, rows)
    lines = to_csv(sheet).decode("utf-8-sig").splitlines()
    assert lines[1:] == ["(purged),,yes", "王五,,", ",,"]
    page = openpyxl.load_workbook(io.BytesIO(to_xlsx(sheet, NOW_MS))).active
    assert page is not None
    assert page["A2"].value == "(purged)"
