import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.number import ALPHABET, number_of, parse_number

PASS_ID = bytes.fromhex("000102030405060708090a0b0c0d0e0f")


def test_a_known_number() -> None:
    assert number_of(PASS_ID) == "000-G40-R42"


def test_the_alphabet_has_no_look_alikes() -> None:
    assert len(set(ALPHABET)) == 32
    assert not set("OILU") & set(ALPHABET)


@given(st.binary(min_size=16, max_size=16))
def test_every_number_is_read_back(pass_id: bytes) -> None:
    number = number_of(pass_id)
    assert parse_number(number) == number
    assert [len(group) for group in number.split("-")] == [3, 3, 3]


@given(st.binary(min_size=5, max_size=5), st.binary(max_size=11), st.binary(max_size=11))
def test_only_the_first_forty_bits_count(first: bytes, one: bytes, other: bytes) -> None:
    assert number_of(first + one) == number_of(first + other)


def test_different_bits_give_different_numbers() -> None:
    ids = {bit: (1 << bit).to_bytes(5, "big") for bit in range(40)}
    assert len({number_of(pass_id) for pass_id in ids.values()}) == 40


@pytest.mark.parametrize(
    "typed",
    [
        "000g40r42",
        " 000 G40 R42 ",
        "０００－Ｇ４０－Ｒ４２",
        "０００－ｇ４０－ｒ４２",
        "000–G40—R42",
        "000\u3000G40\u3000R42",
        "OOO-G4O-R42",
        "ooo-g4o-r42\n",
    ],
)
def test_numbers_are_understood_however_they_are_typed(typed: str) -> None:
    assert parse_number(typed) == "000-G40-R42"


def test_i_and_l_are_read_as_one() -> None:
    number = next(n for n in (number_of(bytes([i, 0, 0, 0, 0])) for i in range(256)) if "1" in n)
    assert parse_number(number.replace("1", "I")) == number
    assert parse_number(number.replace("1", "l")) == number


@pytest.mark.parametrize(
    "typed",
    [
        *("", "-", "000-G40-R4", "000-G40-R42A", "000-G40-R4U", "000-G40-R4!", "000-G40-R4ß", "000_G40_R42"),
        *("GP1ABC", "零零零G40R42", "٠٠٠G40R42", "\x1b[2J", "\u202e000G40R42", "[/]"),
        *("000G40R42" + " " * 100, "0" * 100_000),
    ],
)
def test_other_texts_are_no_numbers(typed: str) -> None:
    assert parse_number(typed) is None


def test_every_wrong_character_is_noticed() -> None:
    for seed in range(0, 60_000, 2999):
        number = number_of(seed.to_bytes(2, "big") * 8).replace("-", "")
        for at, right in enumerate(number):
            for wrong in set(ALPHABET) - {right}:
                assert parse_number(number[:at] + wrong + number[at + 1 :]) is None


def test_nearly_every_swap_of_neighbours_is_noticed() -> None:
    numbers = [number_of(seed.to_bytes(2, "big") * 8).replace("-", "") for seed in range(1, 20_000, 97)]
    swapped = [
        number[:at] + number[at + 1] + number[at] + number[at + 2 :]
        for number in numbers
        for at in range(8)
        if number[at] != number[at + 1]
    ]
    assert sum(parse_number(number) is not None for number in swapped) < len(swapped) / 50


def test_an_id_that_is_too_short_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="b''"):
        number_of(b"")
