"""The roster: found by whatever a guard knows, corrected in parts, the same from any order of coming."""

from pathlib import Path
from typing import Any

import pytest

from passes.plaintext import plain
from station import roster
from station.assembly import Station
from station.folding import REGISTER_TABLES
from station.rebuilding import differences
from station.registering import Entry, RosterError, register
from station.roster import Household, find
from station.roster_folding import ROSTER_TABLES
from sync.bodies import HouseholdRegistered, PersonRegistered
from tests.station.post import SHANGHAI, Post
from tests.station.test_numbers import feed
from tests.station.town import NUMBER, PHONE, bodies, lives, town


def names(station: Station, text: str) -> list[str]:
    return [person.name for person in find(station.journal.connection, text)]


@pytest.fixture
def people(tmp_path: Path) -> Any:
    with town(tmp_path) as station:
        lives(station, "曾小明", "3号楼2单元501", id_number=NUMBER, phone=PHONE, plates=("鲁B12345",))
        lives(station, "曾晓", "3号楼2单元501", "tenant")
        lives(station, "单雄", "32号楼501")
        lives(station, "吕布", "1-1-101", plates=("鲁BD12346", "使123456"))
        lives(station, "Ann Marie Lee", "1-1-102")
        yield station


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("曾", ["曾小明", "曾晓"]),
        ("曾小明", ["曾小明"]),
        ("zengxiaoming", ["曾小明"]),
        ("Ceng Xiao Ming", ["曾小明"]),
        ("zxm", ["曾小明"]),
        ("ｃｘ", ["曾晓", "曾小明", "单雄"]),
        ("shanx", ["单雄"]),
        ("dx", ["单雄"]),
        ("lvb", ["吕布"]),
        ("lub", ["吕布"]),
        ("ann", ["Ann Marie Lee"]),
        ("marie lee", ["Ann Marie Lee"]),
        ("aml", ["Ann Marie Lee"]),
        ("3-2-501", ["曾小明", "曾晓"]),
        ("３－２", ["曾小明", "曾晓"]),
        ("3号楼2单元", ["曾小明", "曾晓"]),
        ("32-501", ["单雄"]),
        ("501", ["曾小明", "曾晓", "单雄"]),
        ("1234", ["曾小明", "曾晓", "吕布"]),
        ("4477", ["曾小明"]),
        ("１３８００００１２３４", ["曾小明"]),
        ("鲁b12345", ["曾小明", "曾晓"]),
        ("鲁B·12345", ["曾小明", "曾晓"]),
        ("B1234", ["曾小明", "曾晓"]),
        ("D123", ["吕布"]),
        ("使12", ["吕布"]),
        ("", []),
        ("  -- ", []),
        ("nobody", []),
        ("%", []),
        ("' OR TRUE --", []),
    ],
)
def test_people_are_found_by_what_a_guard_knows(people: Station, text: str, found: list[str]) -> None:
    assert sorted(names(people, text)) == sorted(found)


def test_the_nearest_come_first(people: Station) -> None:
    lives(people, "曾", "9-9-909")
    assert names(people, "曾")[0] == "曾"


def test_hostile_and_endless_text_finds_nobody_and_breaks_nothing(people: Station) -> None:
    for text in ("[/]", "\x1b[2J", "\u202e", "\0", "王" * 200, "9" * 10_000, "\ud800", "𠮷" * 64):
        assert names(people, text) == []


def test_a_correction_finds_the_new_name_only(people: Station) -> None:
    (one,) = find(people.journal.connection, "吕布")
    home = Household("1-1-101", "1-1-101", plates=("鲁BD12346",))
    register(people, Entry("吕奉先", home.household, home.address, home, "owner"), one.person_id)
    assert (names(people, "lvbu"), names(people, "lfx"), names(people, "使1")) == ([], ["吕奉先"], [])
    assert [(row.role, row.person_id) for row in find(people.journal.connection, "吕")] == [("owner", one.person_id)]


def test_what_is_on_record_is_not_said_again(people: Station) -> None:
    before = people.journal.head().n
    lives(people, "曾小明", "3号楼2单元501", id_number=NUMBER, phone=PHONE, plates=("鲁B12345",))
    assert people.journal.head().n == before
    lives(people, "曾小明", "3号楼2单元501", flags=("elderly",), plates=("鲁B12345",))
    (said,) = bodies(people, PersonRegistered)[-1:]
    assert (said.flags, said.id_number, people.journal.head().n) == (["elderly"], None, before + 1)
    (known,) = find(people.journal.connection, "zxm")
    assert (known.flags, known.id_tail, known.phone_tail) == (("elderly",), "4477", "1234")


def test_the_same_number_is_the_same_person(people: Station) -> None:
    (before,) = find(people.journal.connection, "4477")
    after = lives(people, "曾大明", "3号楼2单元502", id_number=NUMBER)
    assert after.person_id == before.person_id


@pytest.mark.parametrize("word", ["king", "", "[/]"])
def test_a_word_that_the_roster_does_not_know_is_told(people: Station, word: str) -> None:
    with pytest.raises(RosterError) as told:
        lives(people, "王五", role=word)
    assert "owner" in str(told.value)


def test_a_household_has_its_members_and_plates(people: Station) -> None:
    connection = people.journal.connection
    assert {row.name for row in roster.members(connection, "3号楼2单元501")} == {"曾小明", "曾晓"}
    home = roster.get_household(connection, "3号楼2单元501")
    assert home == Household("3号楼2单元501", "3号楼2单元501", plates=("鲁B12345",))
    assert roster.household_of_plate(connection, "鲁B12345") == home
    assert roster.household_of_plate(connection, "鲁B1234") is None
    assert roster.get_household(connection, "32号楼501") == Household("32号楼501", "32号楼501")
    assert roster.get_household(connection, "") is None


def test_pages_go_through_everybody_once_both_ways(tmp_path: Path) -> None:
    with town(tmp_path) as station:
        connection = station.journal.connection
        assert (roster.page(connection), roster.page(connection, back=True), roster.count(connection)) == ([], [], 0)
        for number in range(7):
            lives(station, f"住户{number}", f"1-1-{number % 3}")
        whole = roster.page(connection)
        after, seen = None, []
        while found := roster.page(connection, after, 2):
            seen += found
            after = roster.place_of(found[-1])
        assert (seen, len(whole)) == (whole, 7)
        assert roster.page(connection, roster.place_of(whole[5]), 3, back=True) == whole[2:5]
        assert roster.page(connection, most=2, back=True) == whole[-2:]


def test_the_order_of_coming_does_not_matter(tmp_path: Path) -> None:
    first = PersonRegistered(person_id="p", name="曾大明", household="h", address="1-1-102", role="tenant", source="s")
    then = PersonRegistered(person_id="p", name="曾小明", household="h", address="1-1-101", flags=["elderly"])
    facts: list[tuple[str, Any]] = [
        ("e1", first),
        ("e2", then),
        ("e3", PersonRegistered(person_id="p", name="曾小明", household="h", address="1-1-101")),
        ("e4", HouseholdRegistered(household="h", address="1-1-101", plates=["鲁B12345"], grid="3")),
        ("e5", HouseholdRegistered(household="h", address="1-1-101", plates=["鲁B12346"])),
    ]
    seen = []
    for number, order in enumerate((facts, facts[::-1], facts[2:] + facts[:2])):
        folder = tmp_path / str(number)
        folder.mkdir()
        post = Post(folder)
        feed(post, *order)
        tables = [post.journal.connection.execute(f"SELECT * FROM {table}") for table in ROSTER_TABLES]
        seen.append([sorted(table.fetchall()) for table in tables])
        assert differences(post.journal, SHANGHAI) == []
        (known,) = find(post.journal.connection, "cxm")
        assert (known.role, known.flags) == ("tenant", ("elderly",))
        assert find(post.journal.connection, "12345") == []
        post.journal.close()
    assert seen[0] == seen[1] == seen[2]


def test_the_search_uses_its_indexes(people: Station) -> None:
    connection = people.journal.connection
    plans: list[str] = []
    connection.set_trace_callback(plans.append)
    find(connection, "3-2-501")
    find(connection, "1234")
    find(connection, "鲁B1")
    roster.page(connection, ("3", "", ""))
    connection.set_trace_callback(None)
    for statement in plans:
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
        assert steps
        assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step], (statement, steps)


def test_a_register_that_was_tampered_with_is_named(people: Station) -> None:
    assert differences(people.journal, SHANGHAI) == []
    connection = people.journal.connection
    with people.journal.writing():
        connection.execute("UPDATE persons SET name = '别人' WHERE name = '吕布'")
        connection.execute("DELETE FROM roster_keys WHERE key = 'lb'")
    found = differences(people.journal, SHANGHAI)
    assert [(one.table, one.is_in_use) for one in found] == [("persons", True), ("roster_keys", False)]
    assert plain(found[0].row) == found[0].row
    people.register.rebuild()
    assert differences(people.journal, SHANGHAI) == []
    assert set(ROSTER_TABLES) <= set(REGISTER_TABLES)
