"""The screens of duty, by keys alone: what they show, and what is in the journal."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from textual.widgets import Static

from station.access import Role
from station.dialogs.matter_form import MatterForm
from station.dialogs.pin import PinDialog
from station.duty import errands, incidents, supplies
from station.duty.book import DutyBook
from station.duty.incidents import Report
from station.duty.supplies import Move
from station.screens.work import WorkScreen
from station.widgets.choice_line import ChoiceLine
from station.widgets.lines import HintLine
from station.widgets.marked_lines import Lines
from station.widgets.paged_list import PagedList
from station.widgets.scan_field import PlainInput
from sync.bodies import HolderBanned, PassRevoked, QuarantineOrdered, ShiftHandedOver, ShiftOpened, WatchListed
from sync.duty_bodies import HealthChecked, IncidentReported, InspectionRecorded, SuppliesCounted
from sync.events import read_body
from tests.screens.console import Console, gate, text_of


def play(folder: Path, story: Callable[[Console], Awaitable[None]], **more: Any) -> None:
    async def told() -> None:
        async with gate(folder, **more) as console:
            await story(console)

    asyncio.run(told())


def bodies(console: Console, kind: type) -> list[Any]:
    read = [read_body(event.kind, event.body) for _n, event in console.station.journal.read()]
    return [body for body in read if isinstance(body, kind)]


def shown(console: Console) -> str:
    screen = console.app.screen_stack[-1]
    return "\n".join(text_of(one) for one in screen.query(Static) if not isinstance(one, ChoiceLine))


async def opened(console: Console, *keys: str) -> None:
    await console.press(*keys)
    await console.until(lambda: isinstance(console.app.screen, WorkScreen))


async def answer(console: Console, **values: str) -> None:
    """Fill the form in and press Enter."""
    await console.until(lambda: isinstance(console.app.screen, MatterForm))
    form = console.app.screen
    for name, value in values.items():
        widget = form.query_one(f"#{name}")
        if isinstance(widget, PlainInput):
            widget.value = value
        else:
            assert isinstance(widget, ChoiceLine)
            while widget.value != value:
                widget.action_turn(1)
    await console.press("enter")


def test_an_incident_is_reported_handled_and_closed(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.issue()
        await opened(console, "f8", "f3")
        assert "No open incident. F5 = report one" in shown(console)
        await console.press("f6")
        assert "There is no line here" in shown(console)
        await console.press("f5")
        said = {"what": "forced_entry", "account": "[/]撞杆", "people": "王小明、李四", "number": row.number}
        await answer(console, **said, destroy="yes", ban="yes")
        assert "destroyed before a witness" in shown(console)
        await answer(console, witness="孙七")
        (told,) = bodies(console, IncidentReported)
        assert (told.account, told.people, told.pass_id) == ("[/]撞杆", ["王小明", "李四"], row.pass_id)
        assert (len(bodies(console, PassRevoked)), len(bodies(console, HolderBanned))) == (1, 1)
        assert "forced entry" in shown(console)
        await console.press("f6")
        await answer(console, note="已报警")
        await console.press("enter")
        assert "已报警 (周师傅)" in shown(console)
        await console.press("escape", "f7")
        await answer(console, note="已处理")
        assert "No open incident" in shown(console)
        await console.press("f4")
        assert "closed" in shown(console)

    play(tmp_path, story)


def test_a_shift_is_handed_over_line_by_line(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        book = DutyBook.of(console.station)
        incidents.report(book, Report("abuse", "辱骂门岗"))
        errands.add(book, wanted="送药", address="3-2-501")
        supplies.record(book, Move("stock_in", "口罩", "15", unit="只"))
        await opened(console, "f9")
        await console.press("f10")
        assert "3 lines are not ticked yet" in text_of(console.app.screen.query_one(HintLine))
        await console.press("enter", "enter")  # the errand: handed over, then closed
        assert "[x] closed" in shown(console)
        await console.press("down", "enter", "down", "enter")
        await answer(console, quantity="14", why="破损")
        await console.press("f10")
        await answer(console, incoming="郑师傅 吴师傅", lead="赵组长", abnormal="一人辱骂", outstanding="钥匙在抽屉")
        (over,) = bodies(console, ShiftHandedOver)
        assert [(one.what, one.closed) for one in over.matters] == [("errand", True), ("incident", False)]
        assert [(one.counted, one.why) for one in over.goods] == [(14, "破损")]
        assert (over.incoming, over.abnormal, over.outstanding) == ("郑师傅", "一人辱骂", "钥匙在抽屉")
        assert bodies(console, ShiftOpened)[-1].guards == ["郑师傅", "吴师傅"]
        await console.press("f6")
        (pdf,) = console.station.folder.glob("hand-over-*.pdf")
        assert pdf.read_bytes().startswith(b"%PDF")

    play(tmp_path, story)


def test_duty_is_taken_up_after_the_post_was_unmanned(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await opened(console, "f9")
        await console.press("f10")
        await answer(console, unmanned="yes")
        console.clock.move(1800)
        assert "Nobody is on duty" in shown(console)
        await console.press("f10")
        await answer(console, guards="郑师傅", due="7:59", late_reason="堵车")
        opening = bodies(console, ShiftOpened)[-1]
        assert (opening.guards, opening.protected, opening.late_reason) == (["郑师傅"], True, "堵车")
        assert (console.clock.ms - opening.due_ms) // 60_000 == 31

    play(tmp_path, story)


def test_supplies_isolation_and_inspections(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue()
        await opened(console, "f8", "f6")
        await console.press("f5")
        await answer(console, item="口罩", quantity="5", unit="只", low="20")
        assert "LOW: below 20" in shown(console)
        assert [body.quantity for body in bodies(console, SuppliesCounted)] == [5]
        await console.press("escape")
        await opened(console, "f8", "f4")
        await console.press("f5")
        await answer(console, who="王小明", until="2026-3-24", plan="2h", letter_signed="yes")
        (order,) = bodies(console, QuarantineOrdered)
        assert (order.until, order.every_hours, order.letter_signed) == ("2026-03-24", 2, True)
        console.clock.move(3 * 3600)
        await console.press("f6")
        await answer(console, celsius="33")
        assert "no temperature of a person" in shown(console)
        await answer(console, celsius="37.6")
        assert bodies(console, HealthChecked)[0].celsius == 37.6
        assert "FEVER 37.6 03-10 11:00" in shown(console)
        await console.press("escape")
        await opened(console, "f8", "f7")
        await console.press("f5")
        await answer(console, inspector="孙督查", disinfected="", finding="未消毒")
        (seen,) = bodies(console, InspectionRecorded)
        assert (seen.on_post, seen.disinfected, seen.finding) == (True, False, "未消毒")

    play(tmp_path, story)


def test_a_watch_list_is_read_in(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("姓名,住址,备注\n丁一,甲市乙路,途经\n丁二,,\n丁三,丙市,\n", encoding="utf-8")

    async def story(console: Console) -> None:
        await opened(console, "f8", "ctrl+w")
        await console.press("f6")
        await answer(console, path=str(tmp_path / "nothing.csv"), source="派出所")
        assert "cannot be read" in shown(console)
        await answer(console, path=str(path))
        hint = console.app.screen_stack[-1].query_one(HintLine)
        await console.until(lambda: "2 new on the list, 0 stood there already, 1 bad rows" in text_of(hint))
        assert [body.name for body in bodies(console, WatchListed)] == ["丁一", "丁三"]
        assert "丁*" in text_of(console.app.screen.query_one(PagedList))
        await console.press("f7")
        await answer(console, note="已满")
        assert "派出所" in text_of(console.app.screen.query_one(PagedList))

    play(tmp_path, story)


def test_where_pins_are_both_guards_sign_and_whoever_takes_up_duty(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        for name, pin in (("吴师傅", "2580"), ("郑师傅", "1379")):
            console.station.access.set_member(name, [Role.GUARD])
            console.station.access.set_pin(name, pin)
        await opened(console, "f9")
        await console.press("f10")
        await answer(console, incoming="钱师傅")
        await signs(console, "吴师傅", "2580")
        assert bodies(console, ShiftHandedOver) == []  # one of two is not enough
        await signs(console, "郑师傅", "0000")
        assert bodies(console, ShiftHandedOver) == []
        await signs(console, "郑师傅", "1379")
        (over,) = bodies(console, ShiftHandedOver)
        assert (over.outgoing, over.outgoing_signed) == ("吴师傅", "pin")
        assert (over.incoming, over.incoming_signed) == ("郑师傅", "pin")
        await console.press("f10")
        await answer(console, unmanned="yes", outstanding="")
        await signs(console, "郑师傅", "1379")
        await console.press("f10")
        await answer(console, guards="郑师傅 钱师傅")
        await console.press("escape")
        assert console.station.register.current_shift() is None
        await console.press("f10")
        await answer(console, guards="郑师傅 钱师傅")
        await signs(console, "郑师傅", "1379")
        opening = bodies(console, ShiftOpened)[-1]
        assert (opening.guards, opening.signed) == (["郑师傅", "钱师傅"], "pin")

    play(tmp_path, story)


def test_duty_at_the_gate_is_taken_up_by_pin(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.station.access.set_member("吴师傅", [Role.GUARD])
        console.station.access.set_pin("吴师傅", "2580")
        await console.fill_in(guard="吴师傅", lead="")
        await signs(console, "吴师傅", "1111")
        assert console.station.register.current_shift() is None
        await signs(console, "吴师傅", "2580")
        opening = bodies(console, ShiftOpened)[-1]
        assert (opening.guards, opening.signed) == (["吴师傅"], "pin")

    play(tmp_path, story, on_duty=False)


async def signs(console: Console, name: str, pin: str) -> None:
    """Choose a name where a PIN is asked for, type the PIN, and press Enter."""
    await console.until(lambda: isinstance(console.app.screen, PinDialog))
    while f"> {name}" not in text_of(console.app.screen.query_one(Lines)):
        await console.press("down")
    asked = console.app.screen
    await console.press(*pin, "enter")
    await console.until(lambda: console.app.screen is not asked)
