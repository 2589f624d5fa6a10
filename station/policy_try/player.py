"""Playing a scenario: step by step, and what each brought beside what it should have brought."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from passes.reasons import Reason
from passes.temperature import parse_celsius
from passes.trips import Direction
from station.policy_try.acting import Actor, Done
from station.policy_try.gates import PlayedGate
from station.policy_try.reading import Scenario
from station.policy_try.verbs import Expect, Step
from station.policy_try.world import World

_RANK = {reason.value: rank for rank, reason in enumerate(Reason)}


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What a step brought, under the names of `expect`; None where a step has nothing of the kind.

    `used`, `used_on` (by day), `trips`, `open` and `inside` are what the step's gate knows of the step's pass after it,
    or the first gate where a step names none. `reading` is the one that was stored, in degrees Celsius.
    """

    outcome: str
    verdict: str | None
    reasons: list[str]
    first: str | None
    used: int | None
    used_on: dict[date, int]
    trips: int | str | None
    open: bool | None
    inside: bool | None
    conflicts: int
    alerts: list[str]
    recorded: int
    reading: float | None


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A key of `expect` that did not come true."""

    key: str
    expected: Any
    found: Any


class PlayedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step, what it brought, and what of its `expect` did not come true."""

    step: Step
    found: Found
    differences: list[Difference]


def play(scenario: Scenario) -> list[PlayedStep]:
    """Play a scenario in a temporary folder.

    Raises `ScenarioError` when it turns out that its file is wrong, and what the station or the community raise when
    they cannot go on.
    """
    with TemporaryDirectory(prefix="gatepost-try-", ignore_cleanup_errors=True) as folder:
        world = World(scenario, Path(folder))
        try:
            player = _Player(world)
            return [player.play(step) for step in scenario.steps]
        finally:
            world.close()


class _Player:
    def __init__(self, world: World) -> None:
        self._world = world
        self._actor = Actor(world)
        self._last_alert = 0

    def play(self, step: Step) -> PlayedStep:
        world = self._world
        world.timeline.now_ms = round(step.at.timestamp() * 1000)
        world.synchronise()
        named = getattr(step, "gate", None) or getattr(step, "where", None)
        gate = world.gates.get(named or "") or next(iter(world.gates.values()))
        before = gate.journal.head().n
        with gate.system_zone():
            done = self._actor.act(step)
        world.synchronise()
        found = self._found(step, gate, done, gate.passages_after(before))
        return PlayedStep(step=step, found=found, differences=differences(step.expect, found))

    def _found(self, step: Step, gate: PlayedGate, done: Done, recorded: int) -> Found:
        answer, office = done.answer, self._world.office
        reasons = [reason.value for reason in answer.verdict.reasons] if answer else []
        alerts = office.alerts(self._last_alert)
        self._last_alert = alerts[-1].feed_no if alerts else self._last_alert
        return Found(
            outcome=done.outcome,
            verdict=answer.verdict.outcome.value if answer else None,
            reasons=reasons,
            first=reasons[0] if reasons else None,
            **self._standing(step, gate, done),
            conflicts=len(office.conflicts()),
            alerts=in_order(Reason(code) for alert in alerts for code in alert.reasons),
            recorded=recorded,
            reading=answer.celsius if answer and answer.recorded else None,
        )

    def _standing(self, step: Step, gate: PlayedGate, done: Done) -> dict[str, Any]:
        today = step.at.astimezone(self._world.scenario.zone).date()
        days = {today, *(step.expect.used_on or ())}
        kind = gate.kind(done.shown.kind) if done.shown else None
        if done.shown is None or kind is None:
            # A code of nobody's pass has used nothing; a step that is about no pass says nothing of it.
            none_used, is_open = (0, False) if done.answer else (None, None)
            used_on = dict.fromkeys(sorted(days), 0) if done.answer else {}
            return {"used": none_used, "used_on": used_on, "trips": None, "open": is_open, "inside": None}
        stands = {day: gate.standing(done.shown.shown_id, kind, day) for day in sorted(days)}
        is_open = stands[today].open_leg is not None
        return {
            "used": stands[today].used,
            "used_on": {day: standing.used for day, standing in stands.items()},
            "trips": "unlimited" if kind.trips is None else kind.trips,
            "open": is_open,
            "inside": is_open is (kind.first_leg is Direction.ENTRY),
        }


def in_order(reasons: Iterable[Reason]) -> list[str]:
    """Return the codes, each once, in the order in which they are shown."""
    return sorted({reason.value for reason in reasons}, key=_RANK.__getitem__)


def differences(expect: Expect, found: Found) -> list[Difference]:
    """Return what of `expect` did not come true; only what it names is compared."""
    differing = []
    for key in expect.__struct_fields__:
        expected = getattr(expect, key)
        if expected is None:
            continue
        name = key.removesuffix("_include")
        value = getattr(found, name)
        if not _is_true(key, expected, value):
            differing.append(Difference(key=key, expected=expected, found=value))
    return differing


def _is_true(key: str, expected: Any, value: Any) -> bool:
    if key in {"reasons", "alerts"}:
        return set(expected) == set(value)
    if key.endswith("_include"):
        return set(expected) <= set(value)
    if key == "used_on":
        return bool(expected.items() <= value.items())
    if key == "reading" and isinstance(expected, str):
        return bool(parse_celsius(expected) == value)
    return bool(expected == value)
