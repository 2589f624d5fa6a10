"""The steps of a scenario file: each read as its verb says, in order of time, naming only what there is."""

from datetime import datetime
from typing import Any

from passes.errors import N_
from station.policy_try.checks import Checks, RawTable
from station.policy_try.model import Number, Token, clock_time
from station.policy_try.tables import Tables
from station.policy_try.verbs import (
    COMMUNITY,
    VERBS,
    ChangeKey,
    ChangeKind,
    Clock,
    Clone,
    Issue,
    Missed,
    OnHolder,
    Replace,
    Scan,
    Step,
    Sync,
)

_OF_A_STEP = ("do", "at", "expect", "name")
_KEY_STATES = {"trust": "trusted", "withdraw": "withdrawn"}


class Steps:
    """Reads steps one after the other; what one of them makes, the later ones may name."""

    def __init__(self, checks: Checks, tables: Tables) -> None:
        self._checks = checks
        self._tables = tables
        self._names = tables.names
        self._held: set[str] = set()

    def read(self, written: list[RawTable], start: datetime) -> list[Step]:
        """Return the steps, none of which may be before `start` or the step that it follows."""
        steps: list[Step] = []
        before = start
        for i, table in enumerate(written):
            place = f"steps[{i}]"
            step = self._step(table, place)
            if step.at < before:
                sentence = N_("{path}: {key} = {value}: time goes back from {before}; put the steps in order of time")
                raise self._checks.error(
                    sentence, f"{place}.at", table["at"], before=before.astimezone(self._checks.zone)
                )
            self._check_names(step, place)
            self._check_fields(step, place)
            self._learn(step, place)
            steps.append(step)
            before = step.at
        return steps

    def _step(self, table: RawTable, place: str) -> Step:
        for key in ("do", "at"):
            if key not in table:
                raise self._checks.error(N_("{path}: {key}: this key is missing; add it"), f"{place}.{key}")
        self._checks.known(f"{place}.do", table["do"], VERBS)
        wanted = VERBS[table["do"]]
        table = self._checks.with_instants(table, ["at", "set"] if wanted is Clock else ["at"], place)
        if "gate" in wanted.__struct_fields__ and len(self._names.gates) == 1:
            table = {"gate": next(iter(self._names.gates))} | table
        if wanted is Issue:
            table = self._issue(table, place)
        elif wanted is ChangeKind:
            table = self._change_kind(table, place)
        elif wanted is Missed and "time" in table:
            table = table | {"time": self._time(table["time"], table["at"], f"{place}.time")}
        elif wanted is ChangeKey and isinstance(table.get("state"), str):
            table = table | {"state": _KEY_STATES.get(table["state"], table["state"])}
        return self._checks.convert(table, wanted, place)

    def _issue(self, table: RawTable, place: str) -> RawTable:
        """Fill in the pass to issue; its name is the step's `pass`, or the key of a `[passes]` table of one pass."""
        issue = table.get("issue")
        if not isinstance(issue, dict):
            return table
        if len(issue) == 1 and "pass" not in table and isinstance(next(iter(issue.values())), dict):
            ((name, issue),) = issue.items()
        else:
            name = table.get("pass", place)
        filled_in = self._tables.filled_in(str(name), issue, table["at"], f"{place}.issue")
        return table | {"pass": name, "issue": filled_in}

    def _change_kind(self, table: RawTable, place: str) -> RawTable:
        """Put the whole new kind where the step names only what changes."""
        name = table.get("name")
        if not isinstance(name, str):
            return table
        self._checks.known(f"{place}.name", name, self._names.kinds)
        changed = {key: value for key, value in table.items() if key not in _OF_A_STEP}
        kind = self._names.kinds[name] | changed
        self._tables.kind(kind, place)
        self._names.kinds[name] = kind
        return {key: table[key] for key in _OF_A_STEP if key in table} | {"kind": kind}

    def _time(self, value: Any, at: Any, key: str) -> datetime:
        """Return an instant, which may be written as a time of the step's own day."""
        if isinstance(value, str):
            try:
                return self._checks.instant(
                    key, datetime.combine(at.astimezone(self._checks.zone).date(), clock_time(key, value))
                )
            except ValueError:
                pass  # not a time of day alone
        return self._checks.instant(key, value)

    def _check_names(self, step: Step, place: str) -> None:
        names = self._names
        known = {"gate": names.gates, "discard": names.gates, "household": names.households}
        known |= {"where": {COMMUNITY} | names.gates}
        if not isinstance(step, Issue):
            known["pass_"] = names.passes
        if isinstance(step, ChangeKey):
            known["name"] = names.keys
        for field, there in known.items():
            self._checks.known(f"{place}.{field.rstrip('_')}", getattr(step, field, None), there)
        for field in ("token", "number"):
            shown = getattr(step, field, None)
            if isinstance(shown, Token | Number):
                self._checks.known(f"{place}.{field}.of", shown.of, names.passes)
        if isinstance(step, Sync):
            for i, gate in enumerate(step.gates):
                self._checks.known(f"{place}.gates[{i}]", gate, names.gates)

    def _check_fields(self, step: Step, place: str) -> None:
        if hasattr(step, "reading"):
            self._exactly_one(step, place, "pass", "token", "number")
        elif isinstance(step, OnHolder):
            self._exactly_one(step, place, "pass", "household")
        elif isinstance(step, Clock):
            if step.os_zone is None:
                self._exactly_one(step, place, "offset_s", "set")
            else:
                self._checks.zone_named(f"{place}.os_zone", step.os_zone)
        elif step.do == "confirm" and getattr(step, "gate", None) not in self._held:
            sentence = N_("{path}: {key} = {value}: no scan is held there; give one before hold = true")
            raise self._checks.error(sentence, f"{place}.gate", getattr(step, "gate", None))

    def _exactly_one(self, step: Step, place: str, *keys: str) -> None:
        given = [key for key in keys if getattr(step, "pass_" if key == "pass" else key) is not None]
        if len(given) != 1:
            sentence = N_("{path}: {key}: of {keys}, exactly one is needed; found: {count}")
            raise self._checks.error(sentence, f"{place}.{keys[0]}", keys=", ".join(keys), count=len(given))

    def _learn(self, step: Step, place: str) -> None:
        if isinstance(step, Issue):
            self._checks.new(f"{place}.pass", step.pass_, self._names.passes)
            self._tables.learn(step.pass_, step.issue, f"{place}.issue")
        elif isinstance(step, Replace) and step.by is not None:
            self._names.passes.add(step.by)
        elif isinstance(step, Clone):
            self._checks.new(f"{place}.as", step.as_, self._names.gates)
            self._names.gates.add(step.as_)
        elif isinstance(step, Scan):
            (self._held.add if step.hold else self._held.discard)(step.gate)
        elif step.do == "confirm":
            self._held.discard(getattr(step, "gate", ""))
