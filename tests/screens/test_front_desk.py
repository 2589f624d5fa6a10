"""The ID card reader, the scanner and the pass form at the front desk."""

from dataclasses import replace
from pathlib import Path

from textual.widgets import Input

from station.devices.idcard.card import CardError
from station.dialogs.rows import RowsDialog
from sync.sealing import Purpose
from tests.screens.console import Console
from tests.screens.desk import CARD, NUMBER, OTHER_CARD, card, field, let_in, play, registered, trouble
from tests.station.post import COMMUNITY, SEALING


def test_a_card_fills_the_form_and_shows_the_end_only(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await card(console, CARD)
        assert isinstance(console.app.screen, RowsDialog)
        assert (field(console, "name"), field(console, "address")) == ("钱多多", "某市某区一号")
        assert field(console, "id_number") == "*" * 14 + "4477"
        await card(console, CARD)
        assert trouble(console) == ""
        await card(console, OTHER_CARD)
        assert "孙*圣" in trouble(console)
        assert field(console, "name") == "钱多多"
        await console.fill_in(host="王小明")
        await console.measure(36.5)
        await console.press("enter")
        (person,) = registered(console.station)
        assert person.id_number is not None
        assert SEALING.open(person.id_number.box, Purpose(COMMUNITY, "id_number", person.person_id)) == NUMBER

    play(tmp_path, story)


def test_an_expired_card_and_a_bad_one_are_told(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await card(console, CardError("the card cannot be read"))
        assert console.hints == ["the card cannot be read"]
        await console.press("f2", "f3")
        await card(console, CardError("the card cannot be read"))
        assert trouble(console) == "the card cannot be read"
        await card(console, OTHER_CARD)
        assert "2020-01-01" in trouble(console)
        assert field(console, "name") == "孙小圣"
        await console.press("escape")

    play(tmp_path, story)


def test_a_card_on_the_way_out_finds_the_visitor(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        await console.press("f2")
        await card(console, OTHER_CARD)
        assert len(console.hints) == 1
        await card(console, CARD)
        await console.measure(36.5)
        await console.press("enter")
        assert console.passages()[-1].direction == "exit"

    play(tmp_path, story)


def test_a_card_beside_a_pass_is_compared(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue("钱多多").token)
        await card(console, CARD)
        assert "same name" in console.hints[0]
        await card(console, OTHER_CARD)
        assert "another name" in console.hints[0]
        await console.press("f6", "f6")

    play(tmp_path, story)


def test_a_scan_into_the_forms_reaches_the_gate(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue("王小明")
        await console.press("f2", "f3")
        await card(console, CARD)
        line = console.app.screen.query_one("#id_number", Input)
        line.focus()
        await console.wedge(row.token)
        await console.until(lambda: field(console, "id_number") == "*" * 14 + "4477")
        assert isinstance(console.app.screen, RowsDialog)
        await console.fill_in(host="王小明")
        await console.measure(36.5)
        await console.press("enter")
        assert console.rows()[0] == "钱多多 allowed"
        assert "王*明" in console.verdict
        await console.press("f6", "f6", "f3")
        await console.wedge(row.token)
        await console.until(lambda: field(console, "name") == "")
        await console.press("escape")
        assert "王*明" in console.verdict
        await console.press("f6", "f6")

    play(tmp_path, story)


def test_a_pass_is_issued_at_the_desk(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("ctrl+n")
        await card(console, CARD)
        assert field(console, "address") == ""
        await console.fill_in(address="3-2-502", until="2026-13-31")
        assert "2026-13-31" in trouble(console)
        await console.fill_in(until="2026-12-31")
        (row,) = console.station.register.find_passes("钱多多")
        assert (row.address, row.kind, row.valid_from) == ("3-2-502", "resident", "2026-03-10")
        assert row.number in console.hints[0]
        (person,) = registered(console.station)
        assert person.person_id == row.holder_id
        await console.press("ctrl+n")
        assert field(console, "until") == "2026-12-31"
        await console.press("escape")
        await console.admit(row.token)
        assert console.rows() == ["钱多多 allowed"]

    play(tmp_path, story)


def test_odd_names_are_only_text(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2", "f3")
        await card(console, replace(CARD, name="[@click=app.quit]x[/]"))
        await console.fill_in(host="王小明")
        await console.measure(36.5)
        await console.press("enter", "f2", "f3", "escape")
        assert len(console.rows()) == 1

    play(tmp_path, story)


def test_a_card_of_who_came_before_fills_in_the_last_visit(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        await console.press("f2", "f3", "enter")
        await console.measure(36.5)
        await console.press("enter")
        console.clock.move(24 * 3600)
        await console.press("f2")
        await card(console, CARD)
        assert (field(console, "host"), field(console, "purpose")) == ("王*明 3-2-501", "修水管")
        await console.press("enter")
        await console.measure(36.5)
        await console.press("enter")
        visits = [body.visit for body in console.passages() if body.direction == "entry"]
        assert visits[0] == visits[1]

    play(tmp_path, story)
