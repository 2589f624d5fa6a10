"""The world of a scenario: its community, gates and passes, and who of them can hear whom."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from passes.errors import N_, GatepostError
from passes.keys import IssuingKey
from passes.kinds import PRESETS, Mode
from passes.kinds import Kind as KindOfPass
from passes.number import number_of
from passes.token import PassClaims, issue_token
from passes.trips import Direction
from station.policy_try.errors import ScenarioError
from station.policy_try.gates import PlayedGate, Timeline
from station.policy_try.model import Kind, NewPass, Pass
from station.policy_try.office import Office
from station.policy_try.reading import Scenario
from station.policy_try.tokens import is_odd, odd_token
from station.register import PassRow
from sync.bodies import KindSet, ModeSet, PassIssued

_DESK = "office-desk"
"""The station at the office that issues, replaces and revokes; no gate, so nobody is scanned there."""


@dataclass(frozen=True)
class PlayedPass:
    """A pass that exists: `token` is what its code says, `shown_id` the id that the token gives, the pass's own or not.

    `kind`, `household` and `holder_id` are those of the register, `key` names the key that signed it.
    """

    pass_id: str
    shown_id: str
    token: str
    kind: str
    household: str
    holder_id: str
    key: str


class World:
    """Everything that a scenario plays with, in files under `folder`."""

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.timeline = Timeline(int(scenario.start.timestamp() * 1000))
        self.office = Office(scenario, folder, self.timeline)
        self.gates: dict[str, PlayedGate] = {}
        self.passes: dict[str, PlayedPass] = {}
        self._folder = folder
        self._desk: PlayedGate | None = None
        for name, gate in scenario.gates.items():
            self.gates[name] = self._start(name, os_zone=gate.os_zone)
        kinds = [KindSet(kind=kind_of_pass(code, kind), effective_ms=0) for code, kind in scenario.kinds.items()]
        issued = []
        for name, written in scenario.passes.items():
            try:
                body = self.make_pass(name, written, written.valid_from, written.valid_until)
            except GatepostError as error:
                raise self._wrong(f"passes.{name}", error) from error
            if written.known:
                issued.append((body, int(written.issued.timestamp() * 1000)))
        self.office.record_past([*((kind, 0) for kind in kinds), *issued])

    def close(self) -> None:
        """End all programs."""
        for gate in self._all_gates():
            gate.close()
        self.office.close()

    def _wrong(self, key: str, error: GatepostError) -> ScenarioError:
        """Return the error of the file in whose key `error` lies."""
        sentence = N_("{path}: {key}: {why}")
        wrong = ScenarioError(sentence, path=self.scenario.path, key=key, why=error)
        wrong.expected = self.scenario.expect_error is not None and wrong.is_about(self.scenario.expect_error)
        return wrong
