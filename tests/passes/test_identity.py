"""ID numbers, phone numbers and plates: what is one, in which form, and what is told of one that is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from passes.identity import (
    IdentityError,
    mask_id_number,
    mask_id_numbers,
    parse_id_number,
    parse_phone,
    parse_plate,
)

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)

digits = st.text("0123456789", min_size=3, max_size=3)
births = st.dates().map(lambda day: f"{day:%Y%m%d}".rjust(8, "0"))


def resident(birth: str = "19900307", sequence: str = "123", area: str = "990101") -> str:
    """Make up a number of GB 11643 by the table of its annex, not by the library under test."""
    body = area + birth + sequence
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


@given(births, digits)
def test_a_resident_id_number_is_checked_by_its_last_character(birth: str, sequence: str) -> None:
    number = resident(birth, sequence)

    assert parse_id_number(number) == number
    for wrong in set("0123456789X") - {number[-1]}:
        with pytest.raises(IdentityError, match="check character is wrong"):
            parse_id_number(number[:-1] + wrong)


@given(births, digits, st.integers(0, 16), st.integers(1, 9))
def test_no_slip_of_one_digit_gets_through(birth: str, sequence: str, place: int, more: int) -> None:
    number = resident(birth, sequence)
    slipped = number[:place] + str((int(number[place]) + more) % 10) + number[place + 1 :]

    with pytest.raises(IdentityError):
        parse_id_number(slipped)


def test_an_id_number_is_read_however_it_is_written() -> None:
    number = next(made for n in range(1000) if (made := resident(sequence=f"{n:03}")).endswith("X"))
    wide = "".join(chr(ord(char) + 0xFEE0) for char in number)

    for written in (
        number,
        number.lower(),
        wide,
        f" {number[:6]} {number[6:14]} {number[14:]}\n",
        number[:6] + "-" + number[6:],
    ):
        assert parse_id_number(written) == number


@pytest.mark.parametrize("birth", ["20270229", "19901301", "19900431", "00000101"])
def test_a_birth_that_cannot_be_is_told(birth: str) -> None:
    with pytest.raises(IdentityError, match="date of birth does not exist"):
        parse_id_number(resident(birth))


def test_a_number_of_the_first_generation_has_a_date_and_no_check_character() -> None:
    assert parse_id_number("990101500307123") == "990101500307123"
    with pytest.raises(IdentityError, match="date of birth"):
        parse_id_number("990101500231123")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        (resident(area="810000"), resident(area="810000")),
        ("h12345678", "H12345678"),
        ("M1234567801", "M1234567801"),
        ("12345678", "12345678"),
        ("E 1234 5678", "E12345678"),
        ("A123456(7)", "A123456(7)"),
    ],
)
def test_permits_and_passports_are_id_numbers(written: str, number: str) -> None:
    assert parse_id_number(written) == number


@pytest.mark.parametrize(
    "written",
    [
        resident()[:-1],
        resident() + "1",
        "99010119900307123x1",
        "1380000000" + "0",
        "9" * 100_000,
        "",
        "无证",
        "ABCDE",
        "E123",
        "3.70E+17",
        "E1234567890123456789012",
        "=1+1",
        "a\x1b[2Jb1234",
        "E1234\u202e5678",
    ],
)
def test_what_is_no_id_number_is_told_without_telling_it(written: str) -> None:
    with pytest.raises(IdentityError) as caught:
        parse_id_number(written)

    assert written == "" or written not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@given(st.text(max_size=30) | st.from_regex(r"[0-9Xx -]{5,24}", fullmatch=True))
def test_no_more_than_four_characters_are_told(written: str) -> None:
    try:
        assert len(parse_id_number(written)) >= 5
    except IdentityError as error:
        told = str(error)
        assert not [
            at for at in range(len(written) - 4) if written[at : at + 5].isdigit() and written[at : at + 5] in told
        ]


def test_masks_keep_the_last_four() -> None:
    assert mask_id_number(resident()) == "*" * 14 + resident()[-4:]
    assert mask_id_number("1234") == "****"
    assert mask_id_number("") == ""
    assert mask_id_numbers("3-2-501 13800000000 2026-03-31") == "3-2-501 13800000000 2026-03-31"
    for written in ("990101199003071231", "990101 19900307 1231", "99010119900307123x", "990101500307123", "９" * 18):
        hidden = mask_id_numbers(f"张三{written},3-2-501")
        assert written[:-4] not in hidden
        assert hidden == "张三" + "*" * (len(written) - 4) + written[-4:] + ",3-2-501"


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("13800000000", "13800000000"),
        ("138 0000 0000", "13800000000"),
        ("138-0000-0000", "13800000000"),
        ("+86 13800000000", "13800000000"),
        ("008613800000000", "13800000000"),
        ("１３８００００００００", "13800000000"),
        ("0532-80000000", "053280000000"),
        ("(010) 80000000", "01080000000"),
        ("80000000", "80000000"),
        ("+86 532 8000 0000", "+8653280000000"),
        ("+852 2000 0000", "+85220000000"),
    ],
)
def test_phone_numbers(written: str, number: str) -> None:
    assert parse_phone(written) == number


@pytest.mark.parametrize(
    "written",
    ["", "1380000000", "138000000000", "12000000000", "110", "13800000000/13900000000", "手机", "1.38E+10", "+86110"],
)
def test_what_is_no_phone_number(written: str) -> None:
    with pytest.raises(IdentityError, match="is no phone number"):
        parse_phone(written)


@pytest.mark.parametrize(
    ("written", "plate"),
    [
        ("鲁B12345", "鲁B12345"),
        ("鲁b·1234a", "鲁B1234A"),
        ("鲁 B-12345", "鲁B12345"),
        ("鲁Ｂ１２３４５", "鲁B12345"),
        ("鲁BD12345", "鲁BD12345"),
        ("鲁B12345F", "鲁B12345F"),
        ("鲁B1234学", "鲁B1234学"),
        ("京A1234警", "京A1234警"),
        ("粤Z1234港", "粤Z1234港"),
        ("使123456", "使123456"),
        ("WJ鲁1234X", "WJ鲁1234X"),
        ("VA12345", "VA12345"),
        ("鲁B临12345", "鲁B临12345"),
        ("青岛电123456", "青岛电123456"),
    ],
)
def test_plates(written: str, plate: str) -> None:
    assert parse_plate(written) == plate


@pytest.mark.parametrize(
    "written",
    [
        "",
        "没车",
        "鲁B1234",
        "鲁B123456",
        "鲁BO1234",
        "鲁I12345",
        "鲁BZ12345",
        "12",
        "13800000000",
        "hello",
        "鲁B1234;56",
        "x" * 1000,
    ],
)
def test_what_is_no_plate(written: str) -> None:
    with pytest.raises(IdentityError, match="is no plate"):
        parse_plate(written)
