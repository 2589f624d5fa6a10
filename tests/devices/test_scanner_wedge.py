"""The scanner that types: its scans are codes, and nobody's typing is touched."""

from collections.abc import Iterable
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from passes.token import PassClaims, issue_token
from station.devices.scanner.code import MOST_CHARACTERS
from station.devices.scanner.wedge import END_GAP_S, STALL_S, Wedge
from tests.station.post import COMMUNITY, KEY

TOKEN = issue_token(
    PassClaims(bytes(16), COMMUNITY, "resident", date(2026, 1, 1), date(2026, 12, 31), "王小明", "3-2-501"), KEY
)


class Screen:
    """A focused field in front of a wedge, wired as the docstrings of `Heard` say."""

    def __init__(self) -> None:
        self.wedge = Wedge()
        self.now_s = 100.0
        self.codes: list[str] = []
        self.field = ""
        self.obeyed = ""

    def press(self, keys: Iterable[str], gap_s: float) -> "Screen":
        for key in keys:
            self.now_s += gap_s
            self._feed(key)
        return self

    def rest(self, seconds: float = END_GAP_S + 0.001) -> "Screen":
        self.now_s += seconds
        self._feed("")
        return self

    def _feed(self, key: str) -> None:
        heard = self.wedge.feed(key, self.now_s)
        self.codes += heard.codes
        if heard.strayed:
            self.field = self.field[: -heard.strayed]
        self.field += heard.typed
        if key and not heard.is_held:
            if key.isprintable():
                self.field += key
            else:
                self.obeyed += key


@pytest.mark.parametrize("end", ["\r", "\n", "\t", "\r\n", "\t\r", "\x03"])
@pytest.mark.parametrize("gap_s", [0.0, 0.002, 0.010, 0.020])
def test_a_scan_is_a_code_and_nothing_else(end: str, gap_s: float) -> None:
    screen = Screen().press(TOKEN + end, gap_s)
    assert (screen.codes, screen.field, screen.obeyed) == ([TOKEN], "", "")


def test_a_scan_without_terminator_ends_by_itself() -> None:
    screen = Screen().press(TOKEN, 0.005)
    assert screen.rest(0.05).codes == []
    assert screen.rest().codes == [TOKEN]
    assert screen.field == ""


def test_a_scan_goes_behind_what_was_typed_before() -> None:
    screen = Screen().press("王小明", 0.2).rest().press(TOKEN + "\r", 0.005).press("x\r", 0.2)
    assert (screen.codes, screen.field, screen.obeyed) == ([TOKEN], "王小明x", "\r")


def test_two_scans_are_two_codes() -> None:
    assert Screen().press(TOKEN + "\r" + "6901234567892\r", 0.005).codes == [TOKEN, "6901234567892"]
    assert Screen().press(TOKEN, 0.005).press("6901234567892\r", 0.15).codes == [TOKEN]


@pytest.mark.parametrize("keys", ["ABC-DEF-GHK\r", "wangxiaoming\r", "123456\t", "\x02", "\x1d", "a\r", "\r"])
def test_typing_is_never_a_scan(keys: str) -> None:
    screen = Screen().press(keys, 0.031).rest()
    assert screen.codes == []
    assert screen.field == "".join(filter(str.isprintable, keys))
    assert screen.obeyed == keys.strip("\x02\x1d").lstrip(screen.field)


@pytest.mark.parametrize("word", ["wangxiaoming", "幸福小区三号楼二单元", "gmail.example"])
def test_a_word_that_an_input_method_hands_over_at_once_is_typing(word: str) -> None:
    screen = Screen().press(word, 0.0).press("\r", 0.3)
    assert (screen.codes, screen.field, screen.obeyed) == ([], word, "\r")
    screen = Screen().press(word, 0.0).rest()
    assert (screen.codes, screen.field) == ([], word)


def test_a_held_key_is_typing() -> None:
    screen = Screen().press("a" * 3_000 + "\r", 0.020)
    assert (screen.codes, screen.field, screen.obeyed) == ([], "a" * 3_000, "\r")


def test_a_busy_screen_cuts_no_scan() -> None:
    screen = Screen().press(TOKEN[:50], 0.005).press(TOKEN[50:100], 0.0)
    assert screen.press(TOKEN[100:101], 0.09).press(TOKEN[101:] + "\r", 0.001).codes == [TOKEN]


@pytest.mark.parametrize("sent", [TOKEN, TOKEN.swapcase(), "]Q1" + TOKEN, "'".join(TOKEN.lower())])
def test_a_machine_that_stands_still_in_a_scan_cuts_nothing_wherever_it_is(sent: str) -> None:
    for cut in range(1, len(sent) + 1):
        screen = Screen().press(TOKEN + "\r", 0.003).rest(2.0)
        screen.press(sent[:cut], 0.003).rest().press((sent + "\r")[cut], 0.5).press((sent + "\r")[cut + 1 :], 0.003)
        assert (set(screen.codes), screen.field, screen.obeyed) == ({TOKEN}, "", ""), sent[:cut]
        assert screen.press("\r", 0.3).obeyed == "\r"


def test_two_stalls_cut_nothing_either() -> None:
    screen = Screen().press(TOKEN[:2], 0.003).press(TOKEN[2], 0.2).press(TOKEN[3:5], 0.06)
    screen.press(TOKEN[5:90], 0.003).press(TOKEN[90], 0.6).press(TOKEN[91:] + "\r", 0.003)
    assert (screen.codes, screen.field, screen.obeyed) == ([TOKEN], "", "")


def test_what_fingers_do_after_half_a_scan_is_theirs() -> None:
    screen = Screen().press(TOKEN[:50], 0.003).rest().press("王x\0\r", 0.3)
    assert (screen.codes, screen.field, screen.obeyed) == ([TOKEN[:50]], "王x", "\0\r")
    assert Screen().press(TOKEN[:50], 0.003).rest().press("\0", 0.3).obeyed == "\0"


def test_half_a_scan_is_given_up() -> None:
    screen = Screen().press(TOKEN[:50], 0.003).rest()
    assert screen.codes == []
    assert screen.rest(STALL_S).codes == [TOKEN[:50]]
    assert screen.press("GP1", 0.2).rest().press("wang\r", 0.2).field == "GP1wang"


@pytest.mark.parametrize(
    "sent",
    [
        TOKEN.lower() + "\r",
        TOKEN.swapcase() + "\r",
        TOKEN.translate({code: code + 0xFEE0 for code in range(0x21, 0x7F)}) + "\r",
        "\x02" + TOKEN + "\x03",
        "\x02]Q1" + TOKEN + "\x1d\r",
        TOKEN[:3] + "\x1d" + TOKEN[3:90] + "\x1d" + TOKEN[90:] + "\r",
        TOKEN + TOKEN + "\r",
        "'".join(TOKEN.lower()) + "\r\n",
    ],
)
def test_whatever_keyboard_it_came_through_the_token_is_restored_and_no_key_fires(sent: str) -> None:
    screen = Screen().press(sent, 0.005).rest()
    assert (screen.codes, screen.field, screen.obeyed) == ([TOKEN], "", "")


def test_control_keys_inside_a_scan_fire_nothing() -> None:
    screen = Screen().press("ABC123\x11\x1b\x08DEF\r", 0.005)
    assert screen.obeyed == screen.field == ""
    assert len(screen.codes) == 1


def test_too_long_a_scan_is_bounded() -> None:
    screen = Screen().press("ABC" + "D" * 50_000 + "\r", 0.005)
    assert [len(code) for code in screen.codes] == [MOST_CHARACTERS + 1]


@settings(deadline=None, derandomize=True)
@given(
    keys=st.lists(
        st.tuples(
            st.sampled_from("ABab12 \r\n\t\x02\x03\x1d\x1b王Ａ'"), st.sampled_from([0.0, 0.01, 0.029, 0.05, 0.099, 0.2])
        ),
        max_size=60,
    )
)
def test_no_printable_key_is_ever_lost(keys: list[tuple[str, float]]) -> None:
    screen = Screen()
    for key, gap_s in keys:
        screen.press(key, gap_s)
    screen.rest().rest()
    printed = "".join(key for key, _ in keys if key.isprintable() and key != " ")
    told = "".join(filter(str.isprintable, screen.field + "".join(screen.codes))).replace(" ", "")
    assert sorted(told) == sorted(printed)


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=40), st.floats(0.031, 5.0))
def test_what_people_type_arrives_as_it_is(text: str, gap_s: float) -> None:
    typed = text.replace("\x02", "").replace("\x1d", "")
    screen = Screen().press(typed, gap_s).rest()
    assert screen.codes == []
    assert screen.field == "".join(filter(str.isprintable, typed))


def test_an_enter_right_after_a_scan_belongs_to_it_only_if_nothing_came_between() -> None:
    assert Screen().press(TOKEN + "\r", 0.002).press("\r", 0.02).obeyed == ""
    screen = Screen().press(TOKEN + "\r", 0.002).press("\x0036.4\r", 0.010)
    assert (screen.codes, screen.field, screen.obeyed) == ([TOKEN], "36.4", "\x00\r")
