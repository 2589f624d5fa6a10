"""What a station is told once: a folder with `settings.toml` and the files it got when it joined its community."""

import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_, UsageError
from passes.temperature import TemperatureRule
from station.i18n import _
from sync.disk import through_to_disk

FILE_NAME = "settings.toml"
SECRET_FILE = "secret"  # noqa: S105 - the name of a file
TRUST_FILE = "trust.cose"
ROOT_FILE = "root.pub"
ISSUING_KEY_FILE = "issuing-key.pem"
DIGEST_KEY_FILE = "digest.key"
HEAD_KEY_FILE = "head-key.pem"
JOINING_FOLDER = "joining"
"""Where a station that joins puts its new files until all of them are there (`station.setting_up`)."""


class SettingsError(UsageError):
    """A settings file that cannot be used; the sentence names file, key, value and remedy."""


Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]


class StationSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The checkpoint itself."""

    id: Identifier
    name: Name


class CommunitySettings(msgspec.Struct, forbid_unknown_fields=True):
    """The community that the station belongs to; without a `url` nothing is sent by network.

    A station that is `alone` belongs to none yet: it has keys of its own until it joins one.
    """

    id: Identifier
    name: Name
    zone: str
    url: str = ""
    alone: bool = False


StepLabel = Annotated[str, msgspec.Meta(min_length=1, max_length=12)]


class GateSettings(msgspec.Struct, forbid_unknown_fields=True):
    """How the gate screen starts, and how it works; `sound` lets the terminal's bell ring.

    With `one_way` the direction is turned for one person only. `method` names a checking method
    (`station.checklists.METHODS`), empty for none, and `steps` are the community's own where that method has none.
    """

    direction: Literal["entry", "exit"] = "exit"
    language: Literal["zh", "en"] = "zh"
    one_way: bool = False
    method: str = ""
    steps: Annotated[list[StepLabel], msgspec.Meta(max_length=8)] = msgspec.field(default_factory=list)
    sound: bool = True


class ScreenSettings(msgspec.Struct, forbid_unknown_fields=True):
    """How the screens look, and when they lock.

    `glyphs` that are safe leave out what some consoles draw twice as wide. After `idle_lock_minutes` without a key the
    screen locks, 0 means never; `lock_shows_verdict` lets whoever stands there see what a scan says meanwhile.
    """

    theme: Literal["night", "day", "contrast"] = "night"
    glyphs: Literal["safe", "full"] = "safe"
    idle_lock_minutes: Annotated[int, msgspec.Meta(ge=0, le=240)] = 0
    lock_shows_verdict: bool = False


class ThermometerSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The serial thermometer; an empty `port` means that there is none and readings are typed.

    `options` are those of the protocol, see `station.devices.PROTOCOLS`.
    """

    port: str = ""
    protocol: str = "gy-mcu9061x"
    baud_rate: Annotated[int, msgspec.Meta(gt=0)] = 115200
    offset_celsius: Annotated[float, msgspec.Meta(ge=-5, le=5)] = 0.0
    site: Literal["forehead", "wrist", "neck", "armpit", "ear"] = "forehead"
    options: dict[str, bool | int | float | str] = msgspec.field(default_factory=dict)


class ScannerSettings(msgspec.Struct, forbid_unknown_fields=True):
    """A code scanner on a serial port; one that types like a keyboard needs no setting.

    `direction` is what a code read by this scanner means where two scanners tell the directions apart; empty leaves it
    to the gate.
    """

    port: Annotated[str, msgspec.Meta(min_length=1)]
    baud_rate: Annotated[int, msgspec.Meta(gt=0)] = 9600
    direction: Literal["", "entry", "exit"] = ""


class IdCardSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The ID card reader; an empty `port` means that there is none and cards are typed off."""

    port: str = ""
    baud_rate: Annotated[int, msgspec.Meta(gt=0)] = 115200


class PrinterSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The printer that is proposed first, as `station.devices.printers` writes it; empty for none."""

    address: Annotated[str, msgspec.Meta(max_length=300)] = ""


class TemperatureSettings(msgspec.Struct, forbid_unknown_fields=True):
    """When a temperature is a fever (`passes.temperature`), and how long to rest before it is measured again."""

    fever_celsius: Annotated[float, msgspec.Meta(ge=36, le=40)] = 37.3
    operator: Literal[">=", ">"] = ">="
    low_celsius: Annotated[float, msgspec.Meta(ge=30, le=36)] = 35.0
    rest_minutes: Annotated[int, msgspec.Meta(ge=0, le=60)] = 5

    def rule(self) -> TemperatureRule:
        """Return the rule that these settings describe."""
        return TemperatureRule(self.fever_celsius, self.operator == ">=", self.low_celsius)


class PassSettings(msgspec.Struct, forbid_unknown_fields=True):
    """The passes that this station issues; without `holder_names` neither the code nor the paper tells a name."""

    holder_names: bool = True


class RetentionSettings(msgspec.Struct, forbid_unknown_fields=True):
    """For how many days this station keeps what names people once the community has it; 0 leaves it to people.

    Every day the app then empties what is older, as `gatepost log purge` does.
    """

    days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 0


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """Everything in `settings.toml`, each table under its own name.

    `keys` puts actions of `station.actions` on other keys, by their names.
    """

    station: StationSettings
    community: CommunitySettings
    gate: GateSettings = msgspec.field(default_factory=GateSettings)
    screen: ScreenSettings = msgspec.field(default_factory=ScreenSettings)
    thermometer: ThermometerSettings = msgspec.field(default_factory=ThermometerSettings)
    scanners: list[ScannerSettings] = msgspec.field(default_factory=list)
    idcard: IdCardSettings = msgspec.field(default_factory=IdCardSettings)
    printer: PrinterSettings = msgspec.field(default_factory=PrinterSettings)
    temperature: TemperatureSettings = msgspec.field(default_factory=TemperatureSettings)
    passes: PassSettings = msgspec.field(default_factory=PassSettings)
    retention: RetentionSettings = msgspec.field(default_factory=RetentionSettings)
    keys: dict[str, str] = msgspec.field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        """The community's IANA zone, which cuts its days."""
        return ZoneInfo(self.community.zone)


def default_folder() -> Path:
    """Return the folder of this machine's station: `GATEPOST_DIR`, else the platform's data folder of the user."""
    from platformdirs import user_data_path

    named = os.environ.get("GATEPOST_DIR")
    return Path(named) if named else user_data_path("gatepost", appauthor=False)


def load_settings(folder: Path) -> Settings:
    """Read and check `settings.toml` in `folder`.

    Raises `SettingsError` naming file, key, value and remedy.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise SettingsError(
            N_("{path}: there is no station in this folder yet; run: gatepost init --dir {folder} FILE"),
            path=path,
            folder=folder,
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(N_("{path}: cannot be read: {error}"), path=path, error=error) from error
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(
            N_("{path}: this is not valid TOML: {error}; correct that line"), path=path, error=error
        ) from error
    return check_settings(path, raw)


def check_settings(path: Path, raw: dict[str, object]) -> Settings:
    """Return settings out of plain values that stand, or will stand, in `path`; raises `SettingsError`."""
    try:
        settings = msgspec.convert(raw, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(
            N_("{path}: {error}; correct that key in the file"), path=path, error=_with_value(raw, str(error))
        ) from error
    _check(path, settings)
    return settings


def load_root(folder: Path) -> bytes:
    """Return the root key of the station's community, 32 raw bytes; raises `SettingsError`."""
    path = folder / ROOT_FILE
    try:
        return bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        raise SettingsError(
            N_("{path}: cannot be read ({error}); set the station up again with: gatepost init"),
            path=path,
            error=error.strerror or error,
        ) from error
    except ValueError:
        raise SettingsError(
            N_("{path}: this is no root key of 64 hexadecimal digits; copy it again from the office"), path=path
        ) from None


def save_settings(folder: Path, settings: Settings) -> None:
    """Write `settings.toml` so that `load_settings` reads the same back; comments in an old file are not kept."""
    lines: list[str] = []
    for name, content in msgspec.to_builtins(settings).items():
        heading, tables = (f"[[{name}]]", content) if isinstance(content, list) else (f"[{name}]", [content])
        for values in tables:
            lines += [heading, *(f"{key} = {_toml(value)}" for key, value in values.items()), ""]
    path = folder / FILE_NAME
    part = path.with_suffix(".part")
    part.write_text("\n".join(lines), encoding="utf-8")
    through_to_disk(part)
    part.replace(path)
    through_to_disk(folder)


def _check(path: Path, settings: Settings) -> None:
    from station.checklists import METHODS
    from station.devices import PROTOCOLS, OptionError

    try:
        settings.zone  # noqa: B018 - asked for what it raises
    except (KeyError, ValueError, OSError) as error:
        raise SettingsError(
            N_('{path}: community.zone = "{zone}": no such time zone; write one like "Asia/Shanghai"'),
            path=path,
            zone=settings.community.zone,
        ) from error
    method = settings.gate.method
    if method and method not in METHODS:
        raise SettingsError(
            N_('{path}: gate.method = "{method}": not known; one of: {known}'),
            path=path,
            method=method,
            known=", ".join(METHODS),
        )
    protocol = settings.thermometer.protocol
    if protocol not in PROTOCOLS:
        raise SettingsError(
            N_('{path}: thermometer.protocol = "{protocol}": not known; one of: {known}'),
            path=path,
            protocol=protocol,
            known=", ".join(sorted(PROTOCOLS)),
        )
    try:
        PROTOCOLS[protocol].read_options(settings.thermometer.options)
    except OptionError as error:
        raise SettingsError(
            N_("{path}: thermometer.options of {error}; correct that key in the file"), path=path, error=error
        ) from error
    if settings.printer.address:
        _check_printer(path, settings.printer.address)
    if settings.keys:
        _check_keys(path, settings.keys)
    url = settings.community.url
    if url and not _is_address(url):
        raise SettingsError(
            N_('{path}: community.url = "{url}": must be like https://gate.example:8443 (or http:// on this machine)'),
            path=path,
            url=url,
        )


def _check_printer(path: Path, address: str) -> None:
    from station.devices.printers.address import parse_address

    try:
        parse_address(address)
    except UsageError as error:
        raise SettingsError(N_("{path}: printer.address: {why}"), path=path, why=error) from error


def _check_keys(path: Path, keys: dict[str, str]) -> None:
    from station.actions import problem_with
    from station.screens.catalogue import groups

    problem = problem_with(keys, groups())
    if problem:
        name, why = problem
        raise SettingsError(
            N_('{path}: keys.{name} = "{key}": {why}'), path=path, name=name, key=keys[name], why=_(why)
        )


def _is_address(url: str) -> bool:
    """Say whether this can be a server's address: scheme, host, perhaps port and path, no password, no query."""
    try:
        parts = urlsplit(url)
        is_port = parts.port != 0  # asking raises ValueError for what is no port
    except ValueError:
        return False
    is_bare = not (parts.query or parts.fragment or "@" in parts.netloc)
    is_word = url.isprintable() and " " not in url
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_port and is_bare and is_word


def _with_value(raw: dict[str, object], error: str) -> str:
    """Add the value that is wrong to msgspec's sentence, which ends in its path: - at `$.station.id`."""
    if " - at `$." not in error:
        return error
    what, _at, dotted = error.removesuffix("`").rpartition(" - at `$.")
    value: object = raw
    for key in re.findall(r"[^.\[\]]+", dotted):
        if isinstance(value, list):
            value = value[int(key)] if key.isdecimal() else None
        else:
            value = value.get(key) if isinstance(value, dict) else None
    # A table is named only: what it lacks or has too much stands in the sentence itself.
    return f"[{dotted}]: {what}" if isinstance(value, dict) else f"{dotted} = {value!r}: {what}"


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(one)}" for key, one in value.items()) + " }"
    # JSON's strings, numbers and booleans are TOML's as well, except that TOML wants U+007F escaped.
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
