"""What becomes of somebody: turned back, override, missed passages, fevers, the checklist, the bell."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.app import App
from textual.widgets import Static

from passes.policy import Outcome
from station.access import Role
from station.actions import use_keys
from station.assembly import Station
from station.screens.bell import STROKES, Bell
from station.screens.catalogue import at_gate
from sync.bodies import PassageFollowed, PassageMissed
from sync.events import read_body
from tests.screens.console import Console, gate, text_of

Story = Callable[[Console], Awaitable[None]]


def play(folder: Path, story: Story, **more: Any) -> None:
    async def told() -> None:
        async with gate(folder, **more) as console:
            await story(console)
            assert console.is_ready
            assert console.station.journal.verify() > 0

    asyncio.run(told())


def last(console: Console) -> object:
    event = [event for _n, event in console.station.journal.read()][-1]
    return read_body(event.kind, event.body)


def dialog(console: Console) -> str:
    return "\n".join(text_of(line) for line in console.app.screen.query(Static))


async def be_out(console: Console) -> None:
    """Let somebody out, and have their number typed when they go out again."""
    row = console.issue()
    await console.admit(row.token)
    await console.scan(row.number)
    assert console.colour == "-refuse"


def test_turned_back_by_number_and_counted(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.press("f6")
        await console.fill_in(remark="2")
        assert (console.passages()[-1].outcome, console.passages()[-1].remark) == ("turned_back", "no mask")
        assert "turned back 1" in console.counts

    play(tmp_path, story)


def test_the_lead_lets_somebody_through(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await be_out(console)
        await console.press("f6")
        assert "Coming back: F2" in dialog(console)
        await console.press("f5")
        await console.fill_in(reason="")
        await console.fill_in(reason="急诊")
        await console.fill_in(name="郑主任")
        assert "lead's word" in console.hints[0]
        assert (console.colour, "Allowed on the lead's word" in console.verdict) == ("-wait", True)
        await console.measure(36.5)
        await console.press("enter")
        body = console.passages()[-1]
        assert (body.outcome, body.override_lead, body.override_reason) == ("allowed", "郑主任", "急诊")
        assert body.reasons == ["already_out", "over_limit", "overridden", "typed"]
        assert console.colour == "-allow"

    play(tmp_path, story)


def test_an_override_needs_the_leads_pin_where_one_is_set(tmp_path: Path) -> None:
    def staff(station: Station) -> None:
        station.access.set_member("郑主任", [Role.LEAD])
        station.access.set_pin("郑主任", "2580")

    async def story(console: Console) -> None:
        await be_out(console)
        await console.measure(36.5)
        await console.press("f6", "f5")
        await console.fill_in(reason="急诊")
        await console.fill_in(pin="1111")
        assert "wrong PIN" in dialog(console)
        assert console.rows() == ["王小明 allowed", "王小明 refused"]
        await console.fill_in(pin="2580")
        await console.measure(36.5)
        await console.press("enter")
        assert (console.rows()[-1], console.passages()[-1].override_lead) == ("王小明 allowed", "郑主任")
        assert "by lead 1" in console.counts

    play(tmp_path, story, before=staff)


def test_nobody_overrules_a_bad_code(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan("no pass")
        await console.press("f6", "f5")
        assert "lead lets" not in dialog(console)
        await console.press("escape")
        assert console.rows() == ["no pass refused"]

    play(tmp_path, story)


def test_a_missed_return_is_written_down_and_decides_anew(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await be_out(console)
        await console.press("f6", "f4")
        await console.fill_in(time="25:99")
        assert "08:05" in dialog(console)
        await console.fill_in(time="８:00", reason="看球去了")
        missed = [event.body for _n, event in console.station.journal.read() if event.kind == "passage.missed"]
        (body,) = [read_body("passage.missed", raw) for raw in missed]
        assert isinstance(body, PassageMissed)
        assert (body.direction, body.leg, body.reason) == ("entry", "return", "看球去了")
        assert console.passages()[-1].reasons == ["over_limit", "typed"]  # decided anew: no longer out

    play(tmp_path, story)


def test_already_out_is_coming_the_other_way(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await be_out(console)
        await console.press("f2")
        assert console.colour == "-wait"
        await console.measure(36.5)
        await console.press("enter")
        assert [body.direction for body in console.passages()] == ["exit", "exit", "entry"]

    play(tmp_path, story)


def test_a_fever_is_held_reported_and_rests(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        first = console.issue("王小明")
        await console.scan(first.token)
        await console.measure(38.2)
        assert "to rest" in console.reading
        await console.scan(console.issue("李小红").token)
        await console.measure(36.5)
        await console.press("enter")
        console.clock.move(300)
        await console.press("f7")
        assert "measure again" in dialog(console)
        await console.press("enter")
        assert "王*明" in console.verdict
        await console.measure(38.4)
        await console.press("f6", "f2")
        await console.fill_in(remark="帐篷")
        body = last(console)
        assert isinstance(body, PassageFollowed)
        assert (body.step, body.remark, body.pass_id) == ("held", "帐篷", first.pass_id)
        await console.press("f6", "f3")
        await console.fill_in(remark="")
        assert console.hints == ["Recorded: reported to the office"]
        assert console.rows() == ["王小明 refused", "李小红 allowed", "王小明 refused"]

    play(tmp_path, story)


def with_method(station: Station) -> None:
    station.settings.gate.method = "stop_look_ask"


def test_enter_counts_when_the_steps_are_ticked(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        await console.measure(36.5)
        assert "[x]temp [x]papers" in console.verdict
        assert "[ ]stop" in console.verdict
        await console.press("enter")
        assert (console.rows(), console.hints) == ([], ["Steps are still open: F10 = all done"])
        await console.press("f10")
        assert "[x]stop" in console.verdict
        await console.press("enter")
        assert console.passages()[0].method == "stop_look_ask"

    play(tmp_path, story, before=with_method)


def test_a_gate_of_one_way_turns_one_person_only(tmp_path: Path) -> None:
    def one_way(station: Station) -> None:
        station.settings.gate.one_way = True

    async def story(console: Console) -> None:
        await console.press("f2")
        assert len(console.hints) == 1
        await console.scan(console.issue().token)
        await console.press("f2")
        await console.measure(36.5)
        await console.press("enter")
        await console.scan(console.issue("李小红").token)
        assert "OUT" in console.status
        assert console.passages()[0].direction == "entry"

    play(tmp_path, story, before=one_way)


def test_the_bell_has_a_pattern_for_each_outcome_and_can_be_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(console: Console) -> None:
        rung: list[int] = []
        monkeypatch.setattr(App, "bell", lambda _app: rung.append(1))
        for outcome, strokes in STROKES.items():
            rung.clear()
            Bell(console.app).ring(outcome)
            while len(rung) < strokes:
                await console.pilot.pause()
        rung.clear()
        await console.scan("no pass")
        await console.until(lambda: len(rung) == STROKES[Outcome.REFUSE])
        # Off is off for whoever rings: an error on another screen asks the app as well.
        console.station.settings.gate.sound = False
        console.app.bell()
        assert len(rung) == STROKES[Outcome.REFUSE]

    play(tmp_path, story)


def test_sentences_name_the_keys_that_are_in_use(tmp_path: Path) -> None:
    def remap(station: Station) -> None:
        station.settings.keys = {"turn_back": "f12", "reading": "ctrl+e"}

    async def story(console: Console) -> None:
        await console.scan(console.issue().token)
        assert "Ctrl+E" in console.verdict
        assert "F7" not in console.verdict
        await console.measure(36.5)
        assert "F12 = turn back" in console.verdict
        await console.press("f6")
        assert console.app.screen is console.screen
        await console.press("f12")
        assert console.app.screen is not console.screen
        await console.press("escape")

    play(tmp_path, story, before=remap)
    use_keys({})


def test_keys_in_sentences_are_told_from_what_looks_like_them() -> None:
    use_keys({"turn_back": "f12", "confirm_clock": "ctrl+e"})
    try:
        told = at_gate("F6, F10, XF6, CF61, 特批：F6。Ctrl+T 确认，Ctrl+TAB")
    finally:
        use_keys({})
    assert told == "F12, F10, XF6, CF61, 特批：F12。Ctrl+E 确认，Ctrl+TAB"
    assert at_gate("F6") == "F6"


def test_every_reason_and_big_digits_where_there_is_room(tmp_path: Path) -> None:
    async def story(console: Console) -> None:
        await be_out(console)
        assert "The number was typed by hand" in console.verdict
        assert "Another day" not in console.verdict
        await console.pilot.resize_terminal(100, 36)
        await console.until(lambda: "Today's trips are used up" in console.verdict)
        assert "Another day" in console.verdict
        await console.scan(console.issue("李小红").token)
        await console.measure(36.5)
        assert console.reading.count("\n") > 7
        await console.pilot.resize_terminal(80, 24)
        await console.until(lambda: "36.5" in console.reading)

    play(tmp_path, story)
