"""Text from outside is harmless, and hidden where nobody needs it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.masking import mask_name, mask_number
from passes.plaintext import plain


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("王小明", "王小明"),
        ("[/]", "[/]"),
        ("[@click=app.quit]x[/]", "[@click=app.quit]x[/]"),
        ("\x1b[2Jx", "\ufffd[2Jx"),
        ("a\nb\r\tc", "a\ufffdb\ufffd\ufffdc"),
        ("\u202egnp.exe", "\ufffdgnp.exe"),
        ("a\u200bb\ufeff", "a\ufffdb\ufffd"),
        ("\ud800", "\ufffd"),
        ("㛃䶮𠮷", "㛃䶮𠮷"),
        ("=1+1", "=1+1"),
    ],
)
def test_what_could_do_harm_is_replaced_and_the_rest_stays(text: str, shown: str) -> None:
    assert plain(text) == shown


@pytest.mark.parametrize(
    "char",
    [
        *["\u3164", "\u115f", "\u1160", "\uffa0", "\u2800", "\u034f", "\u17b4", "\u17b5", "\u00ad"],
        *["\u061c", "\u180e", "\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u2028", "\u2029", "\u2060", "\ufeff"],
        *["\u2066", "\u2069", "\U000e0001", "\ue000"],
    ],
    ids=lambda char: f"U+{ord(char):04X}",
)
def test_what_shows_nothing_cannot_hide(char: str) -> None:
    assert plain(char) == "\ufffd"
    assert plain(f"张{char}三") == "张\ufffd三"


def test_visible_neighbours_of_the_invisible_stay() -> None:
    text = "김민수 \u1100\u1161 \u3163\uffa1 \u2801 \u17b3 e\u0301"
    assert plain(text) == text


@given(st.text(max_size=300), st.integers(1, 250))
def test_the_result_is_one_line_without_controls_and_no_longer_than_asked(text: str, limit: int) -> None:
    shown = plain(text, limit)

    assert len(shown) <= limit
    assert not [char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]


def test_a_long_text_ends_in_an_ellipsis() -> None:
    assert plain("x" * 201) == "x" * 199 + "…"
    assert plain("x" * 200) == "x" * 200


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("王小明", "王*明"),
        ("王明", "王*"),
        ("王", "*"),
        ("欧阳小明", "欧**明"),
        ("Ann Marie Lee", "A** M**** L**"),
        ("", ""),
        ("  ", ""),
        ("\x1b[2J\x1b", "\ufffd***\ufffd"),
    ],
)
def test_the_middle_of_a_name_is_hidden(name: str, shown: str) -> None:
    assert mask_name(name) == shown


@pytest.mark.parametrize(("number", "shown"), [("ABC-DEF-GHK", "***-***-GHK"), ("ABCDEFGHK", "*********"), ("", "")])
def test_only_the_last_group_of_a_number_is_shown(number: str, shown: str) -> None:
    assert mask_number(number) == shown
