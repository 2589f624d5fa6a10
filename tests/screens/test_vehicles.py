"""Vehicles at the gate screen: plate, driver, passengers; way in and way out paired by plate; people found by name."""

from datetime import date
from pathlib import Path

import pytest
from textual.widgets import Input, Static

from passes.kinds import PRESETS
from station import open_trips
from station.dialogs.form import FormDialog
from station.dialogs.picker import PickerDialog
from station.dialogs.rows import RowsDialog
from station.issuing import Application
from station.rebuilding import differences
from station.vehicles import plate_id
from station.widgets.marked_lines import Lines
from sync.bodies import PersonRegistered
from tests.screens.console import Console, text_of
from tests.screens.desk import NUMBER, play, trouble
from tests.station.post import SHANGHAI
from tests.station.town import bodies, lives

PLATE = "鲁B12345"


async def drives(console: Console, plate: str = PLATE, people: int = 1, **said: str) -> None:
    """Register a vehicle, measure everybody in it, Enter."""
    await console.press("f4")
    await console.fill_in(plate=plate)
    await console.fill_in(**said)
    for _ in range(people):
        await console.measure(36.5)
    await console.press("enter")
    console.clock.move(60)


def test_a_vehicle_comes_and_goes_by_its_plate(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2")
        await drives(
            console, "鲁ｂ·12345", 3, driver="钱多多", id_number=NUMBER, passengers="孙小圣、李四", origin="邻市",
            stops="服务区", destination="3-2-501", purpose="送货", disinfected="1",
        )  # fmt: skip
        (came,) = console.passages()
        assert (came.outcome, came.direction, came.subject, came.leg) == ("allowed", "entry", "vehicle", "first")
        assert came.vehicle
        assert (came.vehicle.plate, came.vehicle.stops, came.vehicle.disinfected) == (PLATE, "服务区", True)
        assert [(one.name, len(one.attempts)) for one in came.companions] == [("孙小圣", 1), ("李四", 1)]
        assert (came.pass_id, came.holder, came.pass_kind) == (plate_id(PLATE), "钱多多", "outside_vehicle")
        (person,) = bodies(console.station, PersonRegistered)
        assert (person.person_id, person.id_number and person.id_number.tail) == (came.holder_id, "4477")
        now_ms = console.clock.now_ms()
        (inside,) = open_trips.open_trips(console.station.journal.connection, console.station.register, now_ms)
        assert (inside.plate, inside.name, inside.kind) == (PLATE, "钱多多", "outside_vehicle")
        await console.press("f2", "f4")
        await console.fill_in(plate=PLATE)
        form = console.app.screen
        assert form.query_one("#driver", Input).value == "钱多多"
        assert form.query_one("#passengers", Input).value == "孙小圣、李四"
        await console.fill_in(passengers="1")
        await console.measure(36.5)
        await console.measure(36.5)
        await console.press("enter")
        went = console.passages()[-1]
        assert (went.leg, went.direction, went.holder_id) == ("return", "exit", came.holder_id)
        assert open_trips.open_trips(console.station.journal.connection, console.station.register, now_ms) == []
        assert len(bodies(console.station, PersonRegistered)) == 1
        assert differences(console.station.journal, SHANGHAI) == []

    play(tmp_path, story)


def test_a_passengers_fever_stops_the_vehicle(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2", "f4")
        await console.fill_in(plate=PLATE)
        await console.fill_in(driver="钱多多", passengers="2")
        await console.measure(36.5)
        await console.measure(37.8)
        assert console.passages()[-1].outcome == "refused"
        assert console.passages()[-1].reasons == ["fever"]

    play(tmp_path, story)


def test_a_households_vehicle_goes_out_first_and_its_members_drive(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        member = lives(console.station, "曾小明", "3-2-501", plates=(PLATE,))
        await drives(console, driver="曾小明")
        (went,) = console.passages()
        assert (went.pass_kind, went.leg, went.direction) == ("vehicle", "first", "exit")
        assert (went.household, went.holder_id) == ("3-2-501", member.person_id)

    play(tmp_path, story)


def test_a_vehicle_with_a_pass_follows_it(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        asked = Application("曾小明", "3-2-501", PRESETS["vehicle"], date(2026, 1, 1), date(2026, 12, 31))
        row = console.station.desk().issue(asked)
        await drives(console, people=2, passengers="1", **{"pass": row.number})
        (went,) = console.passages()
        assert (went.pass_id, went.pass_number, went.subject) == (row.pass_id, row.number, "vehicle")
        assert went.vehicle
        assert went.vehicle.plate == PLATE
        await console.press("f2", "f4")
        await console.fill_in(plate=PLATE)
        assert console.app.screen.query_one("#pass", Input).value == row.number
        await console.press("escape")

    play(tmp_path, story)


@pytest.mark.parametrize("plate", ["鲁BD12346", "使123456", "WJ12345A", "京A1234警", "临12345"])
def test_plates_of_every_kind_are_taken(tmp_path: Path, plate: str) -> None:
    async def story(console: Console) -> None:
        await console.press("f2")
        await drives(console, plate, driver="钱多多")
        assert console.passages()[-1].outcome == "allowed"

    play(tmp_path, story)


def test_what_is_wrong_is_asked_again(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2", "f4")
        await console.fill_in(plate="鲁I1234")
        assert isinstance(console.app.screen, FormDialog)
        assert console.app.screen.query_one("#plate", Input).value == "鲁I1234"
        await console.fill_in(plate=PLATE)
        for said, word in (
            ({"driver": ""}, "driver"),
            ({"driver": "王" * 200}, "64"),
            ({"driver": "钱多多", "passengers": "61"}, "60"),
            ({"passengers": "0", "origin": NUMBER}, "wrong line"),
            ({"origin": "", "id_number": "123"}, "ID number"),
            ({"id_number": "", "pass": "AAA-AAA-AAA"}, "AAA"),
        ):
            await console.fill_in(**said)
            assert isinstance(console.app.screen, RowsDialog), said
            assert word in trouble(console), (said, trouble(console))
        await console.fill_in(**{"pass": "", "host": "nobody"})
        assert console.passages()[-1].reasons == ["no_host"]

    play(tmp_path, story)


def test_people_are_found_from_the_gates_field(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue("王小明")
        await console.scan("wxm")
        assert "王*明" in console.verdict
        await console.measure(36.5)
        await console.press("enter")
        (went,) = console.passages()
        assert (went.pass_number, went.typed, went.reasons) == (row.number, True, ["typed"])
        lives(console.station, "王小妹", "1-1-101")
        await console.scan("王小")
        assert isinstance(console.app.screen, PickerDialog)
        assert "王*妹" in text_of(console.app.screen.query_one(Lines))
        await console.press("down", "up", "escape")
        await console.scan("王小妹")
        await console.press("enter")
        assert "Ctrl+N" in console.hints[0]
        await console.scan("不认识")
        assert "Nobody" in text_of(console.app.screen.query_one(Lines))
        await console.press("escape")
        await console.press("f2")
        await console.scan(PLATE)
        assert console.app.screen.query_one("#plate", Input).value == PLATE
        await console.press("escape")
        await console.scan("https://example.org/x")
        assert console.passages()[-1].reasons == ["not_a_pass"]
        assert [one.outcome for one in console.passages()] == ["allowed", "refused"]
        assert text_of(console.app.screen.query(Static).first())

    play(tmp_path, story)
