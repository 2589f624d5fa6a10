"""What happens in front of a simulated device, one act a line, as training scripts write it.

For a thermometer, `present 36.5 for 3s`, `leave 2s`, `noise 1s`; `#` begins a remark.
"""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from passes.errors import N_, UsageError
from passes.plaintext import plain

_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(ms|s|min)?")
_SECONDS: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, None: 1.0}
_LONGEST_S: Final = 86_400.0
_MOST_BYTES: Final = 1_000_000


class ScriptError(UsageError):
    """A script that cannot be played; the sentence names file, line and remedy."""


@dataclass(frozen=True, slots=True)
class Act:
    """One line of a script: what is done for so many `seconds`; `value` is None where the verb takes none."""

    verb: str
    value: Any
    seconds: float

    def __str__(self) -> str:
        words = [self.verb] if self.value is None else [self.verb, str(self.value)]
        return " ".join([*words, "for", f"{self.seconds:g}s"])


@dataclass(frozen=True, slots=True)
class Verb:
    """What a line may say.

    `value` reads the verb's value and raises ValueError, `example` is one; without them it has none. `seconds` is how
    long it lasts unless the line says so.
    """

    value: Callable[[str], Any] | None = None
    example: str = ""
    seconds: float = 1.0


def read_script(path: Path, verbs: Mapping[str, Verb]) -> list[Act]:
    """Return the acts in the file at `path`; raises ScriptError, also for a file without any."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ScriptError(N_("{path}: cannot be read: {error}"), path=path, error=error) from error
    if len(data) > _MOST_BYTES:
        raise ScriptError(N_("{path}: longer than {most} bytes; this is no script"), path=path, most=_MOST_BYTES)
    acts = []
    for number, line in enumerate(text.splitlines(), 1):
        words = unicodedata.normalize("NFKC", line).partition("#")[0].split()
        if words:
            acts.append(_act(words, verbs, path, number))
    if not acts:
        raise ScriptError(
            N_("{path}: nothing happens in this script; write lines like: {example}"),
            path=path,
            example=_example(*next(iter(verbs.items()))),
        )
    return acts


def _act(words: list[str], verbs: Mapping[str, Verb], path: Path, number: int) -> Act:
    name, *rest = words
    verb = verbs.get(name.lower())
    if verb is None:
        raise ScriptError(
            N_('{path}: line {number}: "{word}" is not known; one of: {known}'),
            path=path,
            number=number,
            word=plain(name, 40),
            known=", ".join(verbs),
        )
    try:
        value, seconds = _value_and_seconds(rest, verb)
    except (ValueError, IndexError):
        raise ScriptError(
            N_('{path}: line {number}: "{line}" is not understood; write it like: {example}'),
            path=path,
            number=number,
            line=plain(" ".join(words), 60),
            example=_example(name.lower(), verb),
        ) from None
    return Act(name.lower(), value, seconds)


def _value_and_seconds(words: list[str], verb: Verb) -> tuple[Any, float]:
    """Return what `VALUE [for] DURATION` says; raises ValueError, or IndexError for a value that is not there."""
    rest = list(words)
    value = None if verb.value is None else verb.value(rest.pop(0))
    if not rest:
        return value, verb.seconds
    first = rest.pop(0)
    seconds = _duration(rest.pop(0) if first == "for" else first)
    if rest:
        raise ValueError(rest)
    return value, seconds


def _duration(text: str) -> float:
    written = _DURATION.fullmatch(text)
    if written is None:
        raise ValueError(text)
    seconds = float(written[1]) * _SECONDS[written[2]]
    if seconds > _LONGEST_S:
        raise ValueError(text)
    return seconds


def _example(name: str, verb: Verb) -> str:
    return " ".join(word for word in (name, verb.example, f"{verb.seconds:g}s") if word)


def a_queue(seed: int) -> Iterator[Act]:
    """Yield invented people who step up to a thermometer and leave, without end; some have a fever, some are cold."""
    source = random.Random(seed)  # noqa: S311 - a simulation that must be repeatable, no secret
    while True:
        lowest, highest = source.choices([(36.2, 36.9), (37.4, 39.4), (33.5, 34.8)], weights=[92, 5, 3])[0]
        yield Act("present", round(source.uniform(lowest, highest), 1), round(source.uniform(2.0, 4.0), 1))
        yield Act("leave", None, round(source.uniform(1.0, 3.0), 1))
