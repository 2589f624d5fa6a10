"""What is wrong in a scenario file, said with its place and the nearest name that would have been right."""

import difflib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from passes.errors import N_, UsageError
from passes.plaintext import plain

_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_PLACE = re.compile(r" - at (?:`key` in )?`\$(.*?)(?:\[\.\.\.\])?`$", re.DOTALL)
"""How msgspec ends, like " - at `$.hours[1].days`"; "[...]" is a key that it does not name. Nothing for the table."""

_MISSING_KEY = re.compile(r"Object missing required field `(.*)`", re.DOTALL)


class ScenarioError(UsageError):
    """A scenario file that cannot be played. The sentence names file, key, value and remedy.

    `key` is the dotted place, such as `steps[3].direction` (steps count from 0). `expected` is true when the file says
    by `expect_error` that it must be refused because of this key: then the refusal is a success.
    """

    def __init__(self, sentence: str, /, *, path: Path, key: str = "", **values: object) -> None:
        super().__init__(sentence, path=path, key=key, **values)
        self.key = key
        self.expected = False

    def is_about(self, named: str) -> bool:
        """Say whether `named` is this error's key: whole (`community.zone`) or its end (`zone`, without `[0]`)."""
        keys = self.key, re.sub(r"\[\d+\]$", "", self.key)
        return any(key == named or key.endswith(f".{named}") for key in keys)


def written(value: object) -> str:
    """Return `value` about as it stands in the file, cut where it is long."""
    if isinstance(value, bool):
        return str(value).lower()
    return plain(f'"{value}"' if isinstance(value, str) else str(value), 80)


def no_such_key(path: Path, key: str, name: str, known: Iterable[str]) -> ScenarioError:
    """Return the error for the key `key` whose last part, `name`, is none of `known`."""
    return ScenarioError(
        N_("{path}: {key}: there is no such key; the nearest is {nearest}"),
        path=path,
        key=key,
        nearest=_nearest(name, known),
    )


def no_such_value(path: Path, key: str, value: object, known: Iterable[str]) -> ScenarioError:
    """Return the error for the value of `key`, which is none of the names `known`."""
    names = list(known)
    if not names:
        return ScenarioError(
            N_("{path}: {key} = {value}: there are none in this file; add it, or correct this name"),
            path=path,
            key=key,
            value=written(value),
        )
    return ScenarioError(
        N_("{path}: {key} = {value}: not known here; the nearest is {nearest}"),
        path=path,
        key=key,
        value=written(value),
        nearest=written(_nearest(str(value), names)),
    )


def not_of_type(path: Path, place: str, table: Any, wanted: Any, error: msgspec.ValidationError) -> ScenarioError:
    """Return what `error` means, which msgspec raised when `table`, standing at `place`, was read as `wanted`."""
    place_said = _PLACE.search(str(error))
    what = str(error)[: place_said.start()] if place_said else str(error)
    dotted = place_said[1] if place_said else ""
    parts = [part for part in re.split(r"\.|\[(\d+)\]", dotted) if part]
    key = place + dotted if place else dotted.lstrip(".")
    names = _names(wanted, parts)
    if unknown := _UNKNOWN_KEY.fullmatch(what):
        return no_such_key(path, f"{key}.{unknown[1]}".lstrip("."), unknown[1], names)
    if missing := _MISSING_KEY.fullmatch(what):
        return ScenarioError(
            N_("{path}: {key}: this key is missing; add it"), path=path, key=f"{key}.{missing[1]}".lstrip(".")
        )
    value = _value(table, parts)
    if what.startswith("Invalid enum value"):
        return no_such_value(path, key, value, names)
    return ScenarioError(
        N_("{path}: {key} = {value}: {error}; correct it"), path=path, key=key, value=written(value), error=what
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    spelled = {one.lower(): one for one in known}
    return spelled[difflib.get_close_matches(name.lower(), spelled, n=1, cutoff=0)[0]]


def _value(table: Any, parts: Sequence[str]) -> Any:
    for part in parts:
        if isinstance(table, dict):
            table = table.get(part)
        elif isinstance(table, list) and part.isdecimal():
            table = table[int(part)]
    return table


def _names(wanted: Any, parts: Sequence[str]) -> list[str]:
    """Return the keys or words that can stand at `parts` inside a value of the type `wanted`."""
    nodes = _choices(msgspec.inspect.type_info(wanted))
    for part in parts:
        nodes = [inner for node in nodes for inner in _inside(node, part)]
    names: list[str] = []
    for node in nodes:
        if isinstance(node, msgspec.inspect.StructType):
            names += [field.encode_name for field in node.fields]
        elif isinstance(node, msgspec.inspect.EnumType):
            names += [str(member.value) for member in node.cls]
        elif isinstance(node, msgspec.inspect.LiteralType):
            names += map(str, node.values)
    return names


def _choices(node: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    return list(node.types) if isinstance(node, msgspec.inspect.UnionType) else [node]


def _inside(node: msgspec.inspect.Type, part: str) -> list[msgspec.inspect.Type]:
    if isinstance(node, msgspec.inspect.StructType):
        return [choice for field in node.fields if field.encode_name == part for choice in _choices(field.type)]
    return _choices(node.item_type) if isinstance(node, msgspec.inspect.ListType) else []
