"""What the settings screen offers, without a screen: each setting, what it may be, and what changing it needs.

The devices have a screen of their own (`station.wizard`).
"""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from passes.errors import N_
from station.access import Role
from station.actions import FREE_KEYS, key_name
from station.checklists import METHODS
from station.screens.catalogue import gate_actions
from station.settings import FILE_NAME, Settings, check_settings, load_settings, save_settings
from station.wizard import SITES
from sync.bodies import SettingsChanged

if TYPE_CHECKING:
    from station.assembly import Station

_YES_NO = (("true", N_("yes")), ("false", N_("no")))


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: table and key in `settings.toml`, what it is called, and what it may be; none where it is typed.

    `role` answers for a change of what is more than taste. `is_live` takes effect at once, others at the next start.
    """

    name: str
    label: str
    choices: tuple[tuple[str, str], ...] = ()
    role: Role | None = None
    is_live: bool = False


SETTINGS = (
    Setting("gate.language", N_("Language"), (("zh", "中文"), ("en", "English"))),
    Setting(
        "screen.theme",
        N_("Theme"),
        (("night", N_("night")), ("day", N_("day")), ("contrast", N_("contrast"))),
        is_live=True,
    ),
    Setting(
        "screen.glyphs",
        N_("Characters"),
        (
            ("safe", N_("safe: for every console")),
            ("full", N_("full: also such as ...")),
        ),
        is_live=True,
    ),
    Setting("gate.sound", N_("Bell"), (("true", N_("on")), ("false", N_("off"))), is_live=True),
    Setting("gate.direction", N_("Starts as"), (("exit", N_("going out")), ("entry", N_("coming in")))),
    Setting("gate.one_way", N_("Turn for one"), _YES_NO),
    Setting(
        "gate.method",
        N_("Method"),
        (("", N_("none")), *((name, label) for name, (label, _steps) in METHODS.items())),
        Role.LEAD,
    ),
    Setting("screen.idle_lock_minutes", N_("Lock after min"), role=Role.LEAD, is_live=True),
    Setting("screen.lock_shows_verdict", N_("Lock shows scan"), _YES_NO, Role.LEAD, is_live=True),
    Setting("temperature.fever_celsius", N_("Fever at C"), role=Role.LEAD),
    Setting("temperature.operator", N_("Fever if"), ((">=", N_("at or above it")), (">", N_("above it"))), Role.LEAD),
    Setting("temperature.low_celsius", N_("Too low below C"), role=Role.LEAD),
    Setting("temperature.rest_minutes", N_("Rest minutes"), role=Role.LEAD),
    Setting("thermometer.site", N_("Measured at"), tuple(SITES.items()), Role.LEAD),
    Setting("printer.address", N_("Printer"), is_live=True),
    Setting("passes.holder_names", N_("Names on passes"), _YES_NO, Role.ADMIN),
)


KEYS = "keys."
"""Before the name of an action whose key is set."""


def key_settings() -> tuple[Setting, ...]:
    """Return a setting for the key of each of the gate's actions that may be put on another one."""
    keys = tuple((key, key_name(key)) for key in FREE_KEYS)
    return tuple(Setting(f"{KEYS}{one.name}", one.label, keys) for one in gate_actions() if one.key in FREE_KEYS)


def values_of(settings: Settings) -> dict[str, str]:
    """Return every setting's value as text."""
    raw = msgspec.to_builtins(settings)
    usual = {f"{KEYS}{one.name}": one.key for one in gate_actions()}
    keys = {one.name: settings.keys.get(one.name.removeprefix(KEYS), usual[one.name]) for one in key_settings()}
    return {one.name: _text(_at(raw, one.name)) for one in SETTINGS} | keys


def save(folder: Path, changes: Mapping[str, str]) -> Settings:
    """Write the changed values into `settings.toml` as it is now, and return what stands there then.

    Raises `SettingsError` naming key, value and remedy; then nothing is written.
    """
    raw = msgspec.to_builtins(load_settings(folder))
    usual = {one.name: one.key for one in gate_actions()}
    for name, text in changes.items():
        table, key = name.split(".")
        if table != "keys":
            raw[table][key] = _value(raw[table][key], text)
        elif text == usual[key]:
            raw[table].pop(key, None)
        else:
            raw[table][key] = text
    settings = check_settings(folder / FILE_NAME, raw)
    save_settings(folder, settings)
    return settings


def record(station: "Station", changes: Mapping[str, str], by: str) -> None:
    """Record changes that decide about people, and on whose word they were made."""
    with station.journal.writing():
        body = SettingsChanged(changes=dict(changes), by=by)
        station.register.record(body, station.clock.now_ms())


def _at(raw: Mapping[str, Any], name: str) -> object:
    table, key = name.split(".")
    return raw[table][key]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def _value(before: object, text: str) -> object:
    """Return the value that a text means, where the one before tells its kind; else the text, for the check to name."""
    typed = unicodedata.normalize("NFKC", text).strip()
    if isinstance(before, bool):
        return {"true": True, "false": False}.get(typed, typed)
    try:
        return int(typed) if isinstance(before, int) else float(typed) if isinstance(before, float) else typed
    except ValueError:
        return typed
