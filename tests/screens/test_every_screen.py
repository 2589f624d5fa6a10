"""What holds for every screen of the catalogue: it is opened, left, put aside by a scan, and its texts fit."""

import asyncio
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Literal

import pytest
from textual.content import Content
from textual.widgets import Static

from station import wording
from station.actions import BACK, HELP, Action, key_name
from station.actions import gate as gate_keys
from station.dialogs.help import HelpDialog
from station.dialogs.menu import MenuDialog
from station.i18n import LANGUAGES, Language, _, set_language
from station.screens.catalogue import SCREENS, Entry, gate_actions, groups
from station.screens.work import WorkScreen
from station.widgets.marked_lines import Lines
from tests.screens.console import Console, gate, text_of
from tests.screens.fitting import cut

NOT_FOR_KEYS = {f"ctrl+{letter}" for letter in "bijmhsc"}
"""What terminals, tmux and scanners take for themselves."""

LOG_WHY_CELLS = 14
FOOTER_LABELS, FOOTER_LABEL_CELLS = 6, {"zh": 6, "en": 10}


def in_front(console: Console) -> WorkScreen:
    screen = console.app.screen_stack[0]
    assert isinstance(screen, WorkScreen)
    return screen


def is_back(console: Console, screen: WorkScreen) -> bool:
    return console.app.screen_stack[0] is screen


def actions_of(one: Entry) -> tuple[Action, ...]:
    return (*one.actions, BACK, HELP)


GATE = (gate_keys.RECORD, *gate_actions(), gate_keys.DEAL)
GROUPS = [GATE, *(actions_of(one) for one in SCREENS)]


@pytest.mark.parametrize("actions", GROUPS)
def test_every_key_means_one_thing_and_nothing_that_a_scanner_types(actions: tuple[Action, ...]) -> None:
    keys = Counter(action.key for action in actions)
    assert [key for key, count in keys.items() if count > 1] == []
    assert [key for key in keys if len(key) == 1 or key in NOT_FOR_KEYS or "shift" in key] == []


def test_every_screen_has_a_key_of_its_own_in_the_menu() -> None:
    keys = Counter(one.key for one in SCREENS) + Counter([HELP.key, BACK.key, "enter", "f8"])
    assert [key for key, count in keys.items() if count > 1] == []
    assert not {one.key for one in SCREENS} & NOT_FOR_KEYS


@pytest.mark.parametrize("language", LANGUAGES)
def test_footers_hold_six_short_labels(language: Language) -> None:
    set_language(language)
    for actions in [GATE[:-1], *GROUPS[1:]]:
        shown = [action for action in actions if action.in_footer]
        names = [action.name for action in shown]
        assert len(shown) <= FOOTER_LABELS, names
        labels = [_(action.label) for action in shown]
        assert [one for one in labels if Content(one).cell_length > FOOTER_LABEL_CELLS[language]] == []
        assert sum(Content(f" {key_name(one.key)} {_(one.label)} ").cell_length for one in shown) <= 80, names


PALETTE_CELLS = {"key": 9, "label": 10, "help": 53}
"""What the narrowest place of each has room for: the palette."""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_label_and_help_fits_the_palette_and_the_menu(language: Language) -> None:
    set_language(language)
    actions = {action.name + action.help: action for group in groups() for action in group}
    long = [
        text
        for action in actions.values()
        for part, text in (("key", key_name(action.key)), ("label", _(action.label)), ("help", _(action.help)))
        if Content(text).cell_length > PALETTE_CELLS[part]
    ]
    assert long == []
    assert [word for word in map(_, wording._SHORT.values()) if Content(word).cell_length > LOG_WHY_CELLS] == []


async def made_small_and_large_again(console: Console) -> None:
    """Leave nothing of a screen out after a terminal of 40 by 12."""
    before = [text_of(widget) for widget in console.app.screen.query(Static)]
    await console.pilot.resize_terminal(40, 12)
    assert all(widget.region.bottom <= 12 for widget in console.app.screen.children)
    await console.pilot.resize_terminal(80, 24)
    await console.pilot.pause()
    assert [text_of(widget) for widget in console.app.screen.query(Static)] == before


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_screen_opens_from_the_menu_fits_and_goes_back(tmp_path: Path, language: Literal["zh", "en"]) -> None:
    size = 80, 24

    async def told() -> None:
        async with gate(tmp_path, language=language, size=size) as console:
            for one in SCREENS:
                await console.press("f8")
                assert isinstance(console.app.screen, MenuDialog)
                rows = text_of(console.app.screen.query_one(Lines))
                assert _(one.help) in rows
                assert _(one.label) in rows
                await console.press(one.key)
                await console.until(lambda: isinstance(console.app.screen_stack[0], WorkScreen))
                await console.pilot.pause()  # laid out
                screen = in_front(console)
                assert one.name == screen.NAME
                assert all(widget.region.bottom <= size[1] for widget in screen.children)
                assert Content(text_of(screen.query_one("#title", Static))).cell_length <= 78
                assert cut(screen) == []
                await made_small_and_large_again(console)
                await console.press("f1")
                assert isinstance(console.app.screen, HelpDialog)
                assert cut(console.app.screen) == []
                await console.press("escape", "escape")
                await console.until(lambda: console.is_ready)
            assert console.rows() == []

    asyncio.run(told())


def test_a_scan_on_any_screen_brings_the_gate_and_the_screen_goes_on_afterwards(tmp_path: Path) -> None:
    async def told() -> None:
        async with gate(tmp_path) as console:
            for one in SCREENS:
                token = console.issue().token
                await console.press("f8", one.key)
                await console.until(lambda: isinstance(console.app.screen_stack[0], WorkScreen))
                screen = in_front(console)
                await console.press("f1")  # a dialog in front of it stays there too
                await console.wedge(token)
                await console.until(lambda: console.is_ready and "王*明" in console.verdict)
                await console.measure(36.5)
                await console.press("enter")
                console.clock.move(60)
                await console.press("f8", "f8")
                await console.until(partial(is_back, console, screen))
                assert isinstance(console.app.screen, HelpDialog)
                await console.press("escape", "escape")
                await console.until(lambda: console.is_ready)
            assert len(console.rows()) == len(SCREENS)

    asyncio.run(told())
