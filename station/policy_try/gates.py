"""The gates of a scenario: real journals and registers in a folder, at times that the scenario says."""

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from passes.kinds import Kind
from passes.temperature import TemperatureRule
from passes.trips import Standing
from passes.trust import TrustList
from station.deciding import Decider
from station.gate import Gate
from station.journal import Journal
from station.parcels import open_parcels
from station.register import Register
from station.trusting import Trusting
from sync.bodies import BODY_TYPES, PassageMissed, PassageRecorded
from sync.community.claims import claim
from sync.community.database import Engine, writing
from sync.courier import Parcels
from sync.wire import ClaimAnswer

_PASSAGES = tuple(kind for kind, body in BODY_TYPES.items() if body in (PassageRecorded, PassageMissed))


@dataclass
class Timeline:
    """The scenario's time in UTC milliseconds; steps move it."""

    now_ms: int


@dataclass
class DeviceClock:
    """A gate's own clock, which may be wrong."""

    timeline: Timeline
    offset_ms: int = 0

    def now_ms(self) -> int:
        """Return what the device says."""
        return self.timeline.now_ms + self.offset_ms

    def monotonic_s(self) -> float:
        """Return the seconds that have really passed."""
        return self.timeline.now_ms / 1000


@dataclass(frozen=True)
class Setting:
    """What all gates of a scenario share: the community, its time, and the trust list that they joined with."""

    engine: Engine
    community: str
    zone: ZoneInfo
    timeline: Timeline
    trust: TrustList
    root_public_key: bytes


@dataclass
class PlayedClaims:
    """Claims at the community in this process; out of reach while the gate is cut off."""

    setting: Setting
    station: str
    is_reachable: bool = True

    def claim(self, event_id: str, keys: list[str], at_ms: int) -> ClaimAnswer | None:  # noqa: ARG002 - the community has its own time
        """Claim `keys`; None when the community cannot be asked."""
        if not self.is_reachable:
            return None
        setting = self.setting
        with writing(setting.engine) as connection:
            return claim(connection, setting.community, self.station, event_id, keys, setting.timeline.now_ms)


class PlayedGate:
    """One gate, its station's files in `folder`; `os_zone` is the time zone that its system is set to."""

    journal: Journal
    register: Register
    gate: Gate
    parcels: Parcels

    def __init__(
        self, setting: Setting, folder: Path, station: str, *, create: bool = True, os_zone: str | None = None
    ) -> None:
        self.setting = setting
        self.folder = folder
        self.station = station
        self.os_zone = os_zone
        self.clock = DeviceClock(setting.timeline)
        self.claims = PlayedClaims(setting, station)
        self._files = ExitStack()
        folder.mkdir(exist_ok=True)
        self.open(create=create)

    def open(self, *, create: bool = False) -> None:
        """Start the gate's program."""
        setting, rule = self.setting, TemperatureRule()
        self.journal = Journal(self.folder, self.station, self.clock, create=create)
        self._files.callback(self.journal.close)
        self.register = Register(self.journal, setting.zone)
        trusting = Trusting(self.register, setting.trust, setting.root_public_key)
        self._decider = Decider(self.journal, self.register, trusting.newest, rule=rule, zone=setting.zone)
        self.gate = Gate(self.journal, self.register, self.clock, self._decider, rule=rule, zone=setting.zone)
        self.gate.claims = self.claims
        self.parcels = self._files.enter_context(open_parcels(self.folder, self.station, setting.zone))

    def close(self) -> None:
        """End the gate's program."""
        self._files.close()

    def kind(self, code: str) -> Kind | None:
        """Return what is known here of a kind of pass at this moment of the device."""
        return self.register.rules().kind(code, self._community_ms())

    def standing(self, pass_id: str, kind: Kind, day: date) -> Standing:
        """Return where a pass of that kind stands on a community-local day, as known here."""
        row = self.register.find_pass(pass_id)
        line, household = self.register.line_of(pass_id), row.household if row else None
        return self._decider.standing(line, household, kind, day, self._community_ms(), ahead_ms=0)

    def _community_ms(self) -> int:
        """Return the community's time as far as it is known here."""
        return self.clock.now_ms() - (self.journal.drift_ms or 0)

    def passages_after(self, n: int) -> int:
        """Count the passages behind the journal's record `n`, refusals and those written by hand included."""
        return sum(event.kind in _PASSAGES for _n, event in self.journal.read(n))

    @contextmanager
    def system_zone(self) -> Iterator[None]:
        """Run the block with the process's own time zone set as this gate's laptop is, where the system can do so."""
        if self.os_zone is None or not hasattr(time, "tzset"):
            yield
            return
        before = os.environ.get("TZ")
        os.environ["TZ"] = self.os_zone
        time.tzset()
        try:
            yield
        finally:
            os.environ.pop("TZ")
            if before is not None:
                os.environ["TZ"] = before
            time.tzset()
