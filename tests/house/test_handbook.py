"""The handbook names keys and pictures that there are; the pictures show every screen."""

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest

from station.actions import key_name
from station.i18n import LANGUAGES, Language, _, language, set_language
from station.screens.catalogue import SCREENS, gate_actions, groups
from tests.house.tree import ROOT

FOLDER = ROOT / "docs" / "screens"
SIZES = ("80x24", "120x40")
MOST_BYTES = 6_000_000
BOOKS = {"zh": "handbook.zh.md", "en": "handbook.md"}
KEY = r"F\d{1,2}|Ctrl\+[A-Z]"

each_language = pytest.mark.parametrize("language", LANGUAGES)


@pytest.fixture(autouse=True)
def _language_restored() -> Iterator[None]:
    before = language()
    yield
    set_language(before)


def book(language: Language) -> str:
    set_language(language)
    return (ROOT / "docs" / BOOKS[language]).read_text(encoding="utf-8")


@each_language
def test_every_key_that_is_named_does_something(language: Language) -> None:
    named = set(re.findall(rf"(?<![\w+])(?:{KEY})(?!\w)", book(language)))
    assert len(named) > 20
    assert named - {key_name(action.key) for group in groups() for action in group} == set()


@each_language
def test_the_way_to_every_screen_is_told_right(language: Language) -> None:
    told = dict(re.findall(rf"F8 ({KEY}) ([^\W\d_]+)", book(language)))
    keys = {key_name(one.key): one for one in SCREENS if not one.at_gate}
    wrong = {key: word for key, word in told.items() if key != "F8" and not _(keys[key].label).startswith(word)}
    assert wrong == {}
    assert keys.keys() - told.keys() == set(), "screens that the handbook leaves out"


@each_language
def test_the_table_of_keys_has_the_footer_s_words(language: Language) -> None:
    told = dict(re.findall(rf"^\| ({KEY}) \| ([^|]+) \|", book(language), re.MULTILINE))
    labels = {key_name(action.key): _(action.label) for action in gate_actions()}
    assert {key: name for key, name in told.items() if labels[key] != name} == {}
    assert len(told) >= 14


@pytest.mark.parametrize("file", ["README.md", "docs/handbook.md", "docs/handbook.zh.md"])
def test_every_picture_that_is_shown_is_there(file: str) -> None:
    path = ROOT / file
    shown = re.findall(r"!\[[^]]+\]\(([^)]+)\)", path.read_text(encoding="utf-8"))
    assert shown
    assert [name for name in shown if not (path.parent / name).exists()] == [], "run: make screenshots"


def test_the_pictures_show_every_screen_in_both_languages_and_sizes() -> None:
    found: dict[str, set[str]] = defaultdict(set)
    for path in FOLDER.iterdir():
        name, _dot, variant = path.name.removesuffix(".svg").partition(".")
        found[name].add(variant)
    wanted = {f"{language}.{size}" for language in LANGUAGES for size in SIZES}
    assert {name: variants for name, variants in found.items() if variants != wanted} == {}, "run: make screenshots"
    assert {"gate", *(one.name for one in SCREENS)} - found.keys() == set()
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < MOST_BYTES
