"""Doing what the steps of a scenario say, each verb through the use case that screens and commands call."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from passes.errors import UsageError
from passes.kinds import Mode as ModeOfGates
from passes.policy import Outcome
from passes.temperature import Finding, parse_celsius
from station.corrections import CorrectionError, confirm_clock, record_missed, undo
from station.deciding import Scan as Answer
from station.issuing import IssuingError, restore, revoke, suspend
from station.policy_try import verbs
from station.policy_try.errors import ScenarioError
from station.policy_try.gates import PlayedGate
from station.policy_try.model import Number, Reading, Token
from station.policy_try.tokens import damaged
from station.policy_try.verbs import Presented, Step
from station.policy_try.world import PlayedPass, World, kind_of_pass
from station.register import PassRow
from sync import bodies
from sync.bodies import Attempt, PassReplaced, PassRevoked

_WHY = "演练"
"""Stands for a reason where a step gives none and the rules ask for none."""

_LEAD = "李四"
"""The lead on duty, and the witness when a pass is destroyed."""


@dataclass(frozen=True)
class Done:
    """What a step came to: its outcome, the gate's answer to who was presented, and which pass it was about."""

    outcome: str
    answer: Answer | None = None
    shown: PlayedPass | None = None


@dataclass(frozen=True)
class _Held:
    """A scan that waits for its `confirm`."""

    answer: Answer
    shown: PlayedPass | None
    has_reading: bool


class Actor:
    """Plays the steps of one world, in their order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._count = 0
        self._held: dict[str, _Held] = {}
        self._verbs: dict[str, Callable[[Any], Done]] = {
            "scan": self._scan,
            "verify": self._verify,
            "override": self._override,
            "confirm": self._confirm,
            "issue": self._issue,
            "refuse": self._refuse,
            "undo": self._undo,
            "missed": self._missed,
            "revoke": self._revoke,
            "restore": self._restore,
            "suspend": self._suspend,
            "replace": self._replace,
            "kind": self._kind,
            "mode": self._mode,
            "key": self._key,
            "offline": self._offline,
            "online": self._online,
            "sync": self._sync,
            "clock": self._clock,
            "confirm_clock": self._confirm_clock,
            "clone": self._clone,
            "restart": self._restart,
            "close_conflict": self._close_conflict,
            **dict.fromkeys(_ON_HOLDER, self._on_holder),
        }

    def act(self, step: Step) -> Done:
        """Do what the next step says; what the rules do not let happen comes back as `rejected`.

        Raises `ScenarioError` for what no step can say.
        """
        self._count += 1
        try:
            return self._verbs[step.do](step)
        except ScenarioError:
            raise
        except (UsageError, CorrectionError, IssuingError):
            return Done("rejected", shown=self._world.passes.get(getattr(step, "pass_", None) or ""))

    def _scan(self, step: verbs.Scan) -> Done:
        gate = self._world.gates[step.gate]
        presented = self._present(gate, step)
        if not step.hold:
            return self._record(gate, presented)
        self._held[step.gate] = presented
        return _answered(presented)

    def _confirm(self, step: verbs.AtGate) -> Done:
        held = self._held.pop(step.gate, None)
        return self._record(self._world.gates[step.gate], held) if held else Done("ignored")

    def _verify(self, step: verbs.Verify) -> Done:
        return _answered(self._present(self._world.gates[step.gate], step))

    def _override(self, step: verbs.Override) -> Done:
        gate = self._world.gates[step.gate]
        presented = self._present(gate, step)
        if presented.answer.person is None or not presented.has_reading or not step.why:
            # Nothing that a lead may overrule, or no reason for it: then it is a scan like any other.
            return self._record(gate, presented)
        done = gate.gate.override(presented.answer, lead=_LEAD, reason=step.why)
        return Done(done.verdict.outcome.value, done, presented.shown)

    def _present(self, gate: PlayedGate, step: Presented) -> _Held:
        """Show a code at a gate: it is decided with the readings and the look at the ID card, and not recorded."""
        text, shown = self._text(step)
        attempts = [attempt for value in step.attempts or [] for attempt in _attempt(value, gate.clock.now_ms())]
        answer = gate.gate.verify(text, step.direction, attempts)
        if answer.verdict.needs_id:
            answer = gate.gate.verify(text, step.direction, attempts, id_matches=step.id is not False)
        findings = {gate.gate.rule.judge(attempt.celsius) for attempt in attempts}
        has_reading = step.attempts is not None and not findings.isdisjoint((Finding.NORMAL, Finding.FEVER))
        # Nobody is measured whose code says nothing.
        return _Held(answer, shown, has_reading or answer.person is None)

    def _record(self, gate: PlayedGate, presented: _Held) -> Done:
        if not presented.has_reading:
            return Done("ignored", presented.answer, presented.shown)
        done = gate.gate.admit(presented.answer, acknowledged=True)
        is_repeated = done.again and done.verdict.outcome is not Outcome.REFUSE
        return Done("again" if is_repeated else done.verdict.outcome.value, done, presented.shown)

    def _text(self, step: Presented) -> tuple[str, PlayedPass | None]:
        """Return what is scanned or typed, and the pass that it is or was."""
        passes = self._world.passes
        if step.pass_ is not None:
            shown = passes.get(step.pass_)
            # Asked for and not issued, there is no code: whatever is shown instead is none.
            return (shown.token, shown) if shown else (step.pass_, None)
        if isinstance(step.token, Token):
            shown = self._world.existing(step.token.of)
            with self._world.wrong_key(f"steps[{self._count - 1}].token"):
                return damaged(shown.token, step.token), shown
        if isinstance(step.number, Number):
            shown = self._world.existing(step.number.of)
            return shown.number, shown
        text = step.token if isinstance(step.token, str) else str(step.number)
        return text, next((one for one in passes.values() if text in (one.token, one.number)), None)

    def _refuse(self, step: verbs.Refuse) -> Done:
        gate, shown = self._world.gates[step.gate], self._world.existing(step.pass_)
        scan = gate.gate.verify(shown.token, step.direction)
        return Done("accepted", gate.gate.turn_back(scan, step.why or _WHY), shown)

    def _undo(self, step: verbs.Undo) -> Done:
        gate, shown = self._world.gates[step.gate], self._world.existing(step.pass_)
        undo(gate.journal, gate.register, gate.clock, shown.shown_id, step.why)
        return Done("accepted", shown=shown)

    def _missed(self, step: verbs.Missed) -> Done:
        gate, shown = self._world.gates[step.gate], self._world.existing(step.pass_)
        kind = gate.kind(shown.kind)
        assert kind is not None  # noqa: S101 - the file's kinds are set before anything happens
        record_missed(
            gate.journal,
            gate.register,
            gate.clock,
            shown.shown_id,
            direction=step.direction,
            first_leg=kind.first_leg,
            happened_ms=round(step.time.timestamp() * 1000),
            reason=step.why or "",
        )
        return Done("accepted", shown=shown)

    def _issue(self, step: verbs.Issue) -> Done:
        asked = step.issue
        body = self._world.make_pass(step.pass_, asked, _day(asked.valid_from), _day(asked.valid_until))
        if asked.known:
            self._world.office.record(body)
        return Done("accepted", shown=self._world.passes[step.pass_])

    def _revoke(self, step: verbs.OnPass) -> Done:
        place, shown = self._world.place(step.where), self._world.existing(step.pass_)
        reason = step.why or _WHY
        row = place.register.find_pass(shown.pass_id)
        if row is None and step.where == verbs.COMMUNITY:
            # Nobody's register has it, but its code exists: only the office can put an end to that.
            self._world.office.record(PassRevoked(pass_id=shown.shown_id, reason=reason))
            return Done("accepted", shown=shown)
        witness = _LEAD if reason == "destroyed" else None
        revoke(place.journal, place.register, place.clock, _known(row), reason=reason, witness=witness)
        return Done("accepted", shown=shown)

    def _restore(self, step: verbs.OnPass) -> Done:
        return self._change_state(step, restore)

    def _suspend(self, step: verbs.OnPass) -> Done:
        return self._change_state(step, suspend)

    def _change_state(self, step: verbs.OnPass, change: Callable[..., None]) -> Done:
        place, shown = self._world.place(step.where), self._world.existing(step.pass_)
        row = _known(place.register.find_pass(shown.pass_id))
        change(place.journal, place.register, place.clock, row, reason=step.why or _WHY)
        return Done("accepted", shown=shown)

    def _replace(self, step: verbs.Replace) -> Done:
        place, shown = self._world.place(step.where), self._world.existing(step.pass_)
        desk, reason = self._world.desk(place, shown.key), step.why or _WHY
        row = _known(place.register.find_pass(shown.pass_id))
        by = self._world.passes.get(step.by) if step.by else None
        if by is None:
            new = desk.replace(row, reason=reason)
            self._world.learn(step.by or f"{step.pass_} (2)", new, shown.key)
        else:
            with place.journal.writing():
                body = PassReplaced(pass_id=shown.pass_id, by=by.pass_id, reason=reason)
                place.register.record(body, place.clock.now_ms())
        return Done("accepted", shown=shown)

    def _on_holder(self, step: verbs.OnHolder) -> Done:
        shown = self._world.existing(step.pass_) if step.pass_ else None
        who: dict[str, Any] = {"holder_id": shown.holder_id} if shown else {"household": step.household}
        if step.until is not None and step.do == "quarantine":
            who["until"] = step.until.isoformat()
        self._world.office.record(_ON_HOLDER[step.do](reason=step.why, **who))
        return Done("accepted", shown=shown)

    def _kind(self, step: verbs.ChangeKind) -> Done:
        kind = kind_of_pass(step.name, step.kind)
        self._world.office.record(bodies.KindSet(kind=kind, effective_ms=self._world.timeline.now_ms))
        return Done("accepted")

    def _mode(self, step: verbs.Mode) -> Done:
        body = bodies.ModeSet(mode=ModeOfGates(step.mode), effective_ms=self._world.timeline.now_ms)
        self._world.office.record(body)
        return Done("accepted")

    def _key(self, step: verbs.ChangeKey) -> Done:
        if step.state == "unknown":
            # A list that forgets a key is refused by every gate: what was known once stays known.
            return Done("rejected")
        self._world.office.set_key(step.name, is_withdrawn=step.state == "withdrawn")
        return Done("accepted")

    def _offline(self, step: verbs.AtGate) -> Done:
        self._world.gates[step.gate].claims.is_reachable = False
        return Done("accepted")

    def _online(self, step: verbs.AtGate) -> Done:
        self._world.gates[step.gate].claims.is_reachable = True
        return Done("accepted")

    def _sync(self, step: verbs.Sync) -> Done:
        for name in step.gates:
            self._world.office.synchronise([self._world.gates[name]])
        return Done("accepted")

    def _clock(self, step: verbs.Clock) -> Done:
        gate = self._world.gates[step.gate]
        if step.os_zone is not None:
            gate.os_zone = step.os_zone
        if step.set is not None:
            gate.clock.offset_ms = round((step.set - step.at).total_seconds() * 1000)
        elif step.offset_s is not None:
            gate.clock.offset_ms = round(step.offset_s * 1000)
        return Done("accepted")

    def _confirm_clock(self, step: verbs.AtGate) -> Done:
        gate = self._world.gates[step.gate]
        confirm_clock(gate.journal, gate.register, gate.clock, _LEAD)
        return Done("accepted")

    def _clone(self, step: verbs.Clone) -> Done:
        self._world.clone(self._world.gates[step.gate], step.as_)
        return Done("accepted")

    def _restart(self, step: verbs.AtGate) -> Done:
        self._held.pop(step.gate, None)
        gate = self._world.gates[step.gate]
        gate.close()
        gate.open()
        return Done("accepted")

    def _close_conflict(self, step: verbs.CloseConflict) -> Done:
        shown, office = self._world.existing(step.pass_), self._world.office
        line_of = next(iter(self._world.gates.values())).register.line_of
        line = line_of(shown.shown_id)
        found = [conflict for conflict in office.conflicts() if line_of(conflict.pass_id) == line]
        if not found:
            return Done("rejected", shown=shown)
        discard = [self._world.gates[step.discard].station] if step.discard else []
        for conflict in found:
            office.close_conflict(conflict, step.why or "", discard)
        return Done("accepted", shown=shown)


_ON_HOLDER: dict[str, type[bodies.Restriction]] = {
    "ban": bodies.HolderBanned,
    "unban": bodies.HolderUnbanned,
    "watch": bodies.WatchListed,
    "clear": bodies.WatchCleared,
    "quarantine": bodies.QuarantineOrdered,
    "release": bodies.QuarantineReleased,
}


def _answered(presented: _Held) -> Done:
    outcome = presented.answer.verdict.outcome.value if presented.has_reading else "ignored"
    return Done(outcome, presented.answer, presented.shown)


def _attempt(value: Reading, at_ms: int) -> list[Attempt]:
    """Return a reading as an attempt; what was typed and is no number is none."""
    if isinstance(value, str):
        try:
            return [Attempt(celsius=parse_celsius(value), at_ms=at_ms, manual=True, quantity="body", reason=_WHY)]
        except UsageError:
            return []
    return [Attempt(celsius=value, at_ms=at_ms)]


def _known(row: PassRow | None) -> PassRow:
    if row is None:
        raise IssuingError("this pass is in nobody's register")
    return row


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError("no such day") from None
