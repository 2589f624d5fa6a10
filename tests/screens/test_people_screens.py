"""Roster, passes, log and overdue as a guard meets them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.widgets import Input, Static

from station import roster
from station.dialogs.telling import TellDialog
from station.screens.work import WorkScreen
from station.widgets.lines import HintLine
from station.widgets.paged_list import PagedList
from sync.bodies import HouseholdRegistered, NameUnmasked, PassRevoked, PersonRegistered
from tests.screens.console import Console, gate, text_of
from tests.screens.desk import NUMBER, PHONE
from tests.station.town import bodies, lives

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story) -> None:
    async def told() -> None:
        async with gate(folder) as console:
            await story(console)

    asyncio.run(told())


def front(console: Console) -> WorkScreen:
    screen = console.app.screen_stack[0]
    assert isinstance(screen, WorkScreen)
    return screen


async def opened(console: Console, *keys: str) -> None:
    await console.press(*keys)
    await console.until(lambda: isinstance(console.app.screen_stack[0], WorkScreen))


def rows(console: Console) -> list[str]:
    return text_of(front(console).query_one(PagedList)).splitlines()[1:]


def title(console: Console) -> str:
    return text_of(front(console).query_one("#title", Static))


def hint(console: Console) -> str:
    return text_of(front(console).query_one(HintLine))


def page(console: Console) -> str:
    assert isinstance(console.app.screen, TellDialog)
    return (
        text_of(console.app.screen.query_one("#title", Static))
        + "\n"
        + text_of(console.app.screen.query_one("#text", Static))
    )


async def search(console: Console, text: str) -> None:
    front(console).query_one("#find", Input).value = text
    await console.pilot.pause()


def test_people_are_found_while_typing_and_names_stay_hidden(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        station = console.station
        for name, room in (
            ("曾小明", "3-2-501"),
            ("吕布", "1-1-101"),
            ("[@click=app.quit]x[/]", "1-1-102"),
            ("王" * 13, "9"),
        ):
            lives(station, name, room, "owner", flags=("elderly",), plates=("鲁B12345",) if room == "3-2-501" else ())
        await opened(console, "f8", "f2")
        assert len(rows(console)) == 4
        await search(console, "zxm")
        (line,) = rows(console)
        assert "曾*明" in line
        assert "elderly" in line
        await search(console, "Ｂ１２３")
        assert len(rows(console)) == 1
        await console.press("f8")
        assert "曾小明" in rows(console)[0]
        (seen,) = bodies(station, NameUnmasked)
        assert (seen.screen, seen.subject) == ("roster", roster.find(station.journal.connection, "zxm")[0].person_id)
        await search(console, "nobody")
        assert "gatepost roster import" in text_of(front(console).query_one(PagedList))

    play(tmp_path, story)


def test_a_household_is_looked_at_and_somebody_added_to_it(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        station = console.station
        lives(station, "曾小明", "3-2-501", "owner", plates=("鲁B12345",))
        lives(station, "吕布", "1-1-101")
        await opened(console, "f8", "f2")
        await search(console, "zxm")
        await console.press("enter")
        assert "3-2-501" in title(console)
        assert "鲁B*****" in title(console)
        await console.press("f6")
        await console.fill_in(name="曾晓", role="tenant", flags="lives alone, elderly", id_number=NUMBER, phone=PHONE)
        assert "曾*" in hint(console)
        assert len(rows(console)) == 2
        added = bodies(station, PersonRegistered)[-1]
        assert (added.name, added.household, added.role, added.flags) == (
            "曾晓",
            "3-2-501",
            "tenant",
            ["elderly", "alone"],
        )
        assert added.id_number
        assert len(bodies(station, HouseholdRegistered)) == 1
        await console.press("escape")
        await console.press("escape")
        await console.until(lambda: console.is_ready)

    play(tmp_path, story)


def test_a_correction_is_recorded_and_a_wrong_word_asked_again(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        station = console.station
        before = lives(station, "曾小明", "3-2-501", "owner", plates=("鲁B12345",))
        await opened(console, "f8", "f2")
        await console.press("f7")
        assert console.app.screen.query_one("#name", Input).value == "曾小明"
        assert [seen.subject for seen in bodies(station, NameUnmasked)] == [before.person_id]
        await console.fill_in(role="king")
        assert "owner" in text_of(console.app.screen.query_one("#trouble", Static))
        await console.fill_in(role="landlord", address="９－１－１０１", plates="")
        (known,) = roster.find(station.journal.connection, "zxm")
        assert (known.role, known.address, known.household) == ("landlord", "9-1-101", "9-1-101")
        assert roster.get_household(station.journal.connection, "3-2-501")
        await console.press("f7")
        await console.fill_in(name="王" * 200)
        assert "bytes" in text_of(console.app.screen.query_one("#trouble", Static))
        await console.press("escape")

    play(tmp_path, story)


def test_passes_are_found_told_and_changed(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        station = console.station
        await opened(console, "f5")
        assert "gatepost pass bulk" in text_of(front(console).query_one(PagedList))
        row, other = console.issue("王小明"), console.issue("曾小明")
        await search(console, "wxm")
        assert len(rows(console)) == 1
        assert row.number in rows(console)[0]
        for typed in (row.number, row.number[:7].lower(), "３－２－５０１"):
            await search(console, typed)
            assert any(row.number in line for line in rows(console)), typed
        await search(console, row.number)
        await console.press("enter")
        assert "pass issued" in page(console)
        await console.press("escape", "f6")
        await console.fill_in(change="6", reason="forged", witness="")
        await console.press("escape")
        assert station.register.state_of(row.pass_id)[0].value == "active"
        await console.press("f6")
        await console.fill_in(change="６", reason="x", witness="李师傅")
        (revoked,) = bodies(station, PassRevoked)
        assert (revoked.reason, revoked.witness) == ("destroyed", "李师傅")
        await search(console, other.number)
        await console.press("f6")
        await console.fill_in(change="1", reason="moved")
        assert "suspended" in rows(console)[0]
        await console.press("f6")
        await console.fill_in(change="2", reason="back")
        console.clock.move(1)  # the new one is the later one
        await console.press("f6")
        await console.fill_in(change="7", reason="worn")
        new = station.register.find_passes(holder="曾小明")[-1]
        assert new.number in hint(console)
        assert "replaced" in rows(console)[0]

    play(tmp_path, story)


def test_a_pass_is_printed_beside_the_gate(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await opened(console, "f5")
        await console.press("f7")
        paper = tmp_path / "paper"
        paper.write_bytes(b"")
        await console.fill_in(printer=f"escpos:file:{paper}")
        await console.until(lambda: "Printed" in hint(console) or "escpos" in hint(console))
        assert "Printed" in hint(console)
        assert paper.stat().st_size > 1000
        await console.press("enter")
        assert "pass printed" in page(console)
        await console.press("escape", "f7")
        assert console.app.screen.query_one("#printer", Input).value == f"escpos:file:{paper}"
        await console.fill_in(printer="cups:", layout="huge")
        assert "huge" in hint(console)

    play(tmp_path, story)


def test_the_log_is_filtered_searched_and_told(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await opened(console, "f8", "ctrl+g")
        assert "No passage" in text_of(front(console).query_one(PagedList))
        await console.press("escape")
        await console.until(lambda: console.is_ready)
        row, other = console.issue("王小明"), console.issue("曾小明")
        await console.admit(row.token)
        await console.scan(other.token)
        await console.measure(37.6)
        await console.press("ctrl+z")
        await console.fill_in(reason="wrong person")
        await opened(console, "f8", "ctrl+g")
        assert len(rows(console)) == 2
        assert "fever" in rows(console)[0]
        await search(console, "zxm")
        assert len(rows(console)) == 1
        await search(console, row.number.lower())
        (line,) = rows(console)
        assert "王*明" in line
        assert "taken back" in line
        await console.press("enter")
        told = page(console)
        for word in ("36.5", "wrong person", "pass issued", row.number, "周师傅"):
            assert word in told, word
        await console.press("escape")
        await search(console, "")
        await console.press("f6")
        await console.fill_in(outcome="4", way="１")
        assert "fever" in title(console)
        assert len(rows(console)) == 1
        await console.press("f6")
        await console.fill_in(outcome="", way="", day="1")
        assert rows(console) == []
        await console.press("f6")
        await console.fill_in(day="0", outcome="9")
        assert "1 to 6" in hint(console)
        await console.press("f6")
        await console.fill_in(day="2026-13-01")
        assert "2026-13-01" in hint(console)

    play(tmp_path, story)


def test_who_is_out_too_long_is_listed(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await opened(console, "f8", "f10")
        assert "F6" in text_of(front(console).query_one(PagedList))
        courier, resident = console.issue("孙小圣", "courier"), console.issue("王小明")
        await console.press("escape")
        await console.until(lambda: console.is_ready)
        await console.admit(resident.token)
        await console.press("f2")
        await console.admit(courier.token)
        console.clock.move(70 * 60)
        await opened(console, "f8", "f10")
        (line,) = rows(console)
        assert "孙*圣" in line
        assert "11 min" in line
        await console.press("f6")
        assert [any(name in line for name in ("孙*圣", "王*明")) for line in rows(console)] == [True, True]
        assert "孙*圣" in rows(console)[0]

    play(tmp_path, story)


def test_long_lists_go_on_page_by_page(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        station = console.station
        with station.journal.writing():
            for number in range(450):
                home = f"h{number:03}"
                body = PersonRegistered(
                    person_id=f"p{number:03}", name=f"住户{number:03}", household=home, address=home, role="owner"
                )
                station.register.record(body, station.clock.now_ms() + number)
        await opened(console, "f8", "f2")
        seen = front(console).query_one(PagedList)
        for _ in range(30):
            await console.press("pagedown")
        assert seen.marked
        assert seen.marked.subject == "p449"
        for _ in range(30):
            await console.press("pageup")
        assert seen.marked
        assert seen.marked.subject == "p000"

    play(tmp_path, story)
