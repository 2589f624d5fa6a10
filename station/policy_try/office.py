"""The community of a scenario: a real database in a folder, its orders, its keys, and the exchange with gates."""

from collections.abc import Iterable
from pathlib import Path

from passes.errors import N_, GatepostError
from passes.trust import read_trust_list, trust_list_text
from station.policy_try.gates import PlayedGate, Setting, Timeline
from station.policy_try.keyring import Keyring
from station.policy_try.reading import Scenario
from sync.bodies import Body, KeyAdded, KeyWithdrawn
from sync.community import inserting
from sync.community.conflicts import Alert, Conflict, alerts, close_conflict, find_conflicts, open_conflicts
from sync.community.database import open_engine, reading, writing
from sync.community.feed import read_feed
from sync.community.ingest import read_batch, store_batch
from sync.community.journal import OFFICE, append
from sync.community.registry import add_community
from sync.community.schema import migrate
from sync.community.stations import add_station
from sync.events import to_json
from sync.wire import MAX_EVENTS


class Office:
    """The community's side of one scenario, its database in `folder`."""

    def __init__(self, scenario: Scenario, folder: Path, timeline: Timeline) -> None:
        community = scenario.community
        self.community = community.id
        self.keyring = Keyring(scenario.keys, community.id, timeline.now_ms)
        root_public_key = self.keyring.root.public_key
        trust = read_trust_list(self.keyring.signed_list(timeline.now_ms), root_public_key)
        self.engine = open_engine(f"sqlite:///{folder / 'community.sqlite'}")
        migrate(self.engine)
        add_community(self.engine, community.id, community.name, community.zone)
        self.setting = Setting(self.engine, community.id, scenario.zone, timeline, trust, root_public_key)
        self._timeline = timeline
        self._latest_ms = timeline.now_ms - 1

    def close(self) -> None:
        """Let the database go."""
        self.engine.dispose()

    def enrol(self, station: str) -> None:
        """Let a station take part."""
        add_station(self.engine, self.community, station, station, self._timeline.now_ms)

    def record(self, body: Body) -> None:
        """Write an order into the community's own journal, behind all those before it."""
        # Two orders of one instant would be told apart by chance.
        self._latest_ms = max(self._timeline.now_ms, self._latest_ms + 1)
        self.record_past([(body, self._latest_ms)])

    def record_past(self, facts: Iterable[tuple[Body, int]]) -> None:
        """Write what was ordered at the instants given, UTC milliseconds."""
        with writing(self.engine) as connection:
            for body, at_ms in facts:
                append(connection, self.community, body, at_ms)

    def set_key(self, name: str, *, is_withdrawn: bool) -> None:
        """Trust a key from now on, or no more, and send the new list to all gates."""
        now_ms = self._timeline.now_ms
        self.keyring.change(name, now_ms, is_withdrawn=is_withdrawn)
        signed = trust_list_text(self.keyring.signed_list(now_ms))
        key_id = self.keyring.issuing[name].key_id.hex()
        if is_withdrawn:
            self.record(KeyWithdrawn(key_id=key_id, trust_list=signed))
        else:
            self.record(KeyAdded(key_id=key_id, station=OFFICE, trust_list=signed))

    def synchronise(self, gates: Iterable[PlayedGate]) -> None:
        """Take in what these gates have, find conflicts, and bring all of them what is new: until nothing moves."""
        present = list(gates)
        for gate in present:
            self._push(gate)
        find_conflicts(self.engine, self.community, self._timeline.now_ms)
        for gate in present:
            self._pull(gate)

    def conflicts(self) -> list[Conflict]:
        """Return the open conflicts."""
        with reading(self.engine) as connection:
            return open_conflicts(connection, self.community)

    def close_conflict(self, conflict: Conflict, reason: str, discard: Iterable[str]) -> None:
        """Close a conflict; raises `UsageError` without a reason."""
        with writing(self.engine) as connection:
            close_conflict(
                connection, self.community, conflict.conflict_id, reason, discard, self._timeline.now_ms, guard="孙主任"
            )

    def alerts(self, after: int) -> list[Alert]:
        """Return the alerts behind the feed number `after`."""
        with reading(self.engine) as connection:
            return alerts(connection, self.community, after)

    def _push(self, gate: PlayedGate) -> None:
        outbox = gate.parcels.outbox
        while unsent := outbox.unsent(MAX_EVENTS):
            setting = inserting.Setting(self.community, gate.station, self._timeline.now_ms)
            batch = read_batch(self.engine, setting, [to_json(event) for _n, event in unsent])
            answers = store_batch(self.engine, batch).answers
            for answer in answers:
                if answer.status in {"fork", "quarantined"}:
                    raise GatepostError(
                        N_("gate {gate}: the community set a record aside ({reason}); that must not happen, report it"),
                        gate=gate.folder.name,
                        reason=answer.reason,
                    )
            outbox.settle([(unsent[answer.line][0], answer) for answer in answers], gate.clock.now_ms())

    def _pull(self, gate: PlayedGate) -> None:
        feed, more = gate.parcels.feed, True
        while more:
            with reading(self.engine) as connection:
                answer = read_feed(
                    connection,
                    self.community,
                    after=feed.cursor(),
                    own_station=gate.station,
                    own_epoch=feed.epoch() or "",
                    now_ms=self._timeline.now_ms,
                )
            feed.take(answer, gate.clock.now_ms())
            more = answer.more
        gate.journal.drift_ms = gate.clock.now_ms() - self._timeline.now_ms
