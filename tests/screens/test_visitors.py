"""Visitors without a pass at the gate screen: registered, let in, let out."""

import asyncio
from datetime import date
from pathlib import Path

import msgspec
from textual.widgets import Input, Static

from passes.kinds import PRESETS, Mode
from station.assembly import Station
from station.dialogs.leaving import LeavingDialog
from station.dialogs.rows import RowsDialog
from station.feed import Feed
from station.issuing import Application
from station.storage import FILE_NAME
from sync.bodies import ModeSet
from sync.events import OFFICE, canonical_json
from sync.sealing import Purpose
from sync.wire import FeedAnswer, FeedItem
from tests.screens.console import Console, gate, text_of
from tests.screens.desk import NUMBER, PHONE, VISIT, field, let_in, play, registered, trouble
from tests.station.post import COMMUNITY, SEALING, SHANGHAI
from tests.station.town import lives


def test_a_visitor_comes_and_goes(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        (person,) = registered(console.station)
        (came,) = console.passages()
        assert (came.outcome, came.direction, came.holder, came.pass_kind) == ("allowed", "entry", "钱多多", "visitor")
        assert (came.pass_number, came.address, came.id_matches) == (None, "3-2-501", True)
        assert came.holder_id == came.pass_id == person.person_id
        assert came.visit is not None
        assert (came.visit.host, came.visit.purpose) == ("王小明", "修水管")
        assert "inside 1" in console.counts
        assert (person.document, person.id_number and person.id_number.tail) == ("resident_id", "4477")
        await console.press("f2", "f3")
        assert isinstance(console.app.screen, LeavingDialog)
        await console.press("enter")
        await console.measure(36.5)
        await console.press("enter")
        went = console.passages()[-1]
        assert (went.outcome, went.direction, went.leg, went.holder_id) == ("allowed", "exit", "return", came.holder_id)
        assert "inside 0" in console.counts

    play(tmp_path, story)


def test_no_clear_number_touches_the_disk(tmp_path: Path) -> None:
    folder = tmp_path / "station"

    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        assert NUMBER not in repr(console.app.screen.tree)
        seen = b"".join(path.read_bytes() for path in folder.iterdir())
        assert (folder / f"{FILE_NAME}-wal").exists()
        assert "钱多多".encode() in seen
        for secret in (NUMBER, NUMBER[:-4], PHONE, PHONE[:-4]):
            assert secret.encode() not in seen

    play(tmp_path, story)
    assert NUMBER.encode() not in b"".join(path.read_bytes() for path in folder.iterdir())


def test_the_office_alone_reads_it(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        (person,) = registered(console.station)
        assert person.id_number is not None
        assert person.phone is not None
        purpose = Purpose(COMMUNITY, "id_number", person.person_id)
        assert SEALING.open(person.id_number.box, purpose) == NUMBER
        phone = Purpose(COMMUNITY, "phone", person.person_id)
        assert SEALING.open(person.phone.box, phone) == PHONE

    play(tmp_path, story)


def test_the_same_number_is_the_same_person_and_comes_once_a_day(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        await console.press("f2", "f3", "enter")
        await console.measure(36.5)
        await console.press("enter")
        console.clock.move(3600)
        await console.press("f2")
        await let_in(console, id_number="１１０１０１１９９００３０７４４７７")
        assert console.passages()[-1].outcome == "refused"
        assert console.passages()[-1].reasons == ["over_limit"]
        assert len({body.holder_id for body in console.passages()}) == 1
        assert len(registered(console.station)) == 1

    play(tmp_path, story)


def test_seen_before_is_said(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        console.clock.move(24 * 3600)
        await console.press("f2", "f3", "enter")
        await console.measure(36.5)
        await console.press("enter")
        await console.press("f2", "f3")
        await console.fill_in(**{**VISIT, "name": "钱多"})
        assert "钱*多" in console.hints[0]
        await console.measure(36.5)
        await console.press("enter")
        assert [body.name for body in registered(console.station)] == ["钱多多", "钱多"]

    play(tmp_path, story)


def test_what_is_wrong_is_asked_again_and_nothing_is_lost(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2", "f3")
        await console.fill_in(**{**VISIT, "id_number": "110101199003074470"})
        assert "4470" in trouble(console)
        assert "11010119900307" not in trouble(console)
        assert (field(console, "name"), field(console, "host")) == ("钱多多", "王小明")
        await console.fill_in(id_number=NUMBER)
        await console.measure(36.5)
        await console.press("enter")
        assert console.rows() == ["钱多多 allowed"]

    play(tmp_path, story)


def test_a_wrong_phone_is_shown_as_it_was_typed(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2", "f3")
        await console.fill_in(**VISIT | {"phone": "12"})
        assert trouble(console)
        assert (field(console, "phone"), field(console, "id_number")) == ("12", "*" * 14 + "4477")
        await console.fill_in(phone=PHONE)
        await console.measure(36.5)
        await console.press("enter")
        (person,) = registered(console.station)
        assert person.phone is not None
        assert person.phone.tail == "1234"

    play(tmp_path, story)


def test_an_unknown_host_is_asked_again_then_refused(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2", "f3")
        await console.fill_in(**VISIT)
        assert "王小明" in trouble(console)
        assert console.rows() == []
        await console.press("enter")
        (body,) = console.passages()
        assert (body.outcome, body.reasons, console.colour) == ("refused", ["no_host"], "-refuse")

    play(tmp_path, story)


def test_an_open_community_asks_for_no_host(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.press("f2")
        await let_in(console, host="")
        assert console.rows() == ["钱多多 allowed"]

    def opened(station: Station) -> None:
        item = FeedItem(
            station=OFFICE,
            epoch="01",
            seq=1,
            id="m1",
            kind="mode.set",
            at_ms=1,
            body=msgspec.Raw(canonical_json(ModeSet(mode=Mode.OPEN, effective_ms=0))),
        )
        answer = FeedAnswer(
            community=COMMUNITY,
            generation="g",
            server_time_ms=1,
            cursor="g.1",
            items=[item],
            more=False,
            from_start=False,
        )
        journal = station.journal
        Feed(journal.connection, journal.path, journal.station, SHANGHAI).take(answer, station.clock.now_ms())

    async def told() -> None:
        async with gate(tmp_path, before=opened) as console:
            await story(console)

    asyncio.run(told())


def test_without_a_document_nobody_comes_in(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2", "f3")
        await console.fill_in(**{**VISIT, "id_number": ""})
        assert trouble(console)
        await console.fill_in(id_number="无")
        assert console.passages()[-1].reasons == ["no_id"]

    play(tmp_path, story)


def test_whoever_has_a_pass_is_sent_to_it(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        row = console.station.desk().issue(
            Application(
                "钱多多", "3-2-502", PRESETS["resident"], date(2026, 1, 1), date(2026, 12, 31), id_number=NUMBER
            )
        )
        await console.press("f2", "f3")
        await console.fill_in(**VISIT | {"host": "3-2-502"})
        assert row.number in trouble(console)
        await console.press("escape")

    play(tmp_path, story)


def test_the_next_of_a_group_visits_the_same_host(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console, origin="邻市")
        await console.press("f3", "f3")
        assert (field(console, "host"), field(console, "origin")) == ("王小明", "邻市")
        assert field(console, "purpose") == "修水管"
        await console.fill_in(name="孙小圣", id_number="E12345678")
        await console.measure(36.5)
        await console.press("enter")
        assert console.rows() == ["钱多多 allowed", "孙小圣 allowed"]
        assert registered(console.station)[-1].document == "other"

    play(tmp_path, story)


def test_leaving_is_found_by_name_room_and_number(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        await let_in(console, name="孙小圣", id_number="E12345678", phone="")
        await console.press("f2", "f3")
        wanted = console.app.screen.query_one("#wanted", Input)
        for text, found in (("钱", "钱*多"), ("5678", "孙*圣"), ("3-2-501", "孙*圣")):
            wanted.value = text
            await console.pilot.pause()
            shown = text_of(console.app.screen.query_one("#found", Static))
            assert found in shown.splitlines()[0]
        await console.press("down", "enter")
        assert "钱*多" in console.verdict
        await console.press("f6", "f6", "f3")
        await console.fill_in(wanted=NUMBER)
        assert "钱*多" in console.verdict
        await console.press("f6", "f6", "f3")
        await console.fill_in(wanted="赵")
        assert len(console.hints) == 1
        await console.press("f3", "f3")
        assert isinstance(console.app.screen, RowsDialog)
        assert "IN" in console.status
        await console.press("escape")

    play(tmp_path, story)


def test_undo_of_an_entry(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        console.issue("王小明")
        await console.press("f2")
        await let_in(console)
        await console.press("ctrl+z")
        await console.fill_in(reason="wrong")
        assert "inside 0" in console.counts
        await console.press("f2", "f3")
        assert "0 visitors" in text_of(console.app.screen.query(Static).first())
        await console.press("escape")

    play(tmp_path, story)


async def came_and_went(console: Console) -> None:
    """Let a visitor in and out; the next day begins, and the gate looks at those who come in."""
    console.issue("王小明")
    await console.press("f2")
    await let_in(console, origin="邻市")
    await console.press("f2", "f3", "enter")
    await console.measure(36.5)
    await console.press("enter")
    console.clock.move(24 * 3600)
    await console.press("f2")


def found(console: Console) -> str:
    return text_of(console.app.screen.query_one("#found", Static))


def test_who_came_before_is_found_by_typing_and_comes_as_the_last_time(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await came_and_went(console)
        before, after = console.passages()[0], len(registered(console.station))
        await console.press("f3")
        assert "钱*多" in found(console)
        await console.press("enter")
        assert trouble(console)  # nobody was marked: nothing is done by an Enter too many
        await console.press("q")
        assert found(console).startswith("> 钱*多")
        await console.press("enter")
        assert "钱*多" in console.verdict
        await console.measure(36.5)
        assert "ID CARD" in console.verdict
        await console.press("enter")
        came = console.passages()[-1]
        assert (came.outcome, came.holder_id, came.visit) == ("allowed", before.holder_id, before.visit)
        assert (came.address, came.household, came.holder) == (before.address, before.household, "钱多多")
        assert len(registered(console.station)) == after
        await console.press("f3")
        assert found(console).strip() == ""  # inside
        await console.press("escape")

    play(tmp_path, story)


def test_another_visit_of_who_came_before(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await came_and_went(console)
        lives(console.station, "曾小明", "5-1-302")
        await console.press("f3", "down", "f2")
        assert (field(console, "name"), field(console, "purpose")) == ("钱*多", "修水管")
        line = console.app.screen.query_one("#host", Input)
        line.value = ""
        await console.press("z", "x", "m")
        assert "曾*明" in found(console)
        await console.press("enter", "enter")
        await console.measure(36.5)
        await console.press("enter")
        came = console.passages()[-1]
        assert came.visit is not None
        assert (came.holder, came.visit.host, came.address, came.visit.origin) == (
            "钱多多",
            "曾小明",
            "5-1-302",
            "邻市",
        )
        assert came.holder_id == console.passages()[0].holder_id

    play(tmp_path, story)


def test_a_masked_name_is_never_taken_for_somebody_else(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await came_and_went(console)
        await console.press("f3", "down", "f2")
        await console.fill_in(id_number="E12345678")
        assert "name" in trouble(console)
        assert field(console, "name") == ""
        await console.press("escape", "f3", "down", "f2")
        await console.fill_in(name="孙小圣", purpose="送货")
        assert "ID number" in trouble(console)
        await console.press("escape")
        assert len(registered(console.station)) == 1

    play(tmp_path, story)


def test_the_host_is_picked_from_the_roster_by_pinyin_or_room(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        host = lives(console.station, "曾小明", "5-1-302")
        lives(console.station, "曾大力", "5-1-303")
        await console.press("f2")
        for typed in ("cxm", "51302", "曾小"):
            await console.press("f3")
            await console.fill_in(name="钱多多", id_number=NUMBER, host=typed)
            assert field(console, "host") == "曾*明 5-1-302"
            await console.press("escape")
        await console.press("f3")
        await console.fill_in(name="钱多多", id_number=NUMBER, host="cxm")
        await console.press("enter")
        await console.measure(36.5)
        await console.press("enter")
        (came,) = console.passages()
        assert came.visit is not None
        assert (came.visit.host, came.visit.host_id, came.household) == ("曾小明", host.person_id, host.household)

    play(tmp_path, story)
