"""What devices say, as plain values: the JSON lines of `gatepost device decode` and `gatepost device watch`."""

import json
from typing import Final, TypeAlias

from passes.errors import N_
from passes.identity import mask_id_number
from passes.masking import mask_name
from passes.plaintext import plain
from passes.temperature import Finding, TemperatureRule
from station.devices.idcard.card import LAYOUTS, CardError, IdCard, UnknownCardError
from station.devices.idcard.frames import FrameFault
from station.devices.measurement import Fault, LinkState, Measurement
from station.devices.scanner.code import is_token
from station.i18n import _, explain

Result: TypeAlias = dict[str, str | int | float | None]

_RULE: Final = TemperatureRule()
_NOBODY: Final = N_("outside 30.0 to 45.0 degrees: no person's temperature")

_FRAME_FAULTS: Final = {
    FrameFault.CHECKSUM: N_("the bytes were damaged on the way; check the cable, the plugs and the baud rate"),
    FrameFault.TRUNCATED: N_("an answer broke off half-way; check the cable and the reader's power"),
}
_STATUSES: Final = {
    0x10: "checksum",
    0x11: "length",
    0x21: "bad_command",
    0x23: "not_permitted",
    0x24: "bad_command",
    0x31: "authentication_failed",
    0x32: "authentication_failed",
    0x33: "check_failed",
    0x40: "wrong_card_type",
    0x41: "read_failed",
    0x47: "read_failed",
    0x60: "not_ready",
    0x66: "not_ready",
    0x80: "find_failed",
    0x81: "select_failed",
    0x91: "not_on_card",
}
_FINE: Final = {
    0x90: N_("the reader has done what it was asked"),
    0x9F: N_("a card lies on the reader"),
}

_TOKEN_CHARACTERS: Final = 8
_CODE_CHARACTERS: Final = 24


def line(result: Result) -> str:
    """Return one line of JSON in which nothing steers a terminal."""
    written = json.dumps(result, ensure_ascii=False)
    if written.isprintable():
        return written
    return "".join(char if char.isprintable() else json.dumps(char)[1:-1] for char in written)


def of_thermometer(event: Measurement | Fault) -> Result:
    """Return a temperature of a person, else an error; one that nobody can have keeps its value beside the error."""
    if isinstance(event, Fault):
        return {"error": event.code.value, "raw": event.raw.hex(), "sentence": _(event.sentence)}
    told: Result = {"celsius": event.celsius, "kind": event.quantity}
    if event.ambient_celsius is not None:
        told["ambient"] = event.ambient_celsius
    told |= {"raw": event.raw.hex(), "protocol": event.protocol}
    if _RULE.judge(event.celsius) is Finding.IMPLAUSIBLE:
        return {"error": "out_of_range", **told, "sentence": _(_NOBODY)}
    return told


def of_link(link: LinkState) -> Result:
    """Return how the line to a device is."""
    return {"link": link.state.value, "sentence": explain(link.trouble)}


def of_card(card: IdCard, *, is_masked: bool) -> Result:
    """Return the fields of a card, photo and fingerprints never; `valid_until` is None for 长期.

    Masked: initials of the name, the tail of each number, the year of birth and where the address begins.
    """
    told: Result = {"card": card.kind.value}
    for name in IdCard.__slots__:
        if name in LAYOUTS[card.kind] or name == "name":
            value = getattr(card, name)
            told[_KEYS.get(name, name)] = str(value) if value is not None else None
    if is_masked:
        told |= {key: mask(str(told[key])) for key, mask in _MASKS.items() if told.get(key)}
    return told


_KEYS: Final = {"id_number": "number"}
_MASKS: Final = {
    "name": mask_name,
    "english_name": mask_name,
    "birth": lambda day: f"{day[:4]}-**-**",
    "address": lambda address: f"{address[:3]}***",
    "number": mask_id_number,
    "permit_number": mask_id_number,
}


def of_card_error(error: CardError) -> Result:
    """Return why a card is not used; it names no value of the card."""
    is_unknown = isinstance(error, UnknownCardError)
    return {"error": "unknown_card" if is_unknown else "unreadable_card", "sentence": explain(error)}


def of_status(status: int) -> Result:
    """Return what the status byte SW3 of an answer without a card says."""
    from station.devices.idcard.client import trouble  # loads the serial port

    if status in _FINE:
        return {"status": f"{status:02x}", "sentence": _(_FINE[status])}
    name = _STATUSES.get(status, "unknown_status")
    return {"error": name, "status": f"{status:02x}", "sentence": explain(trouble(status))}


def of_frame_fault(fault: FrameFault) -> Result:
    """Return why bytes of an ID card reader became no answer; they are not shown, since they may be a person's."""
    return {"error": fault.value, "sentence": _(_FRAME_FAULTS[fault])}


def of_code(code: str, *, is_masked: bool) -> Result:
    """Return a scanner's code; masked, since a pass is good for whoever can show it: its beginning and length."""
    if not is_masked:
        return {"code": code}
    most = _TOKEN_CHARACTERS if is_token(code) else _CODE_CHARACTERS
    shown = plain(code, _CODE_CHARACTERS + 1)
    return {"code": shown if len(code) <= most else shown[:most] + "…", "characters": len(code)}
