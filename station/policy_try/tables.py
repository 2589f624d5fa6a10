"""The tables of a scenario file that are not steps, and the names that they give to steps."""

from calendar import monthrange
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from passes.errors import N_
from station.policy_try.checks import Checks, RawTable
from station.policy_try.model import DEFAULT_KEY, Gate, Key, Kind, NewPass, Pass

_HOLDERS = ("张三", "李四", "王小明", "赵小红", "钱多多", "孙小美", "周大春", "吴小东")


@dataclass
class Names:
    """What a step may name; it grows as steps issue passes and clone gates. `kinds` holds their tables as of now."""

    kinds: dict[str, RawTable]
    keys: set[str] = field(default_factory=set)
    gates: set[str] = field(default_factory=set)
    passes: set[str] = field(default_factory=set)
    households: set[str] = field(default_factory=set)


class Tables:
    """Reads tables with `checks`, filling in what they leave out; `start` is the scenario's first instant."""

    def __init__(self, checks: Checks, start: datetime, names: Names) -> None:
        self._checks = checks
        self._start = start
        self.names = names

    def gates(self, written: list[str] | dict[str, RawTable]) -> dict[str, Gate]:
        """Return the gates by name, which a file lists or gives a table each."""
        if isinstance(written, list):
            for i, name in enumerate(written):
                self._checks.new(f"gates[{i}]", name, written[:i])
            written = {name: {} for name in written}
        if not written:
            raise self._checks.error(N_("{path}: {key}: there is no gate; name at least one"), "gates")
        gates = {name: self._checks.convert(table, Gate, f"gates.{name}") for name, table in written.items()}
        for name, gate in gates.items():
            if gate.os_zone is not None:
                self._checks.zone_named(f"gates.{name}.os_zone", gate.os_zone)
        self.names.gates.update(gates)
        return gates

    def keys(self, written: dict[str, RawTable]) -> dict[str, Key]:
        """Return the keys by name, the default one among them."""
        tables: dict[str, RawTable] = {DEFAULT_KEY: {}} | written
        keys = {name: self._checks.convert(table, Key, f"keys.{name}") for name, table in tables.items()}
        self.names.keys.update(keys)
        return keys

    def kind(self, table: RawTable, place: str) -> Kind:
        """Return the kind of pass that stands at `place`."""
        kind = self._checks.convert(table, Kind, place)
        for i, window in enumerate(kind.hours):
            try:
                window.hours()
            except ValueError as error:
                key = str(error)
                value = {"days": window.days, "from": window.start, "to": window.end}[key]
                sentence = N_(
                    '{path}: {key} = {value}: write days like "mon-fri" or "sat,sun", hours like "06:00", later last'
                )
                raise self._checks.error(sentence, f"{place}.hours[{i}].{key}", value) from None
        return kind

    def issued_pass(self, name: str, table: RawTable) -> Pass:
        """Return the pass that was issued before the scenario starts."""
        place = f"passes.{name}"
        read = self._checks.convert(self.filled_in(name, table, self._start - timedelta(hours=1), place), Pass, place)
        if read.valid_until < read.valid_from:
            sentence = N_("{path}: {key} = {value}: the last day is before the first; correct one of them")
            raise self._checks.error(sentence, f"{place}.until", read.valid_until)
        self.learn(name, read, place)
        return read

    def filled_in(self, name: str, table: RawTable, issued: datetime, place: str) -> RawTable:
        """Return the table of a pass with everything that it leaves out, but its kind."""
        first = self._start.astimezone(self._checks.zone).date().replace(day=1)
        defaults = {
            "holder": _HOLDERS[len(self.names.passes) % len(_HOLDERS)],
            "household": f"household of {name}",
            "from": first.isoformat(),
            "until": first.replace(day=monthrange(first.year, first.month)[1]).isoformat(),
            "issued": issued,
        }
        return defaults | self._checks.with_instants(table, ["issued"], place)

    def learn(self, name: str, read: Pass | NewPass, place: str) -> None:
        """Let the steps that follow name this pass; its own kind and key must be known."""
        self._checks.known(f"{place}.kind", read.kind, self.names.kinds)
        self._checks.known(f"{place}.key", read.key, self.names.keys)
        self.names.passes.add(name)
        self.names.households.add(read.household)
