"""What is written on an identity card: 256 bytes of UTF-16LE, in one of three layouts.

Resident identity card after GA/T 490, residence permit of Hong Kong, Macau and Taiwan residents (type `J`, 2018) and
foreign permanent resident identity card (type `I`, 2017). The type stands at byte 248; resident cards have a space
there. A letter that is not known here, such as that of the cards issued since December 2023, has fields in other
places and is refused, never read as a resident's.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from passes.errors import N_
from passes.identity import IdentityError, parse_id_number
from passes.plaintext import plain
from station.devices.idcard.frames import TEXT_BYTES
from station.devices.measurement import DeviceError

_Value = TypeVar("_Value")

_UNKNOWN_TYPE = N_("this card is of a kind unknown here (“{letter}”): write its name and number by hand")
_NO_TEXT = N_("the card was read without its text: lift it and put it on again")
_DAMAGED: Final = {
    "name": N_("the card has no name on it: lift it and put it on again, or write it by hand"),
    "sex": N_("the sex on the card cannot be right: lift it and put it on again, or write it by hand"),
    "birth": N_("the date of birth on the card cannot be right: lift it and put it on again, or write it by hand"),
    "id_number": N_("the ID number on the card cannot be right: lift it and put it on again, or write it by hand"),
    "valid_from": N_("the first day on the card cannot be right: lift it and put it on again, or write it by hand"),
    "valid_until": N_("the last day on the card cannot be right: lift it and put it on again, or write it by hand"),
}


class CardError(DeviceError):
    """A card that was not read, or cannot be used as it was read; the sentence names no value of the card."""


class UnknownCardError(CardError):
    """A card whose letter is not known here, so that nobody knows where its fields stand."""


class CardKind(StrEnum):
    """Which of the three cards it is."""

    RESIDENT = "resident"
    HONG_KONG_MACAU_TAIWAN = "hong_kong_macau_taiwan"
    FOREIGNER = "foreigner"


class Sex(StrEnum):
    """GB/T 2261.1: codes 0, 1, 2 and 9."""

    UNKNOWN = "unknown"
    MALE = "male"
    FEMALE = "female"
    NOT_STATED = "not_stated"


@dataclass(frozen=True, slots=True)
class IdCard:
    """What a card says; its `repr` tells the kind alone, so that no log ever has a person in it.

    `name` is the Chinese one, of a foreigner without one the English; texts are harmless to show. `birth` and
    `valid_from` are days, `valid_until` is the last day, None for 长期. `ethnicity` is the code of GB/T 3304,
    `nationality` the three letters of GB/T 2659, `permit_number` that of the travel permit; each is empty on cards that
    do not have it, as `address` and `issuer` are on a foreigner's.
    """

    kind: CardKind
    name: str = field(repr=False)
    sex: Sex = field(repr=False)
    birth: date = field(repr=False)
    id_number: str = field(repr=False)
    valid_from: date = field(repr=False)
    valid_until: date | None = field(repr=False)
    address: str = field(default="", repr=False)
    issuer: str = field(default="", repr=False)
    ethnicity: str = field(default="", repr=False)
    english_name: str = field(default="", repr=False)
    nationality: str = field(default="", repr=False)
    permit_number: str = field(default="", repr=False)


class Place(NamedTuple):
    """Where a field stands, in bytes."""

    start: int
    size: int


_COMMON: Final = {"valid_from": Place(188, 16), "valid_until": Place(204, 16)}
_RESIDENT: Final = {
    **_COMMON,
    "name": Place(0, 30),
    "sex": Place(30, 2),
    "birth": Place(36, 16),
    "address": Place(52, 70),
    "id_number": Place(122, 36),
    "issuer": Place(158, 30),
}
LAYOUTS: Final[Mapping[CardKind, Mapping[str, Place]]] = {
    CardKind.RESIDENT: {**_RESIDENT, "ethnicity": Place(32, 4)},
    CardKind.HONG_KONG_MACAU_TAIWAN: {**_RESIDENT, "permit_number": Place(220, 18)},
    CardKind.FOREIGNER: {
        **_COMMON,
        "english_name": Place(0, 120),
        "sex": Place(120, 2),
        "id_number": Place(122, 30),
        "nationality": Place(152, 6),
        "name": Place(158, 30),
        "birth": Place(220, 16),
    },
}
"""The fields of each card by the names they have in `IdCard`."""

TYPE_PLACE: Final = Place(248, 2)
TYPE_LETTERS: Final = {
    " ": CardKind.RESIDENT,
    "\0": CardKind.RESIDENT,
    "J": CardKind.HONG_KONG_MACAU_TAIWAN,
    "I": CardKind.FOREIGNER,
}

_UNCHECKED: Final = ("address", "issuer", "ethnicity", "english_name", "nationality", "permit_number")
"""Fields that may be anything, also nothing."""

_SEXES: Final = {"0": Sex.UNKNOWN, "1": Sex.MALE, "2": Sex.FEMALE, "9": Sex.NOT_STATED}
_WITHOUT_END: Final = "长期"
_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_RESIDENT_NUMBER: Final = re.compile(r"[0-9]{17}[0-9X]")
_FOREIGNER_NUMBER: Final = re.compile(r"[A-Z]{3}[0-9]{12}")


def parse_card(text: bytes) -> IdCard:
    """Return what the 256 bytes of a card's text say; raises CardError when they are no card that is known here."""
    if len(text) != TEXT_BYTES:
        raise CardError(_NO_TEXT)
    letter = _taken(text, TYPE_PLACE)
    kind = TYPE_LETTERS.get(letter)
    if kind is None:
        raise UnknownCardError(_UNKNOWN_TYPE, letter=plain(letter))
    said = {name: _taken(text, place).strip(" \0\u3000") for name, place in LAYOUTS[kind].items()}
    checked_number = _foreigner_number if kind is CardKind.FOREIGNER else _resident_number
    return IdCard(
        kind=kind,
        name=_checked("name", _name, said["name"] or said.get("english_name", "")),
        sex=_checked("sex", _SEXES.__getitem__, said["sex"]),
        birth=_checked("birth", _day, said["birth"]),
        id_number=_checked("id_number", checked_number, said["id_number"]),
        valid_from=_checked("valid_from", _day, said["valid_from"]),
        valid_until=_checked("valid_until", _last_day, said["valid_until"]),
        **{name: plain(said.get(name, "")) for name in _UNCHECKED},
    )


def _taken(text: bytes, place: Place) -> str:
    return text[place.start : place.start + place.size].decode("utf-16-le", "replace")


def _checked(name: str, parse: Callable[[str], _Value], text: str) -> _Value:
    try:
        return parse(text)
    except (ValueError, KeyError, IdentityError):
        # Without the cause: it may hold the value, and a traceback is a log.
        raise CardError(_DAMAGED[name]) from None


def _name(text: str) -> str:
    if not text:
        raise ValueError
    return plain(text)


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    if found is None:
        raise ValueError
    return date(*map(int, found.groups()))


def _last_day(text: str) -> date | None:
    return None if text == _WITHOUT_END else _day(text)


def _resident_number(text: str) -> str:
    if not _RESIDENT_NUMBER.fullmatch(text):
        raise ValueError
    return parse_id_number(text)


def _foreigner_number(text: str) -> str:
    if not _FOREIGNER_NUMBER.fullmatch(text):
        raise ValueError
    return text
