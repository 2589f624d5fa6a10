"""The screen of records on their way: what is amiss, set aside and in conflict, and the stick."""

import asyncio
from pathlib import Path

import msgspec

from station.assembly import Station
from station.notes import HEADS, TWIN, write_note
from station.screens.work import WorkScreen
from station.settings import SECRET_FILE
from station.widgets.lines import HintLine
from station.widgets.paged_list import PagedList
from sync.wire import EventAnswer, FeedHead
from tests.screens.console import Console, gate, text_of


def play(station: Station) -> None:
    """Let the community have set one record aside, and another machine have written under this name."""
    (station.folder / SECRET_FILE).write_text("gps_secret")
    now_ms = station.clock.now_ms()
    last_n = station.journal.head().n
    answers = [(n, EventAnswer(line=n, status="stored")) for n in range(1, last_n)]
    odd = EventAnswer(line=last_n, status="quarantined", reason="guard: [bold]too long[/]\x1b[2J")
    station.outbox.settle([*answers, (last_n, odd)], now_ms)
    heads = [FeedHead(station="west", epoch="01", seq=41, hash="aa", contact_ms=now_ms)]
    with station.journal.writing():
        write_note(station.journal.connection, HEADS, msgspec.json.encode(heads).decode())
        write_note(station.journal.connection, TWIN, msgspec.json.encode({"epoch": "02", "at_ms": now_ms}).decode())
        station.journal.connection.execute(
            "INSERT INTO conflicts VALUES ('c1', 'already_out', 'p1', '[]', '[\"east\", \"west\"]', ?, NULL, NULL)",
            (now_ms,),
        )


def hint(console: Console) -> str:
    return text_of(console.app.screen_stack[0].query_one(HintLine))


def test_what_is_amiss_stands_first_and_a_stick_that_is_not_there_is_told(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path, before=play) as console:
            console.issue()
            await console.press("f8", "ctrl+y")
            await console.until(lambda: isinstance(console.app.screen_stack[0], WorkScreen))
            screen = console.app.screen_stack[0]
            shown = text_of(screen.query_one(PagedList)).splitlines()
            title = text_of(screen.query_one("#title"))  # type: ignore[arg-type] # a Static
            assert "1 unsent, the oldest 03-10 08:00" in title
            wanted = ["another machine", "guard: [bold]too long[/]", "out twice east", "reaches to 41"]
            at = [next(n for n, line in enumerate(shown) if words in line) for words in wanted]
            assert at == sorted(at)
            assert "\x1b" not in "".join(shown)
            await console.press("f10")
            await console.paste(str(tmp_path / "no stick"))
            await console.press("enter")
            await console.until(lambda: "no key of community" in hint(console))
            await console.press("escape")
            await console.until(lambda: console.is_ready)
            assert console.station.outbox.backlog().pending == 1

    asyncio.run(told())
