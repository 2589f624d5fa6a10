"""What is on an identity card: three layouts read, everything else refused, and nobody's data in a message."""

import dataclasses
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from station.devices.idcard.card import CardError, CardKind, IdCard, Sex, parse_card
from station.devices.idcard.simulator import PEOPLE, encode_card

RESIDENT, PERMIT, FOREIGNER = PEOPLE


def written(text: bytes, start: int, value: str) -> bytes:
    return text[:start] + value.encode("utf-16-le") + text[start + 2 * len(value) :]


def refused(text: bytes) -> str:
    with pytest.raises(CardError) as caught:
        parse_card(text)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize("card", PEOPLE, ids=lambda card: card.kind)
def test_every_kind_is_read_as_it_was_written(card: IdCard) -> None:
    assert parse_card(encode_card(card)) == card


def test_the_places_of_a_resident_card() -> None:
    text = " ".encode("utf-16-le") * 128
    for start, value in [
        (0, "张三"),
        (30, "2"),
        (32, "01"),
        (36, "19921120"),
        (52, "幸福市平安路8号"),
        (122, "990102199211200028"),
        (158, "幸福市公安局"),
        (188, "20190115"),
        (204, "20290115"),
    ]:
        text = written(text, start, value)
    assert parse_card(text) == IdCard(
        kind=CardKind.RESIDENT,
        name="张三",
        sex=Sex.FEMALE,
        birth=date(1992, 11, 20),
        id_number="990102199211200028",
        valid_from=date(2019, 1, 15),
        valid_until=date(2029, 1, 15),
        address="幸福市平安路8号",
        issuer="幸福市公安局",
        ethnicity="01",
    )


def test_the_type_stands_at_byte_248() -> None:
    assert encode_card(PERMIT)[248:250] == b"J\0"
    assert encode_card(FOREIGNER)[248:250] == b"I\0"
    assert encode_card(RESIDENT)[248:250] == b" \0"
    assert parse_card(written(encode_card(RESIDENT), 248, "\0")) == RESIDENT


@pytest.mark.parametrize("letter", ["Y", "A", "j", "1", "证", "\x1b", "\ud800"])
def test_an_unknown_letter_is_refused_never_read_as_a_resident(letter: str) -> None:
    text = encode_card(RESIDENT)
    sentence = refused(text[:248] + letter.encode("utf-16-le", "surrogatepass") + text[250:])
    assert "of a kind unknown here" in sentence
    assert sentence.isprintable()


def test_a_foreigner_with_a_chinese_name_has_both() -> None:
    card = dataclasses.replace(FOREIGNER, name="安娜")
    assert parse_card(encode_card(card)) == card


@pytest.mark.parametrize(
    ("start", "value", "what"),
    [
        (0, " " * 15, "no name"),
        (30, "3", "the sex"),
        (36, "19850230", "date of birth"),
        (36, "1985-3-7", "date of birth"),
        (122, "990101198503070018", "ID number"),
        (122, "H12345678         ", "ID number"),
        (188, "        ", "the first day"),
        (204, "20301301", "the last day"),
        (204, "长期有效", "the last day"),
    ],
)
def test_what_cannot_be_right_is_refused_without_telling_it(start: int, value: str, what: str) -> None:
    sentence = refused(written(encode_card(RESIDENT), start, value))
    assert what in sentence
    assert value.strip() == "" or value not in sentence


def test_a_foreigners_number_is_checked_too() -> None:
    assert "ID number" in refused(written(encode_card(FOREIGNER), 122, "XX1"))


@pytest.mark.parametrize("size", [0, 255, 257])
def test_another_size_is_no_card(size: int) -> None:
    assert "without its text" in refused(bytes(size))


@pytest.mark.parametrize("card", PEOPLE, ids=lambda card: card.kind)
def test_a_card_shows_nothing_of_its_holder_in_a_log(card: IdCard) -> None:
    assert repr(card) == f"IdCard(kind={card.kind!r})"


def test_texts_are_harmless_to_show() -> None:
    card = parse_card(written(encode_card(RESIDENT), 52, "\x1b[2J\u202e[/]"))
    assert card.address.startswith("\ufffd[2J\ufffd[/]")


@settings(deadline=None, derandomize=True)
@given(st.binary(min_size=256, max_size=256))
def test_random_text_is_refused(text: bytes) -> None:
    refused(text)


@settings(deadline=None, derandomize=True)
@given(start=st.integers(0, 127), char=st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFF))
def test_a_damaged_card_is_a_card_or_an_error(start: int, char: str) -> None:
    text = written(encode_card(RESIDENT), 2 * start, char)
    try:
        card = parse_card(text)
    except CardError:
        return
    assert (card.kind, card.id_number) == (CardKind.RESIDENT, RESIDENT.id_number)
