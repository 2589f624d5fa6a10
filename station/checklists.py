"""Checking methods: the steps that a community asks of its guards at every passage (domain section 4).

Some steps the program sees for itself; the guard ticks the others.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from passes.errors import N_
from passes.plaintext import plain

if TYPE_CHECKING:
    from station.deciding import Scan

OWN = "own"
"""The method whose steps the community writes into its settings."""

Seen = Literal["", "scan", "reading", "id", "record"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its `code` stands in the record; what is `seen` by the program itself nobody has to tick.

    The label of the community's own step is its code.
    """

    code: str
    label: str
    seen: Seen = ""


_MASK = Step("mask", N_("mask"))
_ASK = Step("ask", N_("ask"))
_MEASURE = Step("measure", N_("temp"), "reading")
_PAPERS = Step("papers", N_("papers"), "scan")
_RECORD = Step("record", N_("record"), "record")

METHODS: dict[str, tuple[str, tuple[Step, ...]]] = {
    "stop_look_ask": (
        N_("Stop, look, ask, measure, check, record"),
        (Step("stop", N_("stop")), Step("look", N_("look")), _ASK, _MEASURE, _PAPERS, _RECORD),
    ),
    "measure_check_ask": (
        N_("Measure, ID card, three questions, register"),
        (_MEASURE, Step("id", N_("ID card"), "id"), Step("questions", N_("3 questions")), _RECORD),
    ),
    "queue_ask_check": (
        N_("Queue, ask, check the pass, measure"),
        (Step("queue", N_("queue")), _ASK, _PAPERS, _MEASURE),
    ),
    "ask_check_disinfect": (
        N_("Ask, measure, disinfect, record, check, dissuade"),
        (
            *(_ASK, _MEASURE, Step("disinfect", N_("disinfect")), _RECORD),
            *(Step("companions", N_("companions")), Step("dissuade", N_("dissuade"))),
        ),
    ),
    "four_musts": (
        N_("Identity, record, temperature, mask"),
        (Step("identity", N_("identity"), "scan"), _RECORD, _MEASURE, _MASK),
    ),
    "five_checks": (N_("Five checks, four questions, three done: fill in the steps"), ()),
    OWN: (N_("Our own steps"), ()),
}
"""Every method by its name in the settings: what it is called, and its steps; where there are none they are written."""


class Checklist:
    """The steps of one method, as far as they are done for whoever stands at the gate."""

    def __init__(self, method: str, own_steps: tuple[str, ...] = ()) -> None:
        self.method = method
        shipped = METHODS[method][1] if method else ()
        self.steps = shipped or tuple(Step(label, label) for label in map(plain, own_steps))
        self._ticked = False

    def begin(self) -> None:
        """Begin with a new person."""
        self._ticked = False

    def tick_all(self) -> None:
        """Take the guard's word that everything that only a person sees is done."""
        self._ticked = True

    @property
    def is_open(self) -> bool:
        """Whether the guard has yet to tick something."""
        return not self._ticked and any(not step.seen for step in self.steps)

    def is_done(self, step: Step, scan: "Scan") -> bool:
        """Say whether a step is done for a scan; recording is done when the passage is recorded."""
        if step.seen == "reading":
            return scan.celsius is not None
        if step.seen == "id":
            return scan.id_matches is True
        if step.seen == "record":
            return scan.recorded is not None
        return step.seen == "scan" or self._ticked

    def done(self, scan: "Scan") -> tuple[str, ...]:
        """Return the codes of the steps that a record of this scan says are done."""
        return tuple(step.code for step in self.steps if step.seen == "record" or self.is_done(step, scan))
