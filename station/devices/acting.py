"""What can happen in front of the simulated devices: the verbs of their scripts, and the doing."""

from collections.abc import Iterator, Mapping
from itertools import cycle
from types import MappingProxyType
from typing import Final

from station.devices.idcard.card import TYPE_PLACE
from station.devices.idcard.client import FOUND, NO_CARD, OK
from station.devices.idcard.simulator import PEOPLE, SimulatedCardReader, encode_card
from station.devices.simulated_script import Act, Verb
from station.devices.simulator import COLDEST, HOTTEST, SimulatedThermometer

_UNKNOWN: Final = "unknown"
_CARDS: Final = {
    "resident": encode_card(PEOPLE[0]),
    "hmt": encode_card(PEOPLE[1]),
    "foreigner": encode_card(PEOPLE[2]),
    # Cards issued since December 2023 have such a letter; nobody here knows their layout.
    _UNKNOWN: encode_card(PEOPLE[2])[: TYPE_PLACE.start] + "Y".encode("utf-16-le") + encode_card(PEOPLE[2])[250:],
}
CARDS: Final = tuple(_CARDS)
"""What can be put on the reader: a resident's card, a residence permit of Hong Kong, Macau and Taiwan, a foreigner's
card, and one of a kind that is not known."""

_OF_THE_READER: Final = frozenset({0x10, 0x11, 0x21, 0x60, 0x66})
"""Troubles that a module answers whatever is asked; the others come when a card is read."""


def _celsius(text: str) -> float:
    celsius = float(text)
    if not COLDEST <= celsius <= HOTTEST:
        raise ValueError(text)
    return celsius


def _card(text: str) -> str:
    if text not in _CARDS:
        raise ValueError(text)
    return text


def _status(text: str) -> str:
    if not 0 <= int(text, 16) <= 0xFF or int(text, 16) in {OK, FOUND, NO_CARD}:
        raise ValueError(text)
    return text


THERMOMETER: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "present": Verb(_celsius, "36.5", 3.0),
        "leave": Verb(seconds=2.0),
        "noise": Verb(),
        "stuck": Verb(seconds=5.0),
        "unplug": Verb(seconds=3.0),
        "pause": Verb(),
    }
)
"""present CELSIUS, leave the wall, noise on the line, stuck on one value, unplug the cable, pause without a word."""

CARD_READER: Final[Mapping[str, Verb]] = MappingProxyType(
    {
        "place": Verb(_card, CARDS[0], 3.0),
        "lift": Verb(seconds=2.0),
        "error": Verb(_status, "41", 2.0),
        "unplug": Verb(seconds=3.0),
        "pause": Verb(),
    }
)
"""place CARD, lift it, error STATUS (SW3 in hex), unplug the cable, pause without a word."""


def perform(device: SimulatedThermometer | SimulatedCardReader, act: Act) -> None:
    """Begin what the act says; raises DeviceError when a cable cannot be put in again."""
    if act.verb == "unplug":
        device.unplug()
        return
    device.replug()
    if act.verb == "pause":
        device.fall_silent()
    elif isinstance(device, SimulatedThermometer):
        _before_thermometer(device, act)
    else:
        _on_card_reader(device, act)


def _before_thermometer(device: SimulatedThermometer, act: Act) -> None:
    if act.verb == "present":
        device.present(act.value)
    elif act.verb == "leave":
        device.leave()
    elif act.verb == "noise":
        device.noise()
    else:
        device.stick()


def _on_card_reader(device: SimulatedCardReader, act: Act) -> None:
    if act.verb == "place":
        device.place(_CARDS[act.value])
    elif act.verb == "lift":
        device.lift()
    else:
        status = int(act.value, 16)
        is_the_readers = status in _OF_THE_READER
        device.place(
            _CARDS[CARDS[0]],
            find_status=status if is_the_readers else FOUND,
            read_status=OK if is_the_readers else status,
        )


def every_card() -> Iterator[Act]:
    """Yield one card after the other, put on and lifted, without end."""
    for card in cycle(CARDS):
        yield Act("place", card, CARD_READER["place"].seconds)
        yield Act("lift", None, CARD_READER["lift"].seconds)
