from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.printed import shown
from passes.typesetting import LINE_HEIGHT, Box, set_in, width_of

BOX = Box(10, 20, 40, 12, 5)


@settings(deadline=None)
@given(
    st.lists(st.text("云水（），。W i-é3…", max_size=120), max_size=4),
    st.floats(3, 90),
    st.floats(2, 40),
    st.sampled_from(["left", "middle", "right"]),
)
def test_lines_stay_in_their_box_and_lose_nothing_without_an_ellipsis(
    texts: list[str], width: float, height: float, align: Literal["left", "middle", "right"]
) -> None:
    box = BOX._replace(width=width, height=height, align=align)
    lines = set_in(box, [shown(text) for text in texts])
    for line in lines:
        assert box.x - 1e-6 <= line.x
        assert line.x + width_of(line.text, line.letters) <= box.x + box.width + 1e-6
        assert box.y + line.letters * 0.7 <= line.baseline <= box.y + box.height - line.letters * 0.2
        assert box.smallest <= line.letters <= box.letters
    whole = "".join("".join(texts).split())
    got = "".join("".join(line.text for line in lines).split())
    assert got == whole or (got.endswith("…") and whole.startswith(got[:-1].rstrip("…")))


def test_short_text_is_one_large_line() -> None:
    (line,) = set_in(BOX, ["云小溪水"])
    assert (line.text, line.letters, line.x) == ("云小溪水", 5, 10)


def test_long_text_first_wraps_then_shrinks_then_is_cut() -> None:
    assert [line.letters for line in set_in(BOX._replace(height=13), ["云" * 12])] == [5, 5]
    smaller = set_in(BOX, ["云" * 30])
    assert {line.letters < 5 for line in smaller} == {True}
    assert "".join(line.text for line in smaller) == "云" * 30
    assert set_in(BOX, ["云" * 300])[-1].text.endswith("云…")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("Abcdef Ghijkl Mnopqr", ["Abcdef", "Ghijkl", "Mnopqr"]),
        ("云上里社区，水边", ["云上里社", "区，水边"]),
        ("云上里社（水边）", ["云上里社", "（水边）"]),
        ("云上里社区水。", ["云上里社", "区水。"]),
        ("云上里Müller", ["云上里", "Müller"]),
    ],
)
def test_words_stay_whole_and_punctuation_clings(text: str, lines: list[str]) -> None:
    box = Box(0, 0, 20, 40, 4.5, smallest=4.5)
    assert [line.text for line in set_in(box, [text])] == lines


def test_letters_shrink_before_a_word_breaks() -> None:
    box = Box(0, 0, 30, 20, 8)
    assert [line.text for line in set_in(box, ["Bexample Cexample"])] == ["Bexample", "Cexample"]
    assert [line.text for line in set_in(box, ["W" * 5])] == ["W" * 5]
    assert len(set_in(box, ["W" * 30])) > 1


def test_lines_are_aligned_and_evenly_spaced() -> None:
    box = BOX._replace(width=21, height=30, align="right")
    first, second = set_in(box, ["云云云云", "云云"])
    assert first.x == pytest.approx(11)
    assert second.x == pytest.approx(21)
    assert second.baseline - first.baseline == pytest.approx(5 * LINE_HEIGHT)
    top, _ = set_in(box._replace(stands="top"), ["云云云云", "云云"])
    assert top.baseline < first.baseline


def test_nothing_is_no_line() -> None:
    assert set_in(BOX, []) == set_in(BOX, ["", ""]) == []
