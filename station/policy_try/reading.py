"""Scenario files read and checked: whatever can be wrong in one is told before its first step is played."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from passes.errors import N_
from station.policy_try.checks import Checks, RawTable, without_dates
from station.policy_try.errors import ScenarioError
from station.policy_try.model import Community, Gate, Key, Kind, Name, Pass, Table
from station.policy_try.steps import Steps
from station.policy_try.tables import Names, Tables
from station.policy_try.verbs import Step


@dataclass(frozen=True, slots=True)
class Scenario:
    """A whole file, checked; `expect_error` names the key because of which it should have been refused, or is None."""

    path: Path
    title: str
    start: datetime
    zone: ZoneInfo
    community: Community
    gates: dict[str, Gate]
    kinds: dict[str, Kind]
    passes: dict[str, Pass]
    keys: dict[str, Key]
    steps: list[Step]
    expect_error: str | None


class _File(Table, frozen=True, kw_only=True):
    start: Any
    title: str | None = None
    community: Community = Community()
    gates: list[Name] | dict[Name, RawTable] = msgspec.field(default_factory=lambda: ["G1"])
    expect_error: str | None = None
    kinds: dict[str, RawTable] = msgspec.field(default_factory=dict)
    passes: dict[str, RawTable] = msgspec.field(default_factory=dict)
    keys: dict[str, RawTable] = msgspec.field(default_factory=dict)
    steps: list[RawTable] = msgspec.field(default_factory=list)


def read_scenario(path: Path) -> Scenario:
    """Return the scenario in the TOML file `path`.

    Raises `ScenarioError` naming file, key and the nearest valid name; it is `expected` when the file's `expect_error`
    names that key.
    """
    raw = _load(path)
    try:
        return _scenario(path, without_dates(raw))
    except ScenarioError as error:
        named = raw.get("expect_error")
        error.expected = isinstance(named, str) and error.is_about(named)
        raise


def _load(path: Path) -> RawTable:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ScenarioError(
            N_("{path}: this is not valid TOML: {error}; correct that line"), path=path, error=error
        ) from error
    except (OSError, ValueError) as error:
        raise ScenarioError(N_("{path}: cannot be read: {error}"), path=path, error=error) from error


def _scenario(path: Path, raw: RawTable) -> Scenario:
    checks = Checks(path, ZoneInfo("UTC"))
    file = checks.convert(raw, _File, "")
    checks.zone = checks.zone_named("community.zone", file.community.zone)
    start = checks.instant("start", file.start)
    tables = Tables(checks, start, Names(kinds=file.kinds))
    return Scenario(
        path=path,
        title=path.stem if file.title is None else file.title,
        start=start,
        zone=checks.zone,
        community=file.community,
        gates=tables.gates(file.gates),
        kinds={name: tables.kind(table, f"kinds.{name}") for name, table in file.kinds.items()},
        keys=tables.keys(file.keys),
        passes={name: tables.issued_pass(name, table) for name, table in file.passes.items()},
        steps=Steps(checks, tables).read(file.steps, start),
        expect_error=file.expect_error,
    )
