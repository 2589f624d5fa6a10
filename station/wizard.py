"""Setting devices up, without a screen: what is being set, trying it out, and writing it into settings.toml.

The devices screen and `gatepost doctor devices` share this. Listening to find out what hangs on a port is
`station.devices.listening`; a device is asked something only after its protocol was chosen by a person.
"""

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol, TypeAlias

import msgspec

from passes.errors import N_
from passes.masking import mask_name
from passes.plaintext import plain
from station import wording
from station.devices import PROTOCOLS, OptionError, OptionValue
from station.devices.guessing import SCANNER, Confidence, Proposal
from station.devices.idcard.card import CardError, IdCard
from station.devices.idcard.frames import BAUD_RATE as IDCARD_RATE
from station.devices.idcard.reader import IdCardReader
from station.devices.listening import rates_to_try
from station.devices.measurement import DeviceEvent, Fault, LinkState, Measurement
from station.devices.ports import SENTENCES, PortInfo
from station.devices.scanner.reader import BAUD_RATE as SCANNER_RATE
from station.devices.scanner.reader import SerialScanner
from station.devices.thermometer import Thermometer
from station.i18n import _, explain
from station.settings import FILE_NAME, Settings, SettingsError, check_settings, load_settings, save_settings

TrialEvent: TypeAlias = DeviceEvent | str | IdCard | CardError
"""What a device that is tried out says: also a scanner's codes and an ID card reader's cards."""


class Role(StrEnum):
    """What a device does at the gate."""

    THERMOMETER = "thermometer"
    SCANNER = "scanner"
    IDCARD = "idcard"


ROLES: Final = {
    Role.THERMOMETER: N_("thermometer"),
    Role.SCANNER: N_("code scanner"),
    Role.IDCARD: N_("ID card reader"),
}
"""What to call each; marked by `N_`, translated where it is shown."""

CONFIDENCES: Final = {
    Confidence.SURE: N_("for sure"),
    Confidence.LIKELY: N_("probably"),
    Confidence.POSSIBLE: N_("perhaps"),
}

SITES: Final = {
    "forehead": N_("forehead"),
    "wrist": N_("wrist"),
    "neck": N_("neck"),
    "armpit": N_("armpit"),
    "ear": N_("ear"),
}


@dataclass(frozen=True, slots=True)
class Draft:
    """One device as it is going to be set; numbers and options are text as they were typed.

    `site`, `offset`, `protocol` and `options` are the thermometer's, `direction` the scanner's (empty: the gate's).
    An empty `port` means that there is no such device.
    """

    role: Role
    port: str = ""
    baud_rate: str = ""
    protocol: str = ""
    offset: str = "0"
    site: str = "forehead"
    direction: str = ""
    options: Mapping[str, str] = field(default_factory=dict)

    def typed_options(self) -> dict[str, OptionValue]:
        """Return the options that were given, true and false as what they are."""
        return {key: _BOOLEANS.get(text, text) for key, text in self.options.items() if text}


_BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "false": False}


def draft_of(settings: Settings, role: Role) -> Draft:
    """Return the device of that role as it is set now; of several scanners the first."""
    if role is Role.SCANNER:
        scanner = settings.scanners[0] if settings.scanners else None
        if scanner is None:
            return Draft(role, baud_rate=str(SCANNER_RATE))
        return Draft(role, scanner.port, str(scanner.baud_rate), direction=scanner.direction)
    if role is Role.IDCARD:
        return Draft(role, settings.idcard.port, str(settings.idcard.baud_rate))
    thermometer = settings.thermometer
    return Draft(
        role,
        thermometer.port,
        str(thermometer.baud_rate),
        thermometer.protocol,
        f"{thermometer.offset_celsius:g}",
        thermometer.site,
        options={key: _option_text(value) for key, value in thermometer.options.items()},
    )


def with_protocol(draft: Draft, protocol: str) -> Draft:
    """Return the draft with another protocol, at its usual rate and without the options of the one before."""
    return replace(draft, protocol=protocol, baud_rate=str(PROTOCOLS[protocol].baud_rate), options={})


def with_proposal(draft: Draft, proposal: Proposal, baud_rate: int) -> Draft:
    """Return the draft as a proposal that was heard at `baud_rate` (bit/s) would have it; port and place stay."""
    if proposal.protocol == SCANNER:
        return Draft(Role.SCANNER, draft.port, str(baud_rate))
    options = {key: _option_text(value) for key, value in proposal.options.items()}
    return replace(draft, role=Role.THERMOMETER, protocol=proposal.protocol, baud_rate=str(baud_rate), options=options)


def settings_with(folder: Path, settings: Settings, draft: Draft) -> Settings:
    """Return new settings with the device in them; those of the other devices stay.

    A scanner takes the place of the one on the same port, else it is a further one; without a port, no scanner is left.
    Raises SettingsError naming key, value and remedy.
    """
    raw = msgspec.to_builtins(settings)
    if draft.role is Role.THERMOMETER:
        raw["thermometer"] = {
            "port": draft.port,
            "protocol": draft.protocol,
            "baud_rate": _number(draft.baud_rate, int),
            "offset_celsius": _number(draft.offset, float),
            "site": draft.site,
            "options": _kept_options(draft),
        }
    elif draft.role is Role.SCANNER:
        others = [scanner for scanner in raw["scanners"] if scanner["port"] != draft.port]
        new = {"port": draft.port, "baud_rate": _number(draft.baud_rate, int), "direction": draft.direction}
        raw["scanners"] = [*others, new] if draft.port else []
    else:
        raw["idcard"] = {"port": draft.port, "baud_rate": _number(draft.baud_rate, int)}
    return check_settings(folder / FILE_NAME, raw)


def save(folder: Path, draft: Draft) -> Settings:
    """Write the device into settings.toml as it stands now, in one step, and return the new settings.

    Raises SettingsError, also for a file that cannot be written.
    """
    new = settings_with(folder, load_settings(folder), draft)
    try:
        save_settings(folder, new)
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be written ({error}); check the folder's permissions"),
            path=folder / FILE_NAME,
            error=error.strerror or error,
        ) from error
    return new


def take_over(settings: Settings, new: Settings) -> None:
    """Put the devices of `new` into `settings`, which the running parts of the station share."""
    settings.thermometer, settings.scanners, settings.idcard = new.thermometer, new.scanners, new.idcard


class Trial(Protocol):
    """A device that is tried out on its own thread."""

    def start(self) -> None:
        """Begin; may be called once."""
        ...

    def stop(self) -> None:
        """Let the port go, in under 0.5 seconds; may be called twice."""
        ...


def make_trial(folder: Path, settings: Settings, draft: Draft, on_event: Callable[[TrialEvent], None]) -> Trial:
    """Return the device of the draft, which tells `on_event` on its own thread what it says once it is started.

    A thermometer whose protocol wants it is asked. Raises SettingsError for a draft that cannot be saved either.
    """
    new = settings_with(folder, settings, draft)
    if draft.role is Role.THERMOMETER:
        chosen = new.thermometer
        protocol = PROTOCOLS[chosen.protocol]
        return Thermometer(
            chosen.port, lambda: protocol.make_parser(chosen.options), on_event, baud_rate=chosen.baud_rate
        )
    if draft.role is Role.SCANNER:
        scanner = next(one for one in new.scanners if one.port == draft.port)
        return SerialScanner(scanner.port, on_event, baud_rate=scanner.baud_rate)
    return IdCardReader(new.idcard.port, on_event, baud_rate=new.idcard.baud_rate)


def event_words(event: TrialEvent) -> str:
    """Return what a device said, in one harmless line; of a card or a pass no more than tells it from another."""
    if isinstance(event, Measurement):
        where = _("skin") if event.quantity == "surface" else _("body")
        words = [f"{wording.celsius_text(event.celsius)} C {where}"]
        if event.ambient_celsius is not None:
            words.append(_("ambient {celsius:.1f}").format(celsius=event.ambient_celsius))
        return "   ".join(words)
    if isinstance(event, Fault):
        return _(event.sentence)
    if isinstance(event, LinkState):
        return explain(event.trouble)
    if isinstance(event, IdCard):
        return _("card read: {name}").format(name=mask_name(event.name))
    if isinstance(event, CardError):
        return explain(event)
    return _("code read: {code} ({count} characters)").format(code=plain(event, 16), count=len(event))


def proposal_words(proposal: Proposal, baud_rate: int) -> str:
    """Return what a port seems to speak, in one line."""
    options = " ".join(f"{key}={_option_text(value)}" for key, value in proposal.options.items())
    name = _(ROLES[Role.SCANNER]) if proposal.protocol == SCANNER else proposal.protocol
    words = [f"{name} {baud_rate}", *([options] if options else []), _(CONFIDENCES[proposal.confidence])]
    if proposal.celsius is not None:
        words.append(f"{wording.celsius_text(proposal.celsius)} C")
    return "  ".join(words)


def port_words(port: PortInfo, settings: Settings) -> str:
    """Return what a port is: its name, what it is used for, what it seems to be, and who made it."""
    use = use_of(port, settings)
    made = " ".join(filter(None, (port.maker, port.product)))
    words = [port.device, f"[{_(ROLES[use])}]" if use else "", _(SENTENCES[port.likeness]), made]
    return "  ".join(plain(word, 80) for word in words if word)


def use_of(port: PortInfo, settings: Settings) -> Role | None:
    """Return what a port is set for; None when for nothing."""
    names = {port.device, port.address, port.by_id}
    if settings.thermometer.port in names:
        return Role.THERMOMETER
    if settings.idcard.port in names:
        return Role.IDCARD
    return Role.SCANNER if any(scanner.port in names for scanner in settings.scanners) else None


def dump(data: bytes, width: int = 16) -> list[str]:
    """Return lines of `width` bytes in hexadecimal and as the printable ASCII that they are."""
    lines = []
    for at in range(0, len(data), width):
        part = data[at : at + width]
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)
        lines.append(f"{part.hex(' ').upper():<{3 * width - 1}}  {shown}")
    return lines


def rates_of(draft: Draft) -> Sequence[int]:
    """Return the rates in bit/s that are usual for the device, the usual one first."""
    if draft.role is Role.THERMOMETER and draft.protocol in PROTOCOLS:
        first = PROTOCOLS[draft.protocol].baud_rates
    else:
        first = (SCANNER_RATE,) if draft.role is Role.SCANNER else (IDCARD_RATE,)
    return tuple(dict.fromkeys((*first, *sorted(rates_to_try()))))


def option_choices(protocol: str) -> dict[str, tuple[str, ...]]:
    """Return the protocol's options in their order: the texts that may be chosen, none where it is typed."""
    info = msgspec.inspect.type_info(PROTOCOLS[protocol].options)
    assert isinstance(info, msgspec.inspect.StructType)  # noqa: S101 - every protocol's options are a struct
    return {one.name: _choices(one.type) for one in info.fields}


def option_default(protocol: str, name: str) -> str:
    """Return what an option is when nobody gives it."""
    return _option_text(getattr(PROTOCOLS[protocol].read_options({}), name))


def parse_options(pairs: Iterable[str]) -> dict[str, str]:
    """Return options out of `key=value` texts; a text without `=` is the key with an empty value."""
    return {key.strip(): value.strip() for key, _equals, value in (pair.partition("=") for pair in pairs)}


def _choices(kind: msgspec.inspect.Type) -> tuple[str, ...]:
    if isinstance(kind, msgspec.inspect.BoolType):
        return ("false", "true")
    if isinstance(kind, msgspec.inspect.LiteralType):
        return tuple(map(str, kind.values))
    return ()


def _option_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _kept_options(draft: Draft) -> dict[str, object]:
    """Return the options as settings.toml should have them: numbers as numbers, and without those that are usual."""
    typed: dict[str, object] = {**draft.typed_options()}
    if draft.protocol not in PROTOCOLS:
        return typed
    protocol = PROTOCOLS[draft.protocol]
    try:
        chosen = msgspec.to_builtins(protocol.read_options(draft.typed_options()))
    except OptionError:  # told by the check of the settings, which names the file too
        return typed
    usual = msgspec.to_builtins(protocol.read_options({}))
    return {key: value for key, value in chosen.items() if value != usual[key]}


def _number(text: str, kind: Callable[[str], float]) -> object:
    """Return the number that the text is, else the text itself: the check of the settings then names it."""
    try:
        return kind(unicodedata.normalize("NFKC", text).strip())
    except ValueError:
        return text
