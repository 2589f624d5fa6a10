"""Lists of any length: pages by keyset, the mark, hidden names, hostile text, narrow terminals."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.pilot import Pilot

from station.i18n import set_language
from station.widgets.paged_list import PAGE_ROWS, Column, ListRow, PagedList
from tests.screens.console import text_of
from tests.screens.test_hostile import HOSTILE, is_harmless

COLUMNS = (Column("Time", 5), Column("Who", 10, is_name=True), Column("What"), Column("End", 6))
Story = Callable[["Shown", Pilot[None]], Awaitable[None]]


class Shown(App[None]):
    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self.names = list(names)
        self.asked: list[int] = []

    def rows(self, after: Hashable | None, limit: int) -> list[ListRow]:
        first = 0 if after is None else int(str(after)) + 1
        self.asked.append(limit)
        found = enumerate(self.names[first : first + limit], first)
        return [ListRow(n, (f"{n:05d}", name, f"about {n}", "end"), f"id{n}") for n, name in found]

    def compose(self) -> ComposeResult:
        yield PagedList(COLUMNS, self.rows, "Nothing yet: F5 adds the first")

    @property
    def paged(self) -> PagedList:
        return self.query_one(PagedList)

    @property
    def lines(self) -> list[str]:
        return text_of(self.paged).splitlines()

    @property
    def marked(self) -> str:
        (line,) = [line for line in self.lines if line.startswith("> ")]
        return line


def play(names: Sequence[str], story: Story, size: tuple[int, int] = (80, 24)) -> None:
    async def told() -> None:
        set_language("en")
        app = Shown(names)
        async with app.run_test(size=size) as pilot:
            app.paged.restart()
            await story(app, pilot)

    asyncio.run(told())


def test_an_empty_list_says_what_to_do() -> None:
    async def story(app: Shown, _pilot: Pilot[None]) -> None:
        assert app.lines == ["Nothing yet: F5 adds the first"]
        assert app.paged.marked is None
        app.paged.move(1)
        app.paged.unmask()
        app.paged.reload()

    play([], story)


def test_pages_follow_each_other_and_only_one_is_held() -> None:
    async def story(app: Shown, _pilot: Pilot[None]) -> None:
        for n in range(2 * PAGE_ROWS + 5):
            assert f"{n:05d}" in app.marked
            app.paged.move(1)
        assert app.asked == [PAGE_ROWS + 1] * 3
        for n in range(2 * PAGE_ROWS + 4, -1, -1):
            app.paged.move(-1)
            assert f"{n:05d}" in app.marked
        app.paged.move(-1)
        assert "00000" in app.marked
        for _ in range(100_000 // PAGE_ROWS):
            app.paged.move(PAGE_ROWS)
        assert max(app.asked) == PAGE_ROWS + 1

    play(["王小明"] * 100_000, story)


def test_the_mark_stays_on_its_row_when_others_come_and_go() -> None:
    async def story(app: Shown, _pilot: Pilot[None]) -> None:
        app.paged.move(3)
        app.names.append("new")
        app.paged.reload()
        assert "00003" in app.marked
        del app.names[2:]
        app.paged.reload()
        assert "00001" in app.marked

    play(["a"] * 10, story)


def test_a_last_page_that_is_gone_shows_the_one_before() -> None:
    async def story(app: Shown, _pilot: Pilot[None]) -> None:
        for _ in range(PAGE_ROWS + 1):
            app.paged.move(1)
        del app.names[PAGE_ROWS:]
        app.paged.reload()
        assert "00000" in app.marked or len(app.lines) > 1

    play(["a"] * (PAGE_ROWS + 2), story)


def test_names_are_hidden_until_one_is_shown() -> None:
    async def story(app: Shown, _pilot: Pilot[None]) -> None:
        assert "王小明" not in "".join(app.lines)
        app.paged.unmask()
        assert "王小明" in app.marked
        assert sum("王小明" in line for line in app.lines) == 1
        app.paged.move(1)
        assert sum("王小明" in line for line in app.lines) == 1
        app.paged.restart()
        assert "王小明" not in "".join(app.lines)

    play(["王小明"] * 3, story)


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (10, 3)])
def test_hostile_names_stay_in_their_line(size: tuple[int, int]) -> None:
    async def story(app: Shown, pilot: Pilot[None]) -> None:
        for _ in app.names:
            app.paged.unmask()
            app.paged.move(1)
        assert is_harmless("\n".join(app.lines))
        assert all(Content(line).cell_length <= size[0] for line in app.lines)
        await pilot.resize_terminal(40, 12)
        await pilot.resize_terminal(*size)
        assert is_harmless("\n".join(app.lines))

    play([*HOSTILE.values(), "长" * 200], story, size)


def test_the_mouse_marks_and_opens() -> None:
    opened = []

    class Clicked(Shown):
        def on_paged_list_opened(self) -> None:
            opened.append(self.paged.marked)

    async def told() -> None:
        app = Clicked(["a"] * 30)
        async with app.run_test(size=(80, 24)) as pilot:
            app.paged.restart()
            await pilot.click(PagedList, offset=(5, 4))
            assert "00003" in app.marked
            assert opened == []
            await pilot.click(PagedList, offset=(5, 4))
            assert [row.key for row in opened if row] == [3]

    asyncio.run(told())
