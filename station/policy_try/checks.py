"""The checks that every table of a scenario file goes through."""

from collections.abc import Collection, Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, available_timezones

import msgspec

from passes.errors import N_
from station.policy_try.errors import ScenarioError, no_such_value, not_of_type, written

RawTable = dict[str, Any]
T = TypeVar("T")

_YEARS = range(1970, 2970)
"""What milliseconds, days since 1970 and every zone can hold, whatever is added to it."""


class Checks:
    """Says what is wrong in the file at `path`; wall times are those of `zone`."""

    def __init__(self, path: Path, zone: ZoneInfo) -> None:
        self.path = path
        self.zone = zone

    def error(self, sentence: str, key: str, value: object = "", **values: object) -> ScenarioError:
        """Return the error about `key` and its value."""
        return ScenarioError(sentence, path=self.path, key=key, value=written(value), **values)

    def convert(self, table: Any, wanted: type[T], place: str) -> T:
        """Return the table at `place` as the type `wanted`."""
        try:
            return msgspec.convert(table, wanted)
        except msgspec.ValidationError as error:
            raise not_of_type(self.path, place, table, wanted, error) from None

    def known(self, key: str, name: Any, names: Collection[Any]) -> None:
        """Raise unless `name`, the value of `key`, is one of `names`; None is a key left out."""
        if name is not None and not (isinstance(name, str) and name in names):
            raise no_such_value(self.path, key, name, names)

    def new(self, key: str, name: str, taken: Collection[str]) -> None:
        """Raise when `name` is taken already."""
        if name in taken:
            raise self.error(N_("{path}: {key} = {value}: this name is taken; choose another"), key, name)

    def instant(self, key: str, value: Any) -> datetime:
        """Return the instant, in UTC, of a wall time of the community or of an instant.

        Raises ScenarioError for a wall time that a clock change skips or repeats: only an instant can name those.
        """
        moment = self.convert(value, datetime, key)
        if moment.year not in _YEARS:
            raise self.error(N_("{path}: {key} = {value}: write a year from 1970 to 2969"), key, value)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        earlier, later = (moment.replace(tzinfo=self.zone, fold=fold) for fold in (0, 1))
        before, after = earlier.utcoffset(), later.utcoffset()
        if before == after or before is None or after is None:
            return earlier.astimezone(UTC)
        first, second = sorted(f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for at in (earlier, later))
        sentence = (
            N_("{path}: {key} = {value}: a clock change repeats this time; write the instant, {first} or {second}")
            if before > after
            else N_(
                "{path}: {key} = {value}: a clock change skips this time; write an instant, like {first} or {second}"
            )
        )
        raise self.error(sentence, key, value, first=first, second=second)

    def with_instants(self, table: RawTable, keys: Iterable[str], place: str) -> RawTable:
        """Return a copy of `table` in which the values of `keys` are instants."""
        return table | {key: self.instant(f"{place}.{key}", table[key]) for key in keys if key in table}

    def zone_named(self, key: str, name: str) -> ZoneInfo:
        """Return the IANA time zone."""
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            raise no_such_value(self.path, key, name, available_timezones()) from None


def without_dates(value: Any) -> Any:
    """Return TOML values with days and times of day as text, so that both spellings are one; instants stay."""
    if isinstance(value, dict):
        return {key: without_dates(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [without_dates(inner) for inner in value]
    return value.isoformat() if isinstance(value, date | time) and not isinstance(value, datetime) else value
