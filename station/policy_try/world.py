"""The world of a scenario: its community, gates and passes, and who of them can hear whom."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from secrets import token_bytes

from msgspec.structs import replace

from passes.errors import N_, GatepostError, UsageError
from passes.kinds import PRESETS
from passes.kinds import Kind as KindOfPass
from passes.number import number_of
from passes.token import PassClaims, issue_token
from passes.trips import Direction
from station.i18n import explain
from station.issuing import Desk
from station.policy_try.errors import ScenarioError
from station.policy_try.gates import PlayedGate, Timeline
from station.policy_try.model import Kind, NewPass, Pass
from station.policy_try.office import Office
from station.policy_try.reading import Scenario
from station.policy_try.tokens import is_odd, odd_token
from station.register import PassRow
from sync.bodies import Body, KindSet, PassIssued

_DESK = "office-desk"
"""The station at the office where passes are replaced and revoked; nobody is scanned there."""


@dataclass(frozen=True)
class PlayedPass:
    """A pass that exists, as the register has it: `token` is its code, `key` names the key that signed it.

    `shown_id` is the pass id that the token tells, which a scenario may have made another than the pass's own.
    """

    pass_id: str
    shown_id: str
    number: str
    token: str
    kind: str
    household: str
    holder_id: str
    key: str


class World:
    """Everything that a scenario plays with, in files under `folder`; raises `ScenarioError` for what cannot be.

    `close` ends all programs.
    """

    def __init__(self, scenario: Scenario, folder: Path) -> None:
        self.scenario = scenario
        self.timeline = Timeline(round(scenario.start.timestamp() * 1000))
        self.gates: dict[str, PlayedGate] = {}
        self.passes: dict[str, PlayedPass] = {}
        self._gates_folder = folder / "gates"
        self._gates_folder.mkdir()
        self._programs = ExitStack()
        self._desk: PlayedGate | None = None
        with self.wrong_key("keys"):
            self.office = Office(scenario, folder, self.timeline)
        self._programs.callback(self.office.close)
        try:
            self._set_up()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all programs."""
        self._programs.close()

    @contextmanager
    def wrong_key(self, key: str) -> Iterator[None]:
        """Tell what is wrong in the block as an error of the file, in its key `key`."""
        try:
            yield
        except GatepostError as error:
            path, named = self.scenario.path, self.scenario.expect_error
            wrong = ScenarioError(N_("{path}: {key}: {why}"), path=path, key=key, why=explain(error))
            wrong.expected = named is not None and wrong.is_about(named)
            raise wrong from error

    def _set_up(self) -> None:
        facts: list[tuple[Body, int]] = [
            (KindSet(kind=kind_of_pass(code, kind), effective_ms=0), 0) for code, kind in self.scenario.kinds.items()
        ]
        for name, written in self.scenario.passes.items():
            with self.wrong_key(f"passes.{name}"):
                body = self.make_pass(name, written, written.valid_from, written.valid_until)
            if written.known:
                facts.append((body, round(written.issued.timestamp() * 1000)))
        self.office.record_past(facts)
        for name, gate in self.scenario.gates.items():
            with self.wrong_key(f"gates.{name}"):
                self.gates[name] = self._enrolled(name, os_zone=gate.os_zone)

    def synchronise(self) -> None:
        """Bring the community and every gate that is online to the same state, their lists fresh."""
        desk = [self._desk] if self._desk else []
        self.office.synchronise([*desk, *(gate for gate in self.gates.values() if gate.claims.is_reachable)])

    def make_pass(self, name: str, asked: Pass | NewPass, valid_from: date, valid_until: date) -> PassIssued:
        """Make the pass that steps call `name`, and return what its issuing says; nobody has been told of it yet.

        Raises `UsageError` for what no pass can say.
        """
        keyring, claims = self.office.keyring, asked.claims
        good = PassClaims(
            pass_id=token_bytes(16),
            community=self.office.community,
            kind=asked.kind,
            valid_from=valid_from,
            valid_until=valid_until,
            holder=asked.holder,
            address=asked.household,
        )
        key = keyring.issuing[asked.key]
        token = issue_token(good, key)
        if is_odd(claims):
            token = odd_token(good, claims, key, keyring.named(asked.key, claims.key_id) if claims.key_id else key)
        body = PassIssued(
            pass_id=good.pass_id.hex(),
            number=number_of(good.pass_id),
            pass_kind=asked.kind,
            holder=asked.holder,
            # Who has the same name in the same household is the same person.
            holder_id=sha256(f"{asked.household}\n{asked.holder}".encode()).hexdigest()[:32],
            household=asked.household,
            address=asked.household,
            valid_from=valid_from.isoformat(),
            valid_until=valid_until.isoformat(),
            key_id=key.key_id.hex(),
            token=token,
            state=asked.state,
        )
        self.learn(name, body, asked.key, claims.id)
        return body

    def learn(self, name: str, issued: PassIssued | PassRow, key: str, shown_id: str | None = None) -> None:
        """Let steps call a pass `name`."""
        self.passes[name] = PlayedPass(
            pass_id=issued.pass_id,
            shown_id=shown_id.lower() if shown_id else issued.pass_id,
            number=issued.number,
            token=issued.token,
            kind=issued.kind if isinstance(issued, PassRow) else issued.pass_kind,
            household=issued.household,
            holder_id=issued.holder_id,
            key=key,
        )

    def existing(self, name: str) -> PlayedPass:
        """Return the pass that steps call `name`; raises `UsageError` when it was asked for and not issued."""
        if name not in self.passes:
            raise UsageError(N_("pass {name}: was not issued"), name=name)
        return self.passes[name]

    def place(self, where: str) -> PlayedGate:
        """Return the gate of this name, or else the office's own station."""
        if where in self.gates:
            return self.gates[where]
        if self._desk is None:
            self._desk = self._enrolled(_DESK)
            self.office.synchronise([self._desk])
        return self._desk

    def desk(self, where: PlayedGate, key: str) -> Desk:
        """Return the issuing desk at `where`, which signs with the key that the scenario calls `key`."""
        issuing = self.office.keyring.issuing[key]
        return Desk(where.journal, where.register, issuing, self.office.community, where.clock)

    def clone(self, original: PlayedGate, name: str) -> None:
        """Copy a gate's folder, its program still running, and start the copy on another machine."""
        folder = self._gates_folder / name
        shutil.copytree(original.folder, folder)
        self.gates[name] = self._started(PlayedGate(self.office.setting, folder, original.station, create=False))

    def _enrolled(self, station: str, os_zone: str | None = None) -> PlayedGate:
        self.office.enrol(station)
        return self._started(PlayedGate(self.office.setting, self._gates_folder / station, station, os_zone=os_zone))

    def _started(self, gate: PlayedGate) -> PlayedGate:
        self._programs.callback(gate.close)
        return gate


def kind_of_pass(code: str, kind: Kind) -> KindOfPass:
    """Return a scenario's kind as gates obey it.

    A scenario says nothing of visitors and exempt kinds: presets of that name are what they are, and of all others
    those who enter first are visitors.
    """
    base = PRESETS.get(code) or KindOfPass(code, code, kind.first_leg, visitor=kind.first_leg is Direction.ENTRY)
    return replace(
        base,
        first_leg=kind.first_leg,
        trips=None if kind.trips == "unlimited" else kind.trips,
        period_days=kind.period_days,
        count=kind.count,
        hours=tuple(window.hours() for window in kind.hours),
        minutes_away=kind.minutes_away,
        id_check=kind.id_check,
        reading=kind.reading,
    )
