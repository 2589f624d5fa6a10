"""A community's folder: `community.toml`, which says who it is and where its database is."""

import json
import os
import tomllib
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_, UsageError

FILE_NAME = "community.toml"
DATABASE_FILE = "community.sqlite"


class CommunitySettingsError(UsageError):
    """A settings file that cannot be used; the sentence names file, key, value and remedy."""


Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class CommunityTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who the community is: its 12-digit division code or another id, its name, and the IANA zone of its days."""

    id: Identifier
    name: Name
    zone: str


class DatabaseTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the database is; a relative SQLite path counts from the folder."""

    url: str


class ServerTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address that stations are told."""

    url: Annotated[str, msgspec.Meta(pattern=r"^https?://[^\s/]+/?$")]


Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]


class RetentionTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For how many days personal fields are kept, counted from when the community received a record.

    Where its gate says that it was written later, they are counted from then. `passages` are passages and what was
    found about them; `passes` counts from a pass's last day, `orders` (bans, watch list, quarantine) from the last word
    about somebody whom nothing is ordered about any more, `roster` is for entries of which newer ones have replaced
    everything, `shifts` for what was left to do at a hand-over, `put_aside` for lines that were no events or a second
    one in their place, `exports` for whom an export was about, and `other` for kinds of events that this version does
    not know.
    """

    passages: Days = 30
    passes: Days = 30
    orders: Days = 90
    roster: Days = 30
    shifts: Days = 180
    put_aside: Days = 30
    exports: Days = 365
    other: Days = 365


class ReportTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """At which time of day (HH:MM) the daily report is closed; 00:00 is midnight, the end of the day itself."""

    cut_off: Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] = "00:00"


PerSecond = Annotated[float, msgspec.Meta(gt=0, le=1_000_000)]


class LimitsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often one station and one address may ask each process of the server, and wrong secrets be shown."""

    station_requests_per_s: PerSecond = 50.0
    address_requests_per_s: PerSecond = 200.0
    wrong_secrets_per_min: PerSecond = 30.0


class CommunitySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything in `community.toml`, each table under its own name."""

    community: CommunityTable
    database: DatabaseTable
    server: ServerTable
    retention: RetentionTable = RetentionTable()
    report: ReportTable = ReportTable()
    limits: LimitsTable = LimitsTable()

    @property
    def zone(self) -> ZoneInfo:
        """The zone that cuts the community's days."""
        return ZoneInfo(self.community.zone)

    def database_url(self, folder: Path) -> str:
        """Return the database's address with a relative SQLite path resolved against `folder`."""
        prefix = "sqlite:///"
        if not self.database.url.startswith(prefix):
            return self.database.url
        return prefix + str(folder.resolve() / self.database.url.removeprefix(prefix))


def load_settings(folder: Path) -> CommunitySettings:
    """Read and check `community.toml` in `folder`; raises `CommunitySettingsError`."""
    path = folder / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommunitySettingsError(
            N_("{path}: there is no community in this folder yet; run: gatepost community init --dir {folder}"),
            path=path,
            folder=folder,
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommunitySettingsError(N_("{path}: cannot be read: {error}"), path=path, error=error) from error
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CommunitySettingsError(
            N_("{path}: this is not valid TOML: {error}; correct that line"), path=path, error=error
        ) from error
    return check_settings(path, raw)


def check_settings(path: Path, raw: object) -> CommunitySettings:
    """Return settings out of plain values that stand, or will stand, in `path`; raises `CommunitySettingsError`."""
    try:
        settings = msgspec.convert(raw, CommunitySettings)
    except msgspec.ValidationError as error:
        raise CommunitySettingsError(
            N_("{path}: {error}, found {value}; correct that key"),
            path=path,
            error=error,
            value=_value_at(raw, str(error)),
        ) from error
    try:
        _ = settings.zone
    except (KeyError, ValueError, OSError) as error:
        raise CommunitySettingsError(
            N_('{path}: community.zone = "{zone}": no such time zone; write one like "Asia/Shanghai"'),
            path=path,
            zone=settings.community.zone,
        ) from error
    return settings


def save_settings(folder: Path, settings: CommunitySettings) -> None:
    """Write a new `community.toml` with mode 0600, since a database address may hold a password."""
    lines: list[str] = []
    for table, values in msgspec.to_builtins(settings).items():
        # A JSON string without control characters is a TOML basic string.
        lines += [f"[{table}]", *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())]
        lines.append("")
    descriptor = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


def _value_at(raw: object, message: str) -> str:
    """Return the value that msgspec's message ends in the path of (`… - at `$.table.key``), without a password."""
    _, _, path = message.rpartition("`$.")
    value = raw
    for key in path.rstrip("`").split("."):
        if not isinstance(value, dict) or key not in value:
            return "-"
        value = value[key]
    return "-" if path.startswith("database") else repr(value)[:80]
