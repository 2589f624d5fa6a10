"""What `gatepost doctor` looks at: the machine, the station in its folder, its devices. Nothing is repaired here.

Looking disturbs nothing: a port that is in use is left alone, and nothing is written but a file that is deleted again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from passes.errors import GatepostError
from station.i18n import explain


class State(StrEnum):
    """How serious a finding is: a problem needs a hand, a note only a look."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


SYMBOLS = {State.OK: "OK", State.NOTE: "!!", State.PROBLEM: "XX"}
"""The symbols of the gate screen's verdicts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `check` is its name for machines.

    `sentence` is English with `{name}` fields, marked by `N_`, and says the remedy of what is not right; `values` fill
    the fields.
    """

    check: str
    state: State
    sentence: str
    values: Mapping[str, object] = field(default_factory=dict, hash=False)

    @property
    def text(self) -> str:
        """The sentence in the language in use, its values made harmless."""
        return explain(GatepostError(self.sentence, **self.values))


def ok(check: str, sentence: str, /, **values: object) -> Finding:
    """Return that all is well."""
    return Finding(check, State.OK, sentence, values)


def note(check: str, sentence: str, /, **values: object) -> Finding:
    """Return what is worth a look."""
    return Finding(check, State.NOTE, sentence, values)


def problem(check: str, sentence: str, /, **values: object) -> Finding:
    """Return what has to be put right."""
    return Finding(check, State.PROBLEM, sentence, values)
