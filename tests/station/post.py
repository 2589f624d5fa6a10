"""A station on disk, with a clock that the test moves."""

from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from passes.keys import IssuingKey
from passes.kinds import PRESETS
from passes.temperature import TemperatureRule
from passes.trips import Direction
from passes.trust import TrustedKey, TrustList, read_trust_list, sign_trust_list
from station.deciding import Decider, Scan
from station.duty.book import DutyBook
from station.gate import Gate
from station.issuing import Application, Desk
from station.journal import Journal
from station.register import PassRow, Register
from sync.bodies import Attempt, PassageRecorded
from sync.events import read_body
from sync.sealing import DigestKey, SealingKey

COMMUNITY = "370212004001"
SHANGHAI = ZoneInfo("Asia/Shanghai")
MORNING = datetime(2026, 3, 10, 8, 0, tzinfo=SHANGHAI)
KEY = IssuingKey.generate()
ROOT = IssuingKey.generate()
SEALING = SealingKey.generate()
DIGESTING = DigestKey.generate()


@dataclass
class HandClock:
    """Time that stands still until somebody moves it."""

    ms: int = int(MORNING.timestamp() * 1000)
    slept_ms: int = 0

    def now_ms(self) -> int:
        return self.ms

    def monotonic_s(self) -> float:
        return (self.ms - self.slept_ms) / 1000

    def move(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)

    def sleep(self, seconds: float) -> None:
        """Let the machine sleep: only the wall time goes on."""
        self.slept_ms += round(seconds * 1000)
        self.move(seconds)


def trust_list(*entries: TrustedKey) -> TrustList:
    trusted = entries or (TrustedKey(key_id=KEY.key_id, public_key=KEY.public_key, community=COMMUNITY),)
    return read_trust_list(sign_trust_list(ROOT, COMMUNITY, trusted, 1), ROOT.public_key)


@dataclass
class Post:
    """One station under test."""

    folder: Path
    clock: HandClock = field(default_factory=HandClock)
    trust: TrustList = field(default_factory=trust_list)
    create: bool = True
    station: str = "G1"

    def __post_init__(self) -> None:
        self.journal = Journal(self.folder, self.station, self.clock, create=self.create)
        self.register = Register(self.journal, SHANGHAI)
        rule = TemperatureRule()
        decider = Decider(self.journal, self.register, lambda: self.trust, rule=rule, zone=SHANGHAI)
        self.gate = Gate(self.journal, self.register, self.clock, decider, rule=rule, zone=SHANGHAI)
        self.desk = Desk(self.journal, self.register, KEY, COMMUNITY, self.clock)
        self.book = DutyBook(self.journal, self.register, self.clock, SHANGHAI)

    def issue(self, holder: str = "王小明", kind: str = "resident", until: date = date(2026, 12, 31)) -> PassRow:
        return self.desk.issue(Application(holder, "3-2-501", PRESETS[kind], date(2026, 1, 1), until))

    def pass_through(self, row: PassRow, direction: Direction, celsius: float = 36.5) -> Scan:
        """Scan, look at the ID card where it is due, measure, Enter; the next person comes a minute later."""
        scan = self.gate.scan(row.token, direction)
        if scan.verdict.needs_id:
            scan = self.gate.check_id(scan, matches=True)
        scan = self.gate.measured(scan, [reading(celsius)])
        done = self.gate.admit(scan)
        self.clock.move(60)
        return done

    def rows(self) -> list[str]:
        """What the journal holds, as kinds with the outcome of passages."""
        told = []
        for _n, event in self.journal.read():
            body = read_body(event.kind, event.body)
            told.append(f"{event.kind} {body.outcome}" if isinstance(body, PassageRecorded) else event.kind)
        return told


def reading(celsius: float) -> Attempt:
    return Attempt(celsius=celsius, at_ms=0)
