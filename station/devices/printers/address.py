"""Where a printer is, in one line that fits into a setting and a command."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias, cast
from urllib.parse import parse_qsl, urlsplit

from passes.errors import N_, UsageError

FORMS: Final = (
    "cups:QUEUE",
    "windows:PRINTER",
    "escpos:tcp://HOST:9100",
    "escpos:serial:/dev/ttyUSB0?baud=9600",
    "escpos:usb:04b8:0e15",
    "escpos:file:/dev/usb/lp0",
)

_UNKNOWN = N_('"{address}": this is no printer; write one like: {forms}')
_OPTION = N_('"{address}": {option} cannot be used there; known: {known}')

Scheme: TypeAlias = Literal["cups", "windows", "tcp", "serial", "usb", "file"]

_TARGETS: Final[Mapping[str, re.Pattern[str]]] = MappingProxyType(
    {
        # CUPS takes names without space, slash, hash and quotes; a leading dash would be an option of `lp`.
        "cups": re.compile(r"""[^-\s/\\'"#<>|][^\s/\\'"#<>|]{0,126}"""),
        "windows": re.compile(r'[^"\x00-\x1f]{1,220}'),
        "tcp": re.compile(r"//[^\s\x00-\x1f]+"),
        "serial": re.compile(r"/[^\x00-\x1f]+|COM[0-9]{1,3}", re.IGNORECASE),
        "usb": re.compile(r"[0-9a-f]{4}:[0-9a-f]{4}", re.IGNORECASE),
        "file": re.compile(r"[^\x00-\x1f]+"),
    }
)
_OPTIONS: Final[Mapping[str, tuple[frozenset[str], re.Pattern[str], str]]] = MappingProxyType(
    {
        "media": (frozenset({"cups"}), re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"), "A4"),
        "sides": (frozenset({"cups"}), re.compile(r"one-sided|two-sided-(long|short)-edge"), "two-sided-long-edge"),
        "width": (frozenset({"tcp", "serial", "usb", "file"}), re.compile(r"58|80"), "58|80"),
        "baud": (frozenset({"serial"}), re.compile(r"[1-9][0-9]{2,6}"), "9600"),
        "status": (frozenset({"serial"}), re.compile(r"no"), "no"),
    }
)
"""What may stand behind the question mark: with which schemes, in which form, and an example."""


@dataclass(frozen=True, slots=True)
class Address:
    """A printer's address taken apart: `target` is the queue, host, device or file, `options` what follows `?`."""

    text: str
    scheme: Scheme
    target: str
    options: Mapping[str, str]

    @property
    def width_mm(self) -> Literal[58, 80]:
        """The width of the paper roll."""
        return 80 if self.options.get("width") == "80" else 58

    @property
    def host_and_port(self) -> tuple[str, int]:
        """Where a network printer listens; 9100 unless the address says otherwise."""
        parts = urlsplit(self.target)
        return parts.hostname or "", 9100 if parts.port is None else parts.port

    @property
    def usb_ids(self) -> tuple[int, int]:
        """Vendor and product of a USB printer."""
        vendor, _, product = self.target.partition(":")
        return int(vendor, 16), int(product, 16)


def parse_address(text: str) -> Address:
    """Take apart an address such as `cups:Office` or `escpos:tcp://192.0.2.7?width=80`.

    Options: strips take `width` (58 or 80 mm), serial lines also `baud` (bit/s) and `status=no` (a printer that cannot
    answer), CUPS takes `media` and `sides`. Raises UsageError, which names the forms or options that there are.
    """
    text = text.strip()
    scheme, _, rest = text.removeprefix("escpos:").partition(":")
    target, _, query = rest.partition("?")
    is_escpos = text.startswith("escpos:")
    is_known = scheme in _TARGETS and is_escpos == (scheme not in {"cups", "windows"})
    if not is_known or not _TARGETS[scheme].fullmatch(target):
        raise _unknown(text)
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        schemes, form, _ = _OPTIONS.get(name, (frozenset(), None, ""))
        if scheme not in schemes or name in options or form is None or not form.fullmatch(value):
            known = ", ".join(f"{name}={example}" for name, (where, _, example) in _OPTIONS.items() if scheme in where)
            raise UsageError(_OPTION, address=text, option=f"{name}={value}", known=known or "-")
        options[name] = value
    address = Address(text, cast("Scheme", scheme), target, MappingProxyType(options))
    if scheme == "tcp" and not _is_reachable(address):
        raise _unknown(text)
    return address


def _is_reachable(address: Address) -> bool:
    try:
        host, port = address.host_and_port
        host.encode("idna")
    except ValueError:  # what is no port number, half an IPv6 address, or a name that no server can have
        return False
    parts = urlsplit(address.target)
    return bool(host) and port > 0 and parts.path in {"", "/"} and "@" not in parts.netloc and not parts.fragment


def _unknown(text: str) -> UsageError:
    return UsageError(_UNKNOWN, address=text, forms=", ".join(FORMS))
